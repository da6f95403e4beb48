"""Bad lines: connections that die without a word, and connections that are cut again and again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.integration.faults.clients import SentFolder, node_of
from tests.integration.faults.proof import DELIVERED, RELAYED, arrives_once, send, stopped_halfway
from tests.integration.faults.town import (
    BOUND_SECONDS,
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

from xietong_client import channel, send_folder

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIZE_BYTES = 16 * MIB
NOTICED_SECONDS = BOUND_SECONDS + 20.0
"""Both ends know that a connection is dead after the keepalive's interval and the ping's timeout, see adapters/rpc."""


async def test_connections_that_die_without_a_word_are_replaced(
    town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On all four legs at once, since it takes long: an upload, two hops, and a fetch."""
    monkeypatch.setattr(channel, "KEEPALIVE_TIME_MS", 10_000)
    police, uploaded, travelling, fetched = await town.police(), *(content_of(SIZE_BYTES) for _ in range(3))
    received = await send(police, fetched)
    await town.state(PROCURATORATE, received.package_id, DELIVERED)
    folder = SentFolder.write(tmp_path / "sent", case_number(), uploaded)

    async with (
        town.line_to(POLICE) as upload,
        town.line_to(PROCURATORATE) as fetch,
        node_of(town, POLICE, upload) as sender,
        node_of(town, PROCURATORATE, fetch) as receiver,
        asyncio.TaskGroup() as group,
    ):
        ways = [upload.there, town.to_hub.there, town.to_procuratorate.there, fetch.back]
        begin = [way.passed_bytes for way in ways]
        for way in ways:
            way.hold_after(SIZE_BYTES // 2)
        town.to_procuratorate.hold_after(SIZE_BYTES // 4)  # it gets what has passed the line to the hub
        sending = group.create_task(send_folder(sender, folder.path))
        fetching = group.create_task(receiver.fetch(received.package_id, tmp_path / "got"))
        sent = await send(police, travelling)
        for way in ways:
            await eventually(way.held)

        for line in (upload, town.to_hub, town.to_procuratorate, fetch):
            line.freeze()
            line.heal()

        await town.state(PROCURATORATE, sent.package_id, DELIVERED, bound_seconds=NOTICED_SECONDS)
        await arrives_once(town, sent.package_id, travelling)
        assert (await fetching).files[FILE].read_bytes() == fetched
        [package] = await sending
        await arrives_once(town, package.package_id, uploaded)
    for way, begun, packages in zip(ways, begin, (1, 2, 2, 1), strict=True):
        assert way.passed_bytes - begun < packages * SIZE_BYTES + WINDOW_BYTES, "something began anew"


async def test_lines_that_break_again_and_again_bring_everything(town: Town) -> None:
    content = content_of(SIZE_BYTES)
    for line in (town.to_hub, town.to_procuratorate):
        line.cut()
        line.cut_after_bytes = 3 * MIB
    begun = town.to_hub.connections, town.to_procuratorate.connections

    sent = await send(await town.police(), content)
    await arrives_once(town, sent.package_id, content)

    breaks = SIZE_BYTES // (3 * MIB)
    assert town.to_hub.connections - begun[0] >= breaks
    assert town.to_procuratorate.connections - begun[1] >= breaks


async def test_a_sender_does_not_notice_that_the_next_hop_stands_still(town: Town) -> None:
    content = content_of(SIZE_BYTES)
    passed = town.to_procuratorate.sent_bytes
    sent = await stopped_halfway(town, content)
    town.to_hub.heal()

    await town.state(POLICE, sent.package_id, RELAYED)
    assert town.to_procuratorate.sent_bytes - passed < SIZE_BYTES
    town.to_procuratorate.heal()
    await arrives_once(town, sent.package_id, content)
