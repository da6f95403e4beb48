"""What tests of part stores share: contents, keys, and a way to open each adapter."""

from __future__ import annotations

import hashlib
import random
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from xietong_exchange.adapters.parts import LocalPartStore
from xietong_exchange.flow.part_store import READ_BLOCK_BYTES, PartKey, PartStore, PartWriter
from xietong_exchange.testing.memory_parts import MemoryPartStore

MEBIBYTE = 1024 * 1024
ADAPTERS = ("local", "memory")


class OpenStore(Protocol):
    """Opens a store of the adapter under test; at one place, each call finds what the call before left."""

    def __call__(self, place: Path) -> AbstractAsyncContextManager[PartStore]: ...


@asynccontextmanager
async def open_local(place: Path) -> AsyncIterator[PartStore]:
    async with await LocalPartStore.open(place / "parts") as store:
        yield store


@asynccontextmanager
async def open_memory(place: Path) -> AsyncIterator[PartStore]:
    yield MemoryPartStore()


def content_of(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def key_of(content: bytes, owner: str = "police") -> PartKey:
    return PartKey(owner, hashlib.sha256(content).digest())


async def put(store: PartStore, content: bytes, owner: str = "police") -> PartKey:
    key = key_of(content, owner)
    async with await store.write(key, len(content)) as writer:
        await writer.append(content)
        await writer.finish()
    return key


async def get(store: PartStore, key: PartKey, offset: int = 0, block_bytes: int = READ_BLOCK_BYTES) -> bytes:
    return b"".join([block async for block in store.read(key, offset, block_bytes=block_bytes)])


async def remove(store: PartStore, *keys: PartKey) -> None:
    """Remove complete parts whenever they were used."""
    await store.collect(keys, datetime.now(UTC) + timedelta(hours=1))


async def finish(store: PartStore, content: bytes) -> int:
    """Write what is missing of a part; returns where it went on."""
    async with await store.write(key_of(content), len(content)) as writer:
        begin = writer.written
        await writer.append(content[begin:])
        await writer.finish()
    assert await get(store, key_of(content)) == content
    return begin


async def append_and_finish(writer: PartWriter, data: bytes) -> None:
    await writer.append(data)
    await writer.finish()
