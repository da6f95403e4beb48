"""The writer of the local part store: appends in one hop to a thread, syncs and re-hashes behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from xietong_exchange.adapters.parts.disk_threads import DiskThreads
from xietong_exchange.adapters.parts.local_partial import PartialFile
from xietong_exchange.flow.cancellation import uninterrupted
from xietong_exchange.flow.part_store import SMALL_PART_BYTES, Buffer, PartIncomplete, PartTooLong

SYNC_INTERVAL_BYTES = 32 * 1024 * 1024
"""A sync starts behind the appends whenever so much is not durable; at twice as much they wait for it."""


class LocalPartWriter:
    """Writes one part. A small part that comes whole is held back, so that `finish` does all in one hop."""

    def __init__(
        self,
        file: PartialFile,
        threads: DiskThreads,
        medium: Callable[[int], AbstractContextManager[None]],
        release: Callable[[], None],
    ) -> None:
        self._file = file
        self._threads = threads
        self._medium = medium
        self._release = release
        self._held = b""
        self._closing = False
        self._syncing: asyncio.Task[None] | None = None
        self._hashing: asyncio.Task[None] | None = None
        if file.written and not file.complete:
            self._hashing = asyncio.create_task(self._hash_prefix())

    @property
    def written(self) -> int:
        """Where the next bytes go."""
        return max(self._file.written, len(self._held))

    @property
    def durable(self) -> int:
        """What lies before is synced."""
        return self._file.durable

    @property
    def complete(self) -> bool:
        """The part is in its place."""
        return self._file.complete

    async def append(self, *data: Buffer) -> None:
        """Write and hash, see `PartWriter.append`."""
        self._require_open()
        length = sum(map(len, data))
        file, end = self._file, self.written + length
        if end > file.size:
            raise PartTooLong(file.key, size=file.size, end=end)
        if not length:
            return
        if length == file.size <= SMALL_PART_BYTES:
            self._held = b"".join(data)
            return
        with self._medium(file.size - file.written):
            await self._keep_up()
            await self._threads.run(file.append, *data)
        if self._syncing is None and file.written - file.durable >= SYNC_INTERVAL_BYTES:
            self._syncing = asyncio.create_task(self._threads.run(file.sync))

    async def _keep_up(self) -> None:
        """Let a sync that has ended report; when too much is not durable, wait for it."""
        behind = self._file.written - self._file.durable >= 2 * SYNC_INTERVAL_BYTES
        if self._syncing is not None and (behind or self._syncing.done()):
            await self._end_sync()

    async def _end_sync(self) -> None:
        if self._syncing is not None:
            await asyncio.shield(self._syncing)
            self._syncing = None

    async def _hash_prefix(self) -> None:
        while not self._closing and await self._threads.run(self._file.hash_slice):
            pass

    async def sync(self) -> None:
        """Make durable what is written, see `PartWriter.sync`."""
        self._require_open()
        file = self._file
        with self._medium(file.size - file.durable):
            await self._end_sync()
            if self._held and not file.written:
                await self._threads.run(file.append, self._held)
            if file.durable < file.written:
                await self._threads.run(file.sync)

    async def finish(self) -> None:
        """Verify and put into place, see `PartWriter.finish`."""
        file = self._file
        if file.complete:
            return
        self._require_open()
        if self.written < file.size:
            raise PartIncomplete(file.key, size=file.size, written=self.written)
        with self._medium(file.size - file.durable):
            await self._end_sync()
            if self._hashing is not None:
                await asyncio.shield(self._hashing)
            held = () if file.written else (self._held,)
            await self._threads.run(file.publish, *held)

    async def close(self) -> None:
        """Keep what is written and let the next writer in."""
        if not self._closing:
            self._closing = True
            await uninterrupted(self._close())

    async def _close(self) -> None:
        try:
            behind = [task for task in (self._syncing, self._hashing) if task is not None]
            await asyncio.gather(*behind, return_exceptions=True)
            if self._file.is_open:
                await self._threads.run(self._file.close, b"" if self._file.written else self._held)
        finally:
            self._release()

    def _require_open(self) -> None:
        if self._closing or not (self._file.is_open or self._file.complete):
            raise ValueError(f"the writer of part {self._file.key} is closed; open another one")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
