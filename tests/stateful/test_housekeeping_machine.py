"""Packages that share parts arrive, are withdrawn, decided and let go while housekeeping is at work, in any order.

The real reception and the real housekeeping run on a node in memory. Wherever one of them waits for its database or for
its neighbour, a schedule decides who goes on and how much time passes before.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.unit.exchange.nodes import MemoryStore, new_exchange
from tests.unit.exchange.packages import NOW, new_envelope, signed

from xietong.exchange.v1.envelope_pb2 import Envelope, Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind, Statement
from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong.exchange.v1.transfer_service_pb2 import Commit, Offer, TransferRequest, TransferResponse
from xietong_exchange.adapters.rpc.status import from_status, to_status
from xietong_exchange.domain.delivery import FINAL
from xietong_exchange.domain.identifiers import uuid7
from xietong_exchange.domain.limits import Limits
from xietong_exchange.domain.retention import Retention
from xietong_exchange.flow.evidence import EvidenceDesk
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.frames import DataFrame, Frame
from xietong_exchange.flow.housekeeping import Housekeeping
from xietong_exchange.flow.part_store import PartKey
from xietong_exchange.flow.receive import Receiver
from xietong_exchange.flow.space import Space
from xietong_exchange.testing.memory_parts import MemoryPartStore

CONTENTS = (b"a", b"b" * 300, b"c" * 40)
GRACE = timedelta(seconds=100)
COMMIT_TAKES_LESS_THAN = 0.45
"""Of the grace period: what the engine relies on between the look at the parts and the commit of the package."""
TRIES = 30
HOUSEKEEPING = "housekeeping"


@dataclass
class Waiting:
    """Somebody who waits for the schedule."""

    who: str
    since: datetime
    go_on: asyncio.Future[None]


@dataclass
class Schedule:
    """The time, and who waits."""

    time: datetime = NOW
    waiting: list[Waiting] = field(default_factory=list)

    async def turn(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        one = Waiting(task.get_name(), self.time, asyncio.get_running_loop().create_future())
        self.waiting.append(one)
        try:
            await one.go_on
        except asyncio.CancelledError:
            if one in self.waiting:
                self.waiting.remove(one)
            raise

    def may_pass(self, step: timedelta) -> bool:
        """A node's database answers a commit in time; housekeeping and neighbours may take for ever."""
        patient = {HOUSEKEEPING, "sender"}
        urgent = (one.since for one in self.waiting if one.who not in patient)
        return all(self.time + step - since <= GRACE * COMMIT_TAKES_LESS_THAN for since in urgent)


@dataclass
class ScheduledStore(MemoryStore):
    schedule: Schedule = field(default_factory=Schedule)

    @asynccontextmanager
    async def transaction(self, *, single: bool = False) -> AsyncIterator[Self]:
        await self.schedule.turn()
        yield self
        await self.schedule.turn()


class City:
    """A node, what a neighbour brings to it, and what becomes of that."""

    def __init__(self, left_alone: timedelta) -> None:
        """left_alone: since when packages count as untouched; what arrives may count as abandoned, or must not."""
        self.schedule = Schedule()
        self.store = ScheduledStore(left_alone=left_alone, schedule=self.schedule)
        self.parts = MemoryPartStore(clock_seconds=self.seconds)
        base = new_exchange(Party.PARTY_PROCURATORATE, self.store, limits=Limits(inline_limit_bytes=100))
        self.exchange: Exchange = replace(
            base,
            parts=self.parts,
            space=Space(self.parts, 0),
            clock=lambda: self.schedule.time,
            retention=Retention(outcome=timedelta(0), grace=GRACE, unfinished=timedelta(days=9)),
        )
        self.desk = EvidenceDesk(self.exchange)
        self.receiver = Receiver(self.exchange, self.desk, lambda error: to_status(error, incident=""))
        self.housekeeping = Housekeeping(self.exchange, 60)

    def seconds(self) -> float:
        return self.schedule.time.timestamp()

    async def bring(self, envelope: Envelope, contents: tuple[bytes, ...]) -> None:
        """As a neighbour does it, until the node has accepted it; then a handler decides."""
        answers: list[TransferResponse] = []
        for _ in range(TRIES):
            frames = Frames(self.schedule, [*offered(envelope, contents)])
            answers = [one async for one in self.receiver.stream(frames, Party.PARTY_HUB)]
            if answers[-1].HasField("acceptance"):
                break
            assert from_status(answers[-1].refusal.status).reason_name() == "PART_INCOMPLETE"
        await self.schedule.turn()
        record = self.store.packages.records[envelope.package_id]
        said = Statement.FromString(answers[-1].acceptance.evidence.statement).kind
        assert said == (DELIVERED if record.complete else WITHDRAWN)
        if record.state == DeliveryState.DELIVERY_STATE_WITHDRAWN:
            return
        decided = replace(record, state=DeliveryState.DELIVERY_STATE_ACCEPTED)
        self.store.packages.records[envelope.package_id] = decided

    async def withdraw(self, package_id: str) -> None:
        """As its sender wishes, as soon as it is known here, whole or not."""
        await self.schedule.turn()
        async with self.exchange.store.transaction() as tx:
            record = await tx.packages.get(package_id, lock=True)
            if record is not None and record.state not in FINAL:
                await self.desk.withdraw(tx, record)
                self.desk.announce(record)

    async def keep_house(self, rounds: int) -> None:
        for _ in range(rounds):
            await self.housekeeping.round()

    async def require_nothing_lost(self) -> None:
        for record in self.store.packages.records.values():
            if record.complete and record.contents_removed_time is None:
                for digest in record.contents:
                    assert await self.parts.size(PartKey("police", digest)) is not None


