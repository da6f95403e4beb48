"""Operations: how a node is, what waits in its outbox, and evidence that verifies offline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.evidence_pb2 import Evidence, Reason
from xietong.exchange.v1.operations_service_pb2 import (
    EvidenceBundle,
    GetStatusResponse,
    NeighbourStatus,
    NodeVersion,
    PartyUsage,
)
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction, HopState
from xietong_exchange.domain.errors import PackageNotFound, StateConflict, XietongError
from xietong_exchange.domain.evidence import check_statement, read_statement, reason_of, timestamp
from xietong_exchange.domain.identity import Identity
from xietong_exchange.flow.changes import queue
from xietong_exchange.flow.evidence import to_evidence
from xietong_exchange.flow.exchange import Exchange, sealed
from xietong_exchange.flow.neighbours import Neighbours
from xietong_exchange.flow.node_card import SOFTWARE_VERSION
from xietong_exchange.flow.records import (
    DeliveryRecord,
    DeliveryStatus,
    OperationRecord,
    PackageChange,
    PackageFilter,
    PackagePage,
    PackageRecord,
    PackageSearch,
)
from xietong_exchange.flow.space import Usage
from xietong_exchange.flow.store import Transaction

_STATUS_OF: dict[HopState.ValueType, DeliveryStatus] = {
    HopState.HOP_STATE_QUEUED: "pending",
    HopState.HOP_STATE_TRANSFERRING: "pending",
    HopState.HOP_STATE_WAITING: "pending",
    HopState.HOP_STATE_DONE: "done",
    HopState.HOP_STATE_DEAD: "dead",
}

MOST_DELIVERIES = 100
"""Of the deliveries of one package so many are shown."""
MOST_EVENTS = 100
"""Of what was done about one delivery so much is shown, the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """Answers operators and supervisors."""

    exchange: Exchange
    neighbours: Neighbours
    trust_anchor: bytes
    certificate_expire_time: Callable[[], datetime]
    start_time: datetime

    async def status(self) -> GetStatusResponse:
        """How this node is."""
        async with self.exchange.store.transaction() as tx:
            queued, dead = await tx.outbox.count("pending"), await tx.outbox.count("dead")
        return GetStatusResponse(
            party=self.exchange.party,
            software_version=SOFTWARE_VERSION,
            start_time=timestamp(self.start_time),
            neighbours=[self._neighbour(party) for party in sorted(self.exchange.routes.neighbours)],
            queued_deliveries=queued,
            dead_deliveries=dead,
            free_bytes=self.exchange.parts.free_bytes(),
            reserve_bytes=self.exchange.space.reserve_bytes,
            promised_bytes=self.exchange.space.promised_bytes,
            usage=map(_usage, self.exchange.space.usage()),
            certificate_expire_time=timestamp(self.certificate_expire_time()),
            schema_version=await self.exchange.store.schema_version(),
            node_versions=self._versions(),
            standard_editions=self.exchange.rules.editions,
        )

    def _versions(self) -> Iterator[NodeVersion]:
        """What the neighbours last told of themselves, and of the nodes behind them."""
        for neighbour in sorted(self.exchange.routes.neighbours):
            contact = self.neighbours.contact(neighbour)
            told = [contact.capabilities] if contact.capabilities is not None else []
            for node in sorted((*told, *contact.beyond), key=lambda one: one.party):
                if node.party != self.exchange.party:
                    yield NodeVersion(
                        party=node.party,
                        software_version=node.software_version,
                        told_by=neighbour,
                        standard_editions=node.standard_editions,
                    )

    def _neighbour(self, party: Party.ValueType) -> NeighbourStatus:
        contact = self.neighbours.contact(party)
        status = NeighbourStatus(party=party, reachable=contact.reachable)
        if contact.last_contact_time is not None:
            status.last_contact_time.CopyFrom(timestamp(contact.last_contact_time))
        if contact.error is not None:
            status.last_reason.CopyFrom(reason_of(contact.error))
        return status

    async def package(self, package_id: str) -> PackageRecord:
        """A package, also one that this node only relays. Raises PackageNotFound."""
        async with self.exchange.store.transaction() as tx:
            record = await tx.packages.get(package_id)
        if record is None:
            raise PackageNotFound(package_id=package_id)
        return record

    async def deliveries_of(self, package_id: str) -> list[DeliveryRecord]:
        """What of a package is or was in the outbox, the oldest first."""
        async with self.exchange.store.transaction() as tx:
            return await tx.outbox.all_of_package(package_id, limit=MOST_DELIVERIES)

    async def deliveries(self, state: HopState.ValueType, *, after: int, limit: int) -> list[DeliveryRecord]:
        """A page of the outbox, the oldest first. Waiting and moving deliveries are listed together."""
        async with self.exchange.store.transaction() as tx:
            return await tx.outbox.page(_STATUS_OF.get(state), after=after, limit=limit)

    async def delivery(self, delivery_id: int) -> tuple[DeliveryRecord, list[OperationRecord]]:
        """A delivery, and the latest of what was done about it. Raises PackageNotFound."""
        async with self.exchange.store.transaction() as tx:
            delivery = await tx.outbox.get(delivery_id)
            done = await tx.operations.of_delivery(delivery_id, limit=MOST_EVENTS)
        if delivery is None:
            raise PackageNotFound(package_id=f"of delivery {delivery_id}")
        return delivery, done

    async def replay(self, delivery_id: int, caller: Identity) -> DeliveryRecord:
        """Make a delivery due at once. Raises PackageNotFound, StateConflict."""
        async with self.exchange.store.transaction() as tx:
            delivery = await tx.outbox.replay(delivery_id)
            if delivery is not None and delivery.status == "pending" and not delivery.leased:
                await self._log_replay(tx, delivery, caller)
                if not delivery.evidence_id:
                    await self._revive(tx, delivery.package_id)
        if delivery is None:
            raise PackageNotFound(package_id=f"of delivery {delivery_id}")
        if delivery.status == "done":
            raise StateConflict(what=f"delivery {delivery_id}", state="done")
        self.exchange.changes.announce(queue(delivery.destination, delivery.lane), delivery.package_id)
        return delivery

    async def _log_replay(self, tx: Transaction, delivery: DeliveryRecord, caller: Identity) -> None:
        done = OperationRecord(
            operation="replay_delivery",
            caller=caller.path,
            package_id=delivery.package_id,
            delivery_id=delivery.delivery_id,
            time=self.exchange.clock(),
        )
        await tx.operations.append(done)

    async def _revive(self, tx: Transaction, package_id: str) -> None:
        """A package that was given up here is on its way again."""
        record = await tx.packages.get(package_id, lock=True)
        if record is not None and record.state == DeliveryState.DELIVERY_STATE_FAILED:
            held = record.direction == Direction.DIRECTION_TRANSIT
            state = DeliveryState.DELIVERY_STATE_RELAYED if held else DeliveryState.DELIVERY_STATE_SUBMITTED
            change = PackageChange(state=state, state_time=self.exchange.clock(), reasons=b"")
            await tx.packages.advance(package_id, change)

    async def export(self, package_id: str) -> tuple[EvidenceBundle, Sequence[Reason]]:
        """Everything that proves what happened to a package, and what of it does not verify."""
        record = await self.package(package_id)
        package = sealed(record)
        async with self.exchange.store.transaction() as tx:
            rows = await tx.packages.evidence(package_id)
        bundle = EvidenceBundle(
            envelope=package.signed(),
            evidence=[to_evidence(row) for row in rows],
            trust_anchor=self.trust_anchor,
        )
        return bundle, [reason for reason in self._defects(record, bundle) if reason is not None]

    def _defects(self, record: PackageRecord, bundle: EvidenceBundle) -> Sequence[Reason | None]:
        notary, package = self.exchange.notary, sealed(record)
        sealed_at = package.envelope.create_time.ToDatetime(tzinfo=UTC)
        envelope = _defect(
            lambda: notary.verify("Envelope", package.raw, package.signature, signed_at=sealed_at)
        )
        return [envelope, *(self._defect_of(record, piece) for piece in bundle.evidence)]

    def _defect_of(self, record: PackageRecord, piece: Evidence) -> Reason | None:
        def verify() -> None:
            statement = read_statement(piece.statement)
            stated_at = statement.event_time.ToDatetime(tzinfo=UTC)
            signer = self.exchange.notary.verify(
                "Statement", piece.statement, piece.signature, signed_at=stated_at
            )
            check_statement(statement, sealed(record), signer)

        return _defect(verify)

    async def flows(self, wanted: PackageSearch, *, before: int | None, limit: int) -> PackagePage:
        """A page of packages for supervisors and operators, the newest first."""
        async with self.exchange.store.transaction() as tx:
            return await tx.search.page(wanted, before=before, limit=limit)

    async def case(self, collaboration_case_id: str, *, after: int, limit: int) -> PackagePage:
        """A page of the packages of a case, the oldest first. Raises PackageNotFound when there is none."""
        wanted = PackageFilter(collaboration_case_id=collaboration_case_id)
        async with self.exchange.store.transaction() as tx:
            page = await tx.packages.page(wanted, after=after, limit=limit)
        if not page.records and not after:
            raise PackageNotFound(package_id=f"of case {collaboration_case_id}")
        return page


def _usage(usage: Usage) -> PartyUsage:
    return PartyUsage(
        party=usage.party,
        kept_bytes=usage.kept_bytes,
        promised_bytes=usage.promised_bytes,
        quota_bytes=usage.quota_bytes,
    )


def _defect(verify: Callable[[], object]) -> Reason | None:
    try:
        verify()
    except XietongError as error:
        return reason_of(error)
    return None
