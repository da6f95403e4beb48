"""The embedded PostgreSQL's server: its settings, its log, its end, and why it may refuse to start."""

import asyncio
import os
import shutil
import signal
import time
from asyncio.subprocess import DEVNULL
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from tests.integration.embedded_postgres.stage import PATIENCE_S, Site, listens, query, until

from xietong_exchange.runtime import embedded_postgres
from xietong_exchange.runtime.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError


async def test_settings_are_durable_and_off_the_network(postgres: EmbeddedPostgres) -> None:
    url = await postgres.start()
    expected = {
        "server_encoding": "UTF8",
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "listen_addresses": "",
        "shared_buffers": "32MB",
        "jit": "off",
    }
    assert {name: await query(url, f"SHOW {name}") for name in expected} == expected


async def test_a_cancelled_start_leaves_nothing(own_site: Site) -> None:
    postgres = EmbeddedPostgres(own_site.state_dir)
    starting = asyncio.create_task(postgres.start())
    await until((own_site.state_dir / "postgres.new" / "base").exists)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    other = EmbeddedPostgres(own_site.state_dir)
    async with other as url:
        assert await query(url, "SELECT 1") == 1


async def test_stop_does_not_wait_for_open_transactions(postgres: EmbeddedPostgres) -> None:
    engine = create_async_engine(await postgres.start(), poolclass=NullPool)
    connected = await engine.connect()
    await connected.execute(text("SELECT 1"))
    begin_s = time.monotonic()
    await postgres.stop()
    assert time.monotonic() - begin_s < 5
    await connected.invalidate()
    await connected.close()
    await engine.dispose()


async def test_a_server_that_ignores_the_fast_shutdown_is_ended(
    postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_postgres, "FAST_SHUTDOWN_TIMEOUT_S", 0.2)
    url = await postgres.start()
    await query(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    checkpointer = await query(url, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
    assert isinstance(checkpointer, int)
    os.kill(checkpointer, signal.SIGSTOP)
    await postgres.stop()
    assert not listens(url)
    assert await query(await postgres.start(), "SELECT answer FROM kept") == 42


async def test_stop_works_when_the_state_folder_was_removed(
    postgres: EmbeddedPostgres, own_site: Site
) -> None:
    url, pid = await postgres.start(), own_site.server_pid()
    shutil.rmtree(own_site.state_dir)
    await postgres.stop()
    assert not listens(url)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_server_started_by_hand_is_left_alone(postgres: EmbeddedPostgres, own_site: Site) -> None:
    url = await postgres.start()
    binary, data_dir = Path(f"/proc/{own_site.server_pid()}/exe").readlink(), own_site.data_dir
    await postgres.stop()
    by_hand = await asyncio.create_subprocess_exec(
        *(binary, "-D", data_dir, "-k", data_dir, "-c", "listen_addresses="),
        user=own_site.server_user(),
        cwd="/",
        stderr=DEVNULL,
    )
    try:
        await until(lambda: listens(url) and "ready" in (data_dir / "postmaster.pid").read_text())
        with pytest.raises(EmbeddedPostgresError, match="Stop it with pg_ctl stop"):
            await postgres.start()
        assert await query(url, "SELECT 1") == 1
    finally:
        by_hand.send_signal(signal.SIGINT)
        await asyncio.wait_for(by_hand.wait(), PATIENCE_S)


async def test_another_major_version_is_refused(postgres: EmbeddedPostgres, own_site: Site) -> None:
    url = await postgres.start()
    await postgres.stop()
    (own_site.data_dir / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedPostgresError, match=r"was made by PostgreSQL 9.*pg_dump"):
        await postgres.start()
    assert not listens(url)


async def test_a_failed_start_shows_the_end_of_the_log(postgres: EmbeddedPostgres, own_site: Site) -> None:
    await postgres.start()
    await postgres.stop()
    (own_site.data_dir / "postgresql.conf").write_text("no such line\n")
    with pytest.raises(EmbeddedPostgresError, match=r"(?s)did not start.*Mend.*syntax error"):
        await postgres.start()


async def test_a_state_folder_that_is_a_file_is_named(own_site: Site) -> None:
    own_site.state_dir.write_text("")
    with pytest.raises(EmbeddedPostgresError, match=str(own_site.state_dir)):
        await EmbeddedPostgres(own_site.state_dir).start()


async def test_a_long_log_gives_way_to_a_new_one(postgres: EmbeddedPostgres, own_site: Site) -> None:
    log = own_site.state_dir / "postgres.log"
    log.write_bytes(b"x" * (2 << 20))
    await postgres.start()
    assert log.stat().st_size < 1 << 16
    assert log.with_name("postgres.log.1").stat().st_size == 2 << 20


async def test_failed_statements_stay_out_of_the_log(postgres: EmbeddedPostgres, own_site: Site) -> None:
    url = await postgres.start()
    await query(url, "CREATE TABLE person (name text UNIQUE)")
    await query(url, "INSERT INTO person VALUES ('张某某')")
    with pytest.raises(Exception, match="duplicate key"):
        await query(url, "INSERT INTO person VALUES ('张某某')")
    await postgres.stop()
    assert "张某某" not in (own_site.state_dir / "postgres.log").read_text()
