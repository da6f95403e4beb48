"""The part store on a local file system: what is written survives a kill, what is synced a power loss.

Layout: `complete/<owner>/<first 2 hex digits>/<digest>`; `partial/<owner>/<digest>` and beside it
`<digest>.durable`, which records the synced offset; `boot`, which tells a power loss from a kill.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self
from weakref import WeakValueDictionary

from xietong_exchange.adapters.parts.disk_threads import DiskThreads
from xietong_exchange.adapters.parts.local_collection import collect, list_complete
from xietong_exchange.adapters.parts.local_folders import Folders
from xietong_exchange.adapters.parts.local_partial import PartialFile
from xietong_exchange.adapters.parts.local_reader import LocalPartReader, OpenPart, open_complete
from xietong_exchange.adapters.parts.local_recovery import drop, read_boot_id, recover, sweep
from xietong_exchange.adapters.parts.local_writer import LocalPartWriter
from xietong_exchange.flow.part_store import READ_BLOCK_BYTES, Buffer, PartKey, PartState, StorageFull

OTHER_PROCESS_POLL_SECONDS = 0.05
"""Within the process writers queue; only another process's lock has to be asked for again and again."""

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class LocalPartStore:
    """Parts in files under one root, for the processes of one host. Made by `open`, ended by `close`."""

    def __init__(self, folders: Folders, threads: DiskThreads) -> None:
        self._folders = folders
        self._threads = threads
        self._turns: WeakValueDictionary[PartKey, asyncio.Lock] = WeakValueDictionary()

    @classmethod
    async def open(cls, root: Path, *, boot_id: str | None = None) -> Self:
        """Make the root when it is missing, and recover partial parts after a power loss.

        Args:
            root: an absolute path, on a file system with hard links.
            boot_id: what tells one boot of the host from the next; the kernel's when not given.
        """
        threads = DiskThreads()
        try:
            folders = await threads.run(_open_folders, root, boot_id or read_boot_id())
        except BaseException:
            await threads.close()
            raise
        return cls(folders, threads)

    async def close(self) -> None:
        """End the threads and close the folders; writers and readers must be closed before."""
        await self._threads.close()
        self._folders.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def size(self, key: PartKey) -> int | None:
        """Size of the complete part, see `PartStore.size`."""
        return await self._threads.run(_size, self._folders, key)

    async def received(self, key: PartKey, size: int) -> int:
        """How much is there, see `PartStore.received`."""
        return (await self.states([(key, size)]))[0].received

    async def states(self, parts: Sequence[tuple[PartKey, int]]) -> list[PartState]:
        """How much is there of each, see `PartStore.states`."""
        return await self._threads.run(_states, self._folders, parts)

    async def write(self, key: PartKey, size: int) -> LocalPartWriter:
        """A writer, when its turn comes, see `PartStore.write`."""
        turn = await self._take_turn(key)
        file = PartialFile(self._folders, key, size)
        try:
            with self._medium(size):
                await self._when_unlocked(file.open)
        except BaseException:
            file.close()
            turn.release()
            raise
        return LocalPartWriter(file, self._threads, self._medium, turn.release)

    async def put(self, key: PartKey, *data: Buffer) -> None:
        """A whole part in one hop to a thread, see `PartStore.put`."""
        turn = await self._take_turn(key)
        try:
            file = PartialFile(self._folders, key, sum(map(len, data)))
            with self._medium(file.size):
                await self._when_unlocked(partial(file.put, *data))
        finally:
            turn.release()

    async def _take_turn(self, key: PartKey) -> asyncio.Lock:
        turn = self._turns.setdefault(key, asyncio.Lock())
        await turn.acquire()
        return turn

    async def _when_unlocked(self, attempt: Callable[[], bool]) -> None:
        while not await self._threads.run(attempt):  # noqa: ASYNC110 - no event crosses processes
            await asyncio.sleep(OTHER_PROCESS_POLL_SECONDS)

    @contextmanager
    def _medium(self, needed: int) -> Iterator[None]:
        """Turn the medium's ways to say full into one."""
        try:
            yield
        except OSError as error:
            if error.errno not in NO_SPACE:
                raise
            raise StorageFull(needed=needed, free=self.free_bytes()) from error

    async def read(
        self, key: PartKey, offset: int = 0, *, block_bytes: int = READ_BLOCK_BYTES
    ) -> AsyncGenerator[bytes, None]:
        """The complete part in blocks, see `PartStore.read`."""
        part = OpenPart(partial(open_complete, self._folders, key))
        try:
            while block := await self._threads.run(part.read, offset, block_bytes):
                yield block
                offset += len(block)
        finally:
            part.close()

    def reader(self, key: PartKey) -> LocalPartReader:
        """A reader, see `PartStore.reader`."""
        return LocalPartReader(self._folders, self._threads, key)

    async def complete(self, after: PartKey | None, limit: int) -> list[PartKey]:
        """Complete parts in their order, see `PartStore.complete`."""
        return await self._threads.run(list_complete, self._folders, after, limit)

    async def collect(self, keys: Sequence[PartKey], unused_since: datetime) -> list[PartKey]:
        """Remove what is no longer used, see `PartStore.collect`."""
        return await self._threads.run(collect, self._folders, keys, unused_since.timestamp())

    async def sweep_partials(self, older_than_seconds: float) -> int:
        """Remove abandoned partial parts, see `PartStore.sweep_partials`."""
        return await self._threads.run(sweep, self._folders, older_than_seconds)

    async def drop_partials(self, keys: Sequence[PartKey]) -> int:
        """Remove partial parts, see `PartStore.drop_partials`."""
        return await self._threads.run(drop, self._folders, keys)

    def free_bytes(self) -> int:
        """Bytes that an unprivileged user can still write."""
        return self._folders.free_bytes()


def _open_folders(root: Path, boot_id: str) -> Folders:
    folders = Folders(root)
    try:
        recover(folders, boot_id)
    except BaseException:
        folders.close()
        raise
    return folders


def _size(folders: Folders, key: PartKey) -> int | None:
    owner, name = folders.of(key), key.digest.hex()
    with owner.shelf(name) as shelf:
        found = owner.confirm(shelf, name)
    return None if found is None else found.st_size


def _states(folders: Folders, parts: Sequence[tuple[PartKey, int]]) -> list[PartState]:
    return [_state(folders, key, size) for key, size in parts]


def _state(folders: Folders, key: PartKey, size: int) -> PartState:
    owner, name = folders.of(key), key.digest.hex()
    with owner.shelf(name) as shelf:
        found = owner.confirm(shelf, name)
        if found is not None and owner.use(shelf, name):
            is_whole = found.st_size == size
            return PartState(size if is_whole else 0, complete=is_whole)
    length = owner.partial_length(name)
    return PartState(length if length <= size else 0, complete=False)
