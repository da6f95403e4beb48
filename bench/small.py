"""The rows of small packages: many at once beside RabbitMQ, one at a time, and with large transfers running."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import rabbitmq
from bench.city import WITH_HUB
from bench.large import Road, road
from bench.pairing import Budget, in_rounds, pair, percentile
from bench.peers import PeerMissing
from bench.report import NodeUse, Report, Row, Target
from bench.run import Run, node_uses, total_cpu_seconds
from bench.sending import Sent, prepare_all, send_all
from bench.usage import Usage

SMALL_BYTES = 100_000
AT_ONCE = 32
_BATCH_SECONDS = 5.0
"""So long a batch should take, whatever the machine: the number of its packages follows."""
_BOUND_SECONDS = 300.0
_LEAST_PACKAGES = 2 * AT_ONCE
_MOST_PACKAGES = 1500
_SINGLES = 10


@dataclass(frozen=True, slots=True)
class Batch:
    """Small packages that all arrived, or a peer's messages."""

    seconds: float
    latencies_ms: Sequence[float]

    @property
    def rate(self) -> float:
        """A second."""
        return len(self.latencies_ms) / self.seconds

    @property
    def p99_ms(self) -> float:
        """Of a hundred, one takes longer."""
        return percentile(self.latencies_ms, 99)


@dataclass(frozen=True, slots=True)
class Measured(Batch):
    """A batch of ours, and what it cost the nodes."""

    usage: dict[str, Usage]


async def send_batch(way: Road, folder: Path, count: int, at_once: int = AT_ONCE) -> Measured:
    """Prepare so many new packages, then send them, so many at once; only the sending is measured."""
    drafts = await prepare_all(way.node, folder, count, SMALL_BYTES)
    meter, start = way.city.meter(), time.perf_counter()
    async with asyncio.timeout(_BOUND_SECONDS):
        sent = await send_all(way.node, drafts, at_once)
    return Measured(time.perf_counter() - start, latencies_ms(sent), meter.read())


def latencies_ms(sent: Sequence[Sent]) -> list[float]:
    """From submit to the receiver's evidence at the sender."""
    return [one.seconds * 1000 for one in sent]


async def fitting_count(way: Road, folder: Path) -> int:
    """How many packages at once keep this machine busy for the time of a batch."""
    probe = await send_batch(way, folder, AT_ONCE)
    return min(_MOST_PACKAGES, max(_LEAST_PACKAGES, int(probe.rate * _BATCH_SECONDS)))


async def small_packages(run: Run, report: Report) -> None:
    """100 KB packages through the hub: 32 at once beside RabbitMQ, then one at a time."""
    async with road(run, WITH_HUB) as way:
        count = await fitting_count(way, run.folder)
        await _many_at_once(run, report, way, count)
        await _one_at_a_time(run, report, way)


async def _many_at_once(run: Run, report: Report, way: Road, count: int) -> None:
    budget = run.budget(40, 600)
    try:
        async with rabbitmq.broker(run.folder / "rabbitmq") as broker:
            rounds = await in_rounds(budget, lambda: _beside(run, way, broker, count))
            ours, theirs = [one for one, _ in rounds], [other for _, other in rounds]
    except PeerMissing as missing:
        report.skipped["100 KB packages, beside RabbitMQ: not compared"] = str(missing)
        ours, theirs = await in_rounds(budget, lambda: send_batch(way, run.folder, count)), []
    nodes = node_uses([one.usage for one in ours], count * len(ours) / 1000, "ms/package", way.idle_mib)
    report.rows += [*_batch_rows(ours, theirs, nodes), _cpu_row(ours)]


async def _beside(run: Run, way: Road, broker: rabbitmq.RabbitMQ, count: int) -> tuple[Measured, Batch]:
    payloads = [os.urandom(SMALL_BYTES) for _ in range(count)]

    async def peer() -> Batch:
        seconds, latencies = await broker.measure(payloads, AT_ONCE)
        return Batch(seconds, [one * 1000 for one in latencies])

    return await pair(lambda: send_batch(way, run.folder, count), peer, run.chance)


def _batch_rows(ours: Sequence[Measured], theirs: Sequence[Batch], nodes: Sequence[NodeUse]) -> list[Row]:
    work = f"100 KB packages, {AT_ONCE} at once, node → hub → node"
    note = f"{len(ours[0].latencies_ms)} packages a round"
    rates, slowest = [one.rate for one in ours], [one.p99_ms for one in ours]
    rate_target, slowest_target = Target("ours", "≥", 250), Target("ours", "≤", 250)
    if not theirs:
        return [
            Row.alone(f"{work}: rate", "/s", rates, target=rate_target, nodes=nodes, note=note),
            Row.alone(f"{work}: p99", "ms", slowest, target=slowest_target),
        ]
    peer, peer_rates = rabbitmq.NAME, [one.rate for one in theirs]
    peer_slowest = [one.p99_ms for one in theirs]
    return [
        Row.paired(
            f"{work}: rate", "/s", rates, peer, peer_rates, target=rate_target, nodes=nodes, note=note
        ),
        Row.paired(f"{work}: p99", "ms", slowest, peer, peer_slowest, target=slowest_target),
    ]


def _cpu_row(ours: Sequence[Measured]) -> Row:
    costs = [total_cpu_seconds(one.usage) * 1000 / len(one.latencies_ms) for one in ours]
    return Row.alone(
        "CPU of a 100 KB package, all three nodes",
        "ms",
        costs,
        note="the nodes' own processes; where it goes, and their databases' CPU, stands with the rate",
    )


async def _one_at_a_time(run: Run, report: Report, way: Road) -> None:
    """Each package is a sample of its own here."""
    budget = run.budget(10, 60)
    rounds = await in_rounds(
        Budget(budget.seconds, rounds=50), lambda: send_batch(way, run.folder, _SINGLES, at_once=1)
    )
    report.rows.append(
        Row.alone(
            "100 KB package, one at a time: p50",
            "ms",
            [one for batch in rounds for one in batch.latencies_ms],
            target=Target("ours", "≤", 30),
            nodes=node_uses(
                [one.usage for one in rounds], len(rounds) * _SINGLES / 1000, "ms/package", way.idle_mib
            ),
        )
    )
