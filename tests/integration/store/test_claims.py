"""Many workers on one outbox: each delivery has one holder at a time, and none is lost or done twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from tests.integration.store.conftest import PATIENCE_SECONDS
from tests.integration.store.records import REFUSAL
from tests.integration.store.test_outbox import BULK, HUB, claimed, enqueued

from xietong_exchange.adapters.postgres import PostgresStore

WORKERS = 8


async def test_a_claim_passes_by_what_another_one_is_taking(store: PostgresStore) -> None:
    ids = await enqueued(store, 3)
    async with asyncio.timeout(PATIENCE_SECONDS), store.transaction() as first:
        taken = await first.outbox.claim(HUB, BULK, owner="first", lease_seconds=0, limit=2)
        assert [found.package_id for found in await claimed(store)] == ids[2:]
    assert [found.package_id for found in taken] == ids[:2]


async def test_a_claim_that_is_rolled_back_took_nothing(store: PostgresStore) -> None:
    [package_id] = await enqueued(store)

    async def fail() -> None:
        async with store.transaction() as tx:
            assert await tx.outbox.claim(HUB, BULK, owner="first", lease_seconds=9, limit=1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    [found] = await claimed(store)
    assert (found.package_id, found.token, found.attempts) == (package_id, 1, 1)


async def test_a_drop_waits_for_an_offer_and_finds_itself_late(
    store: PostgresStore, until_waiting: Callable[[int], Awaitable[None]]
) -> None:
    [package_id] = await enqueued(store)
    [held] = await claimed(store)

    async def drop() -> bool:
        async with store.transaction() as tx:
            return await tx.outbox.drop(package_id)

    async with asyncio.timeout(PATIENCE_SECONDS):
        async with store.transaction() as tx:
            assert await tx.outbox.offer(held.delivery_id, held.token)
            dropping = asyncio.create_task(drop())
            await until_waiting(1)
        assert await dropping is False
        async with store.transaction() as tx:
            assert await tx.outbox.finish([(held.delivery_id, held.token)])


async def test_an_offer_waits_for_a_drop_and_finds_itself_late(
    store: PostgresStore, until_waiting: Callable[[int], Awaitable[None]]
) -> None:
    [package_id] = await enqueued(store)
    [held] = await claimed(store)

    async def offer() -> bool:
        async with store.transaction() as tx:
            return await tx.outbox.offer(held.delivery_id, held.token)

    async with asyncio.timeout(PATIENCE_SECONDS):
        async with store.transaction() as tx:
            assert await tx.outbox.drop(package_id)
            offering = asyncio.create_task(offer())
            await until_waiting(1)
        assert await offering is False


async def test_workers_share_the_work_without_overlap(store: PostgresStore) -> None:
    ids = await enqueued(store, 120)
    holders: Counter[str] = Counter()
    finished: list[str] = []

    async def work() -> None:
        while taken := await claimed(store, limit=7):
            holders.update(found.package_id for found in taken)
            assert all(holders[found.package_id] == 1 for found in taken), "two hold the same delivery"
            async with store.transaction() as tx:
                for found in taken:
                    assert await tx.outbox.finish([(found.delivery_id, found.token)])
            finished.extend(found.package_id for found in taken)

    await asyncio.gather(*(work() for _ in range(WORKERS)))
    assert sorted(finished) == sorted(ids)


async def test_every_try_has_a_token_of_its_own(store: PostgresStore) -> None:
    """Leases that run out at once, and tries that fail: whoever settles is the one who took it last."""
    count, rounds = 20, 3
    await enqueued(store, count)
    tries: Counter[tuple[int, int]] = Counter()
    settled: Counter[int] = Counter()

    async def work() -> None:
        while taken := await claimed(store, lease_seconds=0, limit=3):
            tries.update((found.delivery_id, found.token) for found in taken)
            for found in taken:
                key = (found.delivery_id, found.token)
                async with store.transaction() as tx:
                    if found.token < rounds:
                        won = await tx.outbox.postpone(*key, REFUSAL, delay_seconds=0, reset_budget=False)
                    else:
                        won = await tx.outbox.finish([key]) == 1
                settled[found.delivery_id] += won and found.token >= rounds

    await asyncio.gather(*(work() for _ in range(WORKERS)))
    assert set(tries.values()) == {1}
    assert set(settled.values()) == {1}
    assert len(settled) == count
    async with store.transaction() as tx:
        assert await tx.outbox.count("done") == count
