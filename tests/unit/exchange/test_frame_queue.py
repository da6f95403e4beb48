"""The queue of a transfer: bounded by itself and with all others, and nobody waits for ever."""

from __future__ import annotations

import asyncio

import pytest

from xietong.exchange.v1.evidence_pb2 import Evidence
from xietong.exchange.v1.transfer_service_pb2 import Commit, TransferRequest
from xietong_exchange.flow.frame_queue import FRAME_BYTES, FrameQueue, Room
from xietong_exchange.flow.frames import DataFrame, Frame

EMPTY = DataFrame(0, 0, 0, b"")


async def is_held_up(queue: FrameQueue, frame: Frame) -> asyncio.Task[None] | None:
    """The task that puts the frame, when it has to wait."""
    putting = asyncio.create_task(queue.put(frame))
    await asyncio.sleep(0)
    return None if putting.done() else putting


async def test_a_full_queue_makes_its_sender_wait_until_it_is_emptied() -> None:
    queue = FrameQueue(2 * FRAME_BYTES, Room(1 << 20))
    await queue.put(EMPTY)
    await queue.put(EMPTY)
    waiting = await is_held_up(queue, DataFrame(0, 0, 0, b"third"))
    assert waiting is not None
    assert len(await queue.take()) == 2
    await waiting
    queue.end()
    assert len(await queue.take()) == 1
    assert await queue.take() == []
    await queue.put(DataFrame(0, 0, 0, b"dropped"))
    assert await queue.take() == []


async def test_frames_that_are_no_chunks_count_with_all_that_they_hold() -> None:
    commit = TransferRequest(commit=Commit(passed=Evidence(statement=bytes(60_000))))
    queue = FrameQueue(50_000, Room(1 << 20))
    await queue.put(commit)
    waiting = await is_held_up(queue, commit)
    assert waiting is not None
    waiting.cancel()


async def test_where_room_is_scarce_each_transfer_goes_on_frame_by_frame() -> None:
    room = Room(3 * FRAME_BYTES)
    greedy, modest = FrameQueue(1 << 20, room), FrameQueue(1 << 20, room)
    for _ in range(3):
        await greedy.put(EMPTY)
    waiting = await is_held_up(greedy, EMPTY)
    assert waiting is not None
    await modest.put(EMPTY)  # as it has nothing, it need not wait for what others do
    assert len(await modest.take()) == 1
    await modest.put(EMPTY)

    assert len(await greedy.take()) == 3
    await waiting
    assert room.is_scarce  # what was taken counts until it is written
    assert len(await greedy.take()) == 1
    assert len(await modest.take()) == 1
    assert not room.is_scarce


async def test_a_queue_that_is_closed_gives_all_its_room_back() -> None:
    room = Room(1 << 20)
    queue = FrameQueue(1 << 20, room)
    await queue.put(EMPTY)
    await queue.take()
    await queue.put(EMPTY)
    assert room.held_bytes == 2 * FRAME_BYTES
    queue.close()
    queue.close()
    assert room.held_bytes == 0
    assert await queue.take() == []


async def test_patience_with_a_silent_sender_ends() -> None:
    queue = FrameQueue(1 << 20, Room(1 << 20))
    with pytest.raises(TimeoutError):
        await queue.take(0.001)
    await queue.put(EMPTY)
    assert len(await queue.take(0.0)) == 1  # nobody waits for what is there
