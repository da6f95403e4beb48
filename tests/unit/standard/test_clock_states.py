"""How clocks are told apart by person, package and party, and what their texts say."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from tests.unit.standard.clock_events import event, events, moment, state_of

from xietong_standard import Edition, Party
from xietong_standard.clocks import Certainty, Event, Phase, Term, Trigger, clock_states

REQUEST = "PB-01 received by PROCURATORATE"


def test_nothing_is_observed_before_anything_happens(edition: Edition) -> None:
    states = clock_states(edition.clocks, [], ["p1"], now=moment("2026-05-01"), calendar=edition.calendar)
    assert {state.phase for state in states} == {Phase.NOT_OBSERVED}
    assert len(states) == len({(state.clock_id, state.person_id) for state in states})


def test_a_start_that_never_crosses_the_exchange_is_not_observed(edition: Edition) -> None:
    carried = {
        event for one in edition.processes.values() if one.supervision for event in one.supervision.events
    }
    silent = set(edition.clocks.events) - carried
    unobservable = {
        limit.id
        for limit in edition.clocks.limits.values()
        if all(
            trigger.moment is None and trigger.code in silent for trigger in (*limit.starts, *limit.restarts)
        )
    }
    assert {"D18.victim-request", "D21.retrial", "D28"} <= unobservable
    state = state_of(edition, "D28", events("arrest@2026-03-02"), moment("2026-04-01"))
    assert "未监测到" in state.text().zh


def test_each_suspect_has_clocks_of_his_own(edition: Edition) -> None:
    known = events(f"detention#@2026-03-02; {REQUEST}#@2026-03-04; PB-02 sent#p1@2026-03-08")
    states = clock_states(
        edition.clocks, known, ["p1", "p2"], now=moment("2026-03-09"), calendar=edition.calendar
    )
    found = {state.person_id: state.phase for state in states if state.clock_id == "D03"}
    assert found == {"p1": Phase.ENDED, "p2": Phase.WARNING}


def test_clocks_of_the_case_run_once(edition: Edition) -> None:
    known = events("JD-01 received by POLICE#@2026-03-02")
    states = clock_states(
        edition.clocks, known, ["p1", "p2"], now=moment("2026-03-03"), calendar=edition.calendar
    )
    assert [state.person_id for state in states if state.clock_id == "D32.reasons"] == [""]


@pytest.mark.parametrize("outcome", ["returned", "rejected", "withdrawn"])
def test_a_package_that_came_to_nothing_starts_nothing(edition: Edition, outcome: str) -> None:
    sent_back = f"detention@2026-03-01; {REQUEST}*k1@2026-03-02; PB-01 {outcome}*k1@2026-03-03"
    assert state_of(edition, "D03", events(sent_back), moment("2026-03-04")).phase is Phase.NOT_OBSERVED
    corrected = f"{sent_back}; {REQUEST}*k2@2026-03-05"
    assert (
        state_of(edition, "D03", events(corrected), moment("2026-03-06")).last_day
        == moment("2026-03-12").date()
    )


def test_an_arrest_review_goes_by_whether_the_suspect_is_detained(edition: Edition) -> None:
    now = moment("2026-03-05")
    detained = events(f"detention@2026-03-01; {REQUEST}@2026-03-02")
    assert state_of(edition, "D03", detained, now).phase is Phase.RUNNING
    assert state_of(edition, "D04", detained, now).phase is Phase.NOT_OBSERVED
    at_large = events(f"detention@2026-03-01; release@2026-03-02; {REQUEST}@2026-03-03")
    assert state_of(edition, "D03", at_large, now).phase is Phase.NOT_OBSERVED
    assert state_of(edition, "D04", at_large, now).phase is Phase.RUNNING


@pytest.mark.parametrize("party", ["POLICE", "COURT"])
def test_who_has_to_act_goes_by_the_start(edition: Edition, party: str) -> None:
    state = state_of(edition, "D27", events(f"JD-13 received by {party}@2026-03-02"), moment("2026-03-03"))
    assert state.responsible == (Party(party),)


def test_the_nearest_lead_is_told_and_leads_can_be_set(edition: Edition) -> None:
    known = events("arrest@2026-01-15")
    assert state_of(edition, "D05", known, moment("2026-03-10")).lead == Term(days=7)
    assert state_of(edition, "D05", known, moment("2026-03-14")).lead == Term(days=3)
    states = clock_states(
        edition.clocks,
        known,
        ["p1"],
        now=moment("2026-02-20"),
        calendar=edition.calendar,
        leads={"D05": (Term(months=1),)},
    )
    assert next(state for state in states if state.clock_id == "D05").phase is Phase.WARNING


def test_a_passed_end_is_a_reminder_with_article_and_party(edition: Edition) -> None:
    state = state_of(edition, "D05", events("arrest@2026-01-15"), moment("2026-03-16"))
    assert state.phase is Phase.PASSED
    assert "不作超期认定" in state.text().zh
    assert "no finding of delay" in state.text().en
    assert "2026-03-15" in state.text().en
    assert state.item.basis_text().en.startswith("Criminal Procedure Law (2018-10-26), art. 156")
    assert state.responsible == (Party.POLICE,)


@pytest.mark.parametrize(
    ("start", "certainty", "note"),
    [
        ("2026-11-02", Certainty.OFFICIAL, ""),
        ("2026-12-31", Certainty.WEEKENDS_ONLY, "not confirmed"),
        ("2027-12-31", Certainty.UNKNOWN_YEAR, "no calendar of that year"),
    ],
)
def test_an_end_that_rests_on_an_uncertain_calendar_says_so(
    edition: Edition, start: str, certainty: Certainty, note: str
) -> None:
    state = state_of(edition, "D25.notice", events(f"legal-aid-need-found@{start}"), moment(start))
    assert state.certainty is certainty
    assert note in state.text().en


def test_what_is_unsure_says_so(edition: Edition) -> None:
    state = state_of(edition, "D10", events("QS-02 received by POLICE@2026-03-02"), moment("2026-03-03"))
    assert "yet to confirm" in state.text().en


def test_same_moment_neither_hides_a_start_nor_an_end(edition: Edition) -> None:
    again = events("bail@2026-01-05; measure-ended@2026-03-10; bail@2026-03-10")
    assert state_of(edition, "D29.bail", again, moment("2026-03-11")).phase is Phase.RUNNING
    next_one = events("JD-13 received@2026-03-02; JD-14 sent@2026-03-10; JD-13 received@2026-03-10")
    assert state_of(edition, "D27", next_one, moment("2026-03-11")).started == moment("2026-03-10")
    at_once = events("JD-13 received by COURT@2026-03-10; JD-14 sent@2026-03-10")
    assert state_of(edition, "D27", at_once, moment("2026-03-11")).phase is Phase.ENDED


def test_events_need_a_time_zone() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        Event(code="arrest", time=datetime(2026, 1, 1))  # noqa: DTZ001 # that is what is refused


def test_what_the_future_holds_does_not_count_yet(edition: Edition) -> None:
    known = events("arrest@2026-01-15; QS-01 sent@2026-02-15")
    earlier = state_of(edition, "D05", known, moment("2026-02-14"))
    assert (earlier.phase, earlier.ended) == (Phase.RUNNING, None)
    later = state_of(edition, "D05", known, moment("2026-02-15") + timedelta(seconds=1))
    assert (later.phase, later.ended) == (Phase.ENDED, moment("2026-02-15"))


@pytest.mark.parametrize("text", ["arrest", "PB-01 sent", "SP-01 accepted", REQUEST])
def test_triggers_read_as_they_are_written(text: str) -> None:
    assert str(Trigger.parse(text)) == text
    assert Trigger.parse(text).picks(event(f"{text}@2026-01-01"))
