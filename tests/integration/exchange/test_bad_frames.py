"""A neighbour with a valid certificate that breaks the protocol of `Transfer`: no order, too large, too early."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc
import pytest
import pytest_asyncio
from tests.integration.exchange.hostile_neighbour import (
    MIB,
    TRANSFER,
    Conversation,
    Forged,
    HostileNode,
    hostile_node,
)
from tests.integration.exchange.refusals import read_status, refusal
from tests.integration.exchange.shared_city import (
    BOUND_SECONDS,
    CityUnderAttack,
    Holdings,
    holdings,
    nothing_changes,
    seen_at_hub,
)
from tests.unit.exchange.nodes import MemoryStore, new_exchange

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.envelope_pb2 import Party, SignedEnvelope
from xietong.exchange.v1.evidence_pb2 import EvidenceKind, Statement
from xietong.exchange.v1.transfer_service_pb2 import Cancel, Commit, Offer, TransferRequest, TransferResponse
from xietong_exchange.adapters.rpc.status import to_status
from xietong_exchange.flow.evidence import EvidenceDesk
from xietong_exchange.flow.receive import ANSWER_QUEUE_FRAMES, Receiver

pytestmark = pytest.mark.asyncio(loop_scope="session")

Attack = Callable[[Conversation, Forged], Awaitable[None]]
_fresh = itertools.count(1)


def content(size: int) -> bytes:
    """Bytes that no other test has sent."""
    seed = hashlib.sha256(f"frames {next(_fresh)}".encode()).digest()
    return (seed * (size // len(seed) + 1))[:size]


@pytest_asyncio.fixture(loop_scope="session")
async def court(steadfast: CityUnderAttack) -> HostileNode:
    """The court's node gone bad, before the hub."""
    return await hostile_node(steadfast)


async def chunk_before_the_offer(talk: Conversation, package: Forged) -> None:
    await talk.chunk(0, package.contents[0])


async def commit_before_the_offer(talk: Conversation, package: Forged) -> None:
    await talk.commit()


async def the_same_offer_twice(talk: Conversation, package: Forged) -> None:
    await talk.offer(package)
    await talk.until("need")
    await talk.offer(package)


async def chunk_of_an_unknown_part(talk: Conversation, package: Forged) -> None:
    await talk.offer(package)
    await talk.chunk(2, b"x")


async def chunk_of_a_part_beyond_all_numbers(talk: Conversation, package: Forged) -> None:
    await talk.offer(package)
    await talk.chunk(2**32 - 1, b"x")


async def chunk_out_of_order(talk: Conversation, package: Forged) -> None:
    await talk.offer(package)
    await talk.chunk(1, package.contents[1][MIB:], offset=MIB)


async def chunk_of_an_attempt_that_never_was(talk: Conversation, package: Forged) -> None:
    await talk.offer(package)
    await talk.chunk(1, package.contents[1][:MIB], attempt=1)


async def chunk_beyond_the_size(talk: Conversation, package: Forged) -> None:
    await talk.offer(package)
    await talk.chunk(0, package.contents[0] + b"x")


async def chunk_at_the_end_of_all_numbers(talk: Conversation, package: Forged) -> None:
    await talk.offer(package)
    await talk.chunk(0, b"x", offset=2**64 - 1)


async def chunk_too_large(talk: Conversation, package: Forged) -> None:
    await talk.offer(package)
    await talk.chunk(1, package.contents[1][: MIB + 1])


async def chunk_larger_than_grpc_allows_by_default(talk: Conversation, package: Forged) -> None:
    await talk.offer(package)
    await talk.chunk(1, bytes(9 * MIB))


async def commit_before_any_byte(talk: Conversation, package: Forged) -> None:
    await talk.offer(package)
    await talk.commit()


async def commit_before_the_last_byte(talk: Conversation, package: Forged) -> None:
    await talk.offer(package)
    await talk.chunk(0, package.contents[0])
    await talk.chunk(1, package.contents[1][:MIB])
    await talk.commit()


