"""The schema's way into a database: once, also when several processes start; whole or not at all; never backwards."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import shutil
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool
from tests.conftest import NewDatabase
from tests.integration.store.conftest import PATIENCE_SECONDS
from tests.integration.store.records import package, stored
from tests.unit.exchange.packages import new_envelope

from xietong_exchange.adapters.postgres import (
    PostgresStore,
    SchemaTooNew,
    UnfitDatabase,
    migrate,
    require_current_schema,
)
from xietong_exchange.adapters.postgres.migrate import PostgresTooOld, SchemaTooOld
from xietong_exchange.adapters.postgres.tables import metadata
from xietong_exchange.adapters.postgres.upgrade import script_directory

HEAD = "0017"
NEXT, NEXT_BUT_ONE = (f"{int(HEAD) + step:04}" for step in (1, 2))

# The package exports a function of the module's name, which hides the module.
MODULE = importlib.import_module("xietong_exchange.adapters.postgres.migrate")

CATALOG = (
    """
    SELECT table_name, column_name, format_type(atttypid, atttypmod), is_nullable, column_default,
        identity_generation
    FROM information_schema.columns
    JOIN pg_attribute ON attrelid = table_name::regclass AND attname = column_name
    WHERE table_schema = 'public'
    """,
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
    """,
)
"""Columns, indexes and constraints as PostgreSQL itself tells them."""


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.begin() as connection:
        yield connection
    await engine.dispose()


async def catalog(connection: AsyncConnection) -> set[tuple[object, ...]]:
    rows = [row for query in CATALOG for row in await connection.execute(text(query))]
    return {tuple(row) for row in rows if row[0] != "alembic_version"}


async def tables_in(url: str) -> set[str]:
    async with connected(url) as connection:
        query = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return set((await connection.execute(query)).scalars())


