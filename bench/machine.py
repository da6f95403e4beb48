"""The facts of the machine without which no number of a benchmark means anything."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

from bench.pairing import percentile

_MIB = 1 << 20
_TRIES = 3
_SMALL_BYTES = 4096
_SMALL_WRITES = 100


@dataclass(frozen=True, slots=True)
class Machine:
    """What a reader must know to compare."""

    cpu: str
    cores: int
    memory_gib: float
    kernel: str
    disk_mib_per_second: float
    """The disk's own rate: new bytes written and synced, the median of three."""
    disk_sync_ms: float
    """Write 4 KiB and sync, the median of a hundred: what every durable step costs at least."""
    load_before: float
    """Mean number of processes that wanted to run, in the minute before (ours not yet among them)."""

    @classmethod
    def look(cls, folder: Path, write_bytes: int) -> Machine:
        """Measures the disk under `folder` with files of this size; takes some seconds."""
        load = os.getloadavg()[0]
        return cls(
            cpu=_field("/proc/cpuinfo", "model name"),
            cores=len(os.sched_getaffinity(0)),
            memory_gib=int(_field("/proc/meminfo", "MemTotal").split()[0]) / _MIB,
            kernel=platform.release(),
            disk_mib_per_second=percentile([_write_rate(folder, write_bytes) for _ in range(_TRIES)], 50),
            disk_sync_ms=percentile(_sync_times_ms(folder), 50),
            load_before=load,
        )


def _field(file: str, name: str) -> str:
    lines = Path(file).read_text(encoding="utf-8").splitlines()
    found = (line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == name)
    return next(found, platform.machine())


def _write_rate(folder: Path, write_bytes: int) -> float:
    block = os.urandom(_MIB)
    path = folder / "rate.bin"
    start = time.perf_counter()
    with path.open("wb", buffering=0) as file:
        for _ in range(write_bytes // _MIB):
            file.write(block)
        os.fsync(file.fileno())
    seconds = time.perf_counter() - start
    path.unlink()
    return write_bytes / _MIB / seconds


def _sync_times_ms(folder: Path) -> list[float]:
    path, block, times = folder / "sync.bin", os.urandom(_SMALL_BYTES), []
    with path.open("wb", buffering=0) as file:
        for _ in range(_SMALL_WRITES):
            start = time.perf_counter()
            file.write(block)
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - start) * 1000)
    path.unlink()
    return times
