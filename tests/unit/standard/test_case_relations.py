"""Merging, splitting, and the numbers of each party: history goes along and is never rewritten."""

from __future__ import annotations

import pytest
from tests.unit.standard.clock_events import events, moment

from xietong_standard import Edition
from xietong_standard.clocks import Event, clock_states
from xietong_standard.lifecycle import (
    CaseNumbers,
    CaseRelation,
    RelationKind,
    carried_events,
    continued_in,
    suspect_states,
)

NOW = moment("2026-12-01")
OLD = (
    "QS-01 received by PROCURATORATE#@2026-03-02; QS-02 received by POLICE#p1@2026-03-20; bail#p2@2026-03-25"
)
SPLIT = CaseRelation(
    kind=RelationKind.SPLIT_FROM, case_id="new", other_id="old", time=moment("2026-04-01"), persons=("p1",)
)
MERGE = CaseRelation(
    kind=RelationKind.MERGED_INTO, case_id="new", other_id="third", time=moment("2026-05-01"), persons=("p1",)
)


def codes(found: tuple[Event, ...]) -> list[tuple[str, str]]:
    return sorted((event.code, event.person_id) for event in found)


def test_a_split_takes_the_history_of_its_persons_along() -> None:
    known = {"old": events(f"{OLD}; QS-08 sent#p1@2026-04-02"), "new": events("SP-01 sent#p1@2026-04-10")}
    found = carried_events("new", known, [SPLIT])
    assert codes(found) == [("QS-01", "p1"), ("QS-02", "p1"), ("SP-01", "p1")]
    assert carried_events("old", known, [SPLIT]) == tuple(known["old"])


def test_a_merge_after_a_split_carries_all_of_it() -> None:
    known = {
        "old": events(OLD),
        "new": events("QS-03 sent#p1@2026-04-10"),
        "third": events("LA-01 sent#@2026-01-01"),
    }
    found = carried_events("third", known, [MERGE, SPLIT])
    assert codes(found) == [("LA-01", ""), ("QS-01", "p1"), ("QS-02", "p1"), ("QS-03", "p1")]


def test_counts_and_clocks_carry_over(edition: Edition) -> None:
    known = {
        "old": events(f"{OLD}; QS-03 sent#p1@2026-03-30"),
        "new": events("QS-02 received by POLICE#p1@2026-04-20"),
    }
    states = clock_states(
        edition.clocks, carried_events("new", known, [SPLIT]), ["p1"], now=NOW, calendar=edition.calendar
    )
    assert next(state for state in states if state.clock_id == "D10").runs == 2


def test_the_state_carries_over(edition: Edition) -> None:
    known = {
        "old": events("QS-01 sent#@2026-03-02; QS-02 sent#p1@2026-03-20"),
        "new": events("QS-03 sent#p1@2026-04-10"),
    }
    (state,) = suspect_states(edition.lifecycle, carried_events("new", known, [SPLIT]), ["p1"], now=NOW)
    assert (state.procedure.state, state.unexpected) == ("PROSECUTION_REVIEW", ())


@pytest.mark.parametrize("kind", [RelationKind.RELATED, RelationKind.SAME_INCIDENT])
def test_other_relations_move_nobody(kind: RelationKind) -> None:
    relation = CaseRelation(kind=kind, case_id="a", other_id="b", time=NOW, persons=("p1",))
    known = {"a": events("LA-01 sent@2026-01-01"), "b": events("LA-01 sent@2026-01-02")}
    assert carried_events("a", known, [relation]) == tuple(known["a"])
    assert continued_in("a", "p1", [relation]) == "a"


def test_where_a_person_goes_on() -> None:
    assert continued_in("old", "p1", [MERGE, SPLIT]) == "third"
    assert continued_in("old", "p2", [MERGE, SPLIT]) == "old"
    assert continued_in("new", "p1", [SPLIT]) == "new"


def test_a_circle_of_relations_ends() -> None:
    back = CaseRelation(
        kind=RelationKind.MERGED_INTO,
        case_id="new",
        other_id="old",
        time=moment("2026-06-01"),
        persons=("p1",),
    )
    known = {"old": events(OLD), "new": events("QS-03 sent#p1@2026-04-10")}
    assert ("QS-03", "p1") in codes(carried_events("old", known, [SPLIT, back]))
    assert continued_in("old", "p1", [SPLIT, back]) == "old"


def test_a_case_is_not_related_to_itself() -> None:
    with pytest.raises(ValueError, match="cannot be related to itself"):
        CaseRelation(kind=RelationKind.RELATED, case_id="a", other_id="a", time=NOW)


def test_each_party_keeps_its_own_numbers() -> None:
    numbers = (
        CaseNumbers()
        .with_number("c1", "POLICE", "A1")
        .with_number("c1", "POLICE", "A2")
        .with_number("c1", "COURT", "刑初1")
        .with_number("c2", "COURT", "刑初1")
        .with_number("c1", "POLICE", "A1")
    )
    assert numbers.numbers("c1") == {"POLICE": ("A1", "A2"), "COURT": ("刑初1",)}
    assert numbers.cases("COURT", "刑初1") == ("c1", "c2")
    assert numbers.cases("COURT", "unknown") == ()