class Frames:
    """What the neighbour sends, each frame when the schedule says so."""

    def __init__(self, schedule: Schedule, frames: list[Frame]) -> None:
        self._schedule = schedule
        self._frames = iter(frames)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Frame:
        task = asyncio.current_task()
        assert task is not None
        task.set_name("sender")  # the reader of a stream waits for nothing else
        await self._schedule.turn()
        for frame in self._frames:
            return frame
        raise StopAsyncIteration


def offered(envelope: Envelope, contents: tuple[bytes, ...]) -> Iterator[Frame]:
    yield TransferRequest(transfer=1, offer=Offer(envelope=signed(envelope)))
    for number, content in enumerate(contents):
        yield DataFrame(number, 0, 0, content, transfer=1)
    yield TransferRequest(transfer=1, commit=Commit())


async def settled(schedule: Schedule, tasks: list[asyncio.Task[None]]) -> None:
    """Until everybody waits for the schedule or has ended."""
    seen = -1
    while seen != (seen := len(schedule.waiting)) or (not seen and not all(task.done() for task in tasks)):
        for _ in range(40):
            await asyncio.sleep(0)


async def play(city: City, tasks: list[asyncio.Task[None]], data: st.DataObject) -> None:
    try:
        await _play(city, tasks, data)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _play(city: City, tasks: list[asyncio.Task[None]], data: st.DataObject) -> None:
    schedule = city.schedule
    await settled(schedule, tasks)
    while schedule.waiting:
        step = GRACE * data.draw(st.sampled_from([0, 0, 0.2, 0.6, 3]))
        if schedule.may_pass(step):
            schedule.time += step
        next_one = data.draw(st.integers(0, len(schedule.waiting) - 1))
        schedule.waiting.pop(next_one).go_on.set_result(None)
        await settled(schedule, tasks)
        await city.require_nothing_lost()
    await asyncio.gather(*tasks)


WITHDRAWN, DELIVERED = EvidenceKind.EVIDENCE_KIND_WITHDRAWN, EvidenceKind.EVIDENCE_KIND_DELIVERED
PACKAGES = st.lists(st.lists(st.sampled_from(CONTENTS), min_size=1, max_size=3), min_size=1, max_size=3)


# Schedules have no smaller ones to speak of; trying to find them would take minutes.
@settings(max_examples=60, deadline=None, phases=[Phase.generate])
@given(packages=PACKAGES, rounds=st.integers(1, 4), data=st.data())
async def test_nothing_that_is_needed_goes_and_everything_else_does(
    packages: list[list[bytes]], rounds: int, data: st.DataObject
) -> None:
    city = City(data.draw(st.sampled_from([timedelta(0), timedelta(0), timedelta.max])))
    tasks = [asyncio.create_task(city.keep_house(rounds), name=HOUSEKEEPING)]
    for number, files in enumerate(packages):
        contents = (b"manifest", *files)
        envelope = new_envelope(*contents)
        envelope.package_id = uuid7(NOW, bytes([number + 1]) * 10)
        tasks.append(asyncio.create_task(city.bring(envelope, contents)))
        if data.draw(st.booleans()):
            tasks.append(asyncio.create_task(city.withdraw(envelope.package_id)))
    await play(city, tasks, data)
    city.schedule.time += 2 * GRACE
    last = [asyncio.create_task(city.keep_house(2), name=HOUSEKEEPING)]
    await play(city, last, data)
    assert await city.parts.complete(None, 100) == []
    assert await city.parts.sweep_partials(0) == 0
    for record in city.store.packages.records.values():
        kinds = [one.kind for one in city.store.packages.stated if one.package_id == record.package_id]
        is_withdrawn = record.state == DeliveryState.DELIVERY_STATE_WITHDRAWN
        assert kinds == [DELIVERED] * record.complete + [WITHDRAWN] * is_withdrawn
    assert len(city.store.packages.records) == len(packages)
