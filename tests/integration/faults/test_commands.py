"""The services' commands: what they say and how they exit when something is wrong, and when nothing is."""

from __future__ import annotations

import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import PostgresServer
from tests.integration.exchange.city import free_port
from tests.integration.faults.processes import Result, run_command, write_settings
from tests.integration.faults.proof import DELIVERED, send
from tests.integration.faults.town import HUB, MIB, POLICE, Town, content_of

from xietong_exchange.adapters.postgres.migrate import newest_revision
from xietong_exchange.runtime.settings import Settings, StandardSettings
from xietong_standard import EDITIONS_FOLDER

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def settings(town: Town, tmp_path: Path) -> Settings:
    """Of a police node that nobody runs."""
    own = {"listen": f"127.0.0.1:{free_port()}", "state_dir": tmp_path / "state"}
    return town.settings(POLICE).model_copy(update=own)


async def police(command: str, settings: Settings, folder: Path) -> Result:
    return await run_command("police", command, "--config", write_settings(folder / "police.toml", settings))


async def test_the_port_is_taken(settings: Settings, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        done = await police("serve", settings.model_copy(update={"listen": listen}), tmp_path)
    assert done.code == 1
    assert f"can't listen on {listen}: the port is taken" in done.output
    assert "端口被占用" in done.output
    assert "Traceback" not in done.output


async def test_a_second_node_on_the_same_port_is_refused(
    town: Town, settings: Settings, tmp_path: Path
) -> None:
    taken = town.settings(POLICE).listen
    done = await police("serve", settings.model_copy(update={"listen": taken}), tmp_path)
    assert (done.code, "the port is taken" in done.output) == (1, True)


@pytest.mark.parametrize("command", ["serve", "check-config"])
async def test_a_certificate_that_is_not_there(command: str, settings: Settings, tmp_path: Path) -> None:
    tls = settings.tls.model_copy(update={"certificate": tmp_path / "missing.pem"})
    done = await police(command, settings.model_copy(update={"tls": tls}), tmp_path)
    assert done.code == 2
    assert "missing.pem" in done.output
    assert "xietong pki init" in done.output
    assert "Traceback" not in done.output


UNUSABLE = {
    "not TOML": ("listen = ", "not a TOML file"),
    "an unknown setting": ('nonsense = 1\nstate_dir = "s"\n', "nonsense"),
    "nothing": ("", "state_dir"),
    "an unknown party": ('[neighbours]\nprison = "127.0.0.1:1"\n', "neighbours.prison"),
}


@pytest.mark.parametrize("case", UNUSABLE)
async def test_settings_that_are_unusable(case: str, tmp_path: Path) -> None:
    content, named = UNUSABLE[case]
    file = tmp_path / "police.toml"
    file.write_text(content, encoding="utf-8")
    done = await run_command("police", "serve", "--config", file)
    assert done.code == 2
    assert str(file) in done.output
    assert named in done.output
    assert "Traceback" not in done.output


# What is wrong with an edition, by the file in which it is written, and the reason that is told.
BROKEN_EDITIONS = {
    "an answer to an unknown process": ("processes/pb.yaml", "answers: [PB-01]", "answers: [PB-99]", "PB-99"),
    "a circle of answers": (
        "processes/pb.yaml",
        "  senders: [POLICE]\n",
        "  senders: [POLICE]\n  answers: [PB-02]\n",
        "answer each other",
    ),
    "a text that is missing": ("processes/pb.yaml", ", en: Arrest review}", "}", "missing: en"),
    "a field that nobody knows": ("processes/pb.yaml", "  priority: 1\n", "  urgency: 1\n", "urgency"),
}


@pytest.mark.parametrize("case", BROKEN_EDITIONS)
async def test_an_edition_that_is_broken(case: str, settings: Settings, tmp_path: Path) -> None:
    file, right, wrong, reason = BROKEN_EDITIONS[case]
    edition = tmp_path / "editions" / "2026.2"
    shutil.copytree(EDITIONS_FOLDER / "2026.1", edition)
    for path, old, new in (("edition.yaml", 'id: "2026.1"', 'id: "2026.2"'), (file, right, wrong)):
        text = (edition / path).read_text()
        assert old in text
        (edition / path).write_text(text.replace(old, new, 1))
    own = {"standard": StandardSettings(folder=tmp_path / "editions")}
    done = await police("serve", settings.model_copy(update=own), tmp_path)
    assert done.code == 2
    assert re.search(rf"2026\.2/{re.escape(file)}:\d+: .*{reason}", done.output), done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("standard", "told"),
    [
        (StandardSettings(editions=["2031.1"]), "there is no edition 2031.1; installed: 2026.1"),
        (StandardSettings(folder=Path("/no/such/folder")), "standard.folder: /no/such/folder"),
    ],
)
async def test_an_edition_that_is_not_there(
    standard: StandardSettings, told: str, settings: Settings, tmp_path: Path
) -> None:
    done = await police("check-config", settings.model_copy(update={"standard": standard}), tmp_path)
    assert (done.code, told in done.output) == (2, True), done.output


