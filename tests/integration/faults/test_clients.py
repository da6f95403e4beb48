"""The SDK goes on by itself where it was, whatever breaks between it and its node: uploads and fetches alike."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
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
from xietong_client.pki import DevelopmentCA, Identity, Role

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIZE_BYTES = 12 * MIB


async def the_line_is_cut(_town: Town) -> None:
    """That follows every fault."""


async def the_node_is_killed(town: Town) -> None:
    for party in (POLICE, PROCURATORATE):
        await town.kill(party)


async def its_certificate_is_renewed(town: Town) -> None:
    authority = DevelopmentCA.load(town.pki_folder)
    for party in ("police", "procuratorate"):
        authority.issue(Identity(party, Role.EXCHANGE), town.pki_folder)


@pytest.mark.parametrize("fault", [the_line_is_cut, the_node_is_killed, its_certificate_is_renewed])
async def test_uploads_and_fetches_go_on(
    town: Town, tmp_path: Path, fault: Callable[[Town], Awaitable[None]]
) -> None:
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

        await fault(town)
        for line in (upload, fetch):
            line.cut()
            line.heal()
        await town.heal()
        assert (await fetching).files[FILE].read_bytes() == fetched
        [package] = await sending
    await arrives_once(town, package.package_id, uploaded)
    for way in ways:
        assert way.passed_bytes < SIZE_BYTES + WINDOW_BYTES, "something began anew"
