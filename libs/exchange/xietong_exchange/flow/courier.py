"""The couriers: one per neighbour and lane, taking due deliveries from the outbox and seeing each to its end.

A courier holds a lease while it works and beats it; it never holds a transaction while bytes move. Killed at any
instruction, it leaves a lease that is freed or runs out, and a delivery that somebody takes up again.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Hashable, Sequence
from contextvars import Context
from dataclasses import dataclass, field

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind
from xietong.exchange.v1.package_pb2 import Direction
from xietong.exchange.v1.transfer_service_pb2 import EvidenceResult
from xietong_exchange.domain.delivery import FINAL
from xietong_exchange.domain.errors import (
    DeliveryGivenUp,
    DigestMismatch,
    Failure,
    InternalError,
    PackageNotFound,
    ProtocolViolation,
    RemoteRefusal,
    ShuttingDown,
    XietongError,
)
from xietong_exchange.domain.evidence import Event, reason_of
from xietong_exchange.domain.identity import Role
from xietong_exchange.domain.party import party_name
from xietong_exchange.domain.retry import RetryPolicy
from xietong_exchange.flow.beat import Beat
from xietong_exchange.flow.changes import queue
from xietong_exchange.flow.conversation import ErrorOf
from xietong_exchange.flow.dispatch import Dispatcher
from xietong_exchange.flow.evidence import EvidenceDesk, to_evidence
from xietong_exchange.flow.exchange import Exchange, sealed
from xietong_exchange.flow.measures import MEASURES
from xietong_exchange.flow.neighbours import Neighbours
from xietong_exchange.flow.places import Handed
from xietong_exchange.flow.records import DeliveryRecord, EvidenceRecord, OperationRecord, PackageRecord
from xietong_exchange.flow.store import NewLease, Transaction

log = logging.getLogger(__name__)

EVIDENCE_BATCH = 100
"""The contract's bound on one DeliverEvidence call."""
ENDS_UNKNOWN = frozenset({EvidenceKind.EVIDENCE_KIND_FAILED, EvidenceKind.EVIDENCE_KIND_WITHDRAWN})
LET_GO_SECONDS = 2.0
"""How long a stop waits for the database; the leases run out by themselves."""
LANE_WIDTHS = {Lane.LANE_EVIDENCE: 1, Lane.LANE_INTERACTIVE: 8, Lane.LANE_BULK: 2}
"""Calls that are under way at once to one neighbour, by lane."""


