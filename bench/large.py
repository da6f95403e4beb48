"""The rows of large packages: one hop beside the floor, through the hub beside rsync, and growth with size."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import floor, rsync
from bench.city import NEIGHBOURS, WITH_HUB, City, city
from bench.pairing import in_rounds, pair
from bench.peers import PeerMissing
from bench.report import Report, Row, Target
from bench.run import GIB, MIB, Run, node_uses, total_cpu_seconds
from bench.sending import prepare, send, stamp, warm_up, write_noise
from bench.usage import Usage
from xietong_client import DraftSession, Node

SEND_SECONDS = 1800.0
"""A large package that takes longer ends its rows with an error."""
GROWN_GIB = 8
_MEMORY_TARGET = Target("ours", "≤", 64)


@dataclass(frozen=True, slots=True)
class Sending:
    """One large package that arrived."""

    seconds: float
    usage: dict[str, Usage]


@dataclass(frozen=True, slots=True)
class Road:
    """A city and a client at its sender."""

    city: City
    node: Node
    idle_mib: Mapping[str, float]
    """Resident memory by node, before anything is measured."""

    async def new_draft(self, source: Path) -> DraftSession:
        """A draft with a content that no node has seen: the file's, its beginning changed."""
        await asyncio.to_thread(stamp, source)
        return await prepare(self.node, source)

    async def beside(
        self, source: Path, run: Run, peer: Callable[[Path], Awaitable[float]]
    ) -> tuple[Sending, float]:
        """Send the file, as a new one, and let the peer have it too, in random order; both timed."""
        draft = await self.new_draft(source)

        async def ours() -> Sending:
            meter = self.city.meter()
            async with asyncio.timeout(SEND_SECONDS):
                sent = await send(self.node, draft)
            return Sending(sent.seconds, meter.read())

        try:
            return await pair(ours, lambda: peer(source), run.chance)
        finally:
            self.city.remove_contents()

    async def alone(self, source: Path, run: Run) -> Sending:
        """Send the file, as a new one."""
        sending, _ = await self.beside(source, run, _nothing)
        return sending


@asynccontextmanager
async def road(run: Run, parties: Sequence[str], name: str = "city") -> AsyncIterator[Road]:
    """A city that has already sent something."""
    async with city(run.folder / name, parties) as running, running.sender() as node:
        await warm_up(node, run.folder)
        idle_mib = {name: usage.idle_mib for name, usage in running.meter().read().items()}
        yield Road(running, node, idle_mib)


@asynccontextmanager
async def noise(run: Run, size_bytes: int) -> AsyncIterator[Path]:
    """A file of this size that nothing can compress."""
    path = run.folder / f"{size_bytes // MIB}MiB.bin"
    try:
        yield await asyncio.to_thread(write_noise, path, size_bytes)
    finally:
        path.unlink(missing_ok=True)


async def _nothing(_source: Path) -> float:
    return 0.0


async def one_hop(run: Run, report: Report) -> None:
    """1 GiB from node to node, beside the floor."""
    async with road(run, NEIGHBOURS) as way, noise(run, GIB) as source:

        async def peer(path: Path) -> float:
            return await floor.measure(path, run.folder / "floor.bin")

        rounds = await in_rounds(run.budget(65, 900), lambda: way.beside(source, run, peer))
    spans = [ours.usage for ours, _ in rounds]
    report.rows.append(
        Row.paired(
            "1 GiB, one hop node → node",
            "MiB/s",
            [1024 / ours.seconds for ours, _ in rounds],
            "read + SHA-256 + write + fsync, one process, two threads",
            [1024 / seconds for _, seconds in rounds],
            target=Target("ratio", "≥", 0.7),
            nodes=node_uses(spans, len(spans), "s/GiB", way.idle_mib),
        )
    )


async def through_hub(run: Run, report: Report) -> None:
    """1 GiB from node to node through the hub, beside rsync: time, CPU and memory."""
    async with road(run, WITH_HUB) as way, noise(run, GIB) as source:
        try:
            async with rsync.daemon(run.folder / "rsync") as peer:
                rounds = await in_rounds(run.budget(95, 1200), lambda: way.beside(source, run, peer.measure))
        except PeerMissing as missing:
            report.skipped["1 GiB, node → hub → node, beside rsync: not compared"] = str(missing)
            alone = await in_rounds(run.budget(95, 1200), lambda: way.alone(source, run))
            rounds = [(ours, 0.0) for ours in alone]
    _add_hub_rows(report, [ours for ours, _ in rounds], [seconds for _, seconds in rounds], way.idle_mib)


def _add_hub_rows(
    report: Report, ours: Sequence[Sending], theirs: Sequence[float], idle_mib: Mapping[str, float]
) -> None:
    seconds = [one.seconds for one in ours]
    nodes = node_uses([one.usage for one in ours], len(ours), "s/GiB", idle_mib)
    work, target = "1 GiB, node → hub → node", Target("ratio", "≤", 1.7)
    report.rows += [
        Row.paired(work, "s", seconds, rsync.NAME, theirs, target=target, nodes=nodes)
        if all(theirs)
        else Row.alone(work, "s", seconds, target=target, nodes=nodes, note="without its peer"),
        Row.alone(
            "CPU, node → hub → node, all three nodes",
            "s/GiB",
            [total_cpu_seconds(one.usage) for one in ours],
            target=Target("ours", "≤", 4.8),
            note="the nodes' own processes; their databases' CPU is listed beside them",
        ),
        memory_row("Memory, 1 GiB, node → hub → node", [one.usage for one in ours], idle_mib),
    ]


def memory_row(work: str, spans: Sequence[Mapping[str, Usage]], idle_mib: Mapping[str, float]) -> Row:
    """The growth above the idle memory, of the node that grew most, round by round."""
    grown = [max(usage.peak_mib - idle_mib[name] for name, usage in span.items()) for span in spans]
    note = f"the highest of all rounds was {max(grown):.0f} MiB"
    return Row.alone(work, "MiB", grown, target=_MEMORY_TARGET, note=note)


async def growth(run: Run, report: Report) -> None:
    """8 GiB beside 1 GiB on the same road: time by size, and memory."""
    async with (
        road(run, WITH_HUB) as way,
        noise(run, GIB) as small,
        noise(run, GROWN_GIB * GIB) as grown,
    ):

        async def round_() -> tuple[Sending, Sending]:
            return await pair(lambda: way.alone(grown, run), lambda: way.alone(small, run), run.chance)

        rounds = await in_rounds(run.budget(0, 2400), round_)
    spans = [ours.usage for ours, _ in rounds]
    nodes = node_uses(spans, len(spans) * GROWN_GIB, "s/GiB", way.idle_mib)
    report.rows += [
        Row.paired(
            f"1 → {GROWN_GIB} GiB, node → hub → node",
            "s",
            [ours.seconds for ours, _ in rounds],
            "Xietong, 1 GiB",
            [other.seconds for _, other in rounds],
            target=Target("ratio", "≤", 8.5),
            nodes=nodes,
        ),
        memory_row(f"Memory, {GROWN_GIB} GiB, node → hub → node", spans, way.idle_mib),
    ]
