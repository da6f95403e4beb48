"""Space: nobody is promised what others were promised before, and what was admitted comes to its end."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Self

import pytest
from tests.unit.exchange.nodes import LONG_SECONDS, MemoryStore, new_exchange, until
from tests.unit.exchange.packages import NOW, new_envelope, signed

from xietong.exchange.v1.envelope_pb2 import Envelope, Party
from xietong.exchange.v1.transfer_service_pb2 import Commit, Offer, TransferRequest, TransferResponse
from xietong_exchange.adapters.rpc.status import from_status, to_status
from xietong_exchange.domain.errors import RemoteRefusal, StorageFull
from xietong_exchange.domain.identifiers import uuid7
from xietong_exchange.domain.limits import Limits
from xietong_exchange.flow.evidence import EvidenceDesk
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.frames import DataFrame, Frame
from xietong_exchange.flow.part_store import PartKey
from xietong_exchange.flow.receive import Receiver
from xietong_exchange.flow.space import Space, Usage
from xietong_exchange.testing.memory_parts import MemoryPartStore

POLICE, COURT = Party.PARTY_POLICE, Party.PARTY_COURT
MANIFEST, FILE_BYTES = b"manifest", 1000
PACKAGE_BYTES = len(MANIFEST) + FILE_BYTES


def new_space(capacity: int, reserve: int) -> tuple[Space, MemoryPartStore]:
    parts = MemoryPartStore(capacity_bytes=capacity)
    return Space(parts, reserve), parts


def test_what_is_promised_counts_as_used() -> None:
    space, _ = new_space(100, 10)
    first = space.promise(POLICE, 60)
    with pytest.raises(StorageFull) as caught:
        space.promise(COURT, 31)
    assert caught.value.facts["free"] == "40"
    with space.promise(COURT, 30):
        assert space.promised_bytes == 90
    first.change(10)
    assert space.promised_bytes == 10
    first.close()
    first.close()
    assert space.promised_bytes == 0
    space.promise(COURT, 90)


def test_the_reserve_is_for_what_was_admitted_before() -> None:
    space, _ = new_space(100, 40)
    with pytest.raises(StorageFull):
        space.promise(POLICE, 61)
    space.promise(POLICE, 61, resumes=True)
    with pytest.raises(StorageFull):
        space.promise(POLICE, 40, resumes=True)


def test_a_party_stays_within_its_quota_and_others_do_not_feel_it() -> None:
    parts = MemoryPartStore(capacity_bytes=1000)
    space = Space(parts, 0, {POLICE: 100})
    space.keep(POLICE, 60)
    promise = space.promise(POLICE, 30)
    with pytest.raises(StorageFull) as caught:
        space.promise(POLICE, 11)
    assert caught.value.facts["free"] == "10"
    space.promise(POLICE, 11, resumes=True).close()
    space.promise(COURT, 800).close()
    promise.close()
    space.keep(POLICE, 30)
    space.let_go(POLICE, 60)
    space.promise(POLICE, 70)
    assert space.usage() == [Usage(POLICE, 30, 70, 100)]


async def test_nothing_needs_no_place_even_on_a_full_disk() -> None:
    space, parts = new_space(100, 200)
    key = PartKey("police", hashlib.sha256(bytes(100)).digest())
    async with await parts.write(key, 100) as writer:
        await writer.append(bytes(100))
    space.promise(POLICE, 0)
    with pytest.raises(StorageFull):
        space.promise(POLICE, 1)


class Sender:
    """A neighbour that brings one package, frame by frame as the test says."""

    def __init__(self, envelope: Envelope, content: bytes) -> None:
        self.content = content
        self.envelope = envelope
        self._frames: asyncio.Queue[Frame | None] = asyncio.Queue()
        self.say(TransferRequest(transfer=1, offer=Offer(envelope=signed(envelope))))

    def say(self, *frames: Frame | None) -> None:
        for frame in frames:
            self._frames.put_nowait(frame)

    def send(self, begin: int, end: int) -> None:
        self.say(DataFrame(1, 0, begin, self.content[begin:end], transfer=1))

    def commit(self) -> None:
        self.say(TransferRequest(transfer=1, commit=Commit()), None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Frame:
        frame = await self._frames.get()
        if frame is None:
            raise StopAsyncIteration
        return frame


def sender(number: int) -> Sender:
    content = bytes([number]) * FILE_BYTES
    envelope = new_envelope(MANIFEST, content)
    envelope.package_id = uuid7(NOW, bytes([number]) * 10)
    return Sender(envelope, content)


def new_node(capacity: int, reserve: int) -> tuple[Exchange, Receiver]:
    exchange = new_exchange(
        Party.PARTY_PROCURATORATE,
        MemoryStore(),
        limits=Limits(inline_limit_bytes=100),
        capacity_bytes=capacity,
        reserve_bytes=reserve,
    )
    return exchange, Receiver(exchange, EvidenceDesk(exchange), lambda error: to_status(error, incident=""))


async def answers(stream: AsyncGenerator[TransferResponse, None]) -> list[TransferResponse]:
    async with asyncio.timeout(LONG_SECONDS):
        return [answer async for answer in stream]


async def test_two_offers_at_once_do_not_share_one_place() -> None:
    exchange, receiver = new_node(len(MANIFEST) + 2 * FILE_BYTES - 1, 0)
    first, second = sender(1), sender(2)
    async with aclosing(receiver.stream(first, Party.PARTY_HUB)) as accepted:
        assert (await anext(accepted)).HasField("need")
        first.say(DataFrame(0, 0, 0, MANIFEST, transfer=1))
        first.send(0, 400)
        await until(lambda: exchange.space.promised_bytes == FILE_BYTES - 400)
        second.say(None)
        [refused] = await answers(receiver.stream(second, Party.PARTY_HUB))
        refusal = from_status(refused.refusal.status)
        assert isinstance(refusal, RemoteRefusal)
        assert (refusal.reason_name(), refusal.retryable) == ("STORAGE_FULL", True)
        assert refusal.retry_after_seconds == StorageFull.retry_after_seconds
        first.send(400, FILE_BYTES)
        first.commit()
        assert (await answers(accepted))[-1].HasField("acceptance")
    assert exchange.space.promised_bytes == 0


async def test_a_package_that_was_under_way_goes_on_into_the_reserve() -> None:
    exchange, receiver = new_node(3 * PACKAGE_BYTES, PACKAGE_BYTES)
    first = sender(1)
    first.say(DataFrame(0, 0, 0, MANIFEST, transfer=1))
    first.send(0, 400)
    first.say(None)  # the connection breaks
    await answers(receiver.stream(first, Party.PARTY_HUB))
    assert exchange.space.promised_bytes == 0
    with exchange.space.promise(COURT, 2 * PACKAGE_BYTES - 500):
        newcomer = sender(3)
        newcomer.say(None)
        [refused] = await answers(receiver.stream(newcomer, Party.PARTY_HUB))
        assert refused.HasField("refusal")
        again = Sender(first.envelope, first.content)
        again.send(400, FILE_BYTES)
        again.commit()
        assert (await answers(receiver.stream(again, Party.PARTY_HUB)))[-1].HasField("acceptance")
