"""The database goes away and comes back: callers learn that it is away, defects stay defects, and nothing hangs."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest
from sqlalchemy import text
from tests.conftest import PostgresServer
from tests.integration.store.conftest import PATIENCE_SECONDS
from tests.integration.store.records import COMPLETED, evidence, new_id, package, stored

from xietong_exchange.adapters.postgres import PostgresStore
from xietong_exchange.adapters.postgres.statement import Statement
from xietong_exchange.domain.errors import DatabaseUnavailable

TERMINATE_OTHERS = Statement(
    text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid()"
    )
)
BACKEND = Statement(text("SELECT pg_backend_pid()"))


@asynccontextmanager
async def store_on(url: str, **options: object) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.connect(url, **options)  # type: ignore[arg-type]  # options of that call
    yield store
    await store.close()


async def look(store: PostgresStore) -> None:
    async with store.transaction() as tx:
        await tx.packages.get(new_id())


async def tries_until_it_works(store: PostgresStore) -> int:
    for number in range(1, 10):
        try:
            await look(store)
        except DatabaseUnavailable:
            continue
        return number
    pytest.fail("the store did not find back to the database")


async def test_the_store_finds_back_after_a_restart(
    store: PostgresStore, postgres_server: PostgresServer
) -> None:
    await asyncio.gather(*(look(store) for _ in range(5)))
    await postgres_server.launcher.stop()
    try:
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable):
                await look(store)
            with pytest.raises(DatabaseUnavailable):
                await store.schema_version()
    finally:
        await postgres_server.launcher.start()
    assert await tries_until_it_works(store) <= 2


async def test_a_restart_between_two_transactions_costs_one_try_at_most(
    store: PostgresStore, postgres_server: PostgresServer
) -> None:
    await asyncio.gather(*(look(store) for _ in range(5)))
    await postgres_server.launcher.stop()
    await postgres_server.launcher.start()
    assert await tries_until_it_works(store) <= 2


async def test_a_server_that_ends_in_the_middle_is_unavailable(
    store: PostgresStore, postgres_server: PostgresServer, postgres_url: str
) -> None:
    [record] = await stored(store, package())

    async def interrupted() -> None:
        async with store.transaction() as tx:
            await tx.packages.advance(record.package_id, COMPLETED)
            async with store_on(postgres_url) as other, other.transaction() as killer:
                await killer._connection.rows(TERMINATE_OTHERS)
            await tx.packages.get(record.package_id)

    with pytest.raises(DatabaseUnavailable):
        await interrupted()
    assert await tries_until_it_works(store) <= 2
    async with store.transaction() as tx:
        found = await tx.packages.get(record.package_id)
        assert found
        assert not found.complete, "what was not committed did not happen"


async def test_a_server_that_ends_before_the_commit_is_unavailable(
    store: PostgresStore, postgres_url: str
) -> None:
    [record] = await stored(store, package())

    async def interrupted() -> None:
        async with store.transaction() as tx:
            await tx.packages.advance(record.package_id, COMPLETED)
            async with store_on(postgres_url) as other, other.transaction() as killer:
                await killer._connection.rows(TERMINATE_OTHERS)

    with pytest.raises(DatabaseUnavailable):
        await interrupted()


async def test_who_waits_for_a_lock_when_the_server_ends_is_told_so(
    store: PostgresStore, postgres_url: str, until_waiting: Callable[[int], Awaitable[None]]
) -> None:
    [record] = await stored(store, package())

    async def work() -> None:
        async with store.transaction() as tx:
            await tx.packages.advance(record.package_id, COMPLETED)

    async with (
        store_on(postgres_url) as other,
        asyncio.timeout(PATIENCE_SECONDS),
        other.transaction() as holder,
    ):
        await holder.packages.get(record.package_id, lock=True)
        waiting = asyncio.create_task(work())
        await until_waiting(1)
        await holder._connection.rows(TERMINATE_OTHERS)
        with pytest.raises(DatabaseUnavailable):
            await waiting


@pytest.mark.parametrize(
    "wrong",
    ["postgresql+asyncpg://nobody@localhost:1/nothing", "{url}&user=nobody", "{other_database}"],
)
async def test_who_cannot_connect_is_told_so(
    postgres_server: PostgresServer, postgres_url: str, wrong: str
) -> None:
    url = wrong.format(url=postgres_url, other_database=postgres_server.url_of("no_such_database"))
    async with store_on(url) as store:
        with pytest.raises(DatabaseUnavailable):
            await look(store)


async def test_an_exhausted_pool_is_unavailable(postgres_url: str) -> None:
    async with (
        store_on(postgres_url, connections=1, pool_wait_seconds=1.0) as store,
        store.transaction() as first,
    ):
        await first.now()
        with pytest.raises(DatabaseUnavailable):
            await look(store)


async def test_many_share_two_connections_which_are_used_again_and_again(postgres_url: str) -> None:
    async with store_on(postgres_url, connections=2, pool_wait_seconds=PATIENCE_SECONDS) as store:
        await asyncio.gather(*(look(store) for _ in range(20)))
        backends = set()
        for _ in range(5):
            await asyncio.gather(*(look(store) for _ in range(3)))
            async with store.transaction() as one, store.transaction() as other:
                backends |= {await tx._connection.value(BACKEND) for tx in (one, other)}
        assert len(backends) == 2


async def test_a_connection_that_was_idle_for_long_is_replaced(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def backend() -> object:
        async with store.transaction() as tx:
            return await tx._connection.value(BACKEND)

    async with store_on(postgres_url, connections=1, pool_wait_seconds=PATIENCE_SECONDS) as store:
        first = await backend()
        assert await backend() == first
        monkeypatch.setattr("xietong_exchange.adapters.postgres.store.IDLE_SECONDS", 0.0)
        assert await backend() != first


async def test_a_server_that_does_not_answer_is_unavailable(
    store: PostgresStore, postgres_url: str, until_waiting: Callable[[int], Awaitable[None]]
) -> None:
    [record] = await stored(store, package())

    async def wait(impatient: PostgresStore) -> None:
        async with impatient.transaction() as tx:
            await tx.packages.get(record.package_id, lock=True)

    async with store_on(postgres_url, connections=1, statement_seconds=1.0) as impatient:
        async with asyncio.timeout(PATIENCE_SECONDS), store.transaction() as holder:
            await holder.packages.get(record.package_id, lock=True)
            with pytest.raises(DatabaseUnavailable):
                await wait(impatient)
        await wait(impatient)


async def test_defects_are_not_taken_for_an_absent_database(store: PostgresStore) -> None:
    async def add_orphan() -> None:
        async with store.transaction() as tx:
            await tx.packages.add_evidence(evidence(new_id()))

    async def ask_nonsense() -> None:
        async with store.transaction() as tx:
            await tx.packages.get("no identifier")

    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await add_orphan()
    with pytest.raises(asyncpg.DataError):
        await ask_nonsense()


async def test_errors_do_not_show_what_was_to_be_written(store: PostgresStore) -> None:
    [record] = await stored(store, package())

    async def write_what_postgresql_refuses() -> None:
        async with store.transaction() as tx:
            await tx.packages.advance(
                record.package_id, dataclasses.replace(COMPLETED, receiver_case_number="张某某\0")
            )

    with pytest.raises(asyncpg.CharacterNotInRepertoireError) as caught:
        await write_what_postgresql_refuses()
    assert "张某某" not in str(caught.value)


async def test_errors_of_the_flow_pass_through_unchanged(store: PostgresStore) -> None:
    async def fail(error: Exception) -> None:
        async with store.transaction() as tx:
            await tx.now()
            raise error

    for error in (KeyError("x"), FileNotFoundError("x"), ConnectionResetError("x")):
        with pytest.raises(type(error)) as caught:
            await fail(error)
        assert caught.value is error


async def test_a_cancelled_transaction_is_rolled_back_and_its_connection_given_back(
    postgres_url: str, until_waiting: Callable[[int], Awaitable[None]]
) -> None:
    async with store_on(postgres_url, connections=2, pool_wait_seconds=PATIENCE_SECONDS) as store:
        [record] = await stored(store, package())

        async def wait() -> None:
            async with store.transaction() as tx:
                await tx.packages.advance(record.package_id, COMPLETED)

        async with store.transaction() as holder:
            await holder.packages.get(record.package_id, lock=True)
            waiting = asyncio.create_task(wait())
            await until_waiting(1)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        await asyncio.gather(*(look(store) for _ in range(4)))
        async with store.transaction() as tx:
            found = await tx.packages.get(record.package_id)
            assert found
            assert not found.complete


async def test_the_clock_is_the_databases_and_moves_within_a_transaction(store: PostgresStore) -> None:
    async with store.transaction() as tx:
        first, second = await tx.now(), await tx.now()
    assert first < second
    assert first.utcoffset() is not None
