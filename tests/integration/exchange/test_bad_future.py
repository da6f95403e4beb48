"""What a newer contract adds: fields that nobody here knows travel on bit for bit, signed and provable to the end."""

from __future__ import annotations

import asyncio
import uuid

import pytest
import pytest_asyncio
from tests.integration.exchange.city import ACTOR, content_of, digest, draft_key, manifest_for
from tests.integration.exchange.hostile_neighbour import Forged, HostileNode, envelope_of, hostile_node
from tests.integration.exchange.shared_city import (
    BOUND_SECONDS,
    PROCESS,
    CityUnderAttack,
    case_number,
    seen_at_hub,
)

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.draft_pb2 import Contribution
from xietong.exchange.v1.envelope_pb2 import Address, Envelope, Party, Signature, SignedEnvelope
from xietong.exchange.v1.evidence_pb2 import Evidence, EvidenceKind, Statement
from xietong.exchange.v1.gateway_drafts_pb2 import ContributeRequest
from xietong.exchange.v1.operations_service_pb2 import ExportEvidenceRequest
from xietong.exchange.v1.operations_service_pb2_grpc import OperationsServiceStub
from xietong.exchange.v1.transfer_service_pb2 import Chunk, Commit, Offer, TransferRequest

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Field 900, length-delimited: a number that the contract of today does not use.
TAG = bytes([0xA2, 0x38])
NEWS = "将来的字段 of 2031".encode()


def grown(message: bytes) -> bytes:
    """A serialised message with a field of the future, which comes first: no encoder of today would put it there."""
    return TAG + bytes([len(NEWS)]) + NEWS + message


@pytest_asyncio.fixture(loop_scope="session")
async def newer(steadfast: CityUnderAttack) -> HostileNode:
    """The court's node, which speaks a newer version of the contract."""
    return await hostile_node(steadfast)


def newer_package(newer: HostileNode, *contents: bytes) -> Forged:
    """A package whose envelope, addresses, parts and signature have fields of the future."""
    envelope = envelope_of(contents)
    envelope.receiver.CopyFrom(Address.FromString(grown(envelope.receiver.SerializeToString())))
    envelope.parts[0].digest.MergeFromString(grown(b""))
    raw = grown(envelope.SerializeToString())
    assert Envelope.FromString(raw).SerializeToString() != raw
    signature = Signature.FromString(grown(newer.notary.sign("Envelope", raw).SerializeToString()))
    return Forged(Envelope.FromString(raw), contents, SignedEnvelope(envelope=raw, signature=signature))


async def delivered(city: CityUnderAttack, newer: HostileNode, package: Forged) -> package_pb2.Package:
    """The package as the procuratorate's system sees it."""
    assert (await newer.bring(package)).HasField("acceptance")
    procuratorate = await city.agency(Party.PARTY_PROCURATORATE, "prosecution")
    async with asyncio.timeout(BOUND_SECONDS):
        return await procuratorate.arrived(package.package_id)


async def require_provable(city: CityUnderAttack, party: Party.ValueType, package: Forged) -> None:
    """The node's bundle of evidence has no defect, and holds the envelope as it was signed."""
    channel = await city.channel(party, "operator")
    request = ExportEvidenceRequest(package_id=package.package_id)
    answer = await OperationsServiceStub(channel).ExportEvidence(request)
    assert list(answer.defects) == []
    assert answer.bundle.envelope == package.signed


async def test_an_envelope_with_unknown_fields_arrives_bit_for_bit(
    steadfast: CityUnderAttack, newer: HostileNode
) -> None:
    package = newer_package(newer, b"manifest of 2031 \xff\x00", uuid.uuid4().bytes)
    got = await delivered(steadfast, newer, package)
    assert got.envelope == package.signed
    assert NEWS in got.envelope.signature.SerializeToString()
    assert got.seal.value == package.seal
    procuratorate = await steadfast.agency(Party.PARTY_PROCURATORATE, "prosecution")
    contents = [await procuratorate.read(package.package_id, number) for number in range(2)]
    assert tuple(contents) == package.contents
    for party in (Party.PARTY_HUB, Party.PARTY_PROCURATORATE):
        await require_provable(steadfast, party, package)


async def test_evidence_with_unknown_fields_travels_on_bit_for_bit(
    steadfast: CityUnderAttack, newer: HostileNode
) -> None:
    package = newer_package(newer, uuid.uuid4().bytes)
    await delivered(steadfast, newer, package)
    statement = Statement(
        evidence_id=str(uuid.uuid4()),
        package_id=package.package_id,
        seal=digest(package.signed.envelope),
        kind=EvidenceKind.EVIDENCE_KIND_WITHDRAWAL_REQUESTED,
        stated_by=Party.PARTY_COURT,
    )
    statement.event_time.GetCurrentTime()
    raw = grown(statement.SerializeToString())
    signature = Signature.FromString(grown(newer.notary.sign("Statement", raw).SerializeToString()))
    evidence = Evidence(statement=raw, signature=signature)
    (result,) = await newer.deliver(evidence)
    assert not result.HasField("error")

    procuratorate = await steadfast.agency(Party.PARTY_PROCURATORATE, "prosecution")
    async with asyncio.timeout(BOUND_SECONDS):
        await procuratorate.reached(package.package_id, package_pb2.DELIVERY_STATE_WITHDRAWN)
    assert evidence in (await procuratorate.get(package.package_id)).evidence
    at_hub = await seen_at_hub(steadfast, package.package_id)
    assert at_hub is not None
    assert evidence in at_hub.evidence
    await require_provable(steadfast, Party.PARTY_PROCURATORATE, package)


async def test_frames_with_unknown_fields_are_taken(newer: HostileNode) -> None:
    package = newer_package(newer, b"1", uuid.uuid4().bytes)
    offer = Offer.FromString(grown(Offer(envelope=package.signed).SerializeToString()))
    frames = [TransferRequest(offer=offer)]
    for number, content in enumerate(package.contents):
        chunk = Chunk.FromString(grown(Chunk(part=number, data=content).SerializeToString()))
        frames.append(TransferRequest(chunk=chunk))
    frames.append(TransferRequest(commit=Commit.FromString(grown(b""))))
    async with newer.talk() as talk:
        for frame in frames:
            await talk.say(TransferRequest.FromString(grown(frame.SerializeToString())))
        await talk.until("acceptance", transfer=0)


async def test_case_data_with_unknown_fields_reach_the_receiver(steadfast: CityUnderAttack) -> None:
    """A newer business system on older nodes: what the nodes don't know they carry all the same."""
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    procuratorate = await steadfast.agency(Party.PARTY_PROCURATORATE, "prosecution")
    key, fragment = draft_key(PROCESS, case_number()), manifest_for(PROCESS, {})
    contents = content_of(fragment, {})
    fragment.case.MergeFromString(grown(b""))
    newer_fragment = Manifest.FromString(grown(fragment.SerializeToString()))
    contribution = Contribution(name="case-data", fragment=newer_fragment)
    request = ContributeRequest(key=key, contribution=contribution, actor=ACTOR)
    await police.gateway.Contribute(ContributeRequest.FromString(grown(request.SerializeToString())))
    for content in contents.values():
        await police.upload(key, content)
    await police.open(key, Party.PARTY_PROCURATORATE)
    sent = (await police.submit(key)).packages[0]
    async with asyncio.timeout(BOUND_SECONDS):
        await procuratorate.arrived(sent.package_id)
    manifest = await procuratorate.read(sent.package_id, 0)
    assert manifest.count(NEWS) == 2
    assert NEWS in Manifest.FromString(manifest).case.SerializeToString()
