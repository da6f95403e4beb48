"""Services with an embedded PostgreSQL are killed, orphaned, interrupted and started twice; nothing gets lost."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from tests.integration.embedded_postgres.stage import Site, listens, query, until

as_ordinary_user = pytest.mark.parametrize("uid", ["ordinary"], indirect=True)


async def test_starts_serves_and_stops(site: Site) -> None:
    service = await site.service()
    url = await service.url()
    assert await query(url, "SELECT lower('协同 Ä')") == "协同 ä"
    assert Path(f"/proc/{site.server_pid()}").stat().st_uid != 0
    errors = await service.stop()
    assert not listens(url)
    assert not (site.data_dir / "postmaster.pid").exists()
    assert "fork" not in errors, "gRPC's fork handlers ran"


async def test_a_restart_keeps_the_data(site: Site) -> None:
    site.seed()
    first = await site.service()
    await query(await first.url(), "CREATE TABLE kept AS SELECT 42 AS answer")
    await first.stop()
    second = await site.service()
    assert await query(await second.url(), "SELECT answer FROM kept") == 42
    await second.stop()


async def test_a_killed_server_is_revived_with_every_commit(site: Site) -> None:
    site.seed()
    service = await site.service()
    url = await service.url()
    await query(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(site.server_pid(), signal.SIGKILL)
    await until(lambda: not listens(url))
    service.start_again()
    assert await query(await service.url(), "SELECT answer FROM kept") == 42
    await service.stop()


@as_ordinary_user
async def test_a_stale_pid_that_is_now_another_process_hinders_nothing(site: Site) -> None:
    site.seed()
    service = await site.service()
    url = await service.url()
    await service.kill()
    pid, pid_file = site.server_pid(), site.data_dir / "postmaster.pid"
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not listens(url))
    bystander = await asyncio.create_subprocess_exec("sleep", "60", user=site.server_user())
    try:
        pid_file.write_text(pid_file.read_text().replace(str(pid), str(bystander.pid), 1))
        restarted = await site.service()
        assert await query(await restarted.url(), "SELECT 1") == 1
        await restarted.stop()
        assert bystander.returncode is None
    finally:
        bystander.kill()
        await bystander.wait()


async def test_an_orphan_is_adopted_and_stopped(site: Site) -> None:
    site.seed()
    killed = await site.service()
    url, pid = await killed.url(), site.server_pid()
    await killed.kill()
    service = await site.service()
    assert await service.url() == url
    assert site.server_pid() == pid
    assert await query(url, "SELECT 1") == 1
    await service.stop()
    assert not listens(url)


@as_ordinary_user
async def test_an_orphan_with_other_settings_is_replaced(site: Site) -> None:
    site.seed()
    killed = await site.service("old")
    await query(await killed.url(), "CREATE TABLE kept AS SELECT 42 AS answer")
    pid = site.server_pid()
    await killed.kill()
    service = await site.service("new")
    url = await service.url()
    assert site.server_pid() != pid
    assert await query(url, "SELECT answer FROM kept") == 42
    assert await query(url, "SHOW cluster_name") == "new"
    await service.stop()


async def test_a_second_process_is_told_who_holds_the_folder(site: Site) -> None:
    site.seed()
    first = await site.service()
    url = await first.url()
    second = await site.service()
    error = (await second.answer())["error"]
    assert str(first.process.pid) in error
    assert "a state folder of its own" in error
    assert await query(url, "SELECT 1") == 1
    await first.stop()
    second.start_again()
    assert await query(await second.url(), "SELECT 1") == 1
    await second.stop()


async def test_an_interrupted_initdb_is_done_again(site: Site) -> None:
    killed = await site.service()
    building = site.state_dir / "postgres.new"
    await until((building / "base").exists)
    await killed.kill()
    assert not site.data_dir.exists()
    service = await site.service()  # while initdb, an orphan now, still writes
    assert await query(await service.url(), "SELECT 1") == 1
    assert not building.exists()
    await service.stop()