async def test_a_settings_file_that_is_not_there(tmp_path: Path) -> None:
    done = await run_command("police", "check-config", "--config", tmp_path / "none.toml")
    assert (done.code, "--config" in done.output) == (2, True)


async def test_a_database_that_does_not_answer(settings: Settings, tmp_path: Path) -> None:
    url = f"postgresql+asyncpg://nobody:secret@127.0.0.1:{free_port()}/none"
    done = await police("serve", settings.model_copy(update={"database_url": url}), tmp_path)
    assert done.code == 1
    assert "Traceback" not in done.output
    assert "secret" not in done.output


async def test_check_config_of_settings_that_are_usable(settings: Settings, tmp_path: Path) -> None:
    done = await police("check-config", settings, tmp_path)
    assert done.code == 0
    assert "settings are usable / 配置可用" in done.output
    assert settings.listen in done.output
    assert not settings.state_dir.exists()


async def test_migrate_twice(settings: Settings, tmp_path: Path, empty_database: str) -> None:
    on_empty = settings.model_copy(update={"database_url": empty_database})
    first, second = [await police("migrate", on_empty, tmp_path) for _ in range(2)]
    assert (first.code, second.code) == (0, 0)
    assert first.output.splitlines()[-1] == second.output.splitlines()[-1]
    assert f"xietong-police: schema {newest_revision()}" in first.output


@pytest.fixture
async def empty_database(postgres_server: PostgresServer) -> str:
    """A database without a schema, gone with its server."""
    await postgres_server.execute("CREATE DATABASE unmigrated")
    return postgres_server.url_of("unmigrated")


@pytest.fixture
def site() -> Iterator[Path]:
    """A folder that the server's account reaches when we are root."""
    with tempfile.TemporaryDirectory(prefix="xietong-test-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


async def test_the_embedded_database_belongs_to_one_process_and_survives_its_kill(
    town: Town, site: Path, tmp_path: Path
) -> None:
    embedded = {"database_url": None, "state_dir": site / "state"}
    await town.restart(POLICE, **embedded)
    rival = town.settings(POLICE).model_copy(update={**embedded, "listen": f"127.0.0.1:{free_port()}"})
    refused = await police("serve", rival, tmp_path)
    assert refused.code == 1
    assert "already runs the database in" in refused.output
    assert "请先停止该进程" in refused.output

    content = content_of(8 * MIB)
    town.to_hub.hold_after(4 * MIB)
    sent = await send(await town.police(), content)
    await town.moved(HUB, sent.package_id, 2 * MIB)
    await town.kill(POLICE)
    town.to_hub.heal()
    await town.start(POLICE, **embedded)

    await town.state(POLICE, sent.package_id, DELIVERED)
    assert await town.nodes[POLICE].stop() == 0
