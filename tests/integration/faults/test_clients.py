"""The SDK goes on by itself where it was, whatever breaks between it and its node: uploads and fetches alike."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.integration.faults.clients import SentFolder, node_of
from tests.integration.faults.proof import DELIVERED, arrives_once, send
from tests.integration.faults.town import (
    FILE,
    MIB,
    POLICE,
    PROCURATORATE,
    WINDOW_BYTES,
    Town,
    case_number,
    content_of,
    eventually,
)

from xietong_client import send_folder

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIZE_BYTES = 12 * MIB


@pytest.mark.parametrize("is_killed", [False, True], ids=["the line is cut", "the node is killed"])
async def test_uploads_and_fetches_go_on(town: Town, tmp_path: Path, is_killed: bool) -> None:
    uploaded, fetched = content_of(SIZE_BYTES), content_of(SIZE_BYTES)
    received = await send(await town.police(), fetched)
    await town.state(PROCURATORATE, received.package_id, DELIVERED)
    folder = SentFolder.write(tmp_path / "sent", case_number(), uploaded)

    async with (
        town.line_to(POLICE) as upload,
        town.line_to(PROCURATORATE) as fetch,
        node_of(town, POLICE, upload) as sender,
        node_of(town, PROCURATORATE, fetch) as receiver,
        asyncio.TaskGroup() as group,
    ):
        ways = (upload.there, fetch.back)
        for way in ways:
            way.hold_after(SIZE_BYTES // 2)
        sending = group.create_task(send_folder(sender, folder.path))
        fetching = group.create_task(receiver.fetch(received.package_id, tmp_path / "got"))
        for way in ways:
            await eventually(way.held)

        for party in (POLICE, PROCURATORATE) if is_killed else ():
            await town.kill(party)
        for line in (upload, fetch):
            line.cut()
            line.heal()
        await town.start(*((POLICE, PROCURATORATE) if is_killed else ()))
        assert (await fetching).files[FILE].read_bytes() == fetched
        [package] = await sending
    await arrives_once(town, package.package_id, uploaded)
    for way in ways:
        assert way.passed_bytes < SIZE_BYTES + WINDOW_BYTES, "something began anew"
