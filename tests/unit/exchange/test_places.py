"""What is recorded while its courier has a place goes to it at once, once it is committed; all else waits its turn."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

import pytest
from tests.unit.exchange.couriers import PACKAGE, Hub, courier, store_with
from tests.unit.exchange.nodes import MemoryStore, until
from tests.unit.exchange.packages import PACKAGE_ID

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong_exchange.domain.errors import NodeUnreachable
from xietong_exchange.flow.changes import queue
from xietong_exchange.flow.courier import LANE_WIDTHS
from xietong_exchange.flow.evidence import to_evidence
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.records import DeliveryRecord

LANE, EVIDENCE = Lane.LANE_INTERACTIVE, Lane.LANE_EVIDENCE


async def hand_on(exchange: Exchange, store: MemoryStore, lane: Lane.ValueType, times: int = 1) -> None:
    evidence = store.packages.stated[0] if lane == EVIDENCE else None
    async with exchange.store.transaction() as tx:
        for _ in range(times):
            package = store.packages.records[PACKAGE_ID]
            await exchange.places.hand_on(tx, Party.PARTY_HUB, lane, package, evidence)


async def idle(store: MemoryStore) -> None:
    """Until the courier has found nothing due."""
    await until(lambda: store.outbox.claims > 0)


async def test_a_package_leaves_without_being_claimed() -> None:
    store, hub = store_with(0), Hub([[]])
    async with courier(store, hub, LANE) as exchange:
        await idle(store)
        await hand_on(exchange, store, LANE)
        await until(lambda: bool(store.outbox.log))
    assert hub.packages == [PACKAGE.package_id]
    assert store.outbox.log == [("finished", 1, "")]
    assert store.outbox.claims == 1
    assert store.outbox.deliveries[1].offered


async def test_a_package_leaves_outside_of_the_span_in_which_it_was_recorded() -> None:
    span = ContextVar("span", default="none")
    seen: list[str] = []
    store, hub = store_with(0), Hub([[]], on_connect=lambda: seen.append(span.get()))
    async with courier(store, hub, LANE) as exchange:
        await idle(store)
        span.set("commit")
        await hand_on(exchange, store, LANE)
        await until(lambda: bool(store.outbox.log))
    assert seen == ["none"]


async def test_evidence_leaves_without_being_claimed_or_read_again() -> None:
    store, hub = store_with(1), Hub([[None]])
    async with courier(store, hub, EVIDENCE) as exchange:
        await idle(store)
        await hand_on(exchange, store, EVIDENCE)
        await until(lambda: bool(store.outbox.log))
    assert hub.evidence == [[to_evidence(store.packages.stated[0])]]
    assert (store.outbox.claims, store.packages.looks) == (1, 0)


async def test_what_finds_no_place_waits_its_turn() -> None:
    count = LANE_WIDTHS[LANE] + 1
    store, hub = store_with(0), Hub([[]])
    async with courier(store, hub, LANE) as exchange:
        await idle(store)
        await hand_on(exchange, store, LANE, times=count)
        assert sum(not delivery.leased for delivery in store.outbox.deliveries.values()) == 1
        await until(lambda: len(store.outbox.log) == count)
    assert sorted(number for _, number, _ in store.outbox.log) == list(range(1, count + 1))


async def test_a_place_for_which_something_is_being_claimed_is_not_given_away() -> None:
    count = LANE_WIDTHS[LANE]
    store, hub = store_with(0), Hub([[]])
    claim, asked, answer = store.outbox.claim, asyncio.Event(), asyncio.Event()

    async def slow_claim(*queue: Any, **wanted: Any) -> list[DeliveryRecord]:
        assert wanted["limit"] > 0
        taken = await claim(*queue, **wanted)
        asked.set()
        await answer.wait()
        return taken

    async with courier(store, hub, LANE) as exchange:
        await idle(store)
        store.outbox.claim = slow_claim  # type: ignore[method-assign] # this database takes its time
        for _ in range(count):
            await store.outbox.enqueue(Party.PARTY_HUB, LANE, PACKAGE_ID)
        exchange.changes.announce(queue(Party.PARTY_HUB, LANE))
        await until(asked.is_set)
        await hand_on(exchange, store, LANE, times=count)
        assert sum(not delivery.leased for delivery in store.outbox.deliveries.values()) == count
        answer.set()
        await until(lambda: len(store.outbox.log) == 2 * count)


async def test_what_is_not_committed_goes_nowhere_and_its_place_is_free_again() -> None:
    store, hub = store_with(0), Hub([[]])
    async with courier(store, hub, LANE) as exchange:
        await idle(store)
        for _ in range(LANE_WIDTHS[LANE]):
            claims = store.outbox.claims
            with pytest.raises(RuntimeError, match="test"):  # noqa: PT012 - the block is the transaction
                async with exchange.store.transaction() as tx:
                    package = store.packages.records[PACKAGE_ID]
                    await exchange.places.hand_on(tx, Party.PARTY_HUB, LANE, package)
                    store.outbox.deliveries.clear()  # as a database does when it rolls back
                    raise RuntimeError("test")
            await until(lambda claims=claims: store.outbox.claims > claims)  # type: ignore[misc] # bound in the loop
        assert hub.packages == []
        await hand_on(exchange, store, LANE)
        await until(lambda: bool(store.outbox.log))
    assert hub.packages == [PACKAGE_ID]


async def test_for_a_neighbour_that_is_away_nothing_is_marked_as_offered() -> None:
    store, hub = store_with(0), Hub([[]], away=[NodeUnreachable(party="hub")] * 9, reachable=False)
    async with courier(store, hub, LANE) as exchange:
        await idle(store)
        await hand_on(exchange, store, LANE)
        await until(lambda: bool(store.outbox.log))
        assert not store.outbox.deliveries[1].offered


async def test_nor_for_one_that_is_found_to_be_away_just_then() -> None:
    store, hub = store_with(0), Hub([[]], away=[NodeUnreachable(party="hub")] * 9)
    async with courier(store, hub, LANE) as exchange:
        await idle(store)
        await hand_on(exchange, store, LANE)
        assert store.outbox.deliveries[1].offered
        await until(lambda: bool(store.outbox.log))
        assert not store.outbox.deliveries[1].offered
