"""Which processes of this node live, and whose leases are nobody's any more.

Each process holds an advisory lock for its name on a connection of its own, outside the pool; PostgreSQL lets go of it
when the process or its connection ends. So what a killed process left behind is due again at once instead of when its
leases run out. A lease that is taken away from a process that lives, because its connection broke, does no harm: its
token tells it so at its next beat, and at the latest when it wants to settle.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Self, TypeAlias

import asyncpg
from sqlalchemy import make_url

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong_exchange.adapters.postgres.statement import driver_arguments

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often a process looks who is alive."""
LOOKS_PER_SEARCH = 10
"""A process that came and went between two looks is found by the next search."""
CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 10.0

_KIND = int.from_bytes(b"xtpr", "big")
"""Tells our locks from other advisory locks in the same database; below 2^31."""
# Shared: nobody ever waits for it, also not for what an earlier connection of this process still holds at the server.
_LIVE = "SELECT pg_advisory_lock_shared($1, $2)"
_ALIVE = (
    "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid = $1"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_OWNERS = "SELECT DISTINCT lease_owner FROM delivery WHERE status = 'pending' AND lease_until > statement_timestamp()"
_FREE = (
    "UPDATE delivery SET lease_owner = NULL, lease_until = NULL"
    " WHERE status = 'pending' AND lease_owner = ANY($1::text[]) RETURNING destination, lane"
)

Queue: TypeAlias = "tuple[Party.ValueType, Lane.ValueType]"
_Driver: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
_LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Presence(AbstractAsyncContextManager["Presence"]):
    """The sign of life of one process, from entering to the end; in between `run` looks after the others."""

    def __init__(
        self,
        url: str,
        owner: str,
        freed: Callable[[Iterable[Queue]], None],
        *,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        """A process that is called `owner`; `freed` learns of queues in which something is due again."""
        self.owner = owner
        self._arguments = driver_arguments(make_url(url))
        self._freed = freed
        self._driver: _Driver | None = None
        self._look_seconds = look_seconds
        self._looks = 0
        self._known: frozenset[int] = frozenset()
        """Who was alive at the last look."""

    async def __aenter__(self) -> Self:
        """Be alive, before the first lease is taken.

        Raises:
            OSError, asyncpg.PostgresError: the database does not answer.
        """
        self._driver = await self._connected()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._leave()

    async def run(self) -> None:
        """Look after the others until cancelled."""
        while True:
            try:
                if self._driver is None:
                    self._driver = await self._connected()
                await self._look(self._driver)
            except _LOST as error:
                log.warning("the sign of life is lost and renewed: %s", type(error).__name__)
                await self._leave()
            await asyncio.sleep(self._look_seconds)

    async def _look(self, driver: _Driver) -> None:
        """Search at once when somebody went away, at the first look, and now and then."""
        alive = await self._alive(driver)
        if self._known - alive or self._looks % LOOKS_PER_SEARCH == 0:
            await self._free(driver)
        self._known = alive
        self._looks += 1

    async def _free(self, driver: _Driver) -> None:
        """Free what the dead hold."""
        owners = [row[0] for row in await driver.fetch(_OWNERS)]
        alive = await self._alive(
            driver
        )  # After the owners: each had its lock before it took its first lease.
        if dead := [owner for owner in owners if _number(owner) not in alive]:
            queues = {(row[0], row[1]) for row in await driver.fetch(_FREE, dead)}
            log.info("what %d processes held when they ended is due again", len(dead))
            self._freed(queues)

    async def _alive(self, driver: _Driver) -> frozenset[int]:
        return frozenset(row[0] for row in await driver.fetch(_ALIVE, _KIND)) | {_number(self.owner)}

    async def _connected(self) -> _Driver:
        driver: _Driver = await asyncpg.connect(
            **self._arguments, timeout=CONNECT_SECONDS, command_timeout=STATEMENT_SECONDS
        )
        try:
            await driver.execute(_LIVE, _KIND, _signed(_number(self.owner)))
        except BaseException:
            driver.terminate()
            raise
        return driver

    async def _leave(self) -> None:
        driver, self._driver = self._driver, None
        if driver is not None:
            with suppress(*_LOST):
                await driver.close(timeout=CONNECT_SECONDS)


def _number(owner: str) -> int:
    """The lock's number. When two names should share one, the dead one's leases run out as they would anyhow."""
    return zlib.crc32(owner.encode())


def _signed(number: int) -> int:
    """As PostgreSQL takes it; it shows it without the sign."""
    return number - (1 << 32) if number >= 1 << 31 else number
