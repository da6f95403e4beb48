"""`python -m bench.kills --size 2GiB`: what a kill -9 of each node in the middle of a large package costs.

Each of the three nodes is killed once, in a package of its own, when half of it has passed the hop in question. Wires
between the nodes count every byte; beyond what an undisturbed package of this size takes, all were sent again.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.city import WITH_HUB, City, city
from bench.command import ENDED, FOLDER, RESULTS, run_to_end, working_folder
from bench.run import MIB
from bench.sending import prepare, send, stamp, warm_up, write_noise
from bench.wire import Wire
from xietong_client import Node
from xietong_demo.stack import Stack
from xietong_demo.video import parse_size

HOPS = ("police → hub", "hub → procuratorate")
VICTIMS = {"police": 0, "hub": 0, "procuratorate": 1}
"""The hop on which half of the package has passed when the node is killed."""
_LOOK_SECONDS = 0.005
_SEND_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Passage:
    """One package's way."""

    victim: str
    """Which node was killed; empty: none."""
    passed_bytes: tuple[int, ...]
    """By hop."""
    seconds: float
    """From submit to the evidence of its delivery at the sender."""
    away_seconds: float = 0.0
    """From the kill until the node answered again."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A city whose hops are counted, and a client at its sender."""

    city: City
    node: Node
    wires: tuple[Wire, ...]
    source: Path

    async def passage(self, victim: str = "") -> Passage:
        """Send a new content; kill the victim in its middle and start it again."""
        await asyncio.to_thread(stamp, self.source)
        draft = await prepare(self.node, self.source)
        before = [wire.passed_bytes for wire in self.wires]
        try:
            async with asyncio.timeout(_SEND_SECONDS), asyncio.TaskGroup() as group:
                sending = group.create_task(send(self.node, draft))
                away = group.create_task(self._kill(victim, before)) if victim else None
        finally:
            self.city.remove_contents()
        passed = tuple(wire.passed_bytes - begin for wire, begin in zip(self.wires, before, strict=True))
        return Passage(victim, passed, sending.result().seconds, away.result() if away else 0.0)

    async def _kill(self, victim: str, before: list[int]) -> float:
        hop = VICTIMS[victim]
        middle = before[hop] + self.source.stat().st_size // 2
        while self.wires[hop].passed_bytes < middle:  # noqa: ASYNC110 - a counter has no event
            await asyncio.sleep(_LOOK_SECONDS)
        start = time.perf_counter()
        await self.city.kill(victim)
        await self.city.start(victim)
        return time.perf_counter() - start


async def measure(folder: Path, size_bytes: int) -> list[Passage]:
    """The undisturbed passage, then one for each victim."""
    async with AsyncExitStack() as stack:
        wires: list[Wire] = []

        async def lead_over_wires(nodes: Stack) -> None:
            for sender, receiver in (("police", "hub"), ("hub", "procuratorate")):
                wire = await stack.enter_async_context(Wire(nodes.ports[receiver]))
                wires.append(wire)
                settings = nodes.config(sender).read_text(encoding="utf-8")
                direct, led = (f'{receiver} = "{where}"' for where in (nodes.address(receiver), wire.address))
                nodes.config(sender).write_text(settings.replace(direct, led), encoding="utf-8")

        running = await stack.enter_async_context(city(folder / "city", WITH_HUB, lead_over_wires))
        node = await stack.enter_async_context(running.sender())
        await warm_up(node, folder)
        source = await asyncio.to_thread(write_noise, folder / "large.bin", size_bytes)
        trial = Trial(running, node, tuple(wires), source)
        return [await trial.passage(victim) for victim in ("", *VICTIMS)]


def markdown(passages: list[Passage], size_bytes: int) -> str:
    """The table."""
    undisturbed, *killed = passages
    lines = [
        f"A package of {size_bytes / MIB:,.0f} MiB; undisturbed "
        + ", ".join(
            f"{hop} {passed / MIB:,.1f} MiB"
            for hop, passed in zip(HOPS, undisturbed.passed_bytes, strict=True)
        )
        + f" on the wire, {undisturbed.seconds:.1f} s.",
        "",
        f"| kill -9 of | again, {HOPS[0]} | again, {HOPS[1]} | again, in all | away | submit to delivered |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for one in killed:
        again = [
            (passed - usual) / MIB
            for passed, usual in zip(one.passed_bytes, undisturbed.passed_bytes, strict=True)
        ]
        columns = [f"{value:.2f} MiB" for value in (*again, sum(again))]
        lines.append(
            f"| {one.victim} | {' | '.join(columns)} | {one.away_seconds:.1f} s | {one.seconds:.1f} s |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    """0 when every package arrived."""
    parser = argparse.ArgumentParser(prog="python -m bench.kills", description=__doc__)
    parser.add_argument("--size", type=parse_size, default="2GiB", help="of the package; default: 2GiB")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="on whose disk; default: %(default)s")
    options = parser.parse_args()
    folder = working_folder(options.folder)
    passages = run_to_end(measure(folder, options.size), folder)
    if passages is None:
        return ENDED
    table = markdown(passages, options.size)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "kills.md").write_text(table, encoding="utf-8")
    print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
