"""What the rows of one run share: sizes, time, folders, and what the nodes used."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.pairing import Budget
from bench.report import NodeUse
from bench.usage import Usage

MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Run:
    """How much to measure, and where."""

    quick: bool
    folder: Path
    """For everything that the run makes; its disk is the one that is measured."""
    chance: random.Random

    def budget(self, quick_seconds: float, full_seconds: float) -> Budget:
        """The time of a row: as many rounds as fit in a quick run, ten in a full one where that ends in time."""
        if self.quick:
            return Budget(quick_seconds, least_rounds=1)
        return Budget(full_seconds, least_rounds=3)


def node_uses(
    spans: Sequence[Mapping[str, Usage]], units: float, cpu_unit: str, idle_mib: Mapping[str, float]
) -> list[NodeUse]:
    """Per node: CPU for each unit of work, and the highest growth of memory above the idle one.

    spans: of the same city; units: of work in all of them together; idle_mib: by node, before the first.
    """
    return [
        _node_use(name, [span[name] for span in spans], units, cpu_unit, idle)
        for name, idle in idle_mib.items()
    ]


def _node_use(name: str, usages: Sequence[Usage], units: float, cpu_unit: str, idle: float) -> NodeUse:
    return NodeUse(
        node=name,
        cpu=sum(usage.cpu_seconds for usage in usages) / units,
        database_cpu=sum(usage.database_cpu_seconds for usage in usages) / units,
        cpu_unit=cpu_unit,
        idle_mib=idle,
        growth_mib=max(usage.peak_mib for usage in usages) - idle,
    )


def total_cpu_seconds(span: Mapping[str, Usage]) -> float:
    """Of all nodes' processes, without their databases."""
    return sum(usage.cpu_seconds for usage in span.values())
