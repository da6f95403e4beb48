"""The hub sends a package onwards while it arrives: never accepted there before it is the hub's, always whole."""

from __future__ import annotations

import asyncio
import hashlib
import itertools

import grpc
import pytest
import pytest_asyncio
from tests.integration.exchange.city import Agency
from tests.integration.exchange.hostile_neighbour import MIB, Conversation, Forged, HostileNode, hostile_node
from tests.integration.exchange.refusals import refusal
from tests.integration.exchange.shared_city import (
    BOUND_SECONDS,
    CityUnderAttack,
    good_package_passes,
    seen_at_hub,
)

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind, Statement
from xietong_exchange.runtime.settings import RouteSettings

pytestmark = pytest.mark.asyncio(loop_scope="session")

_fresh = itertools.count(1)


def content(size: int) -> bytes:
    """Bytes that no other test has sent."""
    seed = hashlib.sha256(f"cut-through {next(_fresh)}".encode()).digest()
    return (seed * (size // len(seed) + 1))[:size]


@pytest_asyncio.fixture(loop_scope="session")
async def court(steadfast: CityUnderAttack) -> HostileNode:
    """The court's node, whose every frame the test decides; the hub has met the receiver before."""
    await good_package_passes(steadfast)
    return await hostile_node(steadfast)


async def chunks(talk: Conversation, package: Forged, begin: int, end: int, attempt: int = 0) -> None:
    for offset in range(begin, end, MIB):
        data = package.contents[1][offset : offset + MIB]
        await talk.chunk(1, data, offset=offset, attempt=attempt)


async def until_bytes(receiver: Agency, package: Forged, wanted: int) -> None:
    """Until the receiver's node, which may not even know of the package yet, has so much of it."""
    async with asyncio.timeout(BOUND_SECONDS):
        while await arrived_bytes(receiver, package) < wanted:
            await asyncio.sleep(0.02)


async def arrived_bytes(receiver: Agency, package: Forged) -> int:
    try:
        return (await receiver.get(package.package_id)).progress.transferred_bytes
    except grpc.aio.AioRpcError as error:
        if error.code() == grpc.StatusCode.NOT_FOUND:
            return 0
        raise


async def evidence_at_hub(city: CityUnderAttack, package: Forged) -> list[EvidenceKind.ValueType]:
    """What the hub has heard of the package, once it knows that it was delivered; it may know of more by then."""
    async with asyncio.timeout(BOUND_SECONDS):
        while True:
            seen = await seen_at_hub(city, package.package_id)
            kinds = kinds_of(seen) if seen is not None else []
            if EvidenceKind.EVIDENCE_KIND_DELIVERED in kinds:
                return kinds
            await asyncio.sleep(0.02)


def kinds_of(package: package_pb2.Package) -> list[EvidenceKind.ValueType]:
    return [Statement.FromString(piece.statement).kind for piece in package.evidence]


async def require_whole(receiver: Agency, package: Forged) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        got = await receiver.arrived(package.package_id)
        for number, expected in enumerate(package.contents):
            assert await receiver.read(package.package_id, number) == expected
    assert EvidenceKind.EVIDENCE_KIND_DELIVERED in kinds_of(got)


async def test_bytes_reach_the_receiver_before_the_hub_has_the_package(
    steadfast: CityUnderAttack, court: HostileNode
) -> None:
    receiver = await steadfast.agency(Party.PARTY_PROCURATORATE, "prosecution")
    package = court.forge(content(5), content(6 * MIB))
    async with court.talk() as talk:
        await talk.offer(package)
        await talk.chunk(0, package.contents[0])
        await chunks(talk, package, 0, 4 * MIB)
        await until_bytes(receiver, package, 2 * MIB)
        at_hub = await seen_at_hub(steadfast, package.package_id)
        assert at_hub is not None
        assert not at_hub.evidence
        assert (await refusal(receiver.read(package.package_id, 1))).reason == "PART_INCOMPLETE"
        await chunks(talk, package, 4 * MIB, 6 * MIB)
        await talk.commit()
        await talk.until("acceptance")
    await require_whole(receiver, package)


async def test_a_route_may_say_that_a_package_goes_on_only_when_it_is_whole(
    steadfast: CityUnderAttack,
) -> None:
    receiver = await steadfast.agency(Party.PARTY_PROCURATORATE, "prosecution")
    routes = {"procuratorate": RouteSettings(forwarding="after_complete")}
    async with steadfast.changed(Party.PARTY_HUB, routes=routes):
        await good_package_passes(steadfast)
        court = await hostile_node(steadfast)
        package = court.forge(content(5), content(6 * MIB))
        async with court.talk() as talk:
            await talk.offer(package)
            await talk.chunk(0, package.contents[0])
            await chunks(talk, package, 0, 4 * MIB)
            written = 0
            while written < 4 * MIB:
                progress = (await talk.until("progress")).progress
                written = progress.written_bytes if progress.part == 1 else written
            assert await arrived_bytes(receiver, package) == 0
            await chunks(talk, package, 4 * MIB, 6 * MIB)
            await talk.commit()
            await talk.until("acceptance")
        await require_whole(receiver, package)


async def test_wrong_bytes_that_went_on_do_not_stay(steadfast: CityUnderAttack, court: HostileNode) -> None:
    receiver = await steadfast.agency(Party.PARTY_PROCURATORATE, "prosecution")
    package = court.forge(content(5), content(3 * MIB))
    async with court.talk() as talk:
        await talk.offer(package)
        await talk.chunk(0, package.contents[0])
        await talk.chunk(1, bytes(MIB), offset=0)
        await chunks(talk, package, MIB, 3 * MIB)
        abort = (await talk.until("abort")).abort
        await chunks(talk, package, 0, 3 * MIB, attempt=abort.attempt)
        await talk.commit()
        await talk.until("acceptance")
    await require_whole(receiver, package)


async def test_a_sender_that_breaks_off_resumes_and_the_package_arrives_once(
    steadfast: CityUnderAttack, court: HostileNode
) -> None:
    receiver = await steadfast.agency(Party.PARTY_PROCURATORATE, "prosecution")
    package = court.forge(content(5), content(5 * MIB))
    async with court.talk() as talk:
        await talk.offer(package)
        await talk.chunk(0, package.contents[0])
        await chunks(talk, package, 0, 3 * MIB)
        await until_bytes(receiver, package, 2 * MIB)
    assert (await refusal(receiver.read(package.package_id, 1))).reason == "PART_INCOMPLETE"
    async with court.talk() as talk:
        await talk.offer(package)
        need = (await talk.until("need")).need
        [offset] = [part.offset for part in need.parts if part.part == 1]
        await chunks(talk, package, offset, 5 * MIB)
        await talk.commit()
        await talk.until("acceptance")
    await require_whole(receiver, package)
    kinds = await evidence_at_hub(steadfast, package)
    assert kinds.count(EvidenceKind.EVIDENCE_KIND_DELIVERED) == 1
    assert kinds.index(EvidenceKind.EVIDENCE_KIND_RELAYED) < kinds.index(EvidenceKind.EVIDENCE_KIND_DELIVERED)
