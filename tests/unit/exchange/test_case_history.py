"""Where the persons of a case stand, by the packages that a node has and their evidence."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.exchange.packages import NOW, new_envelope, sealed_package

from xietong.exchange.v1.envelope_pb2 import Party, SupervisionData, SupervisionEvent
from xietong.exchange.v1.evidence_pb2 import EvidenceKind, Statement
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction
from xietong_exchange.domain.evidence import timestamp
from xietong_exchange.flow.case_history import CaseHistory
from xietong_exchange.flow.intake import new_record
from xietong_exchange.flow.records import EvidenceRecord, PackageRecord
from xietong_standard import load_edition
from xietong_standard.lifecycle import suspect_states

LIFECYCLE = load_edition("2026.1").lifecycle
LATER = NOW + timedelta(days=365)
RETURNED, DELIVERED = EvidenceKind.EVIDENCE_KIND_RETURNED, EvidenceKind.EVIDENCE_KIND_DELIVERED


@dataclass
class Case:
    """Packages that a node received, a day apart from each other."""

    packages: list[PackageRecord] = field(default_factory=list)
    evidence: dict[str, list[EvidenceRecord]] = field(default_factory=dict)

    def has(
        self, process: str, *persons: str, kind: EvidenceKind.ValueType = DELIVERED, **dated: str
    ) -> None:
        """A package about these persons; `dated` events concern one of them each."""
        time = NOW + timedelta(days=len(self.packages))
        envelope = new_envelope()
        envelope.package_id, envelope.process_code = str(uuid.uuid4()), process
        envelope.create_time.CopyFrom(timestamp(time))
        events = [
            SupervisionEvent(kind=code.replace("_", "-"), time=timestamp(time), person_ids=[person])
            for code, person in dated.items()
        ]
        envelope.supervision.CopyFrom(SupervisionData(person_ids=persons, events=events))
        record = new_record(
            sealed_package(envelope),
            direction=Direction.DIRECTION_INCOMING,
            state=DeliveryState.DELIVERY_STATE_DELIVERED,
            complete=True,
            now=time,
        )
        self.packages.append(record)
        self.evidence[record.package_id] = [_evidence(record.package_id, kind, time + timedelta(hours=1))]

    def states(self, *persons: str) -> dict[str, str]:
        """Where they stand, in the order that a page of packages has: the newest first."""
        history = CaseHistory(self.packages[::-1], self.evidence)
        return {who: at.state for who, at in history.positions(LIFECYCLE, persons, LATER).items()}


def _evidence(package_id: str, kind: EvidenceKind.ValueType, time: datetime) -> EvidenceRecord:
    statement = Statement(package_id=package_id, kind=kind, event_time=timestamp(time))
    return EvidenceRecord(
        evidence_id=str(uuid.uuid4()),
        package_id=package_id,
        kind=kind,
        stated_by=Party.PARTY_PROCURATORATE,
        event_time=time.astimezone(UTC),
        statement=statement.SerializeToString(),
        signature=b"",
    )


def test_each_stands_where_the_packages_that_name_him_led() -> None:
    case = Case()
    case.has("PB-01", "a", "b", "absent")
    case.has("QS-01", "a")
    expected = {"a": "PROSECUTION_REVIEW", "b": "ARREST_REVIEW"}
    assert case.states("a", "b", "unknown") == expected


def test_a_package_that_was_sent_back_led_nowhere() -> None:
    case = Case()
    case.has("PB-01", "a")
    case.has("QS-01", "a", kind=RETURNED)
    assert case.states("a") == {"a": "ARREST_REVIEW"}


def test_a_package_that_names_nobody_concerns_everybody() -> None:
    case = Case()
    case.has("PB-01", "a")
    case.has("QS-01")
    assert case.states("a", "b") == {"a": "PROSECUTION_REVIEW", "b": "PROSECUTION_REVIEW"}


def test_a_dated_event_of_one_parts_him_from_the_others() -> None:
    case = Case()
    case.has("PB-01", "a", "b")
    case.has("ZC-04", "a", "b", investigation_concluded="b")
    assert case.states("a", "b") == {"a": "ARREST_REVIEW", "b": "INVESTIGATION_CONCLUDED"}


def test_those_of_whom_the_same_is_said_are_followed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a case of a hundred suspects costs a hundred times as much."""
    followed: list[int] = []

    def counting(lifecycle: Any, events: Iterable[Any], persons: Collection[str], **more: Any) -> Any:
        followed.append(len(persons))
        return suspect_states(lifecycle, events, persons, **more)

    monkeypatch.setattr("xietong_exchange.flow.case_history.suspect_states", counting)
    suspects = [f"suspect-{number}" for number in range(100)]
    case = Case()
    case.has("PB-01", *suspects)
    case.has("QS-01", *suspects[:60])
    states = case.states(*suspects)
    assert [states[one] for one in suspects] == ["PROSECUTION_REVIEW"] * 60 + ["ARREST_REVIEW"] * 40
    assert followed == [2]
