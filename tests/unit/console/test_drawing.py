"""The drawn way of a package: every bar lies on its scale, what took no time is seen, people do not dwarf machines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from xietong.exchange.v1.envelope_pb2 import Address, Envelope, Party
from xietong.exchange.v1.evidence_pb2 import Evidence, EvidenceKind, Statement
from xietong.exchange.v1.package_pb2 import Package
from xietong_console.web.drawing import SCALE, drawing_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
POLICE, COURT, HUB = Party.PARTY_POLICE, Party.PARTY_COURT, Party.PARTY_HUB


def statement(
    kind: EvidenceKind.ValueType, party: Party.ValueType, at: float, **stages: tuple[float, float]
) -> Evidence:
    said = Statement(kind=kind, stated_by=party)
    said.event_time.FromDatetime(NOON + timedelta(seconds=at))
    for name, (begin, end) in stages.items():
        stage = said.stages.add(stage=name)
        stage.start_time.FromDatetime(NOON + timedelta(seconds=begin))
        stage.end_time.FromDatetime(NOON + timedelta(seconds=end))
    return Evidence(statement=said.SerializeToString())


def package(*evidence: Evidence) -> Package:
    envelope = Envelope(sender=Address(party=POLICE), receiver=Address(party=COURT))
    envelope.create_time.FromDatetime(NOON)
    made = Package(evidence=evidence)
    made.envelope.envelope = envelope.SerializeToString()
    return made


def test_two_scales() -> None:
    day = 86_400.0
    drawing = drawing_of(
        package(
            statement(
                EvidenceKind.EVIDENCE_KIND_RELAYED, HUB, 4, queue=(0, 1), transfer=(1, 3), commit=(3, 4)
            ),
            statement(EvidenceKind.EVIDENCE_KIND_DELIVERED, COURT, 5, transfer=(4, 5), commit=(5, 5)),
            statement(EvidenceKind.EVIDENCE_KIND_ACCEPTED, COURT, 3 * day, outcome=(5, 3 * day)),
        )
    )
    assert [(bar.party, bar.seconds) for bar in drawing.way] == [
        *((POLICE, None), (HUB, 1), (HUB, 2), (HUB, 1), (COURT, 1), (COURT, 0)),
    ]
    assert [bar.seconds for bar in drawing.received] == [3 * day - 5]
    assert [bar.width for bar in drawing.received] == [SCALE]
    for bar in (*drawing.way, *drawing.received):
        assert 0 <= bar.begin < bar.begin + bar.width <= SCALE
    assert drawing.behind == []


def test_a_clock_that_is_behind_is_told() -> None:
    drawing = drawing_of(package(statement(EvidenceKind.EVIDENCE_KIND_RELAYED, HUB, -60)))
    assert drawing.behind == [(HUB, 60.0)]


def test_nothing_but_an_envelope() -> None:
    assert [bar.begin for bar in drawing_of(package()).way] == [0]
