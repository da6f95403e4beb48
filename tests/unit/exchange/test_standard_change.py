"""A change of the data standard takes its steps in order, each by whom it is for, and each once however often asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.supervision.v1.standard_change_pb2 import (
    StandardChange,
    StandardChangeDraft,
    StandardChangeState,
    StandardDecision,
    StandardNotice,
    StandardReadiness,
    StandardReadinessLevel,
    StandardScope,
)
from xietong_exchange.domain.errors import ChangeStepRefused
from xietong_exchange.domain.identity import Identity, Role
from xietong_exchange.domain.party import PARTY_NAMES
from xietong_exchange.domain.standard_change import (
    MAX_STEPS,
    MAX_SYSTEMS,
    Step,
    close,
    decide,
    publish,
    put_in_force,
    report,
    request,
    retire,
)

POLICE, COURT, HUB = Party.PARTY_POLICE, Party.PARTY_COURT, Party.PARTY_HUB
READY = StandardReadinessLevel.STANDARD_READINESS_LEVEL_READY
TESTING = StandardReadinessLevel.STANDARD_READINESS_LEVEL_TESTING
# In China 2027-01-01 has begun.
NEW_YEAR = datetime(2026, 12, 31, 16, tzinfo=UTC)
APPROVED = StandardDecision(approved=True, reason="各单位均需要")
NOTICE = StandardNotice(
    number="数标〔2026〕2号", edition="2026.2", replaced_edition="2026.1", effective_date="2027-01-01"
)


@contextmanager
def refusing(need: str) -> Iterator[None]:
    """The step is refused, and what it needs first is said in both languages, in Chinese without English names."""
    with pytest.raises(ChangeStepRefused) as refused:
        yield
    (violation,) = refused.value.violations
    assert need in violation.text_en
    assert re.search(r"[\u4e00-\u9fff]", violation.text_zh)
    assert not re.search("|".join(PARTY_NAMES.values()), violation.text_zh)


def by(party: Party.ValueType, time: datetime = NEW_YEAR, note: str = "") -> Step:
    return Step(Identity("xietong.test", party, Role.OPERATOR), time, note)


def draft(*parties: Party.ValueType) -> StandardChangeDraft:
    scope = StandardScope.STANDARD_SCOPE_ACROSS_UNITS if parties else StandardScope.STANDARD_SCOPE_LOCAL
    return StandardChangeDraft(
        title="增加字段",
        reason="需要𠮷字段",
        scope=scope,
        parties=parties,
        contact_point="法制支队业务接口人",
    )


def ready(system: str = "exchange", level: StandardReadinessLevel.ValueType = READY) -> StandardReadiness:
    return StandardReadiness(system=system, vendor="示例厂商", level=level)


def rolling_out() -> StandardChange:
    change = request("c", draft(COURT), by(POLICE))
    return publish(decide(change, APPROVED, by(HUB)), NOTICE, by(HUB))


def state_of(change: StandardChange) -> str:
    return StandardChangeState.Name(change.state).removeprefix("STANDARD_CHANGE_STATE_")


def test_a_change_across_units_goes_from_the_request_to_the_retired_edition() -> None:
    change = request("c", draft(COURT), by(POLICE))
    assert list(change.draft.parties) == [POLICE, COURT]
    change = decide(change, APPROVED, by(HUB))
    change = publish(change, NOTICE, by(HUB))
    change = report(change, ready(), by(POLICE))
    change = report(change, ready(level=TESTING), by(COURT))
    change = put_in_force(change, [COURT], by(HUB))
    assert list(change.staying_parties) == [COURT]
    change = report(change, ready(), by(COURT))
    change = put_in_force(change, [], by(HUB))
    change = retire(change, by(HUB))
    states = [
        StandardChangeState.Name(step.state).removeprefix("STANDARD_CHANGE_STATE_") for step in change.steps
    ]
    assert states == [
        "REQUESTED",
        "APPROVED",
        *["ROLLING_OUT"] * 3,
        *["IN_FORCE"] * 3,
        "RETIRED",
    ]
    assert [step.caller for step in change.steps][:2] == ["police/operator", "hub/operator"]


def test_a_local_change_concerns_its_party_alone_and_is_closed_by_it() -> None:
    change = request("c", draft(), by(POLICE))
    assert list(change.draft.parties) == [POLICE]
    with refusing("only the party that asked"):
        close(change, by(COURT))
    with refusing("with its own vendor"):
        decide(change, APPROVED, by(HUB))
    closed = close(change, by(POLICE))
    assert state_of(closed) == "CLOSED"
    assert close(closed, by(POLICE)) == closed


def test_what_the_task_force_declines_goes_no_further() -> None:
    change = request("c", draft(COURT), by(POLICE))
    declined = decide(change, StandardDecision(reason="与国家标准冲突"), by(HUB))
    assert state_of(declined) == "DECLINED"
    with refusing("decides before a notice"):
        publish(declined, NOTICE, by(HUB))
    with refusing("decided already"):
        decide(declined, APPROVED, by(HUB))


STEPS: list[Callable[[StandardChange, Step], StandardChange]] = [
    lambda change, step: decide(change, APPROVED, step),
    lambda change, step: publish(change, NOTICE, step),
    lambda change, step: put_in_force(change, [POLICE, COURT], step),
    retire,
]


@pytest.mark.parametrize("taken", range(len(STEPS)))
def test_each_step_of_the_task_force_is_the_hubs_and_needs_the_one_before_and_is_taken_once(
    taken: int,
) -> None:
    change = request("c", draft(COURT), by(POLICE))
    for step in STEPS[:taken]:
        change = step(change, by(HUB))
    if taken == len(STEPS) - 1:
        change = report(report(change, ready(), by(POLICE)), ready(), by(COURT))
        change = put_in_force(change, [], by(HUB))
    for later in STEPS[taken + 1 :]:
        with pytest.raises(ChangeStepRefused):
            later(change, by(HUB))
    with refusing("operators"):
        STEPS[taken](change, by(POLICE))
    reached = STEPS[taken](change, by(HUB))
    assert reached.state != change.state
    assert STEPS[taken](reached, by(HUB)) == reached


def test_nothing_is_in_force_before_its_day_in_china() -> None:
    with refusing("it takes effect on 2027-01-01"):
        put_in_force(rolling_out(), [POLICE, COURT], by(HUB, datetime(2026, 12, 31, 15, 59, tzinfo=UTC)))
    assert state_of(put_in_force(rolling_out(), [POLICE, COURT], by(HUB))) == "IN_FORCE"


def test_who_is_not_ready_is_waited_for_or_named() -> None:
    change = report(report(rolling_out(), ready(), by(POLICE)), ready("case-handling", TESTING), by(POLICE))
    with refusing("not ready: police, court"):
        put_in_force(change, [], by(HUB))
    change = report(change, ready("case-handling"), by(POLICE))
    with refusing("not ready: court"):
        put_in_force(change, [], by(HUB))
    begun = put_in_force(change, [COURT], by(HUB))
    with refusing("court stay on the older edition"):
        retire(begun, by(HUB))


def test_the_last_word_of_each_system_counts_and_only_of_those_concerned() -> None:
    change = report(rolling_out(), ready(level=TESTING), by(POLICE))
    change = report(change, ready(), by(POLICE))
    assert [(one.party, one.level) for one in change.readiness] == [(POLICE, READY)]
    assert report(change, ready(), by(POLICE, datetime(2027, 6, 1, tzinfo=UTC))) == change
    with refusing("only the parties concerned"):
        report(change, ready(), by(Party.PARTY_JUSTICE))
    with refusing("once the notice is out"):
        report(request("c", draft(COURT), by(POLICE)), ready(), by(POLICE))


def test_another_notice_replaces_the_first_until_the_change_is_in_force() -> None:
    later = StandardNotice(number="数标〔2026〕3号", edition="2026.2", effective_date="2027-02-28")
    assert publish(rolling_out(), later, by(HUB)).notice == later
    with refusing("no day 2027-02-30"):
        publish(
            rolling_out(), StandardNotice(number="3", edition="2026.2", effective_date="2027-02-30"), by(HUB)
        )
    begun = put_in_force(rolling_out(), [POLICE, COURT], by(HUB))
    with refusing("in force"):
        publish(begun, later, by(HUB))


def test_the_book_of_steps_is_bounded() -> None:
    change = rolling_out()
    for number in range(MAX_STEPS + 5):
        change = report(change, ready(level=TESTING if number % 2 else READY), by(POLICE))
    assert len(change.steps) == MAX_STEPS
    assert state_of(put_in_force(change, [POLICE, COURT], by(HUB))) == "IN_FORCE"


def test_the_same_notice_again_changes_nothing_even_in_force() -> None:
    begun = put_in_force(rolling_out(), [POLICE, COURT], by(HUB))
    assert publish(begun, NOTICE, by(HUB)) == begun


def test_a_notice_for_another_edition_asks_for_readiness_anew() -> None:
    ready = report(rolling_out(), StandardReadiness(system="case", level=READY), by(COURT))
    later, other = StandardNotice(), StandardNotice()
    later.CopyFrom(NOTICE)
    later.effective_date = "2027-02-01"
    other.CopyFrom(NOTICE)
    other.edition = "2026.3"
    assert publish(ready, later, by(HUB)).readiness == ready.readiness
    assert not publish(ready, other, by(HUB)).readiness


def test_an_edition_does_not_replace_itself() -> None:
    same = StandardNotice()
    same.CopyFrom(NOTICE)
    same.replaced_edition = same.edition
    with refusing("two editions"):
        publish(rolling_out(), same, by(HUB))


def test_readiness_is_planned_for_a_day_that_exists() -> None:
    planned = StandardReadiness(system="case", level=TESTING, planned_date="2027-02-29")
    with refusing("no day 2027-02-29"):
        report(rolling_out(), planned, by(COURT))


def test_a_party_names_a_bounded_number_of_systems() -> None:
    change = rolling_out()
    for number in range(MAX_SYSTEMS):
        change = report(change, StandardReadiness(system=f"s{number}", level=TESTING), by(COURT))
    with refusing("have reported"):
        report(change, StandardReadiness(system="one more", level=TESTING), by(COURT))
    report(change, StandardReadiness(system="s0", level=READY), by(COURT))
    report(change, StandardReadiness(system="case", level=READY), by(POLICE))


def test_only_parties_concerned_stay_on_the_older_edition() -> None:
    with refusing("not concerned: justice"):
        put_in_force(rolling_out(), [POLICE, COURT, Party.PARTY_JUSTICE], by(HUB))
