"""The outbox in PostgreSQL against a small model: workers that come, stall, lose leases and crash, in any order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Interval, bindparam, delete, update
from tests.integration.store.records import REFUSAL, evidence, package

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong_exchange.adapters.postgres import PostgresStore
from xietong_exchange.adapters.postgres.statement import Statement
from xietong_exchange.adapters.postgres.store import PostgresTransaction
from xietong_exchange.adapters.postgres.tables import delivery
from xietong_exchange.flow.records import DeliveryRecord, DeliveryStatus
from xietong_exchange.flow.store import Outbox

T = TypeVar("T")

HOUR_SECONDS = 3600
NEIGHBOURS = (Party.PARTY_HUB, Party.PARTY_COURT)
LANES = (Lane.LANE_EVIDENCE, Lane.LANE_BULK)
PACKAGES = 3

EMPTY = Statement(delete(delivery))
_PAST = bindparam("past", type_=Interval)
PASS_TIME = Statement(
    update(delivery).values(due_time=delivery.c.due_time - _PAST, lease_until=delivery.c.lease_until - _PAST)
)

Lease = tuple[int, int]


class Crash(Exception):
    """A worker ends before its commit."""


@dataclass
class Entry:
    """A delivery as the model knows it. The longest due has the lowest `due`: hour, then number of the step."""

    destination: Party.ValueType
    lane: Lane.ValueType
    package_id: str
    evidence_id: str
    due: tuple[int, int]
    status: DeliveryStatus = "pending"
    attempts: int = 0
    token: int = 0
    lease_until: int | None = None
    offered: bool = False
    reason: str = ""

    def is_leased(self, hour: int) -> bool:
        return self.lease_until is not None and self.lease_until > hour

    def is_due(self, hour: int) -> bool:
        return self.status == "pending" and self.due[0] <= hour and not self.is_leased(hour)

    @property
    def is_here_alone(self) -> bool:
        """The neighbour never heard of it, or refused it for good; nothing in this model is given up for its age."""
        return self.status == "dead" or (self.status == "pending" and not self.offered)

    def seen(self, hour: int) -> tuple[object, ...]:
        shown = (self.destination, self.lane, self.package_id, self.evidence_id, self.status)
        return (*shown, self.attempts, self.token, self.is_leased(hour), self.offered, self.reason)


def seen(record: DeliveryRecord) -> tuple[object, ...]:
    shown = (record.destination, record.lane, record.package_id, record.evidence_id, record.status)
    return (*shown, record.attempts, record.token, record.leased, record.offered, record.last_reason)


class OutboxMachine(RuleBasedStateMachine):
    """Time stands still in the model but for `pass_time`, which moves the rows' times instead of waiting."""

    leases = Bundle[Lease]("leases")

    runner: ClassVar[asyncio.Runner]
    store: ClassVar[PostgresStore]

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[int, Entry] = {}
        self.hour = self.step = 0

    def run(self, work: Callable[[PostgresTransaction], Awaitable[T]]) -> T:
        async def transaction() -> T:
            async with self.store.transaction() as tx:
                return await work(tx)

        self.step += 1
        return self.runner.run(transaction())

    @initialize()
    def begin(self) -> None:
        self.packages = [package() for _ in range(PACKAGES)]
        self.proofs = [evidence(record.package_id) for record in self.packages]

        async def fill(tx: PostgresTransaction) -> None:
            await tx._connection.run(EMPTY)
            for record, proof in zip(self.packages, self.proofs, strict=True):
                await tx.packages.add(record)
                await tx.packages.add_evidence(proof)

        self.run(fill)

    @rule(
        number=st.integers(0, PACKAGES - 1),
        neighbour=st.sampled_from(NEIGHBOURS),
        lane=st.sampled_from(LANES),
        is_evidence=st.booleans(),
    )
    def enqueue(
        self, number: int, neighbour: Party.ValueType, lane: Lane.ValueType, is_evidence: bool
    ) -> None:
        package_id = self.packages[number].package_id
        evidence_id = self.proofs[number].evidence_id if is_evidence else ""
        destination = neighbour if is_evidence else NEIGHBOURS[number % 2]  # a package has one way

        async def work(tx: PostgresTransaction) -> int:
            await tx.outbox.enqueue(destination, lane, package_id, evidence_id)
            return (await tx.outbox.page(None, after=0, limit=100))[-1].delivery_id

        last = self.run(work)
        keys = {(old.destination, old.package_id, old.evidence_id) for old in self.entries.values()}
        if (destination, package_id, evidence_id) not in keys:
            assert last not in self.entries
            self.entries[last] = Entry(destination, lane, package_id, evidence_id, (self.hour, self.step))

    @rule(
        target=leases,
        destination=st.sampled_from(NEIGHBOURS),
        lane=st.sampled_from(LANES),
        hours=st.integers(0, 2),
        limit=st.integers(1, 3),
    )
    def claim(
        self, destination: Party.ValueType, lane: Lane.ValueType, hours: int, limit: int
    ) -> MultipleResults[Lease]:
        taken = self.run(lambda tx: self._claim(tx, destination, lane, hours, limit))
        assert [record.delivery_id for record in taken] == self._due(destination, lane)[:limit]
        for record in taken:
            entry = self.entries[record.delivery_id]
            entry.token += 1
            entry.attempts += 1
            entry.lease_until = self.hour + hours
            assert record.token == entry.token
        return multiple(*((record.delivery_id, record.token) for record in taken))

    @rule(destination=st.sampled_from(NEIGHBOURS), lane=st.sampled_from(LANES))
    def claim_and_crash(self, destination: Party.ValueType, lane: Lane.ValueType) -> None:
        async def work(tx: PostgresTransaction) -> None:
            await self._claim(tx, destination, lane, 2, 3)
            raise Crash

        with suppress(Crash):
            self.run(work)

    @rule(lease=leases, hours=st.integers(0, 2), moved=st.booleans())
    def renew(self, lease: Lease, hours: int, moved: bool) -> None:
        entry = self._settle(
            lease,
            lambda outbox: outbox.renew(*lease, lease_seconds=hours * HOUR_SECONDS, progressed=moved),
        )
        if entry:
            entry.lease_until = self.hour + hours

    @rule(lease=leases)
    def offer(self, lease: Lease) -> None:
        if entry := self._settle(lease, lambda outbox: outbox.offer(*lease)):
            entry.offered = True

    @rule(lease=leases)
    def finish(self, lease: Lease) -> None:
        if entry := self._settle(lease, lambda outbox: outbox.finish([lease])):
            entry.status, entry.lease_until = "done", None

    @rule(lease=leases, hours=st.integers(0, 2), is_progress=st.booleans())
    def postpone(self, lease: Lease, hours: int, is_progress: bool) -> None:
        delay = hours * HOUR_SECONDS
        entry = self._settle(
            lease,
            lambda outbox: outbox.postpone(*lease, REFUSAL, delay_seconds=delay, reset_budget=is_progress),
        )
        if entry:
            entry.due, entry.lease_until, entry.reason = (self.hour + hours, self.step), None, REFUSAL.reason
            entry.attempts = 1 if is_progress else entry.attempts

    @rule(lease=leases)
    def bury(self, lease: Lease) -> None:
        if entry := self._settle(lease, lambda outbox: outbox.bury(*lease, REFUSAL)):
            entry.status, entry.lease_until, entry.reason = "dead", None, REFUSAL.reason

    @rule(lease=leases)
    def replay(self, lease: Lease) -> None:
        record = self.run(lambda tx: tx.outbox.replay(lease[0]))
        entry = self.entries.get(lease[0])
        if entry and entry.status != "done" and not entry.is_leased(self.hour):
            entry.status, entry.due, entry.attempts = "pending", (self.hour, self.step), 0
        assert (record is None) == (entry is None)
        assert record is None or entry is None or seen(record) == entry.seen(self.hour)

    @rule(number=st.integers(0, PACKAGES - 1))
    def drop(self, number: int) -> None:
        package_id = self.packages[number].package_id
        gone = [
            delivery_id
            for delivery_id, entry in self.entries.items()
            if (entry.package_id, entry.evidence_id) == (package_id, "") and entry.is_here_alone
        ]
        assert self.run(lambda tx: tx.outbox.drop(package_id)) == bool(gone)
        for delivery_id in gone:
            del self.entries[delivery_id]

    @rule(hours=st.integers(1, 2))
    def pass_time(self, hours: int) -> None:
        self.run(lambda tx: tx._connection.run(PASS_TIME, past=timedelta(hours=hours)))
        self.hour += hours

    @invariant()
    def the_database_says_what_the_model_says(self) -> None:
        async def look(tx: PostgresTransaction) -> None:
            records = await tx.outbox.page(None, after=0, limit=100)
            found = {record.delivery_id: seen(record) for record in records}
            assert found == {number: entry.seen(self.hour) for number, entry in self.entries.items()}

        self.run(look)

    async def _claim(
        self,
        tx: PostgresTransaction,
        destination: Party.ValueType,
        lane: Lane.ValueType,
        hours: int,
        limit: int,
    ) -> list[DeliveryRecord]:
        seconds = hours * HOUR_SECONDS
        return await tx.outbox.claim(destination, lane, owner="worker", lease_seconds=seconds, limit=limit)

    def _due(self, destination: Party.ValueType, lane: Lane.ValueType) -> list[int]:
        due = [
            (entry.due, delivery_id)
            for delivery_id, entry in self.entries.items()
            if (entry.destination, entry.lane) == (destination, lane) and entry.is_due(self.hour)
        ]
        return [delivery_id for _, delivery_id in sorted(due)]

    def _settle(self, lease: Lease, work: Callable[[Outbox], Awaitable[int]]) -> Entry | None:
        """What a worker does with its lease; the entry if the lease was still its own, both here and there."""
        delivery_id, token = lease
        entry = self.entries.get(delivery_id)
        is_held = entry is not None and entry.token == token and entry.lease_until is not None
        assert self.run(lambda tx: work(tx.outbox)) == is_held
        return entry if is_held else None


def test_the_outbox_behaves_as_its_model(postgres_url: str) -> None:
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as one_runner:
        one_store = one_runner.run(PostgresStore.connect(postgres_url))

        class Machine(OutboxMachine):
            runner, store = one_runner, one_store

        try:
            run_state_machine_as_test(
                Machine, settings=settings(max_examples=30, stateful_step_count=30, deadline=None)
            )
        finally:
            one_runner.run(one_store.close())
