"""Ctrl-C on `xietong`, at any stage, and the same command again: it goes on where it was, and sends once."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from tests.integration.faults.clients import SentFolder, xietong
from tests.integration.faults.line import Line
from tests.integration.faults.proof import DELIVERED, arrives_once, send
from tests.integration.faults.town import (
    FILE,
    HUB,
    MIB,
    POLICE,
    PROCURATORATE,
    WINDOW_BYTES,
    Town,
    case_number,
    content_of,
    eventually,
)
from tests.integration.faults.withheld import withheld

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIZE_BYTES: Final = 12 * MIB
INTERRUPTED: Final = 130


@pytest.fixture
def folder(tmp_path: Path) -> SentFolder:
    return SentFolder.write(tmp_path / "sent", case_number(), content_of(SIZE_BYTES))


@pytest_asyncio.fixture(loop_scope="session")
async def line(town: Town) -> AsyncIterator[Line]:
    """Between the command and the police's node."""
    async with town.line_to(POLICE) as line:
        yield line


async def test_send_is_interrupted_while_it_hashes(town: Town, folder: SentFolder, line: Line) -> None:
    async with xietong(town, POLICE, line, "send", folder.path) as command:
        with withheld(folder.recording) as is_wanted:
            await eventually(is_wanted)
            command.interrupt()
        assert await command.ended() == INTERRUPTED
    assert await town.packages(folder.case_number) == []

    await _goes_on(town, folder, line)


async def test_send_is_interrupted_while_it_uploads(town: Town, folder: SentFolder, line: Line) -> None:
    line.hold_after(SIZE_BYTES // 2)
    async with xietong(town, POLICE, line, "send", folder.path) as command:
        await eventually(line.there.held)
        command.interrupt()
        assert await command.ended() == INTERRUPTED
    assert await town.packages(folder.case_number) == []
    line.cut()

    async with town.line_to(POLICE) as other:  # the node has another address now
        await _goes_on(town, folder, other)
        assert line.sent_bytes + other.sent_bytes < SIZE_BYTES + WINDOW_BYTES, "the upload began anew"


async def test_send_is_interrupted_while_the_package_travels(
    town: Town, folder: SentFolder, line: Line
) -> None:
    town.to_hub.hold_after(SIZE_BYTES // 2)
    async with xietong(town, POLICE, line, "send", folder.path, "--watch") as command:
        [package_id] = await eventually(lambda: town.packages(folder.case_number))
        await town.moved(HUB, package_id, SIZE_BYTES // 4)
        command.interrupt()
        assert await command.ended() == INTERRUPTED
    uploaded = line.sent_bytes

    async with xietong(town, POLICE, line, "send", folder.path) as command:
        assert [package["package_id"] for package in (await command.result())["packages"]] == [package_id]
    assert line.sent_bytes - uploaded < MIB, "the second send uploaded again what the node has"
    town.to_hub.heal()
    await arrives_once(town, package_id, folder.recording.read_bytes())
    assert await town.packages(folder.case_number) == [package_id]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGKILL, -signal.SIGKILL)]
)
async def test_fetch_is_interrupted(town: Town, tmp_path: Path, number: int, code: int) -> None:
    content = content_of(SIZE_BYTES)
    sent = await send(await town.police(), content)
    await town.state(PROCURATORATE, sent.package_id, DELIVERED)
    async with town.line_to(PROCURATORATE) as line:
        line.back.hold_after(SIZE_BYTES // 2)
        async with xietong(town, PROCURATORATE, line, "fetch", sent.package_id, tmp_path) as command:
            await eventually(line.back.held)
            command.interrupt(number)
            assert await command.ended() == code
        assert not (tmp_path / "files" / FILE).exists()
        passed = line.back.passed_bytes
    async with town.line_to(PROCURATORATE) as line:
        async with xietong(town, PROCURATORATE, line, "fetch", sent.package_id, tmp_path) as command:
            await command.result()
        assert passed + line.back.passed_bytes < SIZE_BYTES + WINDOW_BYTES, "the fetch began anew"
    assert (tmp_path / "files" / FILE).read_bytes() == content


async def _goes_on(town: Town, folder: SentFolder, line: Line) -> None:
    """The same command again sends the one package."""
    async with xietong(town, POLICE, line, "send", folder.path) as command:
        [package] = (await command.result())["packages"]
    await arrives_once(town, package["package_id"], folder.recording.read_bytes())
    assert await town.packages(folder.case_number) == [package["package_id"]]
