"""A part that is written all at once: what every part store must do, whatever it stands on."""

from __future__ import annotations

import asyncio

import pytest
from tests.contract.part_stores import MEBIBYTE, content_of, get, key_of, put

from xietong_exchange.flow.part_store import SMALL_PART_BYTES, DigestMismatch, PartStore, SizeConflict

SIZES = [0, 1, SMALL_PART_BYTES, 3 * MEBIBYTE + 17]


@pytest.mark.parametrize("size", SIZES)
async def test_all_at_once(store: PartStore, size: int) -> None:
    content = content_of(size)
    half = size // 2
    await store.put(key_of(content), content[:half], memoryview(content)[half:])
    assert await get(store, key_of(content)) == content
    await store.put(key_of(content), content)  # it is there
    assert await get(store, key_of(content)) == content


@pytest.mark.parametrize("begun", [1, 700_000, 2 * MEBIBYTE])
async def test_what_is_there_from_before_is_completed(store: PartStore, begun: int) -> None:
    content = content_of(2 * MEBIBYTE)
    key = key_of(content)
    async with await store.write(key, len(content)) as writer:
        await writer.append(content[:begun])
    pieces = [content[offset : offset + 300_000] for offset in range(0, len(content), 300_000)]
    await store.put(key, *pieces)
    assert await get(store, key) == content


async def test_wrong_bytes_are_dropped(store: PartStore) -> None:
    content, wrong = content_of(1000), content_of(1000, seed=1)
    key = key_of(content)
    with pytest.raises(DigestMismatch) as raised:
        await store.put(key, wrong)
    assert raised.value.actual == key_of(wrong).digest
    assert await store.received(key, 1000) == 0
    async with await store.write(key, 1000) as writer:
        await writer.append(wrong[:500])
    with pytest.raises(DigestMismatch):
        await store.put(key, content)
    await store.put(key, content)
    assert await get(store, key) == content


async def test_a_part_of_another_size_is_a_conflict(store: PartStore) -> None:
    content = content_of(1000)
    key = await put(store, content)
    with pytest.raises(SizeConflict):
        await store.put(key, content[:999])
    assert await get(store, key) == content


async def test_it_waits_for_who_writes_the_part(store: PartStore) -> None:
    content = content_of(1000)
    key = key_of(content)
    async with await store.write(key, 1000) as writer:
        await writer.append(content[:10])
        puts = [asyncio.create_task(store.put(key, content)) for _ in range(3)]
        given_up = puts.pop()
        await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        assert await store.size(key) is None
    await asyncio.gather(*puts)
    assert await get(store, key) == content
