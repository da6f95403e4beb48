"""What an envelope's supervision part has to carry, found in the manifest by the paths of events.yaml."""

from __future__ import annotations

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.standard.clock_events import moment

from xietong.casefile.v1.case_pb2 import CodedValue
from xietong.casefile.v1.decision_pb2 import Decision, Sentence
from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.casefile.v1.measure_pb2 import CompulsoryMeasure, MeasureKind
from xietong_standard import Edition, load_edition
from xietong_standard.supervision import StatedEvent, stated_events


def manifest(kind: str, reason: str = "", **days_and_persons: str) -> Manifest:
    """A manifest with one decision, of the kind and on the day that are given."""
    decision = Decision(kind=CodedValue(name=kind), reason=CodedValue(name=reason))
    for name, value in days_and_persons.items():
        setattr(decision, name, value)
    return Manifest(decisions=[decision])


def stated(edition: Edition, code: str, content: Manifest) -> list[tuple[str, str]]:
    return [(event.code, event.person_id) for event in stated_events(content, edition.process(code), edition)]


def test_measures_tell_when_they_were_executed(edition: Edition) -> None:
    content = Manifest()
    for kind, person in ((MeasureKind.MEASURE_KIND_ARREST, "a"), (MeasureKind.MEASURE_KIND_RELEASE, "b")):
        measure = CompulsoryMeasure(kind=kind, person_id=person)
        measure.start_time.FromDatetime(moment("2026-03-01 10:30"))
        content.measures.extend([measure, measure])
    content.measures.add(kind=MeasureKind.MEASURE_KIND_ARREST, person_id="not executed")
    found = stated_events(content, edition.process("PB-04"), edition)
    at = moment("2026-03-01 10:30")
    assert found == (StatedEvent("arrest", at, "a"), StatedEvent("release", at, "b"))


@pytest.mark.parametrize(
    ("code", "content", "events"),
    [
        ("SP-02", manifest(kind="受理", decision_date="2026-03-01"), [("case-accepted", "")]),
        ("SP-02", manifest(kind="受理", decision_date="2026-02-30"), []),
        ("SP-02", manifest(kind="受理"), []),
        ("SP-02", manifest(kind="退回检察院", decision_date="2026-03-01"), []),
        (
            "ZC-05",
            manifest(
                kind="批准延长侦查羁押期限",
                reason="刑事诉讼法第一百五十八条",
                decision_date="2026-03-01",
                person_id="a",
            ),
            [("custody-extended-158", "a")],
        ),
        ("ZC-05", manifest(kind="不批准延长侦查羁押期限", decision_date="2026-03-01"), []),
        ("SP-17", manifest(kind="中止审理", decision_date="2026-03-01"), [("trial-suspended", "")]),
        ("SP-17", manifest(kind="恢复审理", decision_date="2026-03-01"), [("trial-resumed", "")]),
        (
            "SP-10",
            manifest(kind="延期审理", term_start_date="2026-03-01"),
            [("adjourned-for-investigation", "")],
        ),
        # PB-01 does not carry acceptance.
        ("PB-01", manifest(kind="受理", decision_date="2026-03-01"), []),
    ],
)
def test_decisions_tell_their_events(
    edition: Edition, code: str, content: Manifest, events: list[tuple[str, str]]
) -> None:
    assert stated(edition, code, content) == events


@pytest.mark.parametrize(
    ("procedure", "events"),
    [
        ("普通程序", ["ordinary-procedure"]),
        ("简易程序", ["summary-procedure"]),
        ("速裁程序", ["expedited-procedure"]),
        ("", []),
    ],
)
def test_a_change_of_procedure_tells_the_new_one(edition: Edition, procedure: str, events: list[str]) -> None:
    content = manifest(kind="程序转换", decision_date="2026-03-01")
    content.case.procedure.name = procedure
    assert [code for code, _ in stated(edition, "SP-06", content)] == events


def test_a_day_is_its_midnight_in_china(edition: Edition) -> None:
    content = Manifest(
        sentences=[Sentence(person_id="a", pronounced_date="2026-03-01", probation_term="P1Y")]
    )
    found = stated_events(content, edition.process("SP-19"), edition)
    at = moment("2026-03-01")
    assert found == (
        StatedEvent("judgment-pronounced", at, "a"),
        StatedEvent("community-correction-ordered", at, "a"),
    )


@given(
    st.dates().map(str) | st.text(max_size=12), st.integers(-(2**62), 2**62), st.integers(-(2**31), 2**31 - 1)
)
def test_whatever_a_date_holds_is_an_event_or_none(day: str, seconds: int, nanos: int) -> None:
    edition = load_edition("2026.1")
    content = Manifest(sentences=[Sentence(person_id="a", effective_date=day)])
    measure = content.measures.add(kind=MeasureKind.MEASURE_KIND_ARREST, person_id="a")
    measure.start_time.seconds, measure.start_time.nanos = seconds, nanos
    for code in ("ZX-01", "PB-04"):
        for event in stated_events(content, edition.process(code), edition):
            Timestamp().FromDatetime(event.time)


def test_a_change_of_the_custody_term_tells_why(edition: Edition) -> None:
    content = manifest(
        kind="变更羁押期限",
        decision_date="2026-03-01",
        term_start_date="2026-03-02",
        term_end_date="2026-04-01",
    )
    content.decisions[0].reason.name = "二审期限经批准延长二个月"
    assert stated(edition, "HY-04", content) == [("second-instance-extended", "")]
    content.decisions[0].reason.name = "精神病鉴定"
    begin, end = stated_events(content, edition.process("HY-04"), edition)
    assert (begin.code, begin.time) == ("psychiatric-evaluation-begun", moment("2026-03-02"))
    assert (end.code, end.time) == ("psychiatric-evaluation-ended", moment("2026-04-01"))


@pytest.mark.parametrize(
    ("reason", "event"), [("", "major-offence-discovered"), ("查清身份", "identity-established")]
)
def test_custody_is_counted_anew_for_one_of_two_reasons(edition: Edition, reason: str, event: str) -> None:
    content = manifest(kind="重新计算侦查羁押期限", term_start_date="2026-03-01")
    content.decisions[0].reason.name = reason
    assert stated(edition, "ZC-06", content) == [(event, "")]


def test_every_reason_that_tells_an_event_is_in_a_code_table(edition: Edition) -> None:
    known = {name for table in edition.code_tables.values() for name in table.names()}
    wanted = {
        value
        for kind in edition.clocks.events.values()
        for path in kind.told_by
        for condition in path.segments[0].filters
        if condition.key == ("reason", "name")
        for value in condition.values
    }
    assert wanted <= known
    assert "查清身份" in wanted
