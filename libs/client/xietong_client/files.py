"""Local files off the event loop: size and SHA-256, in blocks, so that memory does not depend on the size."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from xietong_client.errors import FileChanged, local_storage_failed
from xietong_client.text import Text

HASH_BLOCK_BYTES = 1024 * 1024
_BLOCKS_PER_CALL = 4

P = ParamSpec("P")
T = TypeVar("T")


class Closable(Protocol):
    """What holds an open file."""

    def close(self) -> None:
        """Give the file back."""


FileT = TypeVar("FileT", bound=Closable)


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file with the size and SHA-256 (hexadecimal) that it had when it was read."""

    name: str
    path: Path
    size_bytes: int
    sha256: str


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls it in a thread. It has ended when this returns or raises, CancelledError included.

    A thread can't be cancelled: who went on at once could close a file under a running write.
    """
    call = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError:
        while not call.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([call])
        raise


@asynccontextmanager
async def opened(open_file: Callable[[], FileT]) -> AsyncGenerator[FileT, None]:
    """The file, opened in a thread and closed at the end; also when cancelled while it is being opened."""
    held: list[FileT] = []
    try:
        await in_thread(lambda: held.append(open_file()))
        yield held[0]
    finally:
        for file in held:
            await in_thread(file.close)


async def measure(name: str, path: Path, on_position: Callable[[int], None] | None = None) -> LocalFile:
    """Reads the file once. Raises LocalStorageFailed."""
    digest = hashlib.sha256()
    try:
        async with opened(lambda: path.open("rb", buffering=0)) as file:
            size = await hash_into(digest, file, on_position)
    except OSError as error:
        raise local_storage_failed(error, str(path)) from error
    return LocalFile(name, path, size, digest.hexdigest())


async def hash_into(
    digest: hashlib._Hash, file: io.RawIOBase, on_position: Callable[[int], None] | None = None
) -> int:
    """Feeds the file from its current position to its end into `digest`; returns the number of bytes."""
    position = 0
    block = memoryview(bytearray(HASH_BLOCK_BYTES))
    while taken := await in_thread(_hash_blocks, digest, file, block):
        position += taken
        if on_position is not None:
            on_position(position)
    return position


def _hash_blocks(digest: hashlib._Hash, file: io.RawIOBase, block: memoryview) -> int:
    """Some blocks through the same memory, which stays in the processor's cache; 0 at the end of the file."""
    taken = 0
    for _ in range(_BLOCKS_PER_CALL):
        length = file.readinto(block) or 0
        digest.update(block[:length])
        taken += length
    return taken


def file_changed(path: Path) -> FileChanged:
    """The error for a file that is no longer what it was when the send began."""
    return FileChanged(
        reason="FILE_CHANGED",
        text=Text(f"文件 {path} 在发送过程中被改动。", f"{path} was changed while it was being sent."),
        remedy=Text("请等文件写完后重新发送。", "Wait until it is finished, and send again."),
    )


def sync_folder(folder: Path) -> None:
    """Makes a rename in this folder survive a power loss, where the operating system can sync folders."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
