"""The part store in memory: the same behaviour as the local one, without a disk, and with kills on demand."""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Self
from weakref import WeakValueDictionary

from xietong_exchange.flow.part_store import (
    READ_BLOCK_BYTES,
    Buffer,
    DigestMismatch,
    PartIncomplete,
    PartKey,
    PartMissing,
    PartState,
    PartTooLong,
    SizeConflict,
    StorageFull,
)

DEFAULT_CAPACITY_BYTES = 1024 * 1024 * 1024


@dataclass(slots=True)
class _Partial:
    changed_seconds: float
    data: bytearray = field(default_factory=bytearray)
    durable: int = 0


@dataclass(slots=True)
class _Medium:
    """What a restart finds again."""

    capacity_bytes: int
    complete: dict[PartKey, bytes] = field(default_factory=dict)
    used_seconds: dict[PartKey, float] = field(default_factory=dict)
    partial: dict[PartKey, _Partial] = field(default_factory=dict)

    @property
    def free_bytes(self) -> int:
        used = sum(map(len, self.complete.values())) + sum(len(part.data) for part in self.partial.values())
        return self.capacity_bytes - used


class MemoryPartStore:
    """Parts in memory, for tests. `restarted` shows what a kill or a power loss leaves."""

    def __init__(
        self,
        *,
        capacity_bytes: int = DEFAULT_CAPACITY_BYTES,
        clock_seconds: Callable[[], float] = time.time,
    ) -> None:
        self._medium = _Medium(capacity_bytes)
        self._clock_seconds = clock_seconds
        self._turns: WeakValueDictionary[PartKey, asyncio.Lock] = WeakValueDictionary()

    def restarted(self, *, power_lost: bool = False) -> MemoryPartStore:
        """The store as a new process finds it now; this one's writers no longer reach it.

        After a power loss only synced bytes are left of partial parts.
        """
        store = MemoryPartStore(clock_seconds=self._clock_seconds)
        store._medium = deepcopy(self._medium)
        if power_lost:
            for part in store._medium.partial.values():
                del part.data[part.durable :]
        return store

    async def size(self, key: PartKey) -> int | None:
        """Size of the complete part, see `PartStore.size`."""
        content = self._medium.complete.get(key)
        return None if content is None else len(content)

    async def received(self, key: PartKey, size: int) -> int:
        """How much is there, see `PartStore.received`."""
        return self._state(key, size).received

    async def states(self, parts: Sequence[tuple[PartKey, int]]) -> list[PartState]:
        """How much is there of each, see `PartStore.states`."""
        return [self._state(key, size) for key, size in parts]

    def _state(self, key: PartKey, size: int) -> PartState:
        content = self._medium.complete.get(key)
        if content is not None:
            self._medium.used_seconds[key] = self._clock_seconds()
            return PartState(size if len(content) == size else 0, complete=len(content) == size)
        part = self._medium.partial.get(key)
        length = 0 if part is None else len(part.data)
        return PartState(length if length <= size else 0, complete=False)

    async def write(self, key: PartKey, size: int) -> MemoryPartWriter:
        """A writer, when its turn comes, see `PartStore.write`."""
        turn = self._turns.setdefault(key, asyncio.Lock())
        await turn.acquire()
        try:
            return MemoryPartWriter(self._medium, key, size, self._clock_seconds, turn.release)
        except BaseException:
            turn.release()
            raise

    async def put(self, key: PartKey, *data: Buffer) -> None:
        """A whole part, see `PartStore.put`."""
        content = b"".join(data)
        async with await self.write(key, len(content)) as writer:
            if not writer.complete:
                await writer.append(content[writer.written :])
                await writer.finish()

    async def read(
        self, key: PartKey, offset: int = 0, *, block_bytes: int = READ_BLOCK_BYTES
    ) -> AsyncGenerator[bytes, None]:
        """The complete part in blocks, see `PartStore.read`."""
        content = self._medium.complete.get(key)
        if content is None:
            raise PartMissing(key)
        for start in range(offset, len(content), block_bytes):
            yield content[start : start + block_bytes]
            await asyncio.sleep(0)  # others run between two blocks, as with a disk

    def reader(self, key: PartKey) -> MemoryPartReader:
        """A reader, see `PartStore.reader`."""
        return MemoryPartReader(self._medium, key)

    async def complete(self, after: PartKey | None, limit: int) -> list[PartKey]:
        """Complete parts in their order, see `PartStore.complete`."""
        begin = ("", b"") if after is None else (after.owner, after.digest)
        keys = sorted(self._medium.complete, key=lambda key: (key.owner, key.digest))
        return [key for key in keys if (key.owner, key.digest) > begin][:limit]

    async def collect(self, keys: Sequence[PartKey], unused_since: datetime) -> list[PartKey]:
        """Remove what is no longer used, see `PartStore.collect`."""
        used = self._medium.used_seconds
        unused = [key for key in dict.fromkeys(keys) if used.get(key, math.inf) < unused_since.timestamp()]
        for key in unused:
            del used[key], self._medium.complete[key]
        return unused

    async def sweep_partials(self, older_than_seconds: float) -> int:
        """Remove abandoned partial parts, see `PartStore.sweep_partials`."""
        before = self._clock_seconds() - older_than_seconds
        return await self.drop_partials(
            [key for key, part in self._medium.partial.items() if part.changed_seconds <= before]
        )

    async def drop_partials(self, keys: Sequence[PartKey]) -> int:
        """Remove partial parts, see `PartStore.drop_partials`."""
        there = [key for key in dict.fromkeys(keys) if key in self._medium.partial]
        idle = [key for key in there if key not in self._turns or not self._turns[key].locked()]
        for key in idle:
            del self._medium.partial[key]
        return len(idle)

    def free_bytes(self) -> int:
        """Capacity less what is there."""
        return self._medium.free_bytes


