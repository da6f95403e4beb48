"""Statements of SQLAlchemy Core, built and compiled once, and run on the driver itself.

SQLAlchemy's own way (construction, cache keys, greenlets and result proxies in every call) costs the processor several
times what the driver needs: decision 8. The driver keeps each statement prepared on each connection.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from operator import itemgetter
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias, cast

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from asyncpg.transaction import Transaction
from sqlalchemy import ARRAY, URL, BindParameter, ClauseElement, ColumnElement, Text, bindparam
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from xietong_exchange.domain.errors import DatabaseUnavailable

log = logging.getLogger(__name__)

Driver: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"

_DIALECT = dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves its constructor untyped
GONE = (OSError, asyncpg.PostgresConnectionError, asyncpg.InternalClientError)
"""Also a TimeoutError is an OSError; the last is what a driver says that meets the server's farewell."""
_SESSION_ENDED = ("FATAL", "PANIC")
"""Severities with which PostgreSQL says that it ends the session, whatever the reason."""


def given(*names: str) -> dict[str, BindParameter[Any]]:
    """Columns whose values come with each call, under the columns' names; for `values()`."""
    return {name: bindparam(name) for name in names}


def array(name: str, of: TypeEngine[Any]) -> ColumnElement[Any]:
    """A list that comes with each call, as `texts` gives it.

    Of all arrays the driver knows text[] only: for each other type it asks the server about its types once on each new
    connection, which takes 10 to 35 ms.
    """
    return sql_cast(bindparam(name, type_=ARRAY(Text)), ARRAY(of))


def texts(values: Iterable[str | int | bytes | datetime]) -> list[str]:
    """Values of an `array`, as PostgreSQL reads them."""
    return [rf"\x{value.hex()}" if isinstance(value, bytes) else str(value) for value in values]


def driver_arguments(url: URL) -> dict[str, Any]:
    """What SQLAlchemy would give to the driver for this URL."""
    arguments: dict[str, Any] = _DIALECT.create_connect_args(url)[1]  # type: ignore[no-untyped-call]  # as above
    return arguments


class Statement:
    """SQL with the order of its parameters: those that have a name are given in each call."""

    def __init__(self, core: ClauseElement) -> None:
        compiled = cast("SQLCompiler", core.compile(dialect=_DIALECT))
        self.sql = compiled.string
        self.only_reads = self.sql.startswith("SELECT") and " FOR " not in self.sql
        names = compiled.positiontup or []
        binds = {name: compiled.binds[name] for name in names}
        self._constants = {name: bind.value for name, bind in binds.items() if not bind.required}
        self._ordered = itemgetter(*names) if len(names) > 1 else lambda values: [values[n] for n in names]

    def arguments(self, values: dict[str, object]) -> tuple[Any, ...]:
        """The values in the order of the SQL. Raises KeyError when one is missing."""
        return tuple(self._ordered(self._constants | values))


class Row(Protocol):
    """What is read of a row."""

    def __getitem__(self, name: str, /) -> Any: ...


class Under:
    """The columns of a row that `under` has named, by their own names."""

    __slots__ = ("_prefix", "_row")

    def __init__(self, row: asyncpg.Record, prefix: str) -> None:
        self._row = row
        self._prefix = prefix

    def __getitem__(self, name: str, /) -> Any:
        return self._row[self._prefix + name]


def under(prefix: str, columns: Iterable[ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    """Columns of one table among those of others: some names are in several."""
    return [column.label(prefix + str(column.key)) for column in columns]


class Connection:
    """A connection for the time of one transaction, which begins with the first statement that changes or locks.

    What only reads before needs no transaction: under READ COMMITTED each statement sees what is committed when it
    begins, within a transaction or without one.
    """

    def __init__(self, driver: Driver, *, single: bool = False) -> None:
        """single: each statement is a transaction of its own."""
        self._driver = driver
        self._single = single
        self._transaction: Transaction | None = None

    async def rows(self, statement: Statement, /, **values: object) -> list[asyncpg.Record]:
        """All rows."""
        await self._prepare(statement)
        with self._noticing():
            return await self._driver.fetch(statement.sql, *statement.arguments(values))

    async def row(self, statement: Statement, /, **values: object) -> asyncpg.Record | None:
        """The first row, None when there is none."""
        await self._prepare(statement)
        with self._noticing():
            return await self._driver.fetchrow(statement.sql, *statement.arguments(values))

    async def value(self, statement: Statement, /, **values: object) -> Any:
        """The first column of the first row, None when there is none."""
        row = await self.row(statement, **values)
        return row[0] if row else None

    async def run(self, statement: Statement, /, **values: object) -> int:
        """How many rows were changed."""
        await self._prepare(statement)
        with self._noticing():
            tag = await self._driver.execute(statement.sql, *statement.arguments(values))
        count = tag.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._transaction is None:
            return
        try:
            with self._noticing():
                await self._transaction.__aexit__(kind, error, trace)
        except DatabaseUnavailable:
            if error is None:
                raise
            # Otherwise what ended the block says more; without a connection nothing of it is committed either.

    async def _prepare(self, statement: Statement) -> None:
        if self._transaction is None and not statement.only_reads and not self._single:
            transaction = self._driver.transaction()
            with self._noticing():
                await transaction.__aenter__()
            self._transaction = transaction

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        """Among the errors of the driver, which may be ours, those that say that the server is gone."""
        try:
            yield
        except GONE as error:
            raise unavailable(error) from error
        except asyncpg.PostgresError as error:
            if error.severity_en in _SESSION_ENDED:
                raise unavailable(error) from error
            raise
        except asyncpg.InterfaceError as error:
            if is_lost(self._driver):
                raise unavailable(error) from error
            raise


def is_lost(driver: Driver) -> bool:
    """Whether this connection has ended."""
    try:
        return driver.is_closed()
    except asyncpg.InterfaceError:  # The pool has taken back what the server had ended.
        return True


def unavailable(error: Exception) -> DatabaseUnavailable:
    """The error to raise when the database does not answer, with its reason in the log."""
    log.warning("the database does not answer: %s: %s", type(error).__name__, error)
    return DatabaseUnavailable()
