"""Small packages and evidence go first: what is large pauses for them, for a bounded time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest
from tests.unit.exchange.drafts import KEY, SYSTEM, police_node
from tests.unit.exchange.nodes import LONG_SECONDS, MemoryStore, new_exchange, until
from tests.unit.exchange.packages import digest_of, new_envelope, sealed_package, signed

from xietong.exchange.v1.capabilities_pb2 import Limits
from xietong.exchange.v1.envelope_pb2 import Envelope, Lane, Party
from xietong.exchange.v1.gateway_drafts_pb2 import UploadHeader, UploadPartRequest
from xietong.exchange.v1.transfer_service_pb2 import Offer, TransferRequest, TransferResponse
from xietong_exchange.adapters.rpc.status import from_status, to_status
from xietong_exchange.flow import right_of_way
from xietong_exchange.flow import upload as uploading
from xietong_exchange.flow.conversation import Conversation
from xietong_exchange.flow.evidence import EvidenceDesk
from xietong_exchange.flow.exchange import Exchange, part_key
from xietong_exchange.flow.frames import DataFrame, Frame, UploadFrame
from xietong_exchange.flow.receive import Receiver
from xietong_exchange.flow.right_of_way import RightOfWay

CONTENTS = (b"manifest", b"recording")
TURNS = 200
"""Of the event loop: what does not wait is done within a few."""


@pytest.fixture(autouse=True)
def _for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(right_of_way, "LONGEST_PAUSE_SECONDS", 2 * LONG_SECONDS)


async def turns() -> None:
    """Let everybody do what he can do without waiting."""
    passed = itertools.count()
    await until(lambda: next(passed) >= TURNS)


def envelope(*, large: bool) -> Envelope:
    made = new_envelope(*CONTENTS)
    made.lane = Lane.LANE_BULK if large else Lane.LANE_INTERACTIVE
    return made


async def test_who_gives_way_waits_until_nothing_small_is_under_way() -> None:
    way = RightOfWay()
    await way.give_way()
    with way.taken():
        with way.taken():
            waiting = asyncio.create_task(way.give_way())
            await turns()
        await turns()
        assert not waiting.done()
    async with asyncio.timeout(LONG_SECONDS):
        await waiting


async def test_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(right_of_way, "LONGEST_PAUSE_SECONDS", 0.01)
    way = RightOfWay()
    async with asyncio.timeout(LONG_SECONDS):
        with way.taken():
            await way.give_way()


async def test_nor_for_what_takes_long_for_reasons_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(right_of_way, "LONGEST_CLAIM_SECONDS", 0.01)
    way = RightOfWay()
    async with asyncio.timeout(LONG_SECONDS):
        with way.taken():
            await way.give_way()
    with way.taken():
        waiting = asyncio.create_task(way.give_way())
        await asyncio.sleep(0)
        assert not waiting.done(), "the next one has a claim again"
    await waiting


class Stream:
    """A neighbour that never answers."""

    def __init__(self) -> None:
        self.chunks = 0

    async def send(self, frame: Frame) -> None:
        self.chunks += isinstance(frame, DataFrame)

    async def answers(self) -> AsyncIterator[TransferResponse]:
        await asyncio.Event().wait()
        yield TransferResponse()


async def node_with_parts() -> Exchange:
    exchange = new_exchange(Party.PARTY_POLICE, MemoryStore())
    package = sealed_package(envelope(large=True))
    for number, content in enumerate(CONTENTS):
        async with await exchange.parts.write(part_key(package, number), len(content)) as writer:
            await writer.append(content)
            await writer.finish()
    return exchange


@asynccontextmanager
async def sending(exchange: Exchange, *, large: bool) -> AsyncIterator[Stream]:
    """A transfer whose first bytes need no answer of the neighbour."""
    stream, package = Stream(), sealed_package(envelope(large=large))
    conversation = Conversation(exchange, package, Limits(inline_limit_bytes=100), queued=None)
    holding = asyncio.create_task(conversation.hold(stream, from_status))
    try:
        yield stream
    finally:
        holding.cancel()
        with suppress(asyncio.CancelledError):
            await holding


async def test_a_large_package_leaves_when_nothing_small_is_under_way() -> None:
    exchange = await node_with_parts()
    with exchange.right_of_way.taken():
        async with sending(exchange, large=False) as small:
            await until(lambda: small.chunks == len(CONTENTS))
    async with sending(exchange, large=True) as large:
        await until(lambda: large.chunks == len(CONTENTS))
    with exchange.right_of_way.taken():
        async with sending(exchange, large=True) as large:
            await turns()
            assert large.chunks == 0


async def frames(made: Envelope) -> AsyncIterator[Frame]:
    yield TransferRequest(transfer=1, offer=Offer(envelope=signed(made)))
    yield DataFrame(0, 0, 0, CONTENTS[0], transfer=1)
    await asyncio.Event().wait()


@pytest.mark.parametrize("large", [True, False])
async def test_a_large_package_is_written_when_nothing_small_is_under_way(large: bool) -> None:
    exchange = new_exchange(Party.PARTY_PROCURATORATE, MemoryStore())
    exchange = replace(exchange, limits=replace(exchange.limits, inline_limit_bytes=0))
    receiver = Receiver(exchange, EvidenceDesk(exchange), lambda error: to_status(error, incident=""))
    heard: list[str | None] = []

    async def hear() -> None:
        answers = receiver.stream(frames(envelope(large=large)), Party.PARTY_HUB)
        while (answer := await anext(answers, None)) is not None:
            heard.append(answer.WhichOneof("frame"))

    with exchange.right_of_way.taken():
        hearing = asyncio.create_task(hear())
        await until(lambda: "need" in heard)
        await turns()
        assert ("progress" in heard) == (not large)
    await until(lambda: "progress" in heard)
    hearing.cancel()
    with suppress(asyncio.CancelledError):
        await hearing


async def upload() -> AsyncIterator[UploadFrame]:
    digest = digest_of(CONTENTS[1])
    header = UploadHeader(key=KEY, size_bytes=len(CONTENTS[1]), digest=digest)
    yield UploadPartRequest(header=header)
    yield DataFrame(0, 0, 0, CONTENTS[1][:-1])
    await asyncio.Event().wait()


@pytest.mark.parametrize("limit", [0, 1000], ids=["large", "small"])
async def test_a_large_file_is_uploaded_when_nothing_small_is_under_way(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "INTERACTIVE_LIMIT_BYTES", limit)
    exchange = police_node().exchange
    answers = uploading.Upload(exchange).stream(upload(), SYSTEM)
    with exchange.right_of_way.taken():
        assert (await anext(answers)).HasField("need")
        writing = asyncio.ensure_future(anext(answers))
        await turns()
        assert writing.done() == bool(limit)
    async with asyncio.timeout(LONG_SECONDS):
        assert (await writing).progress.written_bytes == len(CONTENTS[1]) - 1
    await answers.aclose()
