"""Views: a package as the contract shows it to systems, operators and supervisors."""

from __future__ import annotations

from collections.abc import Sequence

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.evidence_pb2 import Reason, Statement
from xietong.exchange.v1.package_pb2 import Direction, HopProgress, HopState, Package
from xietong_exchange.domain.delivery import label
from xietong_exchange.domain.evidence import timestamp
from xietong_exchange.flow.evidence import to_evidence
from xietong_exchange.flow.exchange import Exchange, signed_envelope
from xietong_exchange.flow.records import DeliveryRecord, EvidenceRecord, PackageRecord
from xietong_exchange.flow.sealing import sha256_digest


class Views:
    """Makes views of this node's packages."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def package(self, record: PackageRecord, *, with_evidence: bool = False) -> Package:
        """One package; its evidence too, when asked for."""
        (package,) = await self.packages([record], with_evidence=with_evidence)
        return package

    async def packages(
        self, records: Sequence[PackageRecord], *, with_evidence: bool = False
    ) -> list[Package]:
        """A page of packages; their evidence too, when asked for."""
        if not records:
            return []
        package_ids = [record.package_id for record in records]
        moving = [record.package_id for record in records if not _is_inwards(record)]
        evidence: dict[str, list[EvidenceRecord]] = {}
        async with self._exchange.store.transaction() as tx:
            deliveries = await tx.outbox.of_packages(moving) if moving else {}
            if with_evidence:
                evidence = await tx.packages.evidence_of(package_ids)
        packages = [self.view(record, deliveries.get(record.package_id)) for record in records]
        for record, package in zip(records, packages, strict=True):
            package.envelope.CopyFrom(signed_envelope(record))
            package.evidence.extend(to_evidence(row) for row in evidence.get(record.package_id, ()))
        return packages

    def view(self, record: PackageRecord, delivery: DeliveryRecord | None) -> Package:
        """A package without what only ever is added to: its envelope and its evidence."""
        said = label(record.state)
        removed = record.contents_removed_time
        return Package(
            package_id=record.package_id,
            seal=sha256_digest(record.seal),
            direction=record.direction,
            state=record.state,
            state_time=timestamp(record.state_time),
            state_label_zh=said.zh,
            state_label_en=said.en,
            receiver_case_number=record.receiver_case_number,
            reasons=Statement.FromString(record.reasons).reasons,
            progress=self.progress(record, delivery),
            create_time=timestamp(record.create_time),
            size_bytes=record.size_bytes,
            contents_removed_time=timestamp(removed) if removed is not None else None,
        )

    def progress(self, record: PackageRecord, delivery: DeliveryRecord | None) -> HopProgress:
        """Movement over the hop next to this node: inwards until the node holds the package, then outwards."""
        movement = self._exchange.progress.get(record.package_id)
        moved = movement.transferred_bytes if movement else 0
        if _is_inwards(record):
            state = HopState.HOP_STATE_DONE if record.complete else _moving(is_moving=movement is not None)
            return HopProgress(
                peer=self._peer(record.sender),
                state=state,
                transferred_bytes=record.size_bytes if record.complete else moved,
                total_bytes=record.size_bytes,
            )
        progress = HopProgress(peer=self._peer(record.receiver), total_bytes=record.size_bytes)
        if delivery is None:
            return progress
        progress.state = hop_state(delivery)
        progress.transferred_bytes = record.size_bytes if delivery.status == "done" else moved
        progress.attempts = delivery.attempts
        if delivery.last_reason and delivery.status != "done":
            progress.last_reason.CopyFrom(last_reason(delivery))
        if progress.state == HopState.HOP_STATE_WAITING:
            progress.next_attempt_time.CopyFrom(timestamp(delivery.due_time))
        return progress

    def _peer(self, party: Party.ValueType) -> Party.ValueType:
        return self._exchange.routes.next_hop(party)


def _is_inwards(record: PackageRecord) -> bool:
    """Whether the hop to watch is the one to this node."""
    return record.direction == Direction.DIRECTION_INCOMING or not record.complete


def _moving(*, is_moving: bool) -> HopState.ValueType:
    return HopState.HOP_STATE_TRANSFERRING if is_moving else HopState.HOP_STATE_WAITING


def hop_state(delivery: DeliveryRecord) -> HopState.ValueType:
    """What is going on with a delivery."""
    if delivery.status == "done":
        return HopState.HOP_STATE_DONE
    if delivery.status == "dead":
        return HopState.HOP_STATE_DEAD
    if delivery.leased:
        return HopState.HOP_STATE_TRANSFERRING
    return HopState.HOP_STATE_WAITING if delivery.attempts else HopState.HOP_STATE_QUEUED


def last_reason(delivery: DeliveryRecord) -> Reason:
    """Why the last try of a delivery ended."""
    return Reason(code=delivery.last_reason, text_zh=delivery.last_text_zh, text_en=delivery.last_text_en)
