"""A stream from a neighbour: it ends when it must, also when the neighbour has stopped reading its answers."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import AsyncGenerator, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Self

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.unit.exchange.nodes import LONG_SECONDS, MemoryStore, new_exchange, until
from tests.unit.exchange.packages import NOW, PACKAGE_ID, new_envelope, sealed_package, signed

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind, Statement
from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong.exchange.v1.transfer_service_pb2 import (
    Cancel,
    Commit,
    Offer,
    TransferRequest,
    TransferResponse,
)
from xietong_exchange.adapters.rpc.status import from_status, to_status
from xietong_exchange.domain.errors import NodeUnreachable
from xietong_exchange.domain.evidence import timestamp
from xietong_exchange.domain.limits import Limits
from xietong_exchange.flow.arrival import Arrival
from xietong_exchange.flow.cancellation import uninterrupted
from xietong_exchange.flow.evidence import EvidenceDesk
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.frame_queue import FrameQueue, Room
from xietong_exchange.flow.frames import DataFrame, Frame
from xietong_exchange.flow.part_store import PartKey
from xietong_exchange.flow.receive import ANSWER_QUEUE_FRAMES, Receiver
from xietong_exchange.flow.reception import Admitted, when_complete
from xietong_exchange.flow.receptions import Receptions
from xietong_exchange.testing.memory_parts import MemoryPartWriter

FILE = bytes(range(256)) * 2
ENVELOPE = new_envelope(b"manifest", FILE)
OFFER = TransferRequest(transfer=1, offer=Offer(envelope=signed(ENVELOPE)))
COMMIT = TransferRequest(transfer=1, commit=Commit())
STALLED_AFTER = ANSWER_QUEUE_FRAMES + 2
"""Frames that are taken when one answer was read: one waits for a place in the full queue."""


class Frames:
    """What a neighbour sends; then it is silent, ends its side, or is gone."""

    def __init__(self, frames: Iterable[Frame], then: str = "is silent") -> None:
        self.taken = 0
        self.over = False
        self._frames = iter(frames)
        self._then = then

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Frame:
        for frame in self._frames:
            self.taken += 1
            return frame
        self.over = True
        if self._then == "ends":
            raise StopAsyncIteration
        if self._then == "is gone":
            raise NodeUnreachable(party="hub")
        await asyncio.Event().wait()
        raise AssertionError("the stream was not ended")


def new_node() -> tuple[Exchange, MemoryStore, Receiver]:
    store = MemoryStore()
    exchange = new_exchange(Party.PARTY_PROCURATORATE, store, limits=Limits(inline_limit_bytes=100))
    receiver = Receiver(exchange, EvidenceDesk(exchange), lambda error: to_status(error, incident=""))
    return exchange, store, receiver


def chunks(part: int, content: bytes, size: int, *, begin: int = 0) -> Iterable[DataFrame]:
    for offset in range(begin, len(content), size):
        yield DataFrame(part, 0, offset, content[offset : offset + size], transfer=1)


async def answers(receiver: Receiver, *frames: Frame) -> list[TransferResponse]:
    """All answers to a stream that the neighbour ends."""
    async with asyncio.timeout(LONG_SECONDS):
        stream = receiver.stream(Frames(frames, "ends"), Party.PARTY_HUB)
        return [answer async for answer in stream]


def reader_tasks() -> list[asyncio.Task[object]]:
    return [task for task in asyncio.all_tasks() if task.get_name() == "transfer-reader"]


async def stop_reading(
    receiver: Receiver, frames: Frames, taken: int
) -> AsyncGenerator[TransferResponse, None]:
    """A neighbour that reads one answer and no more, until the node takes no more frames from it."""
    stream = receiver.stream(frames, Party.PARTY_HUB)
    await anext(stream)
    await until(lambda: frames.taken == taken)
    for _ in range(100):  # time for a reader that would not stop at its bound
        await asyncio.sleep(0)
    assert frames.taken == taken
    return stream


async def test_a_small_package_is_received_in_one_go() -> None:
    exchange, store, receiver = new_node()
    frames: list[Frame] = [OFFER, *chunks(0, b"manifest", 100), *chunks(1, FILE, 100), COMMIT]
    given = await answers(receiver, *frames)
    kinds = [answer.WhichOneof("frame") for answer in given]
    assert (kinds[0], kinds[-1]) == ("need", "acceptance")
    assert len(kinds) == 2  # nothing else has to be said
    statement = Statement.FromString(given[-1].acceptance.evidence.statement)
    assert (statement.kind, statement.package_id) == (EvidenceKind.EVIDENCE_KIND_DELIVERED, PACKAGE_ID)
    assert store.packages.records[PACKAGE_ID].complete
    assert [row.kind for row in store.packages.stated] == [EvidenceKind.EVIDENCE_KIND_DELIVERED]
    again = await answers(receiver, OFFER)
    assert [answer.acceptance for answer in again] == [given[-1].acceptance]
    assert exchange.progress.get(PACKAGE_ID) is None


@pytest.mark.parametrize(
    ("said", "waited"),
    [
        (timestamp(NOW - timedelta(hours=2)), [timedelta(hours=2)]),
        (timestamp(NOW + timedelta(hours=2)), [timedelta(0)]),  # its clock is ahead
        (Timestamp(seconds=1 << 50), []),
        (None, []),
    ],
)
async def test_how_long_a_package_waited_is_stated_as_far_as_the_neighbour_says_so(
    said: Timestamp | None, waited: list[timedelta]
) -> None:
    _, store, receiver = new_node()
    offer = TransferRequest(transfer=1, offer=Offer(envelope=signed(ENVELOPE), enqueue_time=said))
    await answers(receiver, offer, *chunks(0, b"manifest", 100), *chunks(1, FILE, 512), COMMIT)
    (stated,) = store.packages.stated
    stages = {closed.stage: closed for closed in Statement.FromString(stated.statement).stages}
    queued = [stages.pop("queue")] if "queue" in stages else []
    assert [q.end_time.ToDatetime() - q.start_time.ToDatetime() for q in queued] == waited
    assert set(stages) == {"transfer", "commit"}


@pytest.mark.parametrize("then", ["is silent", "ends", "is gone"])
async def test_a_neighbour_that_stops_reading_is_let_go(then: str) -> None:
    _, _, receiver = new_node()
    refused = [TransferRequest(transfer=number, commit=Commit()) for number in range(1000)]
    frames = Frames(refused, then)
    stream = await stop_reading(receiver, frames, STALLED_AFTER)
    async with asyncio.timeout(LONG_SECONDS):
        await stream.aclose()
    assert not reader_tasks()


@pytest.mark.parametrize("then", ["ends", "is gone"])
async def test_it_is_let_go_also_when_only_the_last_word_finds_no_place(then: str) -> None:
    _, _, receiver = new_node()
    refused = [TransferRequest(transfer=number, commit=Commit()) for number in range(ANSWER_QUEUE_FRAMES + 1)]
    frames = Frames(refused, then)
    stream = await stop_reading(receiver, frames, len(refused))
    assert frames.over
    async with asyncio.timeout(LONG_SECONDS):
        await stream.aclose()
    assert not reader_tasks()


async def test_what_came_before_the_stall_is_kept_and_the_next_stream_resumes() -> None:
    exchange, _, receiver = new_node()
    sent = 200
    stream = receiver.stream(Frames(itertools.chain([OFFER], chunks(1, FILE[:sent], 1))), Party.PARTY_HUB)
    async with asyncio.timeout(LONG_SECONDS):
        while (await anext(stream)).progress.written_bytes < sent:
            pass
        await stream.aclose()
    assert exchange.progress.get(PACKAGE_ID) is None

    rest: list[Frame] = [*chunks(0, b"manifest", 100), *chunks(1, FILE, 100, begin=sent), COMMIT]
    given = await answers(receiver, OFFER, *rest)
    assert [(part.part, part.offset) for part in given[0].need.parts] == [(0, 0), (1, sent)]
    assert given[-1].HasField("acceptance")
    digest = hashlib.sha256(FILE).digest()
    blocks = exchange.parts.read(PartKey("police", digest))
    assert b"".join([block async for block in blocks]) == FILE


async def test_a_package_that_was_given_up_and_is_offered_again_is_on_its_way_again() -> None:
    _, store, receiver = new_node()
    await answers(receiver, OFFER, *chunks(1, FILE[:100], 100))
    given_up = replace(
        store.packages.records[PACKAGE_ID], state=DeliveryState.DELIVERY_STATE_FAILED, reasons=b"reasons"
    )
    store.packages.records[PACKAGE_ID] = given_up
    await answers(receiver, OFFER)
    again = store.packages.records[PACKAGE_ID]
    assert (again.state, again.reasons) == (DeliveryState.DELIVERY_STATE_SUBMITTED, b"")

    store.packages.records[PACKAGE_ID] = given_up
    await answers(receiver, OFFER, *chunks(0, b"manifest", 100), *chunks(1, FILE, 100, begin=100), COMMIT)
    assert store.packages.records[PACKAGE_ID].state == DeliveryState.DELIVERY_STATE_DELIVERED


async def test_a_neighbour_that_is_gone_ends_the_stream_with_its_error_after_all_answers() -> None:
    _, _, receiver = new_node()
    stream = receiver.stream(Frames([COMMIT], "is gone"), Party.PARTY_HUB)
    async with asyncio.timeout(LONG_SECONDS):
        assert (await anext(stream)).HasField("refusal")
        with pytest.raises(NodeUnreachable):
            await anext(stream)
    assert not reader_tasks()


async def test_the_error_of_one_transfer_leaves_the_others_alone() -> None:
    _, _, receiver = new_node()
    other = TransferRequest(transfer=2, offer=Offer(envelope=signed(ENVELOPE)))
    other.offer.envelope.signature.value = b"forged"
    rest: list[Frame] = [*chunks(0, b"manifest", 100), *chunks(1, FILE, 512), COMMIT]
    given = await answers(receiver, OFFER, other, *rest)
    refusals = [answer for answer in given if answer.HasField("refusal")]
    assert [answer.transfer for answer in refusals] == [2]
    assert from_status(refusals[0].refusal.status).reason == "SIGNATURE_INVALID"
    assert given[-1].HasField("acceptance")


async def test_a_cancelled_transfer_answers_nothing_more_and_its_number_stays_taken() -> None:
    _, _, receiver = new_node()
    cancel = TransferRequest(transfer=1, cancel=Cancel())
    given = await answers(receiver, OFFER, cancel, *chunks(1, FILE, 512), COMMIT, OFFER)
    kinds = [answer.WhichOneof("frame") for answer in given]
    assert kinds in (["need", "refusal"], ["refusal"])
    assert from_status(given[-1].refusal.status).reason == "PROTOCOL_VIOLATION"


def offer_of(number: int, package: str = PACKAGE_ID) -> TransferRequest:
    envelope = new_envelope(b"manifest")
    envelope.package_id = package
    return TransferRequest(transfer=number, offer=Offer(envelope=signed(envelope)))


def package_id(number: int) -> str:
    return f"0198c0de-0000-7000-8000-{number:012x}"


def refusals(given: Iterable[TransferResponse]) -> dict[int, str]:
    """The reason by the number of the transfer."""
    return {
        answer.transfer: from_status(answer.refusal.status).reason
        for answer in given
        if answer.HasField("refusal")
    }


async def test_a_full_stream_says_so_and_that_a_later_try_may_succeed() -> None:
    limits = Limits(max_transfers_per_stream=2)
    exchange = new_exchange(Party.PARTY_PROCURATORATE, MemoryStore(), limits=limits)
    receiver = Receiver(exchange, EvidenceDesk(exchange), lambda error: to_status(error, incident=""))
    given = await answers(receiver, *(offer_of(number, package_id(number)) for number in (1, 2, 3)))
    (refused,) = [from_status(answer.refusal.status) for answer in given if answer.HasField("refusal")]
    assert (refused.reason, refused.code, refused.retryable) == (
        "TOO_MANY_TRANSFERS",
        "RESOURCE_EXHAUSTED",
        True,
    )
    assert refused.retry_after_seconds
    cancel = TransferRequest(transfer=1, cancel=Cancel())
    again = await answers(
        receiver, offer_of(1, package_id(1)), offer_of(2, package_id(2)), cancel, offer_of(3, package_id(3))
    )
    assert refusals(again) == {}


async def test_numbers_rise_in_a_stream_and_late_frames_of_lower_ones_are_ignored() -> None:
    _, _, receiver = new_node()
    cancel = TransferRequest(transfer=6, cancel=Cancel())
    late = TransferRequest(transfer=3, commit=Commit())
    given = await answers(
        receiver, offer_of(6), cancel, late, offer_of(6), offer_of(3), offer_of(7, package_id(7))
    )
    assert refusals(given) == {6: "PROTOCOL_VIOLATION", 3: "PROTOCOL_VIOLATION"}
    assert [answer.transfer for answer in given if answer.HasField("need")][-1] == 7


async def test_a_newer_stream_takes_the_package_from_one_that_hangs() -> None:
    _, _, receiver = new_node()
    hung = receiver.stream(Frames([OFFER, *chunks(1, FILE, 1)]), Party.PARTY_HUB)
    async with asyncio.timeout(LONG_SECONDS):
        assert (await anext(hung)).HasField("need")  # it reads no more answers, and so takes no more frames
        given = await answers(receiver, OFFER, *chunks(0, b"manifest", 100), *chunks(1, FILE, 100), COMMIT)
        assert given[-1].HasField("acceptance")
        assert "STREAM_SUPERSEDED" in refusals([answer async for answer in until_refused(hung)]).values()
        await hung.aclose()


async def test_who_is_cancelled_again_while_parts_are_verified_leaves_no_writer_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exchange, _, _ = new_node()
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def finish(_: MemoryPartWriter) -> None:
        async def work() -> None:  # as on a disk: it ends when it ends
            begun.set()
            await may_end.wait()

        await uninterrupted(work())

    monkeypatch.setattr(MemoryPartWriter, "finish", finish)
    frames = FrameQueue(1 << 20, Room(1 << 20))
    for frame in (*chunks(0, b"manifest", 100), *chunks(1, FILE[:100], 100)):
        await frames.put(frame)
    receptions = Receptions(exchange, Arrival(exchange, EvidenceDesk(exchange)), when_complete)
    given = asyncio.Queue[TransferResponse]()
    taking = asyncio.create_task(receptions.receive(Admitted(sealed_package(ENVELOPE)), frames, given.put))
    async with asyncio.timeout(LONG_SECONDS):
        await begun.wait()
        for _ in range(3):
            taking.cancel()
            for _ in range(20):  # until it waits for the verification again
                await asyncio.sleep(0)
        may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await taking
        for content in (b"manifest", FILE):
            key = PartKey("police", hashlib.sha256(content).digest())
            await (await exchange.parts.write(key, len(content))).close()


async def until_refused(
    stream: AsyncGenerator[TransferResponse, None],
) -> AsyncGenerator[TransferResponse, None]:
    async for answer in stream:
        yield answer
        if answer.HasField("refusal"):
            return
