"""Clocks and lifecycle live on envelopes and evidence alone: what the hub sees is enough."""

from __future__ import annotations

from datetime import date

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.unit.standard.clock_events import moment

from xietong.exchange.v1.envelope_pb2 import (
    Address,
    Envelope,
    Party,
    PartyCaseNumber,
    SupervisionData,
    SupervisionEvent,
)
from xietong.exchange.v1.evidence_pb2 import EvidenceKind, Statement
from xietong_standard import Edition
from xietong_standard.clocks import Event, Moment, Phase, clock_states
from xietong_standard.clocks.terms import Term
from xietong_standard.lifecycle import CaseNumbers, suspect_states
from xietong_standard.observation import observed_events, observed_numbers

CASE = "0192f0c1-0000-4000-8000-000000000001"


def stamp(text: str) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(moment(text))
    return found


def request(package_id: str = "k1", persons: tuple[str, ...] = ("p1", "p2")) -> Envelope:
    return Envelope(
        package_id=package_id,
        process_code="PB-01",
        sender=Address(party=Party.PARTY_POLICE),
        receiver=Address(party=Party.PARTY_PROCURATORATE),
        collaboration_case_id=CASE,
        case_numbers=[PartyCaseNumber(party=Party.PARTY_POLICE, number="A1")],
        supervision=SupervisionData(
            person_ids=persons,
            events=[
                SupervisionEvent(kind="detention", time=stamp("2026-03-01 22:00"), person_ids=persons[:1])
            ],
        ),
    )


def statement(kind: EvidenceKind.ValueType, time: str, package_id: str = "k1", number: str = "") -> Statement:
    by = Party.PARTY_POLICE if kind == EvidenceKind.EVIDENCE_KIND_SUBMITTED else Party.PARTY_PROCURATORATE
    return Statement(
        package_id=package_id, kind=kind, event_time=stamp(time), stated_by=by, receiver_case_number=number
    )


SENT = statement(EvidenceKind.EVIDENCE_KIND_SUBMITTED, "2026-03-03 10:00")
RECEIVED = statement(EvidenceKind.EVIDENCE_KIND_DELIVERED, "2026-03-03 10:05")


def phases(edition: Edition, events: tuple[Event, ...], clock_id: str) -> dict[str, Phase]:
    states = clock_states(
        edition.clocks, events, ["p1", "p2"], now=moment("2026-03-04"), calendar=edition.calendar
    )
    return {state.person_id: state.phase for state in states if state.clock_id == clock_id}


def test_a_request_for_arrest_starts_and_stops_clocks_per_person(edition: Edition) -> None:
    events = observed_events(request(), [SENT, RECEIVED])
    assert phases(edition, events, "D02") == {"p1": Phase.ENDED, "p2": Phase.NOT_OBSERVED}
    assert phases(edition, events, "D03") == {"p1": Phase.RUNNING, "p2": Phase.NOT_OBSERVED}
    assert phases(edition, events, "D04") == {"p1": Phase.NOT_OBSERVED, "p2": Phase.RUNNING}
    (first, second) = suspect_states(edition.lifecycle, events, ["p1", "p2"], now=moment("2026-03-04"))
    assert (first.procedure.state, first.measure.state) == ("ARREST_REVIEW", "DETAINED")
    assert (second.procedure.state, second.measure.state) == ("ARREST_REVIEW", "")


@pytest.mark.parametrize(
    "kind",
    [
        EvidenceKind.EVIDENCE_KIND_RETURNED,
        EvidenceKind.EVIDENCE_KIND_REJECTED,
        EvidenceKind.EVIDENCE_KIND_WITHDRAWN,
    ],
)
def test_what_was_sent_back_leaves_only_its_dated_events(
    edition: Edition, kind: EvidenceKind.ValueType
) -> None:
    back = statement(kind, "2026-03-03 12:00")
    events = observed_events(request(), [SENT, RECEIVED, back])
    assert phases(edition, events, "D03")["p1"] is Phase.NOT_OBSERVED
    assert phases(edition, events, "D02")["p1"] is Phase.WARNING


def test_who_lacks_evidence_of_the_sending_sees_it_by_the_envelope() -> None:
    envelope = request(persons=("p1",))
    envelope.create_time.CopyFrom(stamp("2026-03-03 09:59"))
    (sent,) = [event for event in observed_events(envelope, [RECEIVED]) if event.moment is Moment.SENT]
    assert (sent.time, sent.party) == (moment("2026-03-03 09:59"), "POLICE")
    (sent,) = [event for event in observed_events(envelope, [RECEIVED, SENT]) if event.moment is Moment.SENT]
    assert sent.time == moment("2026-03-03 10:00")


def test_a_package_without_persons_concerns_everybody(edition: Edition) -> None:
    events = observed_events(request(persons=()), [RECEIVED])
    assert {event.person_id for event in events} == {""}
    assert phases(edition, events, "D03") == {"p1": Phase.RUNNING, "p2": Phase.RUNNING}


@pytest.mark.parametrize(
    "other",
    [
        statement(EvidenceKind.EVIDENCE_KIND_RELAYED, "2026-03-03 11:00"),
        statement(EvidenceKind.EVIDENCE_KIND_FAILED, "2026-03-03 11:00"),
        statement(EvidenceKind.EVIDENCE_KIND_DELIVERED, "2026-03-03 11:00", package_id="k2"),
    ],
)
def test_other_evidence_says_nothing(other: Statement) -> None:
    assert observed_events(request(), [SENT, other]) == observed_events(request(), [SENT])


def test_numbers_of_both_sides_meet_under_the_collaboration_case() -> None:
    accepted = statement(EvidenceKind.EVIDENCE_KIND_ACCEPTED, "2026-03-03 12:00", number="B7")
    foreign = statement(EvidenceKind.EVIDENCE_KIND_ACCEPTED, "2026-03-03 12:00", package_id="k2", number="B8")
    numbers = observed_numbers(CaseNumbers(), request(), [SENT, accepted, foreign])
    assert numbers.numbers(CASE) == {"POLICE": ("A1",), "PROCURATORATE": ("B7",)}
    assert numbers.cases("PROCURATORATE", "B7") == (CASE,)


@pytest.mark.parametrize(
    ("last_day", "length", "until", "amount"),
    [
        ("2026-05-31", "P1M", date(2026, 5, 31), Term(months=1)),
        ("", "P1M15D", None, Term(months=1, days=15)),
        ("", "PT24H", None, Term(hours=24)),
        ("2026-02-30", "P1MT2H", None, None),
        ("", "P", None, None),
        ("", "PT0H", None, None),
    ],
)
def test_what_a_decision_says_of_its_term_reaches_the_clocks(
    last_day: str, length: str, until: date | None, amount: Term | None
) -> None:
    envelope = request(persons=("p1",))
    envelope.supervision.events.add(
        kind="custody-extended-158",
        time=stamp("2026-05-01"),
        last_day=last_day,
        length=length,
        approver="provincial_procuratorate",
    )
    event = next(one for one in observed_events(envelope, []) if one.code == "custody-extended-158")
    assert (event.until, event.amount, event.approver) == (until, amount, "provincial_procuratorate")
