"""What every part store must do, whatever it stands on: one suite for all adapters."""

from __future__ import annotations

import asyncio

import pytest
from tests.contract.part_stores import (
    MEBIBYTE,
    content_of,
    get,
    key_of,
    put,
    remove,
)

from xietong_exchange.flow.part_store import (
    SMALL_PART_BYTES,
    DigestMismatch,
    PartIncomplete,
    PartKey,
    PartMissing,
    PartState,
    PartStore,
    PartTooLong,
    SizeConflict,
)


@pytest.mark.parametrize("size", [0, 1, SMALL_PART_BYTES, SMALL_PART_BYTES + 1, 3 * MEBIBYTE + 17])
async def test_a_part_is_complete_only_after_finish(store: PartStore, size: int) -> None:
    content = content_of(size)
    key = key_of(content)
    async with await store.write(key, size) as writer:
        assert (writer.written, writer.durable, writer.complete) == (0, 0, False)
        await writer.append(content)
        assert (writer.written, writer.complete) == (size, False)
        assert await store.size(key) is None
        with pytest.raises(PartMissing):
            await get(store, key)
        await writer.finish()
        assert (writer.written, writer.durable, writer.complete) == (size, size, True)
    assert await store.size(key) == size
    assert await get(store, key) == content


async def test_an_interrupted_part_resumes_where_it_was(store: PartStore) -> None:
    content = content_of(2 * MEBIBYTE)
    key = key_of(content)
    for end in (1, 700_000, 700_001, 2 * MEBIBYTE - 1):
        async with await store.write(key, len(content)) as writer:
            await writer.append(content[writer.written : end])
        assert await store.received(key, len(content)) == end
        assert await store.size(key) is None
    async with await store.write(key, len(content)) as writer:
        assert writer.written == 2 * MEBIBYTE - 1
        await writer.append(content[-1:])
        await writer.finish()
    assert await get(store, key) == content


@pytest.mark.parametrize("size", [5, SMALL_PART_BYTES + 1])
async def test_a_part_left_full_but_unfinished_only_needs_finish(store: PartStore, size: int) -> None:
    content = content_of(size)
    async with await store.write(key_of(content), size) as writer:
        await writer.append(content)
    assert await store.states([(key_of(content), size)]) == [PartState(size, complete=False)]
    async with await store.write(key_of(content), size) as writer:
        assert writer.written == size
        await writer.finish()
    assert await get(store, key_of(content)) == content


async def test_a_complete_part_needs_nothing(store: PartStore) -> None:
    content = content_of(1000)
    key = await put(store, content)
    async with await store.write(key, 1000) as writer:
        assert (writer.written, writer.durable, writer.complete) == (1000, 1000, True)
        await writer.sync()
        await writer.finish()
        with pytest.raises(PartTooLong):
            await writer.append(b"x")
    assert await store.received(key, 1000) == 1000


@pytest.mark.parametrize("size", [100, SMALL_PART_BYTES + 100])
async def test_wrong_bytes_are_dropped_and_the_next_attempt_begins_at_0(store: PartStore, size: int) -> None:
    content = content_of(size)
    key = key_of(content)
    async with await store.write(key, size) as writer:
        await writer.append(content[:-1] + bytes([content[-1] ^ 1]))
        await writer.sync()
        with pytest.raises(DigestMismatch, match=key.digest.hex()):
            await writer.finish()
        assert not writer.complete
        with pytest.raises(ValueError, match="closed"):
            await writer.finish()
    assert await store.size(key) is None
    assert await store.received(key, size) == 0
    async with await store.write(key, size) as writer:
        assert (writer.written, writer.durable) == (0, 0)
    assert await put(store, content) == key


async def test_wrong_bytes_before_a_resume_are_found(store: PartStore) -> None:
    content = content_of(3 * MEBIBYTE)
    key = key_of(content)
    async with await store.write(key, len(content)) as writer:
        await writer.append(b"\0" + content[1:MEBIBYTE])
    async with await store.write(key, len(content)) as writer:
        await writer.append(content[MEBIBYTE:])
        with pytest.raises(DigestMismatch):
            await writer.finish()


async def test_only_a_zero_size_part_with_the_empty_digest_is_right(store: PartStore) -> None:
    async with await store.write(key_of(b"not empty"), 0) as writer:
        with pytest.raises(DigestMismatch):
            await writer.finish()


