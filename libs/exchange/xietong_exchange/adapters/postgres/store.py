"""The store on PostgreSQL: a bounded pool, and one connection per transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeAlias

import asyncpg
from sqlalchemy import func, make_url, select, text

from xietong_exchange.adapters.postgres.contacts import PostgresContacts
from xietong_exchange.adapters.postgres.contents import PostgresContents
from xietong_exchange.adapters.postgres.deadlines import PostgresDeadlines
from xietong_exchange.adapters.postgres.drafts import PostgresDrafts
from xietong_exchange.adapters.postgres.incidents import PostgresIncidents
from xietong_exchange.adapters.postgres.maintenance import PostgresMaintenances
from xietong_exchange.adapters.postgres.operation_log import PostgresOperationLog
from xietong_exchange.adapters.postgres.outbox import PostgresOutbox
from xietong_exchange.adapters.postgres.packages import PostgresPackages
from xietong_exchange.adapters.postgres.passages import PostgresPassages
from xietong_exchange.adapters.postgres.problems import PostgresProblems
from xietong_exchange.adapters.postgres.search import PostgresSearch
from xietong_exchange.adapters.postgres.standard_changes import PostgresStandardChanges
from xietong_exchange.adapters.postgres.statement import (
    GONE,
    Connection,
    Driver,
    Statement,
    driver_arguments,
    is_lost,
    unavailable,
)
from xietong_exchange.adapters.postgres.statistics import PostgresStatistics
from xietong_exchange.flow.store import WhenOver

POOL_CONNECTIONS = 16
POOL_WAIT_SECONDS = 10.0
CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 30.0
"""Far beyond any statement of ours: who waits longer has lost the server without being told."""
IDLE_SECONDS = 240.0
"""A connection that nobody used for so long is replaced: a firewall may have forgotten it without a word."""
CLOSE_SECONDS = 2.0
"""Whoever still holds a connection then loses it; what it did not commit did not happen."""

_NOW = Statement(select(func.clock_timestamp()))
_HAS_SCHEMA = Statement(select(func.to_regclass("alembic_version").is_not(None)))
_SCHEMA = Statement(text("SELECT version_num FROM alembic_version"))
_SERVER = Statement(text("SHOW server_version"))

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


class PostgresTransaction:
    """The port `flow.store.Transaction`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._acts: list[WhenOver] = []
        self.packages = PostgresPackages(connection)
        self.search = PostgresSearch(connection, self.packages)
        self.statistics = PostgresStatistics(connection)
        self.outbox = PostgresOutbox(connection)
        self.drafts = PostgresDrafts(connection)
        self.contents = PostgresContents(connection)
        self.operations = PostgresOperationLog(connection)
        self.contacts = PostgresContacts(connection)
        self.maintenances = PostgresMaintenances(connection)
        self.problems = PostgresProblems(connection)
        self.standard_changes = PostgresStandardChanges(connection)
        self.incidents = PostgresIncidents(connection)
        self.deadlines = PostgresDeadlines(connection)
        self.passages = PostgresPassages(connection)

    async def now(self) -> datetime:
        """The database's clock."""
        moment: datetime = await self._connection.value(_NOW)
        return moment

    def when_over(self, act: WhenOver) -> None:
        """Have this done when the transaction is over."""
        self._acts.append(act)

    def end(self, *, is_committed: bool) -> None:
        """The transaction is over."""
        for act in self._acts:
            act(is_committed=is_committed)


class PostgresStore:
    """The port `flow.store.Store`."""

    def __init__(self, pool: Pool, *, pool_wait_seconds: float = POOL_WAIT_SECONDS) -> None:
        self._pool = pool
        self._pool_wait_seconds = pool_wait_seconds
        self._at_hand: list[tuple[Driver, float]] = []
        """Connections that nobody uses, and since when by the loop's clock. The pool would take as long as a statement
        for each way there and back."""
        self._waiting = 0

    @classmethod
    async def connect(
        cls,
        url: str,
        connections: int = POOL_CONNECTIONS,
        *,
        pool_wait_seconds: float = POOL_WAIT_SECONDS,
        statement_seconds: float = STATEMENT_SECONDS,
        connection_class: type[asyncpg.Connection] = asyncpg.Connection,
    ) -> PostgresStore:
        """A store with at most so many connections to this database (`postgresql+asyncpg://…`).

        Connections are made when they are needed: a database that is away is no error here.
        """
        pool = asyncpg.create_pool(
            **driver_arguments(make_url(url)),
            min_size=0,
            max_size=connections,
            timeout=CONNECT_SECONDS,
            command_timeout=statement_seconds,
            reset=_leave,
            connection_class=connection_class,
        )
        return cls(await pool, pool_wait_seconds=pool_wait_seconds)

    @asynccontextmanager
    async def transaction(self, *, single: bool = False) -> AsyncIterator[PostgresTransaction]:
        """Begin a transaction; it commits when the block ends well. With `single` each statement does by itself."""
        transaction: PostgresTransaction | None = None
        is_committed = False
        try:
            async with self._connection(single=single) as connection:
                transaction = PostgresTransaction(connection)
                yield transaction
            is_committed = True
        finally:
            if transaction is not None:
                transaction.end(is_committed=is_committed)

    async def schema_version(self) -> str:
        """Version of the schema in the database."""
        async with self._connection() as connection:
            has_schema = await connection.value(_HAS_SCHEMA)
            return str(await connection.value(_SCHEMA) or "") if has_schema else ""

    async def server_version(self) -> str:
        """Version of the database server."""
        async with self._connection() as connection:
            return str(await connection.value(_SERVER))

    async def close(self) -> None:
        """Close all connections, also those of a server that is gone."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                while self._at_hand:
                    driver, _ = self._at_hand.pop()
                    await self._pool.release(driver)
                await self._pool.close()
        except GONE:
            self._pool.terminate()

    @asynccontextmanager
    async def _connection(self, *, single: bool = False) -> AsyncIterator[Connection]:
        driver = await self._acquire()
        is_sound = False
        try:
            async with Connection(driver, single=single) as connection:
                yield connection
            is_sound = True
        finally:
            if is_sound and not self._waiting:
                self._at_hand.append((driver, asyncio.get_running_loop().time()))
            else:
                await self._pool.release(driver)

    async def _acquire(self) -> Driver:
        """Whatever keeps us from getting a connection: the database is away."""
        while self._at_hand:
            driver, since = self._at_hand.pop()
            if not is_lost(driver):
                if asyncio.get_running_loop().time() - since < IDLE_SECONDS:
                    return driver
                driver.terminate()
            await self._pool.release(driver)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._pool_wait_seconds):
                return await self._pool.acquire()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise unavailable(error) from error
        finally:
            self._waiting -= 1


async def _leave(_driver: asyncpg.Connection[asyncpg.Record]) -> None:
    """We change nothing of a session that would have to be set right, which would cost a round trip each time.

    A transaction that is still open is rolled back by the pool all the same.
    """