@dataclass(slots=True, kw_only=True)
class Courier:
    """Serves one lane to one neighbour."""

    exchange: Exchange
    desk: EvidenceDesk
    neighbours: Neighbours
    dispatcher: Dispatcher
    policy: RetryPolicy
    error_of: ErrorOf
    owner: str
    peer: Party.ValueType
    lane: Lane.ValueType
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)
    _reserved: int = 0
    _is_behind: bool = True
    """Something may be due that was not taken up; it comes before what is new."""

    @property
    def _queue(self) -> Hashable:
        return queue(self.peer, self.lane)

    async def run(self) -> None:
        """Serve until cancelled."""
        served = self.exchange.places.served_by(self._queue, self)
        with self.exchange.changes.subscribe(self._queue) as news, served:
            try:
                while True:
                    places, self._is_behind = self._places(), True  # The places are for what is claimed.
                    taken = await self._claim(places)
                    self._start(taken)
                    self._is_behind = len(taken) >= places
                    if not taken or not self._is_behind:  # Nothing more is due, or can be taken up.
                        await news.wait()
            finally:
                for task in self._under_way:
                    task.cancel()
                await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _claim(self, limit: int) -> list[DeliveryRecord]:
        if limit < 1:
            return []
        try:
            async with self.exchange.store.transaction() as tx:
                return await tx.outbox.claim(
                    self.peer,
                    self.lane,
                    owner=self.owner,
                    lease_seconds=self.policy.lease_seconds,
                    limit=limit,
                )
        except XietongError as error:
            log.warning("the outbox could not be read: %s", error.reason_name())
            return []

    def _places(self) -> int:
        """How many deliveries can be taken up now."""
        places = LANE_WIDTHS[self.lane] - len(self._under_way) - self._reserved
        return EVIDENCE_BATCH * places if self.lane == Lane.LANE_EVIDENCE else places

    def _start(self, taken: list[DeliveryRecord]) -> None:
        batches = [taken] if self.lane == Lane.LANE_EVIDENCE else [[delivery] for delivery in taken]
        for batch in filter(None, batches):
            self._begin(batch)

    def _begin(self, batch: list[DeliveryRecord], handed: Handed | None = None) -> None:
        # Not in the context of who hands it over: a delivery is no part of the span in which it was recorded.
        task = asyncio.create_task(self._see_through(batch, handed), context=Context())
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    def reserve(self) -> NewLease | None:
        """Keep a place free for what is being recorded, unless others wait, or the neighbour is away."""
        is_open = self._places() and not self._is_behind
        if not is_open or not self.neighbours.contact(self.peer).reachable:
            return None
        self._reserved += 1
        return self.owner, self.policy.lease_seconds

    def take_up(self, handed: Handed) -> None:
        """Fill the place that was kept free."""
        self._reserved -= 1
        self._begin([handed.delivery], handed)

    def release(self) -> None:
        """The place is not needed after all."""
        self._reserved -= 1
        self.exchange.changes.announce(self._queue)

    def _ended(self, task: asyncio.Task[None]) -> None:
        was_full = not self._places()
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error(
                "a delivery could not be settled; its lease runs out and it is taken up again", exc_info=error
            )
        if was_full:  # What came meanwhile was left where it is.
            self.exchange.changes.announce(self._queue)

    async def _see_through(self, batch: list[DeliveryRecord], handed: Handed | None) -> None:
        try:
            if self.lane == Lane.LANE_BULK:
                await self._package(batch[0], handed)
            else:
                with self.exchange.right_of_way.taken():
                    await (
                        self._evidence(batch, handed)
                        if self.lane == Lane.LANE_EVIDENCE
                        else self._package(batch[0], handed)
                    )
        except asyncio.CancelledError:
            await self._let_go(batch)
            raise

    async def _let_go(self, batch: list[DeliveryRecord]) -> None:
        """The node stops: what was under way is due at once, instead of when the lease runs out."""
        try:
            async with asyncio.timeout(LET_GO_SECONDS), self.exchange.store.transaction() as tx:
                for delivery in batch:
                    await tx.outbox.postpone(
                        delivery.delivery_id,
                        delivery.token,
                        ShuttingDown(),
                        delay_seconds=0.0,
                        reset_budget=False,
                    )
        except (XietongError, TimeoutError) as error:
            log.warning("leases were not given back, they run out: %s", error)

    async def _package(self, delivery: DeliveryRecord, handed: Handed | None) -> None:
        beat = Beat(self.exchange, delivery, self.policy.lease_seconds)
        never_offered = handed is not None and handed.is_first_offer
        try:
            async with beat:
                await self.neighbours.connect(self.peer, self.lane)
                never_offered = False
                record = handed.package if handed is not None else await self._offered(delivery)
                if record is None:
                    return
                passed = handed.evidence if handed is not None else await self._passed(record)
                accepted = await self.dispatcher.send(
                    sealed(record),
                    self.peer,
                    self.lane,
                    delivery.create_time,
                    beat.moved,
                    passed=to_evidence(passed) if passed is not None else None,
                )
                lease = delivery.delivery_id, delivery.token
                await self.desk.take(accepted, self.peer, settles=lease, known=record)
        except (XietongError, RemoteRefusal) as error:
            await self._settle(delivery, error, progressed=beat.progressed, never_offered=never_offered)
        except Exception:
            log.exception(
                "package %s could not be delivered",
                delivery.package_id,
                extra={"package_id": delivery.package_id},
            )
            await self._settle(
                delivery, InternalError(incident=delivery.package_id), progressed=beat.progressed
            )

    async def _offered(self, delivery: DeliveryRecord) -> PackageRecord | None:
        """The package, which the neighbour may know of from now on; None when it was withdrawn at the last moment.

        Committed before the offer leaves: until then a withdrawal needs nobody's answer.
        """
        async with self.exchange.store.transaction(single=True) as tx:
            if not delivery.offered and not await tx.outbox.offer(delivery.delivery_id, delivery.token):
                return None
            return await tx.packages.get(delivery.package_id)

    async def _passed(self, record: PackageRecord) -> EvidenceRecord | None:
        """What a hub has stated of a package that it passes on."""
        if record.direction != Direction.DIRECTION_TRANSIT:
            return None
        async with self.exchange.store.transaction() as tx:
            stated = await tx.packages.evidence(record.package_id)
        return next((row for row in stated if row.kind == EvidenceKind.EVIDENCE_KIND_RELAYED), None)

    async def _evidence(self, batch: list[DeliveryRecord], handed: Handed | None) -> None:
        known = handed.evidence if handed is not None else None
        try:
            rows = [known] if known is not None else await self._rows(batch)
            results = await self.neighbours.deliver_evidence(self.peer, [to_evidence(row) for row in rows])
            if len(results) != len(batch):
                raise ProtocolViolation(why=f"{len(results)} results for {len(batch)} pieces of evidence")
        except (XietongError, RemoteRefusal) as error:
            for delivery in batch:
                await self._settle(delivery, error, again=True)
            return
        refusals = [self._refusal(row, result) for row, result in zip(rows, results, strict=True)]
        await self._finish([delivery for delivery, why in zip(batch, refusals, strict=True) if why is None])
        for delivery, why in zip(batch, refusals, strict=True):
            if why is not None:
                await self._settle(delivery, why)

    def _refusal(self, row: EvidenceRecord, result: EvidenceResult) -> Failure | None:
        """Why the neighbour did not take a piece. It need not learn the end of a package that it never recorded."""
        if not result.HasField("error"):
            return None
        error = self.error_of(result.error)
        is_unknown = error.reason_name() == PackageNotFound.reason_name()
        return None if is_unknown and row.kind in ENDS_UNKNOWN else error

    async def _rows(self, batch: Sequence[DeliveryRecord]) -> list[EvidenceRecord]:
        async with self.exchange.store.transaction() as tx:
            found = await tx.packages.evidence_by_id([delivery.evidence_id for delivery in batch])
        return [found[delivery.evidence_id] for delivery in batch]  # all are there: deliveries refer to them

    async def _finish(self, deliveries: Sequence[DeliveryRecord]) -> None:
        if deliveries:
            async with self.exchange.store.transaction(single=True) as tx:
                await tx.outbox.finish([(delivery.delivery_id, delivery.token) for delivery in deliveries])
            self.exchange.changes.announce(*(delivery.package_id for delivery in deliveries))

    async def _settle(
        self,
        delivery: DeliveryRecord,
        error: Failure,
        *,
        progressed: bool = False,
        again: bool = False,
        never_offered: bool = False,
    ) -> None:
        """After a failed try: another one later, or give it up.

        `again`: what failed is the call as a whole, which says nothing about this delivery.
        """
        self._log_failure(delivery, error)
        failed: PackageRecord | None = None
        async with self.exchange.store.transaction() as tx:
            hopeless = not progressed and self.policy.is_hopeless(delivery.progress_time, await tx.now())
            is_over = hopeless or not (again or _may_pass(error) or _overtook(delivery, error))
            if not is_over:
                await self._postpone(tx, delivery, error, progressed=progressed, never_offered=never_offered)
            else:
                failed = await self._give_up(tx, delivery, error)
        MEASURES.failed(self.peer, self.lane, error.reason_name(), given_up=is_over)
        self.exchange.changes.announce(delivery.package_id)
        if failed is not None:
            self.desk.announce(failed)

    def _log_failure(self, delivery: DeliveryRecord, error: Failure) -> None:
        """Loud when something is new; a neighbour that is away for hours would otherwise drown everything else."""
        is_news = delivery.attempts == 1 or delivery.last_reason != error.reason_name()
        log.log(
            logging.WARNING if is_news else logging.DEBUG,
            "delivery of %s to %s failed: %s",
            delivery.package_id,
            party_name(self.peer),
            error.reason_name(),
            extra={"package_id": delivery.package_id},
        )

    async def _postpone(
        self,
        tx: Transaction,
        delivery: DeliveryRecord,
        error: Failure,
        *,
        progressed: bool,
        never_offered: bool,
    ) -> None:
        attempts = 1 if progressed else delivery.attempts
        delay = self.policy.delay_seconds(attempts, secrets.randbelow(1000) / 1000)
        if isinstance(error, RemoteRefusal):
            delay = max(delay, error.retry_after_seconds or 0.0)
        await tx.outbox.postpone(
            delivery.delivery_id,
            delivery.token,
            error,
            delay_seconds=delay,
            reset_budget=progressed,
            never_offered=never_offered,
        )
        asyncio.get_running_loop().call_later(delay, self.exchange.changes.announce, self._queue)

    async def _give_up(
        self, tx: Transaction, delivery: DeliveryRecord, error: Failure
    ) -> PackageRecord | None:
        """A dead letter. The sender learns of a package that was given up, with the reason; then it is returned."""
        given_up: Failure = error
        if _may_pass(error):
            given_up = DeliveryGivenUp(hours=round(self.policy.give_up_after.total_seconds() / 3600))
        if not await tx.outbox.bury(delivery.delivery_id, delivery.token, given_up):
            return None
        await self._note_dead_letter(tx, delivery, given_up, error)
        if delivery.evidence_id:
            return None
        record = await tx.packages.get(delivery.package_id, lock=True)
        if record is None or record.state in FINAL:
            return None
        reasons = [reason_of(given_up)] if given_up is error else [reason_of(given_up), reason_of(error)]
        failed = Event(kind=EvidenceKind.EVIDENCE_KIND_FAILED, time=self.exchange.clock(), reasons=reasons)
        await self.desk.state(tx, record, failed)
        return record

    async def _note_dead_letter(
        self, tx: Transaction, delivery: DeliveryRecord, given_up: Failure, error: Failure
    ) -> None:
        """Each dead letter, a package or evidence, leaves an event that stays and a line for who watches the log."""
        log.error(
            "dead letter: delivery=%d package=%s evidence=%s to=%s lane=%s attempts=%d reason=%s last_error=%s",
            delivery.delivery_id,
            delivery.package_id,
            delivery.evidence_id or "-",
            party_name(self.peer),
            Lane.Name(self.lane).removeprefix("LANE_").lower(),
            delivery.attempts,
            given_up.reason_name(),
            error.reason_name(),
        )
        event = OperationRecord(
            operation="give_up_delivery",
            caller=f"{party_name(self.exchange.party)}/{Role.EXCHANGE}",
            package_id=delivery.package_id,
            delivery_id=delivery.delivery_id,
            reason=error.reason_name(),
            time=self.exchange.clock(),
        )
        await tx.operations.append(event)


def _may_pass(error: Failure) -> bool:
    """Whether time may mend it. A digest is refused after several attempts in one stream: our own copy is wrong then.

    Its bytes move at every try, so it would never be taken for hopeless.
    """
    return error.retryable and error.reason_name() != DigestMismatch.reason_name()


def _overtook(delivery: DeliveryRecord, error: Failure) -> bool:
    """Evidence that came before the package that it is about; it is tried again until the package is there."""
    return bool(delivery.evidence_id) and error.reason_name() == PackageNotFound.reason_name()