def known_revisions(folder: Path, later: Mapping[str, str]) -> Path:
    """A copy of the migrations, continued by these statements."""
    shutil.copytree(MODULE._MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    before = HEAD
    for revision, statement in later.items():
        (folder / f"revision_{revision}.py").write_text(
            f"revision, down_revision = {revision!r}, {before!r}\n\n"
            f"def upgrade(op):\n    op.execute({statement!r})\n"
        )
        before = revision
    return folder


def later_than(newest: str) -> Callable[[str, list[str]], list[str]]:
    """Leaves out what a copy of the migrations of that time does not have."""

    def left_out(_folder: str, names: list[str]) -> list[str]:
        return [name for name in names if name == "__pycache__" or name > f"revision_{newest}.py"]

    return left_out


async def test_the_migrations_make_the_tables_that_the_code_knows(postgres_url: str, empty_url: str) -> None:
    async with connected(postgres_url) as migrated, connected(empty_url) as created:
        await created.run_sync(metadata.create_all)
        assert await catalog(migrated) == await catalog(created)
        assert {row[0] for row in await catalog(migrated)} == set(metadata.tables)


async def test_a_migrated_database_is_left_alone(postgres_url: str) -> None:
    store = await PostgresStore.connect(postgres_url)
    [record] = await stored(store, package())
    assert await migrate(postgres_url) == HEAD
    assert await store.schema_version() == HEAD
    async with store.transaction() as tx:
        assert await tx.packages.get(record.package_id) == record
    await store.close()
    await require_current_schema(postgres_url)


async def test_a_database_of_the_first_version_keeps_its_rows(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tmp_path / "first"
    shutil.copytree(MODULE._MIGRATIONS, first, ignore=later_than("0001"))
    with monkeypatch.context() as first_version:
        first_version.setattr(MODULE, "_MIGRATIONS", first)
        assert await migrate(empty_url) == "0001"
    logged = "operation, caller, organ_code, handler_ref, operation_time"
    async with connected(empty_url) as connection:
        await connection.execute(
            text(f"INSERT INTO operation_log ({logged}) VALUES ('a', 'b', '', '', now())")
        )
    assert await migrate(empty_url) == HEAD
    async with connected(empty_url) as connection:
        rows = await connection.execute(text("SELECT operation, caller, reason FROM operation_log"))
        assert [tuple(row) for row in rows] == [("a", "b", "")]


async def test_packages_that_were_there_before_need_their_contents(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who upgrades must not lose what earlier schemas had no rows for."""
    earlier = tmp_path / "earlier"
    shutil.copytree(MODULE._MIGRATIONS, earlier, ignore=later_than("0002"))
    with monkeypatch.context() as earlier_version:
        earlier_version.setattr(MODULE, "_MIGRATIONS", earlier)
        assert await migrate(empty_url) == "0002"
    envelope = new_envelope(b"manifest", b"file", b"file")
    add = text(
        """
        INSERT INTO package (package_id, seal, envelope, signature, direction, state, state_time, complete,
            size_bytes, process_code, sender, receiver, collaboration_case_id, create_time)
        SELECT gen_random_uuid(), '', :envelope, '', 2, 7, now(), true, 1, '', 1, 2, gen_random_uuid(), now()
        FROM generate_series(1, :count)
        """
    )
    async with connected(empty_url) as connection:
        await connection.execute(add, {"envelope": envelope.SerializeToString(), "count": 250})
        await connection.execute(add, {"envelope": b"not an envelope", "count": 1})
    assert await migrate(empty_url) == HEAD
    digests = {hashlib.sha256(content).digest() for content in (b"manifest", b"file")}
    async with connected(empty_url) as connection:
        rows = await connection.execute(
            text("SELECT owner, digest, count(*) FROM package_content GROUP BY 1, 2")
        )
        assert {tuple(row) for row in rows} == {(1, digest, 250) for digest in digests}
        kept = text("SELECT count(*) FROM package WHERE touch_time > now() - interval '1 hour'")
        assert await connection.scalar(kept) == 251


async def test_a_migrated_database_needs_no_alembic(postgres_url: str) -> None:
    code = (
        "import asyncio, sys; from xietong_exchange.adapters.postgres import migrate; "
        "print(asyncio.run(migrate(sys.argv[1])), 'alembic' in sys.modules)"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, postgres_url, stdout=PIPE)
    output, _ = await process.communicate()
    assert output.decode().split() == [HEAD, "False"]


def test_the_revisions_by_file_name_are_alembics() -> None:
    script = script_directory(MODULE._MIGRATIONS)
    assert script.get_heads() == [MODULE.newest_revision()] == [HEAD]
    assert [step.revision for step in script.walk_revisions()][::-1] == MODULE._known_revisions()


async def test_processes_that_start_at_once_migrate_once(empty_url: str) -> None:
    assert await asyncio.gather(*(migrate(empty_url) for _ in range(5))) == [HEAD] * 5
    assert await tables_in(empty_url) == {*metadata.tables, "alembic_version"}


async def test_a_migration_waits_for_another_one(
    empty_url: str, until_waiting: Callable[[int], Awaitable[None]]
) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        async with connected(empty_url) as other:
            await other.execute(text(f"SELECT pg_advisory_xact_lock({MODULE._LOCK})"))
            waiting = asyncio.create_task(migrate(empty_url))
            await until_waiting(1)
            assert await tables_in(empty_url) == set()
        assert await waiting == HEAD


async def test_databases_of_several_nodes_are_migrated_side_by_side(
    empty_url: str, new_database: NewDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process may hold several nodes: what one migrates must not go to another's database."""
    half = await new_database()
    later = {NEXT: "CREATE TABLE later (x int)", NEXT_BUT_ONE: "ALTER TABLE later ADD y int"}
    monkeypatch.setattr(MODULE, "_MIGRATIONS", known_revisions(tmp_path / "known", later))
    assert await asyncio.gather(*map(migrate, (empty_url, half))) == [NEXT_BUT_ONE] * 2
    assert (
        await tables_in(empty_url) == await tables_in(half) == {*metadata.tables, "alembic_version", "later"}
    )


async def test_a_newer_schema_is_refused(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as newer_version:
        folder = known_revisions(tmp_path / "known", {NEXT: "CREATE TABLE later (x int)"})
        newer_version.setattr(MODULE, "_MIGRATIONS", folder)
        assert await migrate(postgres_url) == NEXT
    for refuse in (migrate, require_current_schema):
        with pytest.raises(SchemaTooNew, match=rf"{NEXT}.*{HEAD}[\s\S]*{NEXT}.*{HEAD}.*newer version"):
            await refuse(postgres_url)
    assert "later" in await tables_in(postgres_url)


async def test_a_migration_that_fails_leaves_the_earlier_schema(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = {NEXT: "CREATE TABLE later (x int)", NEXT_BUT_ONE: "SELECT no_such_column"}
    monkeypatch.setattr(MODULE, "_MIGRATIONS", known_revisions(tmp_path / "known", later))
    with pytest.raises(ProgrammingError, match="no_such_column"):
        await migrate(postgres_url)
    assert "later" not in await tables_in(postgres_url)
    store = await PostgresStore.connect(postgres_url)
    assert await store.schema_version() == HEAD
    await store.close()
    with pytest.raises(SchemaTooOld, match=HEAD):
        await require_current_schema(postgres_url)


async def test_a_database_without_a_schema_is_not_current(empty_url: str) -> None:
    with pytest.raises(SchemaTooOld, match="migrate"):
        await require_current_schema(empty_url)
    store = await PostgresStore.connect(empty_url)
    assert await store.schema_version() == ""
    await store.close()


async def test_a_server_that_is_too_old_is_refused(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "OLDEST_POSTGRES", 99)
    with pytest.raises(PostgresTooOld, match="99") as refused:
        await migrate(empty_url)
    assert isinstance(refused.value, UnfitDatabase)
    assert await tables_in(empty_url) == set()
