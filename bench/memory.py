"""`python -m bench.memory --size 10GiB`: the memory of each node over time, while one package of this size travels.

Writes every sample to `bench/results/memory.csv` and the summary to `memory.md` beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import shutil
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.city import WITH_HUB, City, city
from bench.command import ENDED, FOLDER, RESULTS, run_to_end, working_folder
from bench.run import GIB
from bench.sending import prepare, send, warm_up, write_noise
from bench.usage import resident_mib
from xietong_demo.video import parse_size

_INTERVAL_SECONDS = 0.5
_COPIES = 3
"""Each node holds one; the source is gone when the package leaves the first node."""
_SUMMARY_ROWS = 24


@dataclass(frozen=True, slots=True)
class Sample:
    """Resident memory at one moment."""

    seconds: float
    phase: str
    mib: tuple[float, ...]
    """By node, in the order of `WITH_HUB`."""


@dataclass(slots=True)
class Recorder:
    """Takes samples of all nodes, at even intervals."""

    city: City
    phase: str = "idle"
    samples: list[Sample] = field(default_factory=list)
    _start: float = field(default_factory=time.perf_counter)

    @asynccontextmanager
    async def recording(self) -> AsyncIterator[None]:
        """While the block runs."""
        task = asyncio.create_task(self._record())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.take()

    def take(self) -> None:
        """One sample."""
        mib = tuple(resident_mib(self.city.pid(party)) for party in WITH_HUB)
        self.samples.append(Sample(time.perf_counter() - self._start, self.phase, mib))

    async def _record(self) -> None:
        while True:
            self.take()
            await asyncio.sleep(_INTERVAL_SECONDS)

    def begin(self, phase: str) -> None:
        """What follows belongs to this phase."""
        self.take()
        self.phase = phase


async def measure(folder: Path, size_bytes: int) -> list[Sample]:
    """One package, from its upload to the evidence of its delivery."""
    async with city(folder / "city", WITH_HUB) as running, running.sender() as node:
        await warm_up(node, folder)
        source = await asyncio.to_thread(write_noise, folder / "large.bin", size_bytes)
        recorder = Recorder(running)
        async with recorder.recording():
            recorder.begin("upload")
            draft = await prepare(node, source)
            source.unlink()
            recorder.begin("travel")
            await send(node, draft)
        return recorder.samples


def markdown(samples: Sequence[Sample], size_bytes: int) -> str:
    """The summary: idle, highest and growth by node, then memory over time in some rows."""
    idle, seconds = samples[0].mib, {one.phase: one.seconds for one in samples}
    lines = [
        (
            f"One package of {size_bytes / GIB:g} GiB: {seconds['upload']:.0f} s of hashing and upload, "
            f"{seconds['travel'] - seconds['upload']:.0f} s from submit to delivered."
        ),
        "",
        "| node | idle MiB | highest MiB | growth MiB |",
        "|---|---:|---:|---:|",
    ]
    for number, party in enumerate(WITH_HUB):
        highest = max(one.mib[number] for one in samples)
        lines.append(f"| {party} | {idle[number]:.0f} | {highest:.0f} | {highest - idle[number]:.0f} |")
    lines += ["", f"| second | phase | {' | '.join(WITH_HUB)} |", "|---:|---|" + "---:|" * len(WITH_HUB)]
    for one in samples[:: max(1, len(samples) // _SUMMARY_ROWS)]:
        lines.append(f"| {one.seconds:.0f} | {one.phase} | {' | '.join(f'{mib:.0f}' for mib in one.mib)} |")
    return "\n".join(lines) + "\n"


def write_csv(samples: Sequence[Sample], path: Path) -> None:
    """Every sample: MiB by node."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["seconds", "phase", *(f"{party}_mib" for party in WITH_HUB)])
        rows.writerows(
            (f"{one.seconds:.2f}", one.phase, *(f"{mib:.1f}" for mib in one.mib)) for one in samples
        )


def main() -> int:
    """0 when the package arrived; 1 when there is no room for it."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--size", type=parse_size, default="10GiB", help="of the package; default: 10GiB")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="on whose disk; default: %(default)s")
    options = parser.parse_args()
    folder = working_folder(options.folder)
    needed, free = _COPIES * options.size + 4 * GIB, shutil.disk_usage(folder).free
    if free < needed:
        print(
            f"needs {needed / GIB:.0f} GiB of disk, {free / GIB:.0f} GiB are free in {folder}",
            file=sys.stderr,
        )
        return 1
    samples = run_to_end(measure(folder, options.size), folder)
    if samples is None:
        return ENDED
    RESULTS.mkdir(exist_ok=True)
    write_csv(samples, RESULTS / "memory.csv")
    summary = markdown(samples, options.size)
    (RESULTS / "memory.md").write_text(summary, encoding="utf-8")
    print(summary)
    return 0


if __name__ == "__main__":
    sys.exit(main())
