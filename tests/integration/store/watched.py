"""A store whose statements a test sees."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from xietong_exchange.adapters.postgres import PostgresStore


class WatchedConnection(asyncpg.Connection):
    """Tells of each statement with its values before it runs, and after it how many rows it gave."""

    async def before(self, sql: str, values: tuple[Any, ...]) -> None:
        """It is about to run."""

    def after(self, sql: str, rows: int) -> None:
        """It gave so many rows."""

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        await self.before(query, args)
        found = await super().fetch(query, *args, **options)
        self.after(query, len(found))
        return found

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        await self.before(query, args)
        found = await super().fetchrow(query, *args, **options)
        self.after(query, found is not None)
        return found

    async def execute(self, query: str, *args: Any, **options: Any) -> str:
        await self.before(query, args)
        tag: str = await super().execute(query, *args, **options)
        self.after(query, 0)
        return tag


@asynccontextmanager
async def watched_store(url: str, connections: type[WatchedConnection]) -> AsyncIterator[PostgresStore]:
    """A store of its own on this database, with connections of this class."""
    store = await PostgresStore.connect(url, connection_class=connections)
    yield store
    await store.close()
