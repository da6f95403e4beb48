"""Nodes as processes of their own, with mutual TLS and a database each, as they run in production."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bench.usage import Meter, NodePids
from xietong_client import Credentials, Node
from xietong_demo.processes import ProcessGroup, end_leftovers, remove_cluster
from xietong_demo.stack import PARTIES, Stack

START_SECONDS = 120.0
NEIGHBOURS = ("police", "procuratorate")
"""Without a hub, each is the other's neighbour."""
WITH_HUB = ("hub", "police", "procuratorate")
CITIES = ("city", "empty", "full")
"""The folders of all cities that a run may have."""
_LARGE_BYTES = 8 << 20
"""Parts above are a round's own; those of the template, below, are shared by all packages."""


@dataclass(frozen=True, slots=True)
class City:
    """Running nodes."""

    stack: Stack
    group: ProcessGroup

    @property
    def parties(self) -> Sequence[str]:
        """Whose nodes run."""
        return tuple(self.stack.ports)

    def meter(self) -> Meter:
        """Measures the nodes from now on, their databases apart."""
        return Meter(
            {
                one.name: NodePids(one.process.pid, int(self._postmaster(one.name)[0]))
                for one in self.group.started
            }
        )

    def sender(self) -> Node:
        """The police's case-handling system at its node."""
        credentials = Credentials.from_folder(self.stack.pki / "police", "case-handling")
        return Node.connect(self.stack.address("police"), credentials)

    async def kill(self, party: str) -> None:
        """SIGKILL to a party's node; its database lives on, as it may, and serves the next start."""
        [killed] = [one for one in self.group.started if one.name == party]
        killed.process.kill()
        await asyncio.to_thread(killed.process.wait)
        self.group.started.remove(killed)

    async def start(self, party: str) -> None:
        """Start a party's node again."""
        self.stack.start_one(self.group, party)
        await self.group.until_ready([self.stack.answers(party)], START_SECONDS)

    def pid(self, party: str) -> int:
        """Of a party's node."""
        return next(one.process.pid for one in self.group.started if one.name == party)

    async def database(self, party: str) -> asyncpg.Connection[asyncpg.Record]:
        """A connection to a node's embedded database; the caller closes it."""
        _, _, _, port, sockets, *_ = self._postmaster(party)
        return await asyncpg.connect(host=sockets, port=int(port), user="xietong", database="postgres")

    def remove_contents(self) -> None:
        """Take the large parts of finished rounds off the disk, in every node's part store, behind its back.

        The nodes keep their records of these packages; no later round has the same content.
        """
        for party in self.parties:
            for part in (self.stack.state(party) / "parts" / "complete").rglob("*"):
                with suppress(FileNotFoundError):  # the node sweeps meanwhile
                    if part.is_file() and part.stat().st_size >= _LARGE_BYTES:
                        part.unlink()

    def _postmaster(self, party: str) -> list[str]:
        note = self.stack.state(party) / "postgres" / "postmaster.pid"
        return note.read_text(encoding="utf-8").splitlines()


@asynccontextmanager
async def city(
    folder: Path, parties: Sequence[str], prepare: Callable[[Stack], Awaitable[None]] | None = None
) -> AsyncIterator[City]:
    """Starts nodes of these parties in `folder`, and leaves neither them nor the folder behind.

    prepare: changes their settings before they start.
    """
    remove_city(folder)
    stack = Stack.prepare(folder, parties=parties)
    if prepare is not None:
        await prepare(stack)
    try:
        async with ProcessGroup(folder) as group:
            stack.start(group)
            await group.until_ready([stack.answers(party) for party in parties], START_SECONDS)
            yield City(stack, group)
    finally:
        await asyncio.to_thread(remove_city, folder)


def remove_city(folder: Path) -> None:
    """Ends what a killed run left in this folder, and removes it."""
    states = [folder.resolve() / party / "state" for party in PARTIES]
    end_leftovers(folder.resolve(), states)
    for state in states:
        remove_cluster(state)
    shutil.rmtree(folder, ignore_errors=True)