# What the neighbour does with a package of two parts (5 bytes, 2 MiB), the reason, and the facts that mend it.
ATTACKS: dict[Attack, tuple[str, dict[str, str]]] = {
    chunk_before_the_offer: ("PROTOCOL_VIOLATION", {}),
    commit_before_the_offer: ("PROTOCOL_VIOLATION", {}),
    the_same_offer_twice: ("PROTOCOL_VIOLATION", {}),
    chunk_of_an_unknown_part: ("UNKNOWN_PART", {"part": "2"}),
    chunk_of_a_part_beyond_all_numbers: ("UNKNOWN_PART", {"part": str(2**32 - 1)}),
    chunk_out_of_order: ("CHUNK_OUT_OF_ORDER", {"part": "1", "offset": str(MIB), "expected": "0"}),
    chunk_of_an_attempt_that_never_was: ("CHUNK_OUT_OF_ORDER", {"part": "1"}),
    chunk_beyond_the_size: ("CHUNK_BEYOND_SIZE", {"part": "0", "end": "6", "size": "5"}),
    chunk_at_the_end_of_all_numbers: ("CHUNK_BEYOND_SIZE", {"part": "0", "size": "5"}),
    chunk_too_large: ("FRAME_TOO_LARGE", {"size": str(MIB + 1), "limit": str(MIB)}),
    chunk_larger_than_grpc_allows_by_default: ("FRAME_TOO_LARGE", {"limit": str(MIB)}),
    commit_before_any_byte: ("COMMIT_TOO_EARLY", {"part": "0", "received": "0", "size": "5"}),
    commit_before_the_last_byte: (
        "COMMIT_TOO_EARLY",
        {"part": "1", "received": str(MIB), "size": str(2 * MIB)},
    ),
}


async def require_not_taken(city: CityUnderAttack, package: Forged) -> None:
    """Nobody states anything about the package, no part of it that was to come is here, the receiver gets nothing."""
    seen = await seen_at_hub(city, package.package_id)
    assert seen is None or (not seen.evidence and seen.progress.state != package_pb2.HOP_STATE_DONE)
    assert f"court/{hashlib.sha256(package.contents[1]).hexdigest()}" not in (await hub_holds(city)).parts
    procuratorate = await city.agency(Party.PARTY_PROCURATORATE, "prosecution")
    refused = await refusal(procuratorate.read(package.package_id, 0))
    assert refused.reason in ("PACKAGE_NOT_FOUND", "PART_INCOMPLETE")  # at most it is announced


async def hub_holds(city: CityUnderAttack) -> Holdings:
    return await holdings(city, Party.PARTY_HUB)


async def test_a_broken_protocol_costs_the_transfer_and_nothing_else(
    steadfast: CityUnderAttack, court: HostileNode, subtests: pytest.Subtests
) -> None:
    for attack, (reason, facts) in ATTACKS.items():
        package, small = court.forge(content(5), content(2 * MIB)), court.forge(content(20))
        with subtests.test(attack.__name__):
            async with court.talk() as talk:
                await attack(talk, package)
                refused = await talk.refusal()
                assert refused.reason == reason
                assert facts.items() <= refused.facts.items()
                await require_not_taken(steadfast, package)
                await talk.commit()  # what follows a refused transfer is ignored, and the stream lives
                await talk.offer(small, transfer=TRANSFER + 1)
                assert (await talk.finish(small, transfer=TRANSFER + 1)).HasField("acceptance")
            assert (await court.bring(package)).HasField("acceptance")


async def test_a_stream_that_breaks_off_is_resumed(steadfast: CityUnderAttack, court: HostileNode) -> None:
    package = court.forge(content(5), content(3 * MIB))
    async with court.talk() as talk:
        await talk.offer(package)
        await talk.chunk(0, package.contents[0])
        await talk.chunk(1, package.contents[1][:MIB])
        while (await talk.until("progress")).progress.part != 1:
            pass
    await require_not_taken(steadfast, package)
    async with court.talk() as talk:
        await talk.offer(package)
        need = (await talk.until("need")).need
        assert [(wanted.part, wanted.offset) for wanted in need.parts] == [(1, MIB)]
        for offset in (MIB, 2 * MIB):
            await talk.chunk(1, package.contents[1][offset : offset + MIB], offset=offset)
        await talk.commit()
        acceptance = await talk.until("acceptance")
    assert await court.bring(package) == acceptance  # a finished one is answered with the same evidence
    seen = await seen_at_hub(steadfast, package.package_id)
    assert seen is not None
    assert (
        next(Statement.FromString(e.statement).kind for e in seen.evidence)
        == EvidenceKind.EVIDENCE_KIND_RELAYED
    )


async def test_wrong_bytes_begin_the_part_anew_and_three_times_end_the_transfer(
    steadfast: CityUnderAttack, court: HostileNode
) -> None:
    package = court.forge(content(5), content(MIB))
    async with court.talk() as talk:
        await talk.offer(package)
        await talk.chunk(0, package.contents[0])
        for attempt in (0, 1):
            await talk.chunk(1, bytes(MIB), attempt=attempt)
            abort = (await talk.until("abort")).abort
            assert (abort.part, abort.attempt) == (1, attempt + 1)
        await talk.chunk(1, package.contents[1], attempt=0)  # of an attempt that is over: ignored
        await talk.chunk(1, bytes(MIB), attempt=2)
        refused = await talk.refusal()
    assert refused.reason == "DIGEST_MISMATCH"
    assert refused.facts["digest"] == hashlib.sha256(package.contents[1]).hexdigest()
    await require_not_taken(steadfast, package)
    async with court.talk() as talk:
        await talk.offer(package)
        await talk.chunk(1, bytes(MIB))
        attempt = (await talk.until("abort")).abort.attempt
        await talk.chunk(1, package.contents[1], attempt=attempt)
        await talk.commit()
        await talk.until("acceptance")


