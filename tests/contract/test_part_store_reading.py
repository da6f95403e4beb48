"""Reading from a part store, whatever it stands on: complete parts in blocks, and parts that are still on their way."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from tests.contract.part_stores import MEBIBYTE, content_of, get, key_of, put, remove

from xietong_exchange.flow.part_store import DigestMismatch, PartMissing, PartStore


@pytest.mark.parametrize("offset", [0, 1, 4095, 4096, 9999, 10_000, 10_001])
async def test_reading_begins_at_any_offset(store: PartStore, offset: int) -> None:
    content = content_of(10_000)
    key = await put(store, content)
    blocks = [block async for block in store.read(key, offset, block_bytes=4096)]
    assert b"".join(blocks) == content[offset:]
    assert all(0 < len(block) <= 4096 for block in blocks)


async def test_readers_are_independent_of_each_other_and_of_removal(store: PartStore) -> None:
    content = content_of(500_000)
    key = await put(store, content)
    begun = store.read(key, block_bytes=1000)
    first = await anext(begun)
    assert await asyncio.gather(*(get(store, key, n, 7777) for n in range(8))) == [
        content[n:] for n in range(8)
    ]
    await remove(store, key)
    assert first + b"".join([block async for block in begun]) == content
    with pytest.raises(PartMissing, match=key.digest.hex()):
        await get(store, key)


async def test_a_part_on_its_way_is_read_as_far_as_it_is_written(store: PartStore) -> None:
    content = content_of(3 * MEBIBYTE)
    key = key_of(content)
    reader = store.reader(key)
    with pytest.raises(PartMissing):
        await reader.read(0, 1)
    async with await store.write(key, len(content)) as writer:
        await writer.append(content[: 2 * MEBIBYTE])
        assert await reader.read(MEBIBYTE, MEBIBYTE) == content[MEBIBYTE : 2 * MEBIBYTE]
        with pytest.raises(PartMissing):
            await reader.read(2 * MEBIBYTE, 1)
        await writer.append(content[2 * MEBIBYTE :])
        await writer.finish()
    assert await reader.read(7, len(content) - 7) == content[7:]
    reader.close()
    assert await reader.read(0, 7) == content[:7]
    reader.close()
    reader.close()


async def test_a_reader_follows_to_the_next_attempt(store: PartStore) -> None:
    content, wrong = content_of(2 * MEBIBYTE), bytes(2 * MEBIBYTE)
    key = key_of(content)
    reader = store.reader(key)
    async with await store.write(key, len(content)) as writer:
        await writer.append(wrong)
        assert await reader.read(0, 9) == wrong[:9]
        with pytest.raises(DigestMismatch):
            await writer.finish()
    with pytest.raises(PartMissing):
        await reader.read(0, 9)
    async with await store.write(key, len(content)) as writer:
        await writer.append(content)
        assert await reader.read(9, 9) == content[9:18]
    reader.close()


async def test_a_reader_may_stop_early(store: PartStore) -> None:
    key = await put(store, content_of(5000))
    async with aclosing(store.read(key, block_bytes=10)) as blocks:
        assert len(await anext(blocks)) == 10
