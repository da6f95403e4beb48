"""The store on PostgreSQL: one connection per transaction, and the one place that notices a database that is away."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from xietong_exchange.adapters.postgres.drafts import PostgresDrafts
from xietong_exchange.adapters.postgres.migrate import current_revision
from xietong_exchange.adapters.postgres.operation_log import PostgresOperationLog
from xietong_exchange.adapters.postgres.outbox import PostgresOutbox
from xietong_exchange.adapters.postgres.packages import PostgresPackages
from xietong_exchange.domain.errors import DatabaseUnavailable

log = logging.getLogger(__name__)

POOL_CONNECTIONS = 16
POOL_WAIT_SECONDS = 10
CONNECT_SECONDS = 5
STATEMENT_SECONDS = 30
"""Far beyond any statement of ours: who waits longer has lost the server without being told."""


class PostgresTransaction:
    """The port `flow.store.Transaction`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.packages = PostgresPackages(connection)
        self.outbox = PostgresOutbox(connection)
        self.drafts = PostgresDrafts(connection)
        self.operations = PostgresOperationLog(connection)

    async def now(self) -> datetime:
        """The database's clock."""
        moment: datetime = (await self._connection.execute(select(func.clock_timestamp()))).scalar_one()
        return moment


class PostgresStore:
    """The port `flow.store.Store`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @classmethod
    def connect(cls, url: str, connections: int = POOL_CONNECTIONS) -> PostgresStore:
        """A store with at most so many connections to this database (`postgresql+asyncpg://…`)."""
        return cls(
            create_async_engine(
                url,
                pool_size=connections,
                max_overflow=0,
                pool_timeout=POOL_WAIT_SECONDS,
                connect_args={"timeout": CONNECT_SECONDS, "command_timeout": STATEMENT_SECONDS},
                hide_parameters=True,  # they hold personal data, and errors are logged
            )
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresTransaction]:
        """Begin a transaction; it commits when the block ends well."""
        async with AsyncExitStack() as stack:
            with _connecting():
                connection = await stack.enter_async_context(self._engine.connect())
            with _working():
                async with connection.begin():
                    yield PostgresTransaction(connection)

    async def schema_version(self) -> str:
        """Version of the schema in the database."""
        with _connecting():
            return await current_revision(self._engine) or ""

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


@contextmanager
def _connecting() -> Iterator[None]:
    """Whatever keeps us from getting a connection: the database is away."""
    try:
        yield
    except (OSError, SQLAlchemyError) as error:
        raise _unavailable(error) from error


@contextmanager
def _working() -> Iterator[None]:
    """Among the errors of statements, which may be ours, those that say that the server is gone."""
    try:
        yield
    except TimeoutError as error:
        raise _unavailable(error) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise _unavailable(error) from error
        raise


def _unavailable(error: Exception) -> DatabaseUnavailable:
    log.warning("the database does not answer: %s: %s", type(error).__name__, error)
    return DatabaseUnavailable()
