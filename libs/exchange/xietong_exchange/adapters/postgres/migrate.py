"""Brings a database to the schema that this version knows, and refuses one that a newer version has changed.

Processes that start at the same time wait for each other on an advisory lock; each migration is one transaction, so
that a process killed in the middle leaves the earlier schema behind.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
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
    async with _engine(url) as engine, engine.begin() as connection:
        await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        return await connection.run_sync(_upgrade)


async def require_current_schema(database: str | AsyncEngine) -> None:
    """Check, without changing anything, that the database has exactly the schema known here.

    Raises:
        SchemaTooNew: A newer version has migrated it.
        SchemaTooOld: It needs `migrate` first.
        SQLAlchemyError, OSError: The database does not answer.
    """
    if isinstance(database, str):
        async with _engine(database) as engine:
            found = await current_revision(engine)
    else:
        found = await current_revision(database)
    script = _script()
    _refuse_newer(script, found)
    if found != (known := script.get_current_head()):
        raise SchemaTooOld(found, str(known))


async def current_revision(engine: AsyncEngine) -> str | None:
    """The revision of the schema in the database; None when there is none yet."""
    async with engine.connect() as connection:
        return await connection.run_sync(_revision)


@asynccontextmanager
async def _engine(url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        yield engine
    finally:
        await engine.dispose()


def _script() -> ScriptDirectory:
    return ScriptDirectory(_MIGRATIONS, version_locations=[_MIGRATIONS])


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(script: ScriptDirectory, found: str | None) -> None:
    known = {revision.revision for revision in script.walk_revisions()}
    if found is not None and found not in known:
        raise SchemaTooNew(found, str(script.get_current_head()))


def _upgrade(connection: Connection) -> str:
    major = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()) // 10_000
    if major < OLDEST_POSTGRES:
        raise PostgresTooOld(major)
    script, found = _script(), _revision(connection)
    _refuse_newer(script, found)
    steps = [
        MigrationStep.upgrade_from_script(script.revision_map, revision)
        for revision in reversed(list(script.iterate_revisions("head", found or "base")))
    ]
    context = MigrationContext.configure(connection, opts={"fn": lambda _heads, _context: steps})
    context.run_migrations(op=Operations(context))
    return str(script.get_current_head())