class MemoryPartReader:
    """Reads a part that is complete or on its way."""

    def __init__(self, medium: _Medium, key: PartKey) -> None:
        self._medium = medium
        self._key = key

    async def read(self, offset: int, length: int) -> bytes:
        """These bytes, see `PartReader.read`."""
        partial = self._medium.partial.get(self._key)
        content = self._medium.complete.get(self._key, bytes(partial.data) if partial is not None else b"")
        block = content[offset : offset + length]
        if len(block) < length:
            raise PartMissing(self._key)
        return block

    def close(self) -> None:
        """Nothing is held open."""


class MemoryPartWriter:
    """Writes one part into memory."""

    def __init__(
        self,
        medium: _Medium,
        key: PartKey,
        size: int,
        clock_seconds: Callable[[], float],
        release: Callable[[], None],
    ) -> None:
        content = medium.complete.get(key)
        if content is not None and len(content) != size:
            raise SizeConflict(key, announced=size, actual=len(content))
        self.complete = content is not None
        if self.complete:
            medium.used_seconds[key] = clock_seconds()
        self._medium = medium
        self._key = key
        self._size = size
        self._clock_seconds = clock_seconds
        self._release = release
        self._closed = False
        self._spent = False
        self._part = _Partial(clock_seconds())
        if content is None:
            self._part = self._resume()

    def _resume(self) -> _Partial:
        part = self._medium.partial.setdefault(self._key, self._part)
        if len(part.data) > self._size:  # it was announced with another size before
            part = self._medium.partial[self._key] = self._part
        return part

    @property
    def written(self) -> int:
        """Where the next bytes go."""
        return self._size if self.complete else len(self._part.data)

    @property
    def durable(self) -> int:
        """What `sync` was called for."""
        return self._size if self.complete else self._part.durable

    async def append(self, *data: Buffer) -> None:
        """Add bytes, see `PartWriter.append`."""
        self._require_open()
        added = b"".join(data)
        end = self.written + len(added)
        if end > self._size:
            raise PartTooLong(self._key, size=self._size, end=end)
        free = self._medium.free_bytes
        if len(added) > free:
            raise StorageFull(needed=self._size - self.written, free=free)
        self._part.data += added
        self._part.changed_seconds = self._clock_seconds()

    async def sync(self) -> None:
        """Let what is written survive a power loss."""
        self._require_open()
        self._part.durable = len(self._part.data)

    async def finish(self) -> None:
        """Verify and put into place, see `PartWriter.finish`."""
        if self.complete:
            return
        self._require_open()
        if self.written < self._size:
            raise PartIncomplete(self._key, size=self._size, written=self.written)
        content = bytes(self._part.data)
        del self._medium.partial[self._key]
        actual = hashlib.sha256(content).digest()
        if actual != self._key.digest:
            self._spent = True
            raise DigestMismatch(self._key, actual=actual)
        self._medium.complete[self._key] = content
        self._medium.used_seconds[self._key] = self._clock_seconds()
        self.complete = True

    async def close(self) -> None:
        """Let the next writer in."""
        if not self._closed:
            self._closed = True
            self._release()

    def _require_open(self) -> None:
        if self._closed or self._spent:
            raise ValueError(f"the writer of part {self._key} is closed; open another one")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
