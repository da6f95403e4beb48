"""Small packages while large ones are under way: whether they overtake, and whether memory stays bounded."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from bench.city import WITH_HUB
from bench.large import SEND_SECONDS, Road, memory_row, noise, road
from bench.pairing import in_rounds, pair, percentile
from bench.report import Report, Row, Target
from bench.run import GIB, MIB, Run, node_uses
from bench.sending import prepare_all, send
from bench.small import SMALL_BYTES, send_batch
from bench.usage import Usage

_TRANSFERS = 4
_LARGE_BYTES = 512 * MIB
_IDLE_SAMPLES = 20
_LEAST_SAMPLES = 10
_MOST_SAMPLES = 60


async def lanes(run: Run, report: Report) -> None:
    """The p95 of a 100 KB package with four large transfers running, beside its idle p95."""
    async with road(run, WITH_HUB) as way, noise(run, _LARGE_BYTES) as source:
        traffic = _Traffic(run, way, source)
        rounds = await in_rounds(
            run.budget(0, 1500), lambda: pair(traffic.loaded_p95, traffic.idle_p95, run.chance)
        )
    nodes = node_uses(traffic.spans, len(rounds) * _TRANSFERS * _LARGE_BYTES / GIB, "s/GiB", way.idle_mib)
    report.rows += [
        Row.paired(
            f"100 KB package with {_TRANSFERS} large transfers running: p95",
            "ms",
            [loaded for loaded, _ in rounds],
            "Xietong, idle",
            [idle for _, idle in rounds],
            target=Target("ratio", "≤", 3),
            nodes=nodes,
        ),
        memory_row(f"Memory, {_TRANSFERS} transfers of 512 MiB at once", traffic.spans, way.idle_mib),
    ]


@dataclass(slots=True)
class _Traffic:
    run: Run
    way: Road
    source: Path
    spans: list[dict[str, Usage]] = field(default_factory=list)

    async def idle_p95(self) -> float:
        """Milliseconds, with nothing else to do."""
        batch = await send_batch(self.way, self.run.folder, _IDLE_SAMPLES, at_once=1)
        return percentile(batch.latencies_ms, 95)

    async def loaded_p95(self) -> float:
        """Milliseconds, of the packages that arrive before the first of the large ones does."""
        try:
            times = await self._small_beside_large()
        finally:
            self.way.city.remove_contents()
        if len(times) < _LEAST_SAMPLES:
            raise RuntimeError(
                f"only {len(times)} small packages arrived beside the large ones, {_LEAST_SAMPLES} are needed"
            )
        return percentile(times, 95)

    async def _small_beside_large(self) -> list[float]:
        node, times = self.way.node, list[float]()
        large = [await self.way.new_draft(self.source) for _ in range(_TRANSFERS)]
        first, *small = await prepare_all(node, self.run.folder, _MOST_SAMPLES, SMALL_BYTES)
        meter = self.way.city.meter()
        async with asyncio.timeout(SEND_SECONDS), asyncio.TaskGroup() as group:
            running = [group.create_task(send(node, draft)) for draft in large]
            await send(node, first)  # meanwhile the large ones get going
            for draft in small:
                sent = await send(node, draft)
                if any(task.done() for task in running):
                    break
                times.append(sent.seconds * 1000)
        self.spans.append(meter.read())
        return times
