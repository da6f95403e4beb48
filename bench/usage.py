"""What processes use, read from the kernel: CPU seconds and resident memory, per process by name."""

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
class Usage:
    """Of one process and one span of time."""

    cpu_seconds: float
    idle_mib: float
    """Resident memory when the span began."""
    peak_mib: float
    """Highest resident memory in the span."""

    @property
    def growth_mib(self) -> float:
        """What the work needed beyond what the idle process holds."""
        return self.peak_mib - self.idle_mib


class Meter:
    """Measures processes from now on."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = pids
        for pid in pids.values():
            Path(f"/proc/{pid}/clear_refs").write_text(_RESET_PEAK, encoding="ascii")
        self._cpu_seconds = {name: cpu_seconds(pid) for name, pid in pids.items()}
        self._idle_mib = {name: _status_mib(pid, "VmRSS") for name, pid in pids.items()}

    def read(self) -> dict[str, Usage]:
        """The use of each process since the meter was made."""
        return {
            name: Usage(
                cpu_seconds=cpu_seconds(pid) - self._cpu_seconds[name],
                idle_mib=self._idle_mib[name],
                peak_mib=_status_mib(pid, "VmHWM"),
            )
            for name, pid in self._pids.items()
        }


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / _TICKS_PER_SECOND


def _status_mib(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 / _MIB for line in lines if line.startswith(f"{name}:"))
