"""Arrival: the rows of a package that comes in, from the announcement to the transaction that makes it this node's own.

The receiver's node hands it over (`DELIVERED`), the hub puts it into the outbox of the next hop (`RELAYED`): here the
two ways part, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from xietong.exchange.v1.evidence_pb2 import Evidence, EvidenceKind
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction
from xietong_exchange.domain.chain_test import ANSWERED_BY, is_test
from xietong_exchange.domain.envelope import SealedPackage
from xietong_exchange.domain.errors import PackageConflict
from xietong_exchange.domain.evidence import Event, stage
from xietong_exchange.flow.changes import INBOX
from xietong_exchange.flow.evidence import CARRIED_BY_ACCEPTANCE, EvidenceDesk
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.intake import new_record
from xietong_exchange.flow.measures import MEASURES
from xietong_exchange.flow.records import EvidenceRecord, PackageChange, PackageRecord
from xietong_exchange.flow.store import Transaction


@dataclass(frozen=True, slots=True)
class Known:
    """What is on record of a package: whether it was announced and not abandoned since, and the evidence that answers
    its transfer: of its acceptance once it is here, or of its withdrawal while it was not.
    """

    is_announced: bool
    answer: EvidenceRecord | None


class Arrival:
    """Records incoming packages."""

    def __init__(self, exchange: Exchange, desk: EvidenceDesk) -> None:
        self._exchange = exchange
        self._desk = desk

    async def known(self, package: SealedPackage) -> Known:
        """What this node has on record of an offered package.

        Raises:
            PackageConflict: the id is known with another seal.
        """
        async with self._exchange.store.transaction() as tx:
            record = await tx.packages.get(package.package_id)
            answer = await self._settled(tx, record, package) if record else None
        is_announced = record is not None and record.contents_removed_time is None
        return Known(is_announced=is_announced, answer=answer)

    async def announce(self, package: SealedPackage) -> None:
        """Record that it is on its way, so that it is seen with its progress; also when it was given up before."""
        async with self._exchange.store.transaction() as tx:
            if not await tx.packages.add(self._new(package)):
                record = await self._locked(tx, package)
                if not record.complete:
                    await self._hold(tx, package)
        self._exchange.changes.announce(package.package_id, INBOX)

    async def record(
        self,
        package: SealedPackage,
        queued: datetime | None,
        begin: datetime,
        commit: datetime,
        *,
        offered_onwards: bool = False,
        came_along: Evidence | None = None,
    ) -> EvidenceRecord:
        """Make it this node's own, in one transaction; all its parts are verified and durable.

        Returns the evidence of that, or of its withdrawal, which came first.

        Args:
            package: the package.
            queued: when it came into the queue of the node before, if that node says so.
            begin: when its first byte was offered.
            commit: when the sender had said everything.
            offered_onwards: the next node knows of it already, so that a withdrawal needs that node's answer.
            came_along: what the node before has stated of passing it on, if it says so.
        """
        passed = self._desk.passed(package, came_along) if came_along is not None else None
        record, event = self._new(package), self._event(queued, begin, commit)
        lane = package.lane if record.direction == Direction.DIRECTION_TRANSIT else None
        answers = is_test(record.process_code) and lane is None
        async with self._exchange.store.transaction(single=not answers) as tx:
            evidence = await self._desk.state_first(
                tx, record, event, lane, offered=offered_onwards, passed=passed
            )
            if answers and evidence is not None:
                await self._answer(tx, record, event)
        if evidence is None:
            async with self._exchange.store.transaction() as tx:
                record = await self._locked(tx, package)
                if settled := await self._settled(tx, record, package):
                    return settled
                if record.contents_removed_time is not None:  # It took longer than such packages are kept.
                    await self._hold(tx, package)
                if passed is not None:
                    await tx.packages.add_evidence(passed)
                evidence = await self._desk.state(tx, record, event, complete=True)
                if answers:
                    await self._answer(tx, record, event)
                if lane is not None:
                    hop = self._exchange.routes.next_hop(record.receiver)
                    await self._exchange.places.hand_on(
                        tx, hop, lane, record, evidence, offered=offered_onwards
                    )
        self._exchange.space.keep(record.sender, record.size_bytes)
        MEASURES.moved(package, self._exchange.routes.next_hop(record.sender), "receive")
        self._desk.announce(record)
        return evidence

    async def _answer(self, tx: Transaction, record: PackageRecord, delivered: Event) -> None:
        """A test package ends here: the node itself has it, and none of its systems is to see it."""
        reached = replace(record, state=DeliveryState.DELIVERY_STATE_DELIVERED, complete=True)
        now = self._exchange.clock()
        accepted = Event(
            kind=EvidenceKind.EVIDENCE_KIND_ACCEPTED,
            time=now,
            system=ANSWERED_BY,
            stages=[stage("outcome", delivered.time, now)],
        )
        await self._desk.state(tx, reached, accepted)

    async def _locked(self, tx: Transaction, package: SealedPackage) -> PackageRecord:
        """Its row, which is there. What the node before had given up and now brings after all is on its way again."""
        record = await tx.packages.get(package.package_id, lock=True)
        if record is None:
            raise PackageConflict(package_id=package.package_id)
        if record.state != DeliveryState.DELIVERY_STATE_FAILED or record.complete:
            return record
        again = replace(record, state=DeliveryState.DELIVERY_STATE_SUBMITTED, reasons=b"")
        change = PackageChange(state=again.state, state_time=self._exchange.clock(), reasons=again.reasons)
        await tx.packages.advance(again.package_id, change)
        return again

    async def _hold(self, tx: Transaction, package: SealedPackage) -> None:
        """It is on its way again: what of it is here already stays."""
        await tx.contents.hold(package.package_id, package.envelope.sender.party, package.digests)

    async def _settled(
        self, tx: Transaction, record: PackageRecord, package: SealedPackage
    ) -> EvidenceRecord | None:
        if record.seal != package.seal:
            raise PackageConflict(package_id=package.package_id)
        if not record.complete and record.state != DeliveryState.DELIVERY_STATE_WITHDRAWN:
            return None
        own = self._exchange.party
        evidence = await tx.packages.evidence(record.package_id)
        if record.complete:
            return next(row for row in evidence if row.stated_by == own and row.kind in CARRIED_BY_ACCEPTANCE)
        return next(row for row in evidence if row.kind == EvidenceKind.EVIDENCE_KIND_WITHDRAWN)

    def _event(self, queued: datetime | None, begin: datetime, commit: datetime) -> Event:
        now = self._exchange.clock()
        relays = self._exchange.profile.relays
        kind = EvidenceKind.EVIDENCE_KIND_RELAYED if relays else EvidenceKind.EVIDENCE_KIND_DELIVERED
        stages = [stage("transfer", begin, commit), stage("commit", commit, now)]
        if queued is not None:
            stages.insert(0, stage("queue", min(queued, begin), begin))
        return Event(kind=kind, time=now, stages=stages)

    def _new(self, package: SealedPackage) -> PackageRecord:
        relays = self._exchange.profile.relays
        return new_record(
            package,
            direction=Direction.DIRECTION_TRANSIT if relays else Direction.DIRECTION_INCOMING,
            state=DeliveryState.DELIVERY_STATE_SUBMITTED,
            complete=False,
            now=self._exchange.clock(),
        )