async def test_a_newer_stream_takes_the_package_over(steadfast: CityUnderAttack, court: HostileNode) -> None:
    package = court.forge(content(5), content(2 * MIB))
    async with court.talk() as old, court.talk() as new:
        await old.offer(package)
        await old.chunk(1, package.contents[1][:MIB])
        await old.until("progress")
        await new.offer(package)
        need = (await new.until("need")).need
        assert (1, MIB) in [(wanted.part, wanted.offset) for wanted in need.parts]
        await old.chunk(1, package.contents[1][MIB:], offset=MIB)
        assert (await old.refusal()).reason == "STREAM_SUPERSEDED"
        await new.chunk(0, package.contents[0])
        await new.chunk(1, package.contents[1][MIB:], offset=MIB)
        await new.commit()
        await new.until("acceptance")


async def test_a_stream_carries_so_many_transfers_and_no_more(
    steadfast: CityUnderAttack, court: HostileNode
) -> None:
    packages = [court.forge(content(10)) for _ in range(17)]
    async with court.talk() as talk:
        for number, package in enumerate(packages):
            await talk.offer(package, transfer=number)
        refused = await talk.refusal(transfer=16)
        assert (refused.reason, refused.code, refused.facts["limit"]) == (
            "TOO_MANY_TRANSFERS",
            "RESOURCE_EXHAUSTED",
            "16",
        )
        assert refused.retry_seconds
        await talk.say(TransferRequest(transfer=0, cancel=Cancel()))
        await talk.offer(packages[16], transfer=17)
        for number in (*range(1, 16), 17):
            await talk.chunk(0, packages[min(number, 16)].contents[0], transfer=number)
            await talk.commit(number)
        for number in (*range(1, 16), 17):
            assert any(
                said.transfer == number and said.HasField("acceptance") for said in await heard(talk, number)
            )
    assert await seen_at_hub(steadfast, packages[0].package_id) is None


async def heard(talk: Conversation, transfer: int) -> list[TransferResponse]:
    """All answers until the end of this transfer; those of others are kept for them."""
    while not any(said.transfer == transfer and said.HasField("acceptance") for said in talk.heard):
        await talk.hear()
    return talk.heard


BROKEN_FRAMES = {
    "no message at all": b"\xff\xff\xff",
    "a frame that says nothing": TransferRequest(transfer=1).SerializeToString(),
    "an offer without an envelope": TransferRequest(transfer=1, offer=Offer()).SerializeToString(),
    "an envelope of more than 1 MiB": TransferRequest(
        offer=Offer(envelope=SignedEnvelope(envelope=bytes(MIB + 1)))
    ).SerializeToString(),
}


async def test_frames_that_cannot_be_read_end_the_stream(
    steadfast: CityUnderAttack, court: HostileNode, subtests: pytest.Subtests
) -> None:
    channel = await steadfast.channel(Party.PARTY_HUB, "exchange", "court")
    rpc: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(
        "/xietong.exchange.v1.TransferService/Transfer"
    )
    for name, frame in BROKEN_FRAMES.items():
        with subtests.test(name):
            async with nothing_changes(steadfast):
                refused = await refusal(anext(aiter(rpc(iter([frame]), timeout=BOUND_SECONDS))))
            assert (refused.reason, refused.code) == ("INVALID_FIELD", "INVALID_ARGUMENT")


async def test_a_neighbour_that_goes_away_unread_leaves_nothing_running() -> None:
    """The answers' queue is full and nobody takes them any more: the reader must end all the same."""

    async def endless() -> AsyncIterator[TransferRequest]:
        for number in itertools.count():
            yield TransferRequest(transfer=number, commit=Commit())

    before = _readers()
    exchange = new_exchange(Party.PARTY_PROCURATORATE, MemoryStore())
    receiver = Receiver(exchange, EvidenceDesk(exchange), lambda error: to_status(error, incident=""))
    async with asyncio.timeout(BOUND_SECONDS):
        answers = receiver.stream(endless(), Party.PARTY_POLICE)
        assert read_status((await anext(answers)).refusal.status).reason == "PROTOCOL_VIOLATION"
        for _ in range(ANSWER_QUEUE_FRAMES * 2):
            await asyncio.sleep(0)  # lets the reader fill the queue
        await answers.aclose()
    assert _readers() == before


def _readers() -> set[asyncio.Task[object]]:
    """Of this stream and of those that the nodes of the shared city keep open between them."""
    return {task for task in asyncio.all_tasks() if task.get_name() == "transfer-reader"}
