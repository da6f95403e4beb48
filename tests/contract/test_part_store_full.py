"""What a full store does, whatever it stands on: it says so, keeps what it has, and goes on when there is space."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from tests.contract.part_stores import (
    ADAPTERS,
    MEBIBYTE,
    append_and_finish,
    content_of,
    get,
    key_of,
    open_local,
    put,
    remove,
)

from xietong_exchange.flow.part_store import SMALL_PART_BYTES, PartStore, PartWriter, StorageFull
from xietong_exchange.testing.memory_parts import MemoryPartStore

TINY_STORE_BYTES = 8 * MEBIBYTE


@contextmanager
def small_file_system(place: Path) -> Iterator[None]:
    """A file system that is soon full; needs the right to mount."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={TINY_STORE_BYTES}", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small file system takes root with CAP_SYS_ADMIN")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


@asynccontextmanager
async def open_tiny_local(place: Path) -> AsyncIterator[PartStore]:
    with small_file_system(place):
        async with open_local(place) as store:
            yield store


@asynccontextmanager
async def open_tiny_memory(place: Path) -> AsyncIterator[PartStore]:
    yield MemoryPartStore(capacity_bytes=TINY_STORE_BYTES)


@pytest.fixture(params=ADAPTERS)
async def tiny_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[PartStore]:
    opening = open_tiny_local if request.param == "local" else open_tiny_memory
    async with opening(tmp_path) as opened:
        yield opened


async def fill(writer: PartWriter, content: bytes) -> StorageFull:
    while writer.written < len(content):
        try:
            await writer.append(content[writer.written : writer.written + MEBIBYTE])
        except StorageFull as full:
            return full
    raise AssertionError("the store never became full")


async def test_a_full_store_says_so_and_keeps_what_it_has(tiny_store: PartStore) -> None:
    obstacle = await put(tiny_store, content_of(4 * MEBIBYTE, seed=1))
    content = content_of(6 * MEBIBYTE)
    key = key_of(content)
    async with await tiny_store.write(key, len(content)) as writer:
        full = await fill(writer, content)
        kept = writer.written
        assert 0 < kept < len(content)
        assert full.needed == len(content) - kept
        assert full.free < MEBIBYTE
    assert await tiny_store.received(key, len(content)) >= kept
    assert await get(tiny_store, obstacle) == content_of(4 * MEBIBYTE, seed=1)
    await remove(tiny_store, obstacle)
    async with await tiny_store.write(key, len(content)) as writer:
        assert writer.written >= kept
        await writer.append(content[writer.written :])
        await writer.finish()
    assert await get(tiny_store, key) == content


async def test_a_small_part_that_did_not_fit_may_be_finished_later(tiny_store: PartStore) -> None:
    filling = content_of(9 * MEBIBYTE, seed=1)
    async with await tiny_store.write(key_of(filling), len(filling)) as writer:
        await fill(writer, filling)
        while tiny_store.free_bytes() >= SMALL_PART_BYTES:
            await writer.append(filling[writer.written : writer.written + SMALL_PART_BYTES // 2])
    content = content_of(SMALL_PART_BYTES)
    async with await tiny_store.write(key_of(content), len(content)) as writer:
        with pytest.raises(StorageFull):
            await append_and_finish(writer, content)
        assert await tiny_store.sweep_partials(0) == 1
        await append_and_finish(writer, content[writer.written :])
    assert await get(tiny_store, key_of(content)) == content


async def test_free_bytes_tell_what_fits(tiny_store: PartStore) -> None:
    before = tiny_store.free_bytes()
    assert 0 < before <= TINY_STORE_BYTES
    key = await put(tiny_store, content_of(MEBIBYTE))
    assert tiny_store.free_bytes() <= before - MEBIBYTE
    await remove(tiny_store, key)
    assert tiny_store.free_bytes() == before
