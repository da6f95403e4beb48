"""A reception that ends at any moment, in any way, leaves nothing behind that the next one would have to wait for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest
from tests.unit.exchange.nodes import LONG_SECONDS
from tests.unit.exchange.packages import new_envelope, signed
from tests.unit.exchange.slow_disk import slow_disk
from tests.unit.exchange.test_receive import COMMIT, Frames, answers, chunks, new_node

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.transfer_service_pb2 import Cancel, Offer, TransferRequest, TransferResponse
from xietong_exchange.flow.frames import DataFrame, Frame
from xietong_exchange.flow.receive import Receiver

LARGE = bytes(range(256)) * 300
"""More than what goes to the disk in one go."""
CONTENTS = (b"manifest", LARGE, LARGE[::-1], b"small")
OFFER = TransferRequest(transfer=1, offer=Offer(envelope=signed(new_envelope(*CONTENTS))))
FRAMES: list[Frame] = [
    OFFER,
    *(frame for number, content in enumerate(CONTENTS) for frame in chunks(number, content, 40_000)),
    COMMIT,
]
UNKNOWN = DataFrame(99, 0, 0, b"x", transfer=1)
STEPS_AFTER = 20
"""Moments that are tried when nothing is left to do but the last frame."""


@pytest.fixture(autouse=True)
def _disk(monkeypatch: pytest.MonkeyPatch) -> None:
    slow_disk(monkeypatch)


class Gated(Frames):
    """Sends the last frame only when the test says so."""

    def __init__(self, frames: list[Frame], last: Frame) -> None:
        super().__init__([*frames, last], "ends")
        self._held_from = len(frames)
        self.go_on = asyncio.Event()

    async def __anext__(self) -> Frame:
        if self.taken == self._held_from:
            await self.go_on.wait()
        return await super().__anext__()


async def listen(stream: AsyncIterator[TransferResponse]) -> None:
    async for _ in stream:
        pass


async def by_the_end_of_the_stream(
    listening: asyncio.Task[None], _frames: Gated, _receiver: Receiver
) -> None:
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening


async def by_a_last_frame(listening: asyncio.Task[None], frames: Gated, _receiver: Receiver) -> None:
    frames.go_on.set()
    await listening


async def by_a_newer_stream(_listening: asyncio.Task[None], _frames: Gated, receiver: Receiver) -> None:
    await answers(receiver, *FRAMES)  # at the first moments it is the older one


End = Callable[[asyncio.Task[None], Gated, Receiver], Awaitable[None]]
ENDS: dict[str, tuple[End, Frame]] = {
    "its stream ends": (by_the_end_of_the_stream, COMMIT),
    "its sender gives it up": (by_a_last_frame, TransferRequest(transfer=1, cancel=Cancel())),
    "its sender breaks the contract": (by_a_last_frame, UNKNOWN),
    "a newer stream takes over": (by_a_newer_stream, COMMIT),
}


@pytest.mark.parametrize("way", ENDS)
async def test_who_ends_at_any_moment_leaves_no_part_locked_and_no_place_taken(way: str) -> None:
    end, last = ENDS[way]
    steps = left = 0
    while left < STEPS_AFTER:
        exchange, _, receiver = new_node()
        frames = Gated(FRAMES[:-1], last)
        listening = asyncio.create_task(listen(receiver.stream(frames, Party.PARTY_HUB)))
        for _ in range(steps):
            await asyncio.sleep(0)
        left += len(await exchange.parts.complete(None, len(CONTENTS))) == len(CONTENTS)
        async with asyncio.timeout(LONG_SECONDS):
            await end(listening, frames, receiver)
            given = await answers(receiver, *FRAMES)  # it would wait for a part that is locked
            await by_the_end_of_the_stream(listening, frames, receiver)
        assert given[-1].HasField("acceptance"), (steps, given[-1])
        assert exchange.space.promised_bytes == 0, steps
        steps += 1
    assert steps > STEPS_AFTER + len(FRAMES)
