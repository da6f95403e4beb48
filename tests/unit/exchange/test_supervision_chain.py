"""From the manifest to the clocks: what a decision states reaches the hub whole, by envelope and evidence alone."""

from __future__ import annotations

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.unit.exchange.packages import CASE_ID
from tests.unit.standard.clock_events import moment

from xietong.casefile.v1.case_pb2 import Case, CaseRelation, CodedValue, Organ, RelationKind
from xietong.casefile.v1.decision_pb2 import Decision
from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.casefile.v1.measure_pb2 import CompulsoryMeasure, MeasureKind
from xietong.casefile.v1.person_pb2 import Person, PersonRole
from xietong.exchange.v1.envelope_pb2 import Address, Envelope, Party, SupervisionData, SupervisionEvent
from xietong.exchange.v1.evidence_pb2 import EvidenceKind, Statement
from xietong_exchange.flow.sealing import supervision
from xietong_standard import load_edition
from xietong_standard.clocks import Event, Phase, clock_states
from xietong_standard.clocks.states import ClockState
from xietong_standard.clocks.terms import Term
from xietong_standard.lifecycle import suspect_states
from xietong_standard.lifecycle.relations import carried_events, continued_in
from xietong_standard.observation import observed_events, observed_relations

EDITION = load_edition("2026.1")
OTHER_CASE_ID = "8e0a1d5f-4d6a-4e7b-8c2f-2a3b4c5d6e7f"


def stamp(text: str) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(moment(text))
    return found


def manifest(process_code: str, *decisions: Decision, **measures: str) -> Manifest:
    """A case of one suspect, with measures by kind and begin."""
    return Manifest(
        process_code=process_code,
        persons=[
            Person(id="s", roles=[PersonRole.PERSON_ROLE_SUSPECT], collaboration_person_id="random"),
            Person(id="w", roles=[PersonRole.PERSON_ROLE_WITNESS]),
        ],
        decisions=decisions,
        measures=[
            CompulsoryMeasure(
                person_id="s", kind=MeasureKind.Value(f"MEASURE_KIND_{kind}"), start_time=stamp(start)
            )
            for kind, start in measures.items()
        ],
    )


def sent(content: Manifest, case_id: str = CASE_ID, package_id: str = "1", at: str = "") -> tuple[Event, ...]:
    """What the hub sees of the package, after the way over the wire."""
    envelope = Envelope(
        package_id=package_id,
        process_code=content.process_code,
        collaboration_case_id=case_id,
        sender=Address(party=Party.PARTY_POLICE),
        receiver=Address(party=Party.PARTY_PROCURATORATE),
        supervision=supervision(content, EDITION),
    )
    submitted = Statement(
        package_id=package_id, kind=EvidenceKind.EVIDENCE_KIND_SUBMITTED, event_time=stamp(at or "2026-03-02")
    )
    return observed_events(Envelope.FromString(envelope.SerializeToString()), [submitted] if at else [])


def clock(name: str, events: tuple[Event, ...], now: str) -> ClockState:
    states = clock_states(EDITION.clocks, events, ["random"], now=moment(now), calendar=EDITION.calendar)
    return next(state for state in states if state.clock_id == name)


def extension(*, approver: str, length: str = "", last_day: str = "", person_id: str = "s") -> Decision:
    return Decision(
        kind=CodedValue(name="批准延长侦查羁押期限"),
        reason=CodedValue(name="刑事诉讼法第一百五十六条"),
        person_id=person_id,
        decision_date="2026-03-20",
        term_length=length,
        term_end_date=last_day,
        approver_level=approver,
    )


ARREST = sent(manifest("PB-04", ARREST="2026-03-01 10:00"))


@pytest.mark.parametrize(
    ("decision", "last_day"),
    [
        (extension(approver="upper_procuratorate"), "2026-06-01"),
        (extension(approver="upper_procuratorate", last_day="2026-05-20"), "2026-06-01"),
        (extension(approver="upper_procuratorate", length="P1M"), "2026-06-01"),
        (extension(approver="", length="P20D"), "2026-05-21"),
        (extension(approver="police_head", length="P1M"), "2026-05-01"),
        (extension(approver="upper_procuratorate", person_id="w"), "2026-05-01"),
    ],
)
def test_an_extension_reaches_the_clock_with_length_and_approver(decision: Decision, last_day: str) -> None:
    granted = sent(manifest("ZC-05", decision), package_id="2")
    state = clock("D05", ARREST + granted, "2026-04-10")
    assert str(state.last_day) == last_day
    assert {event.person_id for event in granted} <= {"random"}


def test_nothing_of_a_decision_is_lost_on_the_way() -> None:
    decision = extension(approver="upper_procuratorate", length="P1M15D", last_day="2026-06-15")
    (event,) = sent(manifest("ZC-05", decision))
    assert event.amount == Term(months=1, days=15)
    assert (str(event.until), event.approver) == ("2026-06-15", "upper_procuratorate")


