"""Nodes as processes of their own, with mutual TLS and a database each, as they run in production."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.usage import Meter
from xietong_client import Credentials, Node
from xietong_demo.processes import ProcessGroup
from xietong_demo.stack import Stack

START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class City:
    """Running nodes."""

    stack: Stack
    group: ProcessGroup

    def meter(self) -> Meter:
        """Measures the nodes' processes, their databases apart, from now on."""
        return Meter({one.name: one.process.pid for one in self.group.started})

    def sender(self) -> Node:
        """The police's case-handling system at its node."""
        credentials = Credentials.from_folder(self.stack.pki / "police", "case-handling")
        return Node.connect(self.stack.address("police"), credentials)


@asynccontextmanager
async def city(folder: Path, parties: Sequence[str]) -> AsyncIterator[City]:
    """Starts nodes of these parties in `folder`; without a hub, each is the other's neighbour."""
    stack = Stack.prepare(folder, parties=parties)
    async with ProcessGroup(folder) as group:
        stack.start(group)
        await group.until_ready([stack.answers(party) for party in parties], START_SECONDS)
        yield City(stack, group)
        await asyncio.sleep(0)
