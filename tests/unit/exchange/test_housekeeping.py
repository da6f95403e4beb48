"""Housekeeping: what is not needed goes, in bounded rounds, and nothing that somebody finds meanwhile."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self

import pytest
from tests.unit.exchange.nodes import LONG_SECONDS, MemoryStore, new_exchange, until
from tests.unit.exchange.packages import NOW, new_envelope, sealed_package

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction
from xietong_exchange.domain.errors import DatabaseUnavailable
from xietong_exchange.domain.identifiers import uuid7
from xietong_exchange.domain.retention import Retention
from xietong_exchange.flow import housekeeping as module
from xietong_exchange.flow.housekeeping import Housekeeping
from xietong_exchange.flow.intake import new_record
from xietong_exchange.flow.part_store import PartKey
from xietong_exchange.flow.records import PackageRecord
from xietong_exchange.flow.space import Space
from xietong_exchange.testing.memory_parts import MemoryPartStore

HOUR = timedelta(hours=1)
GRACE = 24 * HOUR
POLICE = Party.PARTY_POLICE


@dataclass
class SlowStore(MemoryStore):
    """Its database answers when the test says so, or is away."""

    asked: int = 0
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    is_away: bool = False

    def __post_init__(self) -> None:
        self.may_answer.set()

    @asynccontextmanager
    async def transaction(self, *, single: bool = False) -> AsyncIterator[Self]:
        if self.is_away:
            raise DatabaseUnavailable
        yield self
        self.asked += 1
        await self.may_answer.wait()


class Node:
    """A receiver's node with a clock and parts."""

    def __init__(self, retention: Retention | None = None) -> None:
        self.time: datetime = NOW
        self.store = SlowStore()
        self.parts = MemoryPartStore(clock_seconds=self.seconds)
        self.exchange = replace(
            new_exchange(Party.PARTY_PROCURATORATE, self.store),
            parts=self.parts,
            space=Space(self.parts, 0),
            clock=self.now,
            retention=retention or Retention(grace=GRACE),
        )
        self.housekeeping = Housekeeping(self.exchange, 0.001)

    def now(self) -> datetime:
        return self.time

    def seconds(self) -> float:
        return self.time.timestamp()

    async def put(self, content: bytes, owner: str = "police") -> PartKey:
        key = PartKey(owner, hashlib.sha256(content).digest())
        async with await self.parts.write(key, len(content)) as writer:
            await writer.append(content[writer.written :])
            await writer.finish()
        return key

    async def receive(self, *contents: bytes, state: DeliveryState.ValueType) -> PackageRecord:
        envelope = new_envelope(*contents)
        envelope.package_id = uuid7(NOW, len(self.store.packages.records).to_bytes(10, "big"))
        package = sealed_package(envelope)
        record = new_record(
            package, direction=Direction.DIRECTION_INCOMING, state=state, complete=True, now=NOW
        )
        for content in contents:
            await self.put(content)
        await self.store.packages.add(record)
        self.exchange.space.keep(record.sender, record.size_bytes)
        return record

    async def left(self) -> Sequence[PartKey]:
        return await self.parts.complete(None, 10_000)


async def test_a_part_that_is_found_while_the_database_is_asked_stays() -> None:
    node = Node()
    key = await node.put(b"content")
    node.time += 2 * GRACE
    node.store.may_answer.clear()
    async with asyncio.timeout(LONG_SECONDS):
        round_ = asyncio.create_task(node.housekeeping._collect())
        await until(lambda: node.store.asked == 1)
        node.time += HOUR
        [state] = await node.parts.states([(key, 7)])  # an offer finds it
        node.time += 2 * GRACE  # the node is held up before it removes what the answer did not name
        node.store.may_answer.set()
        await round_
    assert state.complete
    assert await node.left() == [key]
    await node.housekeeping.round()
    assert await node.left() == []


async def test_what_a_package_needs_stays_until_its_retention_has_ended() -> None:
    node = Node(Retention(grace=GRACE, outcome=HOUR))
    accepted = await node.receive(b"manifest", b"shared", state=DeliveryState.DELIVERY_STATE_ACCEPTED)
    parsed = await node.receive(b"another", b"shared", state=DeliveryState.DELIVERY_STATE_PARSED)
    [before] = node.exchange.space.usage()
    node.time += 2 * GRACE
    await node.housekeeping.round()
    assert {key.digest for key in await node.left()} == set(parsed.contents)
    removed = {one.package_id: one.contents_removed_time for one in node.store.packages.records.values()}
    assert removed[accepted.package_id] is not None
    assert removed[parsed.package_id] is None
    [after] = node.exchange.space.usage()
    assert before.kept_bytes - after.kept_bytes == accepted.size_bytes


async def test_without_a_retention_nothing_is_let_go_of() -> None:
    node = Node()
    record = await node.receive(b"manifest", state=DeliveryState.DELIVERY_STATE_ACCEPTED)
    node.time += 1000 * GRACE
    await node.housekeeping.round()
    assert {key.digest for key in await node.left()} == set(record.contents)


async def test_a_hub_lets_go_of_what_nobody_decides_on() -> None:
    node = Node(Retention(grace=GRACE, undecided=HOUR))
    for state in (DeliveryState.DELIVERY_STATE_DELIVERED, DeliveryState.DELIVERY_STATE_RELAYED):
        await node.receive(b"manifest", state.to_bytes(1, "big"), state=state)
    await node.housekeeping.round()
    kept = [one for one in node.store.packages.records.values() if one.contents_removed_time is None]
    assert [one.state for one in kept] == [DeliveryState.DELIVERY_STATE_RELAYED]


async def test_a_package_that_cannot_be_read_holds_up_nobody(caplog: pytest.LogCaptureFixture) -> None:
    node = Node(Retention(grace=GRACE, outcome=HOUR))
    bad, good = [
        await node.receive(b"manifest", content, state=DeliveryState.DELIVERY_STATE_ACCEPTED)
        for content in (b"bad", b"good")
    ]
    node.store.packages.records[bad.package_id] = replace(bad, envelope=b"not an envelope")
    node.time += 2 * GRACE
    await node.housekeeping.round()
    assert {key.digest for key in await node.left()} == set(bad.contents)
    assert not node.store.packages.needs[good.package_id]
    assert bad.package_id in caplog.text


async def test_a_round_is_bounded_and_the_next_one_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_PARTS", 2)
    monkeypatch.setattr(module, "ROUND_BATCHES", 3)
    node = Node()
    for number in range(14):
        await node.put(b"%d" % number, "police" if number % 2 else "court")
    node.time += 2 * GRACE
    left = []
    for _ in range(3):
        await node.housekeeping.round()
        left.append(len(await node.left()))
    assert left == [8, 2, 0]


async def test_what_the_node_did_not_write_is_left_alone() -> None:
    node = Node()
    key = await node.put(b"content", "somebody")
    node.time += 1000 * GRACE
    await node.housekeeping.round()
    assert await node.left() == [key]


async def test_a_database_that_is_away_ends_no_housekeeping(caplog: pytest.LogCaptureFixture) -> None:
    node = Node()
    await node.put(b"content")
    node.time += 2 * GRACE
    node.store.is_away = True
    async with asyncio.timeout(LONG_SECONDS):
        running = asyncio.create_task(node.housekeeping.run())
        while "DATABASE_UNAVAILABLE" not in caplog.text:
            await asyncio.sleep(0.001)
        node.store.is_away = False
        while await node.left():
            await asyncio.sleep(0.001)
        running.cancel()
        await asyncio.wait([running])
