"""The floor of one hop: what any program must do with a file that it takes over durably and verified.

A process of its own with two threads: one reads and hashes, the other writes and syncs. It prints its seconds
and the digest; its own start is not counted.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import queue
import sys
import threading
import time
from pathlib import Path

BLOCK_BYTES = 1 << 20
BLOCKS = 64
SYNC_BYTES = 64 << 20
"""A sync now and then keeps the disk busy while the rest is read."""
BOUND_SECONDS = 900.0


class _Writer(threading.Thread):
    """Writes the blocks that it is handed, and gives them back."""

    def __init__(self, target: Path, size_bytes: int) -> None:
        super().__init__()
        self.full: queue.SimpleQueue[memoryview | None] = queue.SimpleQueue()
        self.free: queue.SimpleQueue[bytearray] = queue.SimpleQueue()
        self.failure: OSError | None = None
        self._target = target
        self._size_bytes = size_bytes
        for _ in range(BLOCKS):
            self.free.put(bytearray(BLOCK_BYTES))

    def run(self) -> None:
        try:
            with self._target.open("wb", buffering=0) as file:
                self._write(file.fileno())
            _sync_folder(self._target.parent)
        except OSError as error:
            self.failure = error
            while self.full.get() is not None:
                self.free.put(bytearray(BLOCK_BYTES))  # the reader must not wait for ever

    def _write(self, file: int) -> None:
        os.posix_fallocate(file, 0, max(self._size_bytes, 1))
        written = synced = 0
        while (data := self.full.get()) is not None:
            written += os.pwrite(file, data, written)
            self.free.put(data.obj)  # type: ignore[arg-type] # the bytearray that the view is of
            if written - synced >= SYNC_BYTES:
                os.fdatasync(file)
                synced = written
        os.fsync(file)


def copy(source: Path, target: Path) -> str:
    """Read, hash, write and sync; returns the SHA-256 in hex. Raises OSError as the system does."""
    digest = hashlib.sha256()
    writer = _Writer(target, source.stat().st_size)
    writer.start()
    try:
        with source.open("rb", buffering=0) as file:
            while length := file.readinto(block := writer.free.get()):
                data = memoryview(block)[:length]
                digest.update(data)
                writer.full.put(data)
    finally:
        writer.full.put(None)
        writer.join()
    if writer.failure:
        raise writer.failure
    return digest.hexdigest()


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


async def measure(source: Path, target: Path) -> float:
    """Its seconds, in a process of its own. Raises RuntimeError with its last words."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.floor", source, target,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    )  # fmt: skip
    try:
        output, errors = await asyncio.wait_for(process.communicate(), BOUND_SECONDS)
    except BaseException:
        process.kill()
        await process.wait()
        raise
    finally:
        target.unlink(missing_ok=True)
    if process.returncode:
        raise RuntimeError(f"the floor process failed: {errors.decode(errors='replace')[-500:]}")
    return float(json.loads(output)["seconds"])


if __name__ == "__main__":
    _source, _target = map(Path, sys.argv[1:])
    _start = time.perf_counter()
    _digest = copy(_source, _target)
    print(json.dumps({"seconds": time.perf_counter() - _start, "sha256": _digest}))
