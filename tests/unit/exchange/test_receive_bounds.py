"""What one neighbour can make a node hold: open parts, streams, transfers, large frames, idle places."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from tests.unit.exchange.nodes import LONG_SECONDS
from tests.unit.exchange.packages import new_envelope, signed
from tests.unit.exchange.test_receive import (
    COMMIT,
    FILE,
    OFFER,
    Frames,
    answers,
    chunks,
    new_node,
    offer_of,
    package_id,
    refusals,
)

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.transfer_service_pb2 import Offer, TransferRequest, TransferResponse
from xietong_exchange.adapters.rpc.status import from_status
from xietong_exchange.domain.errors import TooManyTransfers
from xietong_exchange.flow.frames import DataFrame, Frame
from xietong_exchange.flow.landing import OPEN_AT_ONCE
from xietong_exchange.flow.receive import LARGEST_WORD_BYTES, STREAMS_OF_ONE, TRANSFERS_OF_ONE
from xietong_exchange.testing.memory_parts import MemoryPartWriter


@pytest.fixture
def open_writers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many writers were open at a time; the last number tells of now."""
    counts, init, close = [0], MemoryPartWriter.__init__, MemoryPartWriter.close
    closed: set[int] = set()

    def begin(writer: MemoryPartWriter, *args: object, **kwargs: object) -> None:
        init(writer, *args, **kwargs)  # type: ignore[arg-type] # passed on as they are
        counts.append(counts[-1] + 1)

    async def end(writer: MemoryPartWriter) -> None:
        if id(writer) not in closed:
            closed.add(id(writer))
            kept.append(writer)
            counts.append(counts[-1] - 1)
        await close(writer)

    kept: list[MemoryPartWriter] = []
    """Or another one would get the same id."""
    monkeypatch.setattr(MemoryPartWriter, "__init__", begin)
    monkeypatch.setattr(MemoryPartWriter, "close", end)
    return counts


async def test_a_sender_that_mixes_all_parts_has_few_of_them_open(open_writers: list[int]) -> None:
    contents = [b"manifest", *(b"part %04d" % number for number in range(300))]
    offer = TransferRequest(transfer=1, offer=Offer(envelope=signed(new_envelope(*contents))))
    mixed = [
        DataFrame(number, 0, offset, content[offset : offset + 3], transfer=1)
        for offset in range(0, 9, 3)
        for number, content in enumerate(contents)
        if offset < len(content)
    ]
    _, _, receiver = new_node()
    given = await answers(receiver, offer, *mixed, COMMIT)
    assert given[-1].HasField("acceptance")
    assert max(open_writers) <= 2 * OPEN_AT_ONCE + 1  # as many are verified at a time
    assert open_writers[-1] == 0


async def test_a_neighbour_has_so_many_streams_and_others_have_theirs() -> None:
    _, _, receiver = new_node()

    async def begin(
        number: int, peer: Party.ValueType = Party.PARTY_HUB
    ) -> AsyncGenerator[TransferResponse, None]:
        stream = receiver.stream(Frames([offer_of(1, package_id(number))]), peer)
        await anext(stream)
        return stream

    async with asyncio.timeout(LONG_SECONDS):
        streams = [await begin(number) for number in range(STREAMS_OF_ONE)]
        with pytest.raises(TooManyTransfers):
            await begin(STREAMS_OF_ONE)
        streams.append(
            await begin(STREAMS_OF_ONE, Party.PARTY_COURT)
        )  # it is refused, but by name and not by number
        await streams.pop(0).aclose()
        streams.append(await begin(STREAMS_OF_ONE + 1))
        for stream in streams:
            await stream.aclose()


async def test_a_neighbour_has_so_many_transfers_in_all_its_streams() -> None:
    _, _, receiver = new_node()
    numbers, streams = itertools.count(1), []

    async def offers(count: int) -> AsyncGenerator[TransferResponse, None]:
        stream = receiver.stream(
            Frames([offer_of(n, package_id(next(numbers))) for n in range(1, count + 1)]), Party.PARTY_HUB
        )
        streams.append(stream)
        for _ in range(count):
            yield await anext(stream)

    async with asyncio.timeout(LONG_SECONDS):
        for _ in range(TRANSFERS_OF_ONE // 16):
            assert all([answer.HasField("need") async for answer in offers(16)])
        [refused] = [answer async for answer in offers(1)]
        assert from_status(refused.refusal.status).reason == "TOO_MANY_TRANSFERS"
        await streams.pop(0).aclose()
        assert [answer.HasField("need") async for answer in offers(1)] == [True]
        for stream in streams:
            await stream.aclose()


def padded(frame: TransferRequest, size: int) -> TransferRequest:
    """The frame with a field of the future of so many bytes."""
    return TransferRequest.FromString(
        frame.SerializeToString()
        + b"\xa2\x1f"
        + bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14])
        + bytes(size)
    )


async def test_a_commit_is_small_whatever_a_later_contract_adds_to_it() -> None:
    _, _, receiver = new_node()
    frames: list[Frame] = [OFFER, *chunks(0, b"manifest", 100), *chunks(1, FILE, 100)]
    given = await answers(receiver, *frames, padded(COMMIT, LARGEST_WORD_BYTES))
    assert refusals(given) == {1: "PROTOCOL_VIOLATION"}
    given = await answers(receiver, *frames, padded(COMMIT, LARGEST_WORD_BYTES // 2))
    assert given[-1].HasField("acceptance")


async def test_a_sender_that_owes_bytes_for_too_long_loses_its_place_and_resumes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exchange, _, receiver = new_node()
    monkeypatch.setattr("xietong_exchange.flow.reception.STANDSTILL_SECONDS", 0.01)
    async with (
        asyncio.timeout(LONG_SECONDS),
        aclosing(receiver.stream(Frames([OFFER, *chunks(1, FILE[:100], 100)]), Party.PARTY_HUB)) as stream,
    ):
        assert (await anext(stream)).HasField("need")
        assert exchange.space.promised_bytes
        given = [await anext(stream), await anext(stream)]
    assert refusals(given) == {1: "TRANSFER_STALLED"}
    assert not exchange.space.promised_bytes
    monkeypatch.undo()
    given = await answers(
        receiver, OFFER, *chunks(0, b"manifest", 100), *chunks(1, FILE, 100, begin=100), COMMIT
    )
    assert [(part.part, part.offset) for part in given[0].need.parts] == [(0, 0), (1, 100)]
    assert given[-1].HasField("acceptance")


async def test_a_sender_that_waits_for_a_verification_owes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, receiver = new_node()
    monkeypatch.setattr("xietong_exchange.flow.reception.STANDSTILL_SECONDS", 0.01)
    finish = MemoryPartWriter.finish

    async def long(writer: MemoryPartWriter) -> None:
        await asyncio.sleep(0.05)  # some times its patience
        await finish(writer)

    monkeypatch.setattr(MemoryPartWriter, "finish", long)
    is_verified = asyncio.Event()

    class Patient(Frames):
        async def __anext__(self) -> Frame:
            if self.taken == 3:
                await is_verified.wait()
            return await super().__anext__()

    frames = Patient([OFFER, DataFrame(0, 0, 0, b"manifest", 1), DataFrame(1, 0, 0, FILE, 1), COMMIT], "ends")
    async with asyncio.timeout(LONG_SECONDS):
        given = []
        async for answer in receiver.stream(frames, Party.PARTY_HUB):
            given.append(answer)
            if [one.progress.written_bytes for one in given].count(len(FILE)):
                is_verified.set()
    assert given[-1].HasField("acceptance"), given
