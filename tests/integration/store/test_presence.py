"""Who is alive: the leases of a process that ended are free at once, those of one that lives stay its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.integration.store.records import package, stored

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong_exchange.adapters.postgres import PostgresStore, Presence
from xietong_exchange.adapters.postgres.presence import Queue
from xietong_exchange.flow.records import DeliveryRecord

HUB, BULK = Party.PARTY_HUB, Lane.LANE_BULK
LEASE_SECONDS = 3600.0
BOUND_SECONDS = 20.0
LOOK_SECONDS = 0.05

_LOCKS = (
    "FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND database = (SELECT oid FROM pg_database"
)
_LOCKS += " WHERE datname = current_database())"
_HOLDERS = text(f"SELECT pid {_LOCKS}")
_BREAK = text(f"SELECT pg_terminate_backend(pid) {_LOCKS}")


@dataclass
class Process:
    """As a node's process is to the database, but for what it delivers."""

    presence: Presence
    freed: set[Queue] = field(default_factory=set)
    looked: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def process(url: str, name: str) -> AsyncIterator[Process]:
    """A process that lives until the end of the block."""

    def freed(queues: Iterable[Queue]) -> None:
        one.freed.update(queues)
        one.looked.set()

    one = Process(Presence(url, name, freed, look_seconds=LOOK_SECONDS))
    async with one.presence:
        looking = asyncio.create_task(one.presence.run())
        try:
            yield one
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)


async def leased_to(store: PostgresStore, owner: str) -> DeliveryRecord:
    """A delivery that this process has taken, for far longer than any test takes."""
    [record] = await stored(store, package())
    async with store.transaction() as tx:
        await tx.outbox.enqueue(HUB, BULK, record.package_id)
    [taken] = await claim(store, owner)
    return taken


async def claim(store: PostgresStore, owner: str) -> list[DeliveryRecord]:
    async with store.transaction() as tx:
        return await tx.outbox.claim(HUB, BULK, owner=owner, lease_seconds=LEASE_SECONDS, limit=9)


async def eventually_claimed(store: PostgresStore, owner: str) -> list[DeliveryRecord]:
    """What is due, once it is; a claim leaves out what another process is just freeing."""
    async with asyncio.timeout(BOUND_SECONDS):
        while not (taken := await claim(store, owner)):
            await asyncio.sleep(0.02)
    return taken


async def finish(store: PostgresStore, taken: DeliveryRecord) -> int:
    async with store.transaction() as tx:
        return await tx.outbox.finish([(taken.delivery_id, taken.token)])


async def test_what_a_predecessor_held_is_free_at_once_and_its_token_is_worth_nothing(
    store: PostgresStore, postgres_url: str
) -> None:
    async with process(postgres_url, "predecessor"):
        taken = await leased_to(store, "predecessor")
    async with process(postgres_url, "successor") as successor, asyncio.timeout(BOUND_SECONDS):
        await successor.looked.wait()

        assert successor.freed == {(HUB, BULK)}
        assert await finish(store, taken) == 0
        [again] = await claim(store, "successor")
        assert (again.delivery_id, again.token) == (taken.delivery_id, taken.token + 1)
        assert await finish(store, taken) == 0
        assert await finish(store, again) == 1


async def test_who_dies_meanwhile_is_noticed_and_who_lives_keeps_its_leases(
    store: PostgresStore, postgres_url: str
) -> None:
    async with (
        asyncio.timeout(BOUND_SECONDS),
        process(postgres_url, "witness"),
        process(postgres_url, "living"),
    ):
        kept = await leased_to(store, "living")
        async with process(postgres_url, "dying"):
            lost = await leased_to(store, "dying")

        [again] = await eventually_claimed(store, "witness")
        assert again.delivery_id == lost.delivery_id
        assert await finish(store, kept) == 1


async def test_who_lost_its_connection_says_again_that_it_lives(
    store: PostgresStore, postgres_url: str, engine: AsyncEngine
) -> None:
    async with process(postgres_url, "living"), engine.connect() as connection:
        kept = await leased_to(store, "living")
        [before] = (await connection.execute(_HOLDERS)).scalars()
        await connection.execute(_BREAK)

        async with asyncio.timeout(BOUND_SECONDS):
            while (await connection.execute(_HOLDERS)).scalars().all() in ([], [before]):
                await asyncio.sleep(0.02)
        async with process(postgres_url, "dead"):
            lost = await leased_to(store, "dead")
        again = await eventually_claimed(store, "living")

        assert [found.delivery_id for found in again] == [lost.delivery_id]
        assert await finish(store, kept) == 1
