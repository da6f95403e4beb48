"""What is collected of a part store, whatever it stands on, and what stays because somebody uses it."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

from tests.contract.part_stores import (
    content_of,
    key_of,
    put,
    remove,
)

from xietong_exchange.flow.part_store import PartKey, PartStore

FILE_TIME_SECONDS = 0.02
"""The kernel's time of files goes in steps of up to 10 ms."""


async def later() -> datetime:
    """A moment after everything that was done before, and before everything that follows, by the clock of files."""
    moment = datetime.now(UTC)
    while time.time() < moment.timestamp() + FILE_TIME_SECONDS:
        await asyncio.sleep(0.001)
    return moment


async def test_what_was_used_since_is_not_collected(store: PartStore) -> None:
    contents = [content_of(10, seed) for seed in range(4)]
    written, found, opened, idle = [await put(store, content) for content in contents[1:] + contents[:1]]
    await remove(store, written)
    moment = await later()
    await put(store, contents[1])
    await store.states([(found, 10), (key_of(b"none"), 4)])
    async with await store.write(opened, 10) as writer:
        assert writer.complete
    keys = [written, found, opened, idle, key_of(b"none")]
    assert await store.collect(keys, moment) == [idle]
    assert await store.collect(keys, moment) == []
    assert [state.complete for state in await store.states([(key, 10) for key in keys[:4]])] == [
        True,
        True,
        True,
        False,
    ]
    assert set(await store.collect(keys, await later())) == {written, found, opened}


async def test_complete_parts_are_listed_in_their_order_whoever_owns_them(store: PartStore) -> None:
    assert await store.complete(None, 10) == []
    keys = [
        await put(store, content_of(10, n), owner) for owner in ("court", "hub", "police") for n in range(9)
    ]
    async with await store.write(key_of(b"content"), 7) as writer:
        await writer.append(b"con")
    keys.sort(key=lambda key: (key.owner, key.digest))
    listed: list[PartKey] = []
    while page := await store.complete(listed[-1] if listed else None, 4):
        assert len(page) <= 4
        listed += page
    assert listed == keys
    await remove(store, keys[7])
    assert await store.complete(keys[7], 100) == keys[8:]
    assert await store.complete(PartKey("a", bytes(32)), 100) == keys[:7] + keys[8:]
