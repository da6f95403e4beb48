"""A conversation with a neighbour: what counts as progress, and what as a standstill."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
from tests.unit.exchange.nodes import LONG_SECONDS, MemoryStore, new_exchange, until
from tests.unit.exchange.packages import new_envelope, sealed_package

from xietong.exchange.v1.capabilities_pb2 import Limits
from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.transfer_service_pb2 import Abort, Need, PartOffset, Progress, TransferResponse
from xietong_exchange.adapters.rpc.status import from_status
from xietong_exchange.flow.conversation import Conversation
from xietong_exchange.flow.exchange import Exchange, part_key
from xietong_exchange.flow.frames import DataFrame, Frame
from xietong_exchange.testing.memory_parts import MemoryPartReader

CONTENTS = (b"manifest", b"0123456789" * 2)
PACKAGE = sealed_package(new_envelope(*CONTENTS))
LIMITS = Limits(max_chunk_bytes=10)


@dataclass
class Stream:
    """A neighbour that says what it is told to say."""

    said: asyncio.Queue[TransferResponse] = field(default_factory=asyncio.Queue)
    frames: list[Frame] = field(default_factory=list)

    async def send(self, frame: Frame) -> None:
        self.frames.append(frame)

    async def answers(self) -> AsyncIterator[TransferResponse]:
        while True:
            yield await self.said.get()

    def chunks(self) -> list[tuple[int, int, int]]:
        return [(f.part, f.attempt, f.offset) for f in self.frames if isinstance(f, DataFrame)]


async def node() -> Exchange:
    exchange = new_exchange(Party.PARTY_POLICE, MemoryStore())
    for number, content in enumerate(CONTENTS):
        async with await exchange.parts.write(part_key(PACKAGE, number), len(content)) as writer:
            await writer.append(content)
            await writer.finish()
    return exchange


def need(*parts: tuple[int, int, int]) -> TransferResponse:
    return TransferResponse(need=Need(parts=[PartOffset(part=p, attempt=a, offset=o) for p, a, o in parts]))


def progress(part: int, written: int, attempt: int = 0) -> TransferResponse:
    return TransferResponse(progress=Progress(part=part, attempt=attempt, written_bytes=written))


async def test_only_more_than_ever_is_progress() -> None:
    conversation = Conversation(await node(), PACKAGE, LIMITS, queued=None)
    stream, told = Stream(), itertools.count()
    counted: list[int] = []
    conversation.on_progress = lambda: counted.append(next(told))
    holding = asyncio.create_task(conversation.hold(stream, from_status))

    async def after(answer: TransferResponse, heard: Callable[[], bool]) -> int:
        stream.said.put_nowait(answer)
        await until(heard)
        return len(counted)

    moved = conversation.movement
    try:
        assert await after(need((1, 0, 0)), lambda: len(stream.chunks()) == 2) == 0
        assert await after(progress(1, 10), lambda: moved.transferred_bytes == len(CONTENTS[0]) + 10) == 1
        stream.said.put_nowait(progress(1, 10))  # a sign of life, while it verifies
        abort = TransferResponse(abort=Abort(part=1, attempt=1))
        assert await after(abort, lambda: len(stream.chunks()) == 4) == 1
        assert await after(progress(1, 10, 1), lambda: moved.transferred_bytes == len(CONTENTS[0]) + 10) == 1
        assert await after(progress(1, 20, 1), lambda: moved.transferred_bytes == PACKAGE.size_bytes) == 2
    finally:
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)


async def test_a_neighbour_that_owes_an_answer_and_is_silent_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xietong_exchange.flow.conversation.STANDSTILL_SECONDS", 0.01)
    async with asyncio.timeout(LONG_SECONDS):
        assert (
            await Conversation(await node(), PACKAGE, LIMITS, queued=None).hold(Stream(), from_status) is None
        )


async def test_waiting_for_bytes_of_ones_own_is_no_standstill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xietong_exchange.flow.conversation.STANDSTILL_SECONDS", 0.0)
    conversation = Conversation(await node(), PACKAGE, LIMITS, queued=None, is_here=False)
    stream = Stream()
    stream.said.put_nowait(need((1, 0, 0)))
    holding = asyncio.create_task(conversation.hold(stream, from_status))
    turns = itertools.count()
    await until(lambda: next(turns) > 1000)
    assert not holding.done()
    conversation.arrived(1, 10)  # now the neighbour owes an answer
    async with asyncio.timeout(LONG_SECONDS):
        assert await holding is None
    assert stream.chunks() == [(1, 0, 0)]


async def test_one_reading_serves_several_chunks_and_a_new_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = await node()
    read, readings = MemoryPartReader.read, list[tuple[int, int]]()

    async def counted(self: MemoryPartReader, offset: int, length: int) -> bytes:
        readings.append((offset, length))
        return await read(self, offset, length)

    monkeypatch.setattr(MemoryPartReader, "read", counted)
    stream = Stream()
    conversation = Conversation(exchange, PACKAGE, Limits(max_chunk_bytes=6), queued=None)
    holding = asyncio.create_task(conversation.hold(stream, from_status))
    try:
        stream.said.put_nowait(need((0, 0, 0), (1, 0, 5)))
        await until(lambda: len(stream.chunks()) == 2 + 3)
        stream.said.put_nowait(TransferResponse(abort=Abort(part=1, attempt=1)))
        await until(lambda: len(stream.chunks()) == 2 + 3 + 4)
    finally:
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)
    sent = [frame for frame in stream.frames if isinstance(frame, DataFrame)]
    assert all(bytes(f.data) == CONTENTS[f.part][f.offset : f.offset + 6] for f in sent)
    assert readings == [(0, 8), (5, 15), (0, 20)]