async def test_finish_refuses_a_part_with_missing_bytes(store: PartStore) -> None:
    content = content_of(10)
    async with await store.write(key_of(content), 10) as writer:
        await writer.append(content[:9])
        with pytest.raises(PartIncomplete, match="9 of 10"):
            await writer.finish()
        await writer.append(content[9:])
        await writer.finish()
    assert await get(store, key_of(content)) == content


async def test_too_many_bytes_change_nothing(store: PartStore) -> None:
    content = content_of(SMALL_PART_BYTES * 2)
    async with await store.write(key_of(content), len(content)) as writer:
        await writer.append(content[:100])
        with pytest.raises(PartTooLong):
            await writer.append(content[99:])
        assert writer.written == 100
        await writer.append(content[100:])
        await writer.finish()
    assert await get(store, key_of(content)) == content


async def test_a_part_that_was_announced_longer_begins_anew(store: PartStore) -> None:
    content = content_of(100)
    key = key_of(content)
    async with await store.write(key, 200) as writer:
        await writer.append(bytes(150))
        await writer.sync()
    assert await store.received(key, 100) == 0
    async with await store.write(key, 100) as writer:
        assert (writer.written, writer.durable) == (0, 0)
        await writer.append(content)
        await writer.finish()
    assert await get(store, key) == content


async def test_another_size_of_a_complete_part_is_a_conflict(store: PartStore) -> None:
    key = await put(store, content_of(100))
    assert await store.received(key, 99) == 0
    with pytest.raises(SizeConflict, match="100 bytes, not 99"):
        await store.write(key, 99)
    async with await store.write(key, 100) as writer:  # the refused one holds nothing
        assert writer.complete


async def test_a_second_writer_waits_for_the_first(store: PartStore) -> None:
    content = content_of(1000)
    key = key_of(content)
    first = await store.write(key, 1000)
    waiting = asyncio.create_task(store.write(key, 1000))
    await put(store, content_of(10, seed=1))  # other parts don't wait
    await first.append(content[:600])
    assert not waiting.done()
    await first.close()
    async with await asyncio.wait_for(waiting, timeout=10) as second:
        assert second.written == 600
        await second.append(content[600:])
        await second.finish()
    assert await get(store, key) == content


async def test_a_writer_that_gives_up_waiting_leaves_the_way_free(store: PartStore) -> None:
    key = key_of(content_of(10))
    async with await store.write(key, 10):
        waiting = asyncio.create_task(store.write(key, 10))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with asyncio.timeout(10), await store.write(key, 10) as writer:
        assert writer.written == 0


async def test_many_writers_of_one_part_write_it_once(store: PartStore) -> None:
    content = content_of(300_000)
    key = key_of(content)
    finished = 0

    async def write() -> None:
        nonlocal finished
        async with await store.write(key, len(content)) as writer:
            if not writer.complete:
                await writer.append(content[writer.written :])
                await writer.finish()
                finished += 1

    await asyncio.gather(*(write() for _ in range(10)))
    assert finished == 1
    assert await get(store, key) == content


async def test_a_closed_writer_takes_nothing_more(store: PartStore) -> None:
    writer = await store.write(key_of(b"abc"), 3)
    await writer.close()
    await writer.close()
    with pytest.raises(ValueError, match="closed"):
        await writer.append(b"abc")
    with pytest.raises(ValueError, match="closed"):
        await writer.sync()


async def test_durable_follows_sync_and_never_decreases(store: PartStore) -> None:
    content = content_of(200_000)
    key = key_of(content)
    async with await store.write(key, len(content)) as writer:
        await writer.append(content[:100_000])
        await writer.sync()
        assert writer.durable == 100_000
        await writer.append(content[100_000:150_000])
        assert (writer.written, writer.durable) == (150_000, 100_000)
    async with await store.write(key, len(content)) as writer:
        assert (writer.written, writer.durable) == (150_000, 100_000)
        await writer.sync()
        assert writer.durable == 150_000


async def test_sync_writes_a_small_part_that_came_whole(store: PartStore) -> None:
    content = content_of(10)
    async with await store.write(key_of(content), 10) as writer:
        await writer.append(content)
        await writer.sync()
        assert (writer.written, writer.durable) == (10, 10)
        assert await store.received(key_of(content), 10) == 10
        await writer.finish()
    assert await get(store, key_of(content)) == content


