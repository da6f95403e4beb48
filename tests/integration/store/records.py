"""Records for the tests of the store, each with an identity of its own and everything else plain."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import UTC, datetime

from xietong.exchange.v1.draft_pb2 import DraftKey
from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction
from xietong_exchange.domain.errors import RemoteRefusal
from xietong_exchange.flow.records import EvidenceRecord, PackageChange, PackageRecord
from xietong_exchange.flow.store import Store

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
REFUSAL = RemoteRefusal(
    reason="STORAGE_FULL",
    code="RESOURCE_EXHAUSTED",
    message_en="full; wait",
    message_zh="已满；请稍候",
    retryable=True,
)

COMPLETED = PackageChange(state=DeliveryState.DELIVERY_STATE_SUBMITTED, state_time=NOON, complete=True)
"""All parts are here, and nothing else is new."""


def new_id() -> str:
    return str(uuid.uuid4())


def package(**changes: object) -> PackageRecord:
    record = PackageRecord(
        package_id=new_id(),
        seal=b"\x00seal",
        envelope=b"\xffenvelope",
        signature=b"signature",
        direction=Direction.DIRECTION_OUTGOING,
        state=DeliveryState.DELIVERY_STATE_SUBMITTED,
        state_time=NOON,
        complete=False,
        size_bytes=1 << 40,
        process_code="PB-01",
        sender=Party.PARTY_POLICE,
        receiver=Party.PARTY_PROCURATORATE,
        collaboration_case_id=new_id(),
        create_time=NOON,
    )
    return dataclasses.replace(record, **changes)  # type: ignore[arg-type]  # a test names real fields


def evidence(package_id: str) -> EvidenceRecord:
    return EvidenceRecord(
        evidence_id=new_id(),
        package_id=package_id,
        kind=EvidenceKind.EVIDENCE_KIND_RELAYED,
        stated_by=Party.PARTY_HUB,
        event_time=NOON,
        statement=b"\x00statement",
        signature=b"signature",
    )


def draft_key(**changes: str) -> DraftKey:
    values = {
        "organ_code": "440199000001",
        "case_number": "A44019900000012026030001",
        "process_code": "PB-01",
    }
    return DraftKey(**(values | changes))


async def stored(store: Store, *records: PackageRecord) -> list[PackageRecord]:
    """Add packages, and return them as the store gives them back."""
    async with store.transaction() as tx:
        for record in records:
            assert await tx.packages.add(record)
    async with store.transaction() as tx:
        found = {
            record.package_id: record
            for record in await tx.packages.get_many([r.package_id for r in records])
        }
    return [found[record.package_id] for record in records]
