"""The port to the parts' bytes: written once in order, resumed after any break, immutable once verified.

An adapter answers for durability: when `finish` has returned, the part survives a power loss. Sizes and
offsets are bytes.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self, TypeAlias

Buffer: TypeAlias = bytes | memoryview

READ_BLOCK_BYTES = 1024 * 1024
SMALL_PART_BYTES = 256 * 1024
"""A part up to this size that is appended in one go may be written as late as `finish`, `sync` or `close`."""

DIGEST_BYTES = 32
OWNER_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}")


@dataclass(frozen=True, slots=True)
class PartKey:
    """Which part: whose it is, and the SHA-256 of its content. Owners never see what others have.

    Raises:
        ValueError: the owner is not a short lower-case name, or the digest not 32 bytes.
    """

    owner: str
    digest: bytes

    def __post_init__(self) -> None:
        if not OWNER_NAME.fullmatch(self.owner):
            raise ValueError(f"owner {self.owner!r} is not a name like 'police'; use {OWNER_NAME.pattern}")
        if len(self.digest) != DIGEST_BYTES:
            raise ValueError(f"the digest has {len(self.digest)} bytes; a SHA-256 has {DIGEST_BYTES}")

    def __str__(self) -> str:
        return f"{self.owner}/{self.digest.hex()}"


@dataclass(frozen=True, slots=True)
class PartState:
    """How much of a part is there. Received in whole is not yet complete: `finish` has to verify it."""

    received: int
    complete: bool


class PartError(Exception):
    """Base of what a part store raises. Errors of the medium itself (OSError) pass through unchanged."""


class PartMissing(PartError):
    """No complete part with this key."""

    def __init__(self, key: PartKey) -> None:
        super().__init__(f"part {key} is not here in whole; receive or upload it first")
        self.key = key


class PartTooLong(PartError):
    """More bytes than announced; nothing of them was written."""

    def __init__(self, key: PartKey, *, size: int, end: int) -> None:
        super().__init__(f"part {key} has {size} bytes by its announcement, data reaches {end}; send no more")
        self.key, self.size, self.end = key, size, end


class PartIncomplete(PartError):
    """`finish` came before all bytes."""

    def __init__(self, key: PartKey, *, size: int, written: int) -> None:
        super().__init__(f"part {key} has {written} of {size} bytes; append the rest, then finish")
        self.key, self.size, self.written = key, size, written


class DigestMismatch(PartError):
    """The bytes are not those that the key names; they were dropped."""

    def __init__(self, key: PartKey, *, actual: bytes) -> None:
        super().__init__(f"part {key} came with digest {actual.hex()} and was dropped; send it again from 0")
        self.key, self.actual = key, actual


class SizeConflict(PartError):
    """The part is here, verified, and has another size than announced: the announcement is wrong."""

    def __init__(self, key: PartKey, *, announced: int, actual: int) -> None:
        super().__init__(f"part {key} has {actual} bytes, not {announced}; correct the announced size")
        self.key, self.announced, self.actual = key, announced, actual


class StorageFull(PartError):
    """No space, no free inode or no quota left; what was written before is kept for a resume."""

    def __init__(self, *, needed: int, free: int) -> None:
        super().__init__(f"{needed} bytes needed, {free} free; free space or raise the quota, then resume")
        self.needed, self.free = needed, free


class PartWriter(Protocol):
    """Writes one part, for one task at a time. Left without `finish`, the bytes are kept for a resume."""

    @property
    def written(self) -> int:
        """Where the next bytes go. What lies before survives a kill (but see SMALL_PART_BYTES)."""

    @property
    def durable(self) -> int:
        """What lies before survives a power loss. It never decreases while the writer is open."""

    @property
    def complete(self) -> bool:
        """The part is there: it was when the writer was opened, or `finish` has succeeded."""

    async def append(self, *data: Buffer) -> None:
        """Add these bytes at `written`, as one. Cancelled, it returns when the state is clear again.

        Raises:
            PartTooLong: they reach beyond the announced size.
            StorageFull: they do not fit; `written` is unchanged.
        """

    async def sync(self) -> None:
        """Bring `durable` up to `written`. Stores do so from time to time by themselves."""

    async def finish(self) -> None:
        """Verify, make durable, and put the part in its place; nothing when it is complete.

        Raises:
            PartIncomplete: bytes are missing.
            DigestMismatch: the bytes are wrong and were dropped; close, and the next writer begins at 0.
            StorageFull: no space; close and resume later.
        """

    async def close(self) -> None:
        """Let the next writer in; may be repeated."""

    async def __aenter__(self) -> Self:
        """Nothing more: the writer is open already."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""


class PartReader(Protocol):
    """Reads one part here and there, also while it is being written; for one task at a time."""

    async def read(self, offset: int, length: int) -> bytes:
        """These bytes; they are `written`, and not held back as small.

        Raises:
            PartMissing: the part is not here, or not so far.
        """

    def close(self) -> None:
        """Let go of the part; may be repeated, but not while a read is under way."""


class PartStore(Protocol):
    """Parts by owner and digest."""

    async def size(self, key: PartKey) -> int | None:
        """Size of the complete, verified, durable part; None when it is not there."""

    async def received(self, key: PartKey, size: int) -> int:
        """How much is there of a part that is announced with this size."""

    async def states(self, parts: Sequence[tuple[PartKey, int]]) -> list[PartState]:
        """The states of many parts, given with their announced sizes, in one call for a whole package.

        Those that are complete count as used now, see `collect`.
        """

    async def write(self, key: PartKey, size: int) -> PartWriter:
        """A writer that resumes what is there. While another one is open on this key, it waits. A part that is complete
        counts as used now, see `collect`.

        Raises:
            SizeConflict: the part is there with another size.
            StorageFull: not even an empty file fits.
        """

    async def put(self, key: PartKey, *data: Buffer) -> None:
        """Write all of a part at once, verify it, make it durable and put it in its place; nothing when it is there.

        Raises:
            SizeConflict: the part is there with another size.
            DigestMismatch: the bytes are wrong and were dropped.
            StorageFull: no space.
        """

    def read(
        self, key: PartKey, offset: int = 0, *, block_bytes: int = READ_BLOCK_BYTES
    ) -> AsyncGenerator[bytes, None]:
        """The complete part from an offset on, in blocks; who stops early closes it (`contextlib.aclosing`).

        A part that is removed meanwhile is read to its end all the same; beyond its end there is nothing.

        Raises:
            PartMissing: at the first block.
        """

    def reader(self, key: PartKey) -> PartReader:
        """A reader of a part that is complete or on its way; close it."""

    async def complete(self, after: PartKey | None, limit: int) -> list[PartKey]:
        """So many complete parts, in the order of owner and digest, from beyond `after` on."""

    async def collect(self, keys: Sequence[PartKey], unused_since: datetime) -> list[PartKey]:
        """Remove these complete parts, but none that was written or found by `states` or `write` since then.

        Who is just finding a part either finds it gone, or keeps it. Returns what was removed, durably.
        """

    async def sweep_partials(self, older_than_seconds: float) -> int:
        """Remove incomplete parts that nobody writes and nobody has changed for so long; returns how many."""

    async def drop_partials(self, keys: Sequence[PartKey]) -> int:
        """Remove what is there of these parts, unless it is complete or somebody writes it; returns how many."""

    def free_bytes(self) -> int:
        """Bytes that can still be written."""
