"""The threads in which a store hashes, reads, writes and syncs: the event loop never waits for a disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from xietong_exchange.flow.cancellation import uninterrupted

P = ParamSpec("P")
T = TypeVar("T")

DISK_THREADS = 8
"""Enough for syncs of several parts to share a commit of the file system's journal."""


class DiskThreads:
    """A small pool of its own: others' slow look-ups don't queue before the disk, nor behind it."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(DISK_THREADS, thread_name_prefix="parts")

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call it in a thread. It has ended when this returns or raises, CancelledError included."""
        call = self._pool.submit(work, *args, **kwargs)
        return await uninterrupted(asyncio.wrap_future(call))

    async def close(self) -> None:
        """Wait for what runs, then end the threads."""
        await asyncio.to_thread(self._pool.shutdown)
