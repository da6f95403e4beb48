"""`python -m bench [--quick] [--only ROWS]`: measure, print the table, write it to bench/results/."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.command import ENDED, FOLDER, RESULTS, run_to_end, working_folder
from bench.console import console_pages
from bench.history import history
from bench.lanes import lanes
from bench.large import growth, one_hop, through_hub
from bench.machine import Machine
from bench.report import Report
from bench.run import GIB, MIB, Run
from bench.small import small_packages


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that are measured together."""

    measure: Callable[[Run, Report], Awaitable[None]]
    disk_gib: int
    """Free space that it needs at most."""
    quick_seconds: float = 0.0
    """Bound in a quick run; 0: not part of it, unless it is asked for by name."""
    full_seconds: float = 3600.0


BLOCKS = {
    "one-hop": Block(one_hop, 5, 100),
    "hub": Block(through_hub, 7, 140),
    "small": Block(small_packages, 4, 140),
    "lanes": Block(lanes, 12),
    "history": Block(history, 40, full_seconds=5400),
    "console": Block(console_pages, 16),
    "growth": Block(growth, 46, full_seconds=5400),
}


async def measure(run: Run, names: Sequence[str]) -> tuple[Report, bool]:
    """The report, and whether every block ended as it should; written after each of them."""
    machine = await asyncio.to_thread(Machine.look, run.folder, (256 if run.quick else 1024) * MIB)
    report, well = Report(run.quick, machine), True
    for name in names:
        block, start = BLOCKS[name], time.monotonic()
        print(f"{name} …", file=sys.stderr, flush=True)
        failure = await _failure(block, run, report)
        print(f"{name}: {failure or 'done'} ({time.monotonic() - start:.0f} s)", file=sys.stderr, flush=True)
        if failure:
            report.skipped[name] = failure
            well = False
        report.load_after = os.getloadavg()[0]
        report.write(RESULTS)
    return report, well


async def _failure(block: Block, run: Run, report: Report) -> str:
    """Why the block could not be measured; empty when it was."""
    free_gib = shutil.disk_usage(run.folder).free // GIB
    if free_gib < block.disk_gib:
        return f"not measured: needs {block.disk_gib} GiB of disk, {free_gib} GiB are free in {run.folder}"
    try:
        async with asyncio.timeout((run.quick and block.quick_seconds) or block.full_seconds):
            await block.measure(run, report)
    except TimeoutError:
        return "not measured: it took longer than its bound; look at the load of the machine"
    except Exception as error:  # noqa: BLE001 - whatever it is, the other rows are measured and the table says it
        return f"not measured: {type(error).__name__}: {error}".replace("\n", " ")[:600]
    return ""


def main() -> int:
    """0 when everything was measured; targets may be missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="the 1 GiB and 100 KB rows, in under five minutes"
    )
    parser.add_argument("--only", choices=BLOCKS, action="append", help="these rows only; may be repeated")
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, help="on the disk to measure; default: %(default)s"
    )
    options = parser.parse_args()
    names = [
        name
        for name, block in BLOCKS.items()
        if (name in options.only if options.only else block.quick_seconds or not options.quick)
    ]
    run = Run(options.quick, working_folder(options.folder), random.SystemRandom())
    measured = run_to_end(measure(run, names), run.folder)
    if measured is None:
        return ENDED
    report, well = measured
    print(report.markdown())
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
