"""What processes use, read from the kernel: CPU seconds and resident memory, per node by name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_RESET_PEAK = "5"
"""Written to /proc/<pid>/clear_refs, this lets the peak of the resident memory begin anew (proc(5))."""
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class NodePids:
    """A node's process, and the first process of its database."""

    node: int
    database: int


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one node and one span of time."""

    cpu_seconds: float
    """Of the node's process."""
    database_cpu_seconds: float
    """Of all processes of its database."""
    idle_mib: float
    """Resident memory of the node's process when the span began."""
    peak_mib: float
    """Its highest resident memory in the span."""

    @property
    def growth_mib(self) -> float:
        """What the work needed beyond what the idle process holds."""
        return self.peak_mib - self.idle_mib


class Meter:
    """Measures nodes from now on."""

    def __init__(self, nodes: Mapping[str, NodePids]) -> None:
        self._nodes = nodes
        for pids in nodes.values():
            Path(f"/proc/{pids.node}/clear_refs").write_text(_RESET_PEAK, encoding="ascii")
        self._begin = {name: self._now(pids) for name, pids in nodes.items()}

    def read(self) -> dict[str, Usage]:
        """The use of each node since the meter was made."""
        return {name: self._since(self._begin[name], self._now(pids)) for name, pids in self._nodes.items()}

    @staticmethod
    def _now(pids: NodePids) -> Usage:
        return Usage(
            cpu_seconds=cpu_seconds(pids.node),
            database_cpu_seconds=tree_cpu_seconds(pids.database),
            idle_mib=resident_mib(pids.node),
            peak_mib=_status_mib(pids.node, "VmHWM"),
        )

    @staticmethod
    def _since(begin: Usage, end: Usage) -> Usage:
        return Usage(
            cpu_seconds=end.cpu_seconds - begin.cpu_seconds,
            database_cpu_seconds=end.database_cpu_seconds - begin.database_cpu_seconds,
            idle_mib=begin.idle_mib,
            peak_mib=end.peak_mib,
        )


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / _TICKS_PER_SECOND


def tree_cpu_seconds(pid: int) -> float:
    """User and system time of a process and of all that it started, ended or not."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        return cpu_seconds(pid) + sum(tree_cpu_seconds(int(child)) for child in children)
    except FileNotFoundError:  # it ended meanwhile: its parent's time holds it
        return 0.0


def resident_mib(pid: int) -> float:
    """Resident memory of a process at this moment."""
    return _status_mib(pid, "VmRSS")


def _status_mib(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 / _MIB for line in lines if line.startswith(f"{name}:"))