async def test_parts_of_other_owners_stay_unknown(store: PartStore) -> None:
    content = content_of(100)
    await put(store, content, "police")
    theirs = key_of(content, "court")
    assert await store.size(theirs) is None
    async with await store.write(theirs, 100) as writer:
        assert (writer.written, writer.complete) == (0, False)
    await put(store, content, "court")
    await remove(store, theirs)
    assert await get(store, key_of(content, "police")) == content


async def test_removed_parts_are_gone_and_may_come_again(store: PartStore) -> None:
    content = content_of(100)
    key = await put(store, content)
    await remove(store, key, key)
    await remove(store, key)
    assert await store.size(key) is None
    async with await store.write(key, 100) as writer:
        assert writer.written == 0
        await writer.append(content[:50])
    await remove(store, key)
    assert await store.received(key, 100) == 50
    assert await store.sweep_partials(0) == 1
    assert await get(store, await put(store, content)) == content


async def test_states_answer_in_order(store: PartStore) -> None:
    complete, begun, missing = content_of(10, 1), content_of(20, 2), content_of(30, 3)
    await put(store, complete)
    async with await store.write(key_of(begun), 20) as writer:
        await writer.append(begun[:5])
    asked = [(key_of(missing), 30), (key_of(complete), 10), (key_of(begun), 20), (key_of(complete), 11)]
    assert await store.states(asked) == [
        PartState(0, complete=False),
        PartState(10, complete=True),
        PartState(5, complete=False),
        PartState(0, complete=False),
    ]
    assert await store.states([]) == []


async def test_partials_are_dropped_by_name_unless_they_are_complete_or_being_written(
    store: PartStore,
) -> None:
    key = await put(store, content_of(10))
    abandoned, other, busy = content_of(20, 1), content_of(30, 2), content_of(40, 3)
    for content in (abandoned, other):
        async with await store.write(key_of(content), len(content)) as writer:
            await writer.append(content[:9])
    async with await store.write(key_of(busy), 40) as writer:
        await writer.append(busy[:9])
        named = [key, key_of(abandoned), key_of(busy), key_of(content_of(50, 4)), key_of(abandoned)]
        assert await store.drop_partials(named) == 1
        await writer.append(busy[9:])
        await writer.finish()
    assert await store.received(key_of(abandoned), 20) == 0
    assert await store.received(key_of(other), 30) == 9
    assert await store.size(key) == 10
    assert await get(store, key_of(busy)) == busy
    assert await store.drop_partials([]) == 0


async def test_sweeping_takes_old_idle_partials_only(store: PartStore) -> None:
    key = await put(store, content_of(10))
    abandoned, busy = content_of(20, 1), content_of(30, 2)
    async with await store.write(key_of(abandoned), 20) as writer:
        await writer.append(abandoned[:9])
        await writer.sync()
    async with await store.write(key_of(busy), 30) as writer:
        await writer.append(busy[:9])
        assert await store.sweep_partials(3600) == 0
        assert await store.received(key_of(abandoned), 20) == 9
        assert await store.sweep_partials(0) == 1
        assert await store.received(key_of(abandoned), 20) == 0
        await writer.append(busy[9:])
        await writer.finish()
    assert await store.sweep_partials(0) == 0
    assert await store.size(key) == 10
    assert await get(store, key_of(busy)) == busy


async def test_cancelling_an_append_leaves_a_clear_state(store: PartStore) -> None:
    content = content_of(4 * MEBIBYTE)
    key = key_of(content)
    writer = await store.write(key, len(content))
    for _ in range(4):
        appending = asyncio.create_task(writer.append(content[writer.written : writer.written + MEBIBYTE]))
        await asyncio.sleep(0)
        appending.cancel()
        await asyncio.wait([appending])
        assert writer.written % MEBIBYTE == 0
        assert await store.received(key, len(content)) >= writer.written
    await writer.append(content[writer.written :])
    await writer.finish()
    await writer.close()
    assert await get(store, key) == content


@pytest.mark.parametrize(
    "owner", ["", "Police", "../court", "police/x", "9", "a" * 42, "police\n", "警", ".", "police\0"]
)
def test_an_owner_is_a_plain_name(owner: str) -> None:
    with pytest.raises(ValueError, match="owner"):
        PartKey(owner, bytes(32))


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_digest_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="digest"):
        PartKey("police", bytes(length))
