"""A part while it is read: a file that stays open from block to block, and leaves the page cache behind it.

Nothing here knows of asyncio but `LocalPartReader`, the edge to the store's threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

from xietong_exchange.adapters.parts.disk_threads import DiskThreads
from xietong_exchange.adapters.parts.local_folders import FILE_FLAGS, Folders
from xietong_exchange.adapters.parts.local_partial import CACHED_BEHIND_BYTES, CACHED_WHOLE_BYTES, CLOSED
from xietong_exchange.flow.part_store import PartKey, PartMissing


class OpenPart:
    """A file, opened at the first block. It stays open, as the kernel reads ahead for who goes on where he was."""

    def __init__(self, open_file: Callable[[], int]) -> None:
        self.file = CLOSED
        self._open_file = open_file
        self._cached_from = 0

    @property
    def is_gone(self) -> bool:
        """Nothing names the open file any more: it was collected, or dropped because its bytes were wrong."""
        return self.file != CLOSED and os.fstat(self.file).st_nlink == 0

    def read(self, offset: int, length: int) -> bytes:
        """A block; shorter at the end. Raises PartMissing."""
        if self.file == CLOSED:
            self.file = self._open_file()
        block = os.pread(self.file, length, offset)
        self._leave_cache(offset)
        return block

    def _leave_cache(self, offset: int) -> None:
        """What was read of a large part must not fill the memory: fresh pages cost more than the disk."""
        begin = self._cached_from = min(self._cached_from, offset)
        if offset > CACHED_WHOLE_BYTES and offset - begin >= CACHED_BEHIND_BYTES:
            os.posix_fadvise(self.file, begin, offset - begin, os.POSIX_FADV_DONTNEED)
            self._cached_from = offset

    def close(self) -> None:
        """Close the file; may be repeated."""
        if self.file != CLOSED:
            os.close(self.file)
            self.file = CLOSED


class LocalPartReader:
    """Reads a part that is complete or on its way, see `PartReader`."""

    def __init__(self, folders: Folders, threads: DiskThreads, key: PartKey) -> None:
        self._key = key
        self._threads = threads
        self._part = OpenPart(lambda: open_any(folders, key))

    async def read(self, offset: int, length: int) -> bytes:
        """These bytes, see `PartReader.read`."""
        return await self._threads.run(self._read, offset, length)

    def _read(self, offset: int, length: int) -> bytes:
        if self._part.is_gone:  # another attempt may be in its place
            self._part.close()
        block = self._part.read(offset, length)
        if len(block) < length:
            raise PartMissing(self._key)
        return block

    def close(self) -> None:
        """Close the file, see `PartReader.close`."""
        self._part.close()


def open_complete(folders: Folders, key: PartKey) -> int:
    """A descriptor of the complete part. Raises PartMissing."""
    name = key.digest.hex()
    with folders.of(key).shelf(name) as shelf:
        try:
            return os.open(name, os.O_RDONLY | FILE_FLAGS, dir_fd=shelf)
        except FileNotFoundError:
            raise PartMissing(key) from None


def open_any(folders: Folders, key: PartKey) -> int:
    """A descriptor of the partial file or, once it has been published, of the complete one. Raises PartMissing."""
    with suppress(FileNotFoundError):
        return os.open(key.digest.hex(), os.O_RDONLY | FILE_FLAGS, dir_fd=folders.of(key).partial)
    return open_complete(folders, key)
