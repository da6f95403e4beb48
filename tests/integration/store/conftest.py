"""Fixtures of the store's tests: a store on a fresh database, and a way to see that a statement waits for a lock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from tests.conftest import PostgresServer

from xietong_exchange.adapters.postgres import PostgresStore

PATIENCE_SECONDS = 20

_WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.connect(postgres_url)
    yield store
    await store.close()


@pytest.fixture
async def engine(postgres_url: str) -> AsyncIterator[AsyncEngine]:
    """For statements beside the store; each gets a connection of its own."""
    engine = create_async_engine(postgres_url, poolclass=NullPool)
    yield engine
    await engine.dispose()


@pytest.fixture
async def empty_url(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """A database without a schema."""
    await postgres_server.execute("CREATE DATABASE empty")
    yield postgres_server.url_of("empty")
    await postgres_server.execute("DROP DATABASE empty WITH (FORCE)")


@pytest.fixture
async def until_waiting(postgres_server: PostgresServer) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """Wait until this many statements wait for a lock in the cluster."""
    engine = create_async_engine(postgres_server.url, isolation_level="AUTOCOMMIT", poolclass=NullPool)

    async def wait(count: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS), engine.connect() as connection:
            while (await connection.execute(_WAITING)).scalar_one() < count:
                await asyncio.sleep(0.005)

    yield wait
    await engine.dispose()
