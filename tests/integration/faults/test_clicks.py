"""Twenty clicks on 'send', by several clients, at any stage of the send: one package, and all see the same progress."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from tests.integration.faults.clients import RECORDING, SentFolder, node_of, xietong
from tests.integration.faults.line import Line
from tests.integration.faults.proof import arrives_once, send
from tests.integration.faults.town import (
    HUB,
    MIB,
    POLICE,
    WINDOW_BYTES,
    Town,
    case_number,
    content_of,
    eventually,
)

from xietong.exchange.v1.package_pb2 import Package
from xietong_client import Node, Phase, Progress, send_folder

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIZE_BYTES: Final = 12 * MIB
CLICKS, CONNECTIONS = 20, 4


@dataclass
class Click:
    """One click: the whole send, from hashing on."""

    sending: asyncio.Task[list[Package]]
    uploaded_bytes: list[int] = field(default_factory=list)
    """What it was told of the upload, whoever carries it."""

    @classmethod
    def on(cls, node: Node, folder: SentFolder, group: asyncio.TaskGroup) -> Click:
        uploaded: list[int] = []

        def listen(progress: Progress) -> None:
            if progress.phase == Phase.UPLOAD and progress.file == RECORDING:
                uploaded.append(progress.done_bytes)

        sending = send_folder(node, folder.path, on_progress=listen)
        return cls(group.create_task(sending), uploaded)


@pytest_asyncio.fixture(loop_scope="session")
async def line(town: Town) -> AsyncIterator[Line]:
    """Between the clients and the police's node."""
    async with town.line_to(POLICE) as line:
        yield line


@pytest_asyncio.fixture(loop_scope="session")
async def nodes(town: Town, line: Line) -> AsyncIterator[list[Node]]:
    """Clients of the police's node, each with a connection of its own."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(node_of(town, POLICE, line)) for _ in range(CONNECTIONS)]


async def test_clicks_at_every_stage_are_one_package(
    town: Town, line: Line, nodes: list[Node], tmp_path: Path
) -> None:
    content = content_of(SIZE_BYTES)
    folder = SentFolder.write(tmp_path / "sent", case_number(), content)
    town.to_hub.hold_after(SIZE_BYTES // 2)
    async with (
        town.line_to(POLICE) as slow,
        xietong(town, POLICE, slow, "send", folder.path) as command,
        asyncio.TaskGroup() as group,
    ):
        slow.hold_after(SIZE_BYTES // 2)
        await eventually(slow.there.held)
        clicks = [Click.on(nodes[n % CONNECTIONS], folder, group) for n in range(CLICKS - 1)]
        await eventually(lambda: _all_see_half(clicks))

        await town.kill(POLICE)
        await town.start(POLICE)
        slow.heal()
        told = [await click.sending for click in clicks]
        told.append(await send_folder(nodes[0], folder.path))  # while the package travels
        [sent] = (await command.result())["packages"]

    assert {package.package_id for packages in told for package in packages} == {sent["package_id"]}
    assert await town.packages(folder.case_number) == [sent["package_id"]]
    assert slow.sent_bytes + line.sent_bytes < SIZE_BYTES + WINDOW_BYTES + MIB, "more than one click uploaded"
    await town.moved(HUB, sent["package_id"], MIB)
    assert await _seen_by(nodes, sent["package_id"]) > 0
    town.to_hub.heal()
    await arrives_once(town, sent["package_id"], content)

    [again] = await send_folder(nodes[0], folder.path)
    assert again.package_id != sent["package_id"], "after an outcome a send is meant"
    await arrives_once(town, again.package_id, content)


async def _all_see_half(clicks: list[Click]) -> bool:
    """None of them uploads, and each is told how far the upload is."""
    told = {click.uploaded_bytes[-1] if click.uploaded_bytes else 0 for click in clicks}
    return len(told) == 1 and told.pop() > SIZE_BYTES // 4


async def _seen_by(nodes: list[Node], package_id: str) -> int:
    """Bytes that have moved to the hub: what all of them see at the moment when nothing moves."""
    seen = [(await node.get(package_id)).progress.transferred_bytes for node in nodes]
    assert len(set(seen)) == 1
    return seen[0]


async def test_clicks_that_race_each_other_are_one_package(
    town: Town, nodes: list[Node], tmp_path: Path
) -> None:
    """Nothing is held here: some have sent while others open the draft, contribute to it or check it."""
    content = content_of(1000)
    folder = SentFolder.write(tmp_path / "sent", case_number(), content)
    told = await asyncio.gather(*(send_folder(nodes[n % CONNECTIONS], folder.path) for n in range(CLICKS)))
    agencies = [await town.police() for _ in range(CONNECTIONS)]
    [package_id] = {package.package_id for packages in told for package in packages}
    await arrives_once(town, package_id, content)

    number = case_number()
    sent = await asyncio.gather(*(send(agencies[n % CONNECTIONS], content, number) for n in range(CLICKS)))
    [package_id] = {package.package_id for package in sent}
    await arrives_once(town, package_id, content)