def test_a_decision_of_the_day_on_which_the_term_starts_extends_it() -> None:
    """A decision tells only its day, which begins before the arrest that it follows."""
    decision = extension(approver="", length="P1M")
    decision.decision_date = "2026-03-01"
    assert (
        str(clock("D05", ARREST + sent(manifest("ZC-05", decision)), "2026-04-10").last_day) == "2026-06-01"
    )


def test_an_envelope_of_before_still_counts() -> None:
    old = SupervisionEvent(kind="custody-extended-156", time=stamp("2026-03-20"), person_ids=["random"])
    envelope = Envelope(process_code="ZC-05", supervision=SupervisionData(events=[old]))
    state = clock("D05", ARREST + observed_events(envelope, []), "2026-04-10")
    assert (state.phase, str(state.last_day)) == (Phase.RUNNING, "2026-06-01")


@pytest.mark.parametrize(
    ("last_day", "length"), [("2026-02-30", "P"), ("0000-00-00", "PT0H"), ("", "P1DT1H")]
)
def test_a_date_or_length_that_does_not_exist_says_nothing(last_day: str, length: str) -> None:
    stated = SupervisionEvent(kind="arrest", time=stamp("2026-03-20"), last_day=last_day, length=length)
    (event,) = observed_events(Envelope(supervision=SupervisionData(events=[stated])), [])
    assert (event.until, event.amount) == (None, None)


def related(kind: RelationKind.ValueType, *, day: str = "2026-03-10") -> Manifest:
    content = manifest("QS-01")
    relation = CaseRelation(
        kind=kind,
        other_collaboration_case_id=OTHER_CASE_ID,
        decision_date=day,
        person_ids=["s", "w"],
        decided_by=Organ(code="110000000001"),
        document_number="示检分〔2026〕1号",
    )
    content.case.CopyFrom(Case(relations=[relation]))
    return content


def split(*, day: str = "2026-03-10") -> Manifest:
    return related(RelationKind.RELATION_KIND_SPLIT_FROM, day=day)


def test_a_split_carries_clocks_and_place_into_the_new_case() -> None:
    before = sent(manifest("PB-04", ARREST="2026-03-01 10:00"), OTHER_CASE_ID, "1", "2026-03-02")
    content = split()
    envelope = Envelope(collaboration_case_id=CASE_ID, supervision=supervision(content, EDITION))
    (relation,) = observed_relations(envelope)
    assert (relation.persons, relation.decided_by) == (("random",), "110000000001")
    assert continued_in(OTHER_CASE_ID, "random", [relation]) == CASE_ID
    after = sent(content, CASE_ID, "2", "2026-03-11")
    carried = carried_events(CASE_ID, {OTHER_CASE_ID: before, CASE_ID: after}, [relation])
    assert clock("D05", carried, "2026-03-12").phase is Phase.ENDED
    (state,) = suspect_states(EDITION.lifecycle, carried, ["random"], now=moment("2026-03-12"))
    assert (state.procedure.state, state.measure.state) == ("PROSECUTION_REVIEW", "ARRESTED")


def test_a_merge_carries_clocks_and_place_into_the_case_that_goes_on() -> None:
    content = related(RelationKind.RELATION_KIND_MERGED_INTO)
    stated = Envelope(collaboration_case_id=CASE_ID, supervision=supervision(content, EDITION))
    (relation,) = observed_relations(Envelope.FromString(stated.SerializeToString()))
    assert (relation.persons, relation.document) == (("random",), "示检分〔2026〕1号")
    assert continued_in(CASE_ID, "random", [relation]) == OTHER_CASE_ID
    assert continued_in(OTHER_CASE_ID, "random", [relation]) == OTHER_CASE_ID
    before = sent(manifest("PB-04", ARREST="2026-03-01 10:00"), CASE_ID, "1", "2026-03-02")
    after = sent(manifest("QS-01"), OTHER_CASE_ID, "2", "2026-03-11")
    events = {CASE_ID: before, OTHER_CASE_ID: after}
    assert clock("D05", carried_events(OTHER_CASE_ID, events, []), "2026-03-12").phase is Phase.NOT_OBSERVED
    carried = carried_events(OTHER_CASE_ID, events, [relation])
    assert clock("D05", carried, "2026-03-12").phase is Phase.ENDED
    (state,) = suspect_states(EDITION.lifecycle, carried, ["random"], now=moment("2026-03-12"))
    assert (state.procedure.state, state.measure.state) == ("PROSECUTION_REVIEW", "ARRESTED")


def test_a_relation_without_a_day_and_one_to_itself_say_nothing() -> None:
    assert not supervision(split(day="2026-02-30"), EDITION).relations
    own = Envelope(collaboration_case_id=OTHER_CASE_ID, supervision=supervision(split(), EDITION))
    assert observed_relations(own) == ()
