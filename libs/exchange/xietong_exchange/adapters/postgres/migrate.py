"""Brings a database to the schema that this version knows, and refuses one that a newer version has changed.

Processes that start at the same time wait for each other on an advisory lock; each migration is one transaction, so
that a process killed in the middle leaves the earlier schema behind. A database that has the newest schema needs no
alembic, which takes longer to import than the rest of such a start.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

OLDEST_POSTGRES = 15
"""Major version; the first that knows UNIQUE NULLS NOT DISTINCT."""

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = int.from_bytes(b"xietong", "big")  # an advisory lock is a number that all versions agree on


class UnfitDatabase(RuntimeError):
    """This version can't work on the database: the text says why, and how to mend it."""

    def __init__(self, chinese: str, english: str) -> None:
        super().__init__(f"{chinese}\n{english}")


class SchemaTooNew(UnfitDatabase):
    """A newer version of the service has migrated the database."""

    def __init__(self, found: str, known: str) -> None:
        super().__init__(
            f"数据库结构版本为 {found}，本版本只支持到 {known}。请安装较新版本的服务，或从升级前的备份恢复数据库。",
            f"The database has schema {found}, this version knows {known} at most. Install the newer version of "
            "the service, or restore the backup from before its migration.",
        )


class SchemaTooOld(UnfitDatabase):
    """The database has not been migrated to this version yet."""

    def __init__(self, found: str | None, known: str) -> None:
        super().__init__(
            f"数据库结构版本为 {found or '（空）'}，本版本需要 {known}。请先执行本服务的 migrate 命令。",
            f"The database has schema {found or '(none)'}, this version needs {known}. Run the service's "
            "command `migrate` first.",
        )


class PostgresTooOld(UnfitDatabase):
    """The server is older than the oldest PostgreSQL that the schema needs."""

    def __init__(self, found: int) -> None:
        super().__init__(
            f"数据库服务器为 PostgreSQL {found}，至少需要 {OLDEST_POSTGRES}。请升级服务器。",
            f"The server is PostgreSQL {found}, at least {OLDEST_POSTGRES} is needed. Upgrade the server.",
        )


async def migrate(url: str) -> str:
    """Bring the database to the latest schema known here; returns its revision.

    Raises:
        SchemaTooNew: A newer version has migrated it; nothing was changed.
        PostgresTooOld: The server can't hold the schema.
        SQLAlchemyError, OSError: The database does not answer, or refuses a change.
    """
    async with _engine(url) as engine:
        found = await _current_revision(engine)
        _refuse_newer(found)
        if found != newest_revision():
            async with engine.begin() as connection:
                await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
                await _upgrade(connection)
    return newest_revision()


async def require_current_schema(url: str) -> None:
    """Check, without changing anything, that the database has exactly the schema known here.

    Raises:
        SchemaTooNew: A newer version has migrated it.
        SchemaTooOld: It needs `migrate` first.
        SQLAlchemyError, OSError: The database does not answer.
    """
    async with _engine(url) as engine:
        found = await _current_revision(engine)
    _refuse_newer(found)
    if found != newest_revision():
        raise SchemaTooOld(found, newest_revision())


async def _current_revision(engine: AsyncEngine) -> str | None:
    """The revision of the schema in the database; None when there is none yet."""
    async with engine.connect() as connection:
        return await _revision(connection)


def newest_revision() -> str:
    """The revision of the schema that this version knows."""
    return _known_revisions()[-1]


@asynccontextmanager
async def _engine(url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        yield engine
    finally:
        await engine.dispose()


def _known_revisions() -> list[str]:
    """Oldest first. Revisions are numbered and files are named by them; a test holds that against alembic's view."""
    return sorted(file.stem.removeprefix("revision_") for file in _MIGRATIONS.glob("revision_*.py"))


async def _revision(connection: AsyncConnection) -> str | None:
    if await connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    found: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _refuse_newer(found: str | None) -> None:
    if found is not None and found not in _known_revisions():
        raise SchemaTooNew(found, newest_revision())


async def _upgrade(connection: AsyncConnection) -> None:
    """Run what is missing, in the transaction that holds the lock: another process may have been here before."""
    major = int((await connection.execute(text("SHOW server_version_num"))).scalar_one()) // 10_000
    if major < OLDEST_POSTGRES:
        raise PostgresTooOld(major)
    found = await _revision(connection)
    _refuse_newer(found)
    from xietong_exchange.adapters.postgres.upgrade import upgrade  # noqa: PLC0415 - alembic: see the module's docstring

    await connection.run_sync(upgrade, _MIGRATIONS, found)
