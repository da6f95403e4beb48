"""How a business system provokes each reason that its node may give."""

from __future__ import annotations

import asyncio
import dataclasses
import uuid

import grpc
from tests.contract.every_reason import Provocations, World
from tests.integration.exchange.city import (
    ACTOR,
    TRUST_DOMAIN,
    content_of,
    digest,
    draft_key,
    manifest_for,
)
from tests.integration.exchange.refusals import Refused, refusal
from tests.integration.exchange.shared_city import (
    BOUND_SECONDS,
    HASTY,
    PROCESS,
    case_number,
)

from xietong.exchange.v1.draft_pb2 import Contribution, Outcome, Rejected
from xietong.exchange.v1.envelope_pb2 import Classification, Digest, Party
from xietong.exchange.v1.evidence_pb2 import Reason
from xietong.exchange.v1.gateway_drafts_pb2 import (
    ContributeRequest,
    GetDraftRequest,
    UploadChunk,
    UploadHeader,
    UploadPartRequest,
)
from xietong.exchange.v1.gateway_packages_pb2 import (
    ListPackagesRequest,
    ReadPartRequest,
    WithdrawRequest,
)
from xietong.exchange.v1.gateway_service_pb2 import GetNodeRequest
from xietong.exchange.v1.gateway_service_pb2_grpc import GatewayServiceStub
from xietong.exchange.v1.transfer_service_pb2 import GetCapabilitiesRequest
from xietong.exchange.v1.transfer_service_pb2_grpc import TransferServiceStub
from xietong_client.pki import DevelopmentCA, Identity, Role
from xietong_exchange.runtime.settings import LimitSettings

PROVOCATIONS = Provocations()


# Who calls


@PROVOCATIONS.add
async def peer_not_allowed(world: World) -> Refused:
    channel = await world.city.channel(Party.PARTY_HUB, "system-case-handling", "police")
    return await refusal(TransferServiceStub(channel).GetCapabilities(GetCapabilitiesRequest()))


@PROVOCATIONS.add
async def identity_missing(world: World) -> Refused:
    ours = DevelopmentCA.load(world.city.pki_folder)
    elsewhere = dataclasses.replace(ours, trust_domain="elsewhere.test")
    files = elsewhere.issue(Identity("police", Role.SYSTEM, "case-handling"), world.folder)
    tls = grpc.ssl_channel_credentials(
        (world.city.pki_folder / "ca.pem").read_bytes(),
        files.key.read_bytes(),
        files.certificate.read_bytes(),
    )
    options = [("grpc.ssl_target_name_override", f"police.{TRUST_DOMAIN}")]
    address = f"127.0.0.1:{world.city.ports[Party.PARTY_POLICE]}"
    async with grpc.aio.secure_channel(address, tls, options) as channel:
        return await refusal(GatewayServiceStub(channel).GetNode(GetNodeRequest()))


@PROVOCATIONS.add
async def grant_missing(world: World) -> Refused:
    archive = await world.city.agency(Party.PARTY_POLICE, "evidence-archive")
    return await refusal(archive.submit(draft_key(PROCESS)))


# Drafts


@PROVOCATIONS.add
async def invalid_field(world: World) -> Refused:
    request = ContributeRequest(key=draft_key(PROCESS), actor=ACTOR)
    return await refusal((await world.police()).gateway.Contribute(request))


@PROVOCATIONS.add
async def unknown_process(world: World) -> Refused:
    return await refusal((await world.police()).open(draft_key("XX-99"), Party.PARTY_PROCURATORATE))


@PROVOCATIONS.add
async def sender_not_allowed(world: World) -> Refused:
    return await refusal((await world.police()).open(draft_key("PB-02"), Party.PARTY_PROCURATORATE))


@PROVOCATIONS.add
async def receiver_not_allowed(world: World) -> Refused:
    return await refusal((await world.police()).open(draft_key("PB-01"), Party.PARTY_JUSTICE))


@PROVOCATIONS.add
async def classified_refused(world: World) -> Refused:
    classified = Classification.CLASSIFICATION_CLASSIFIED
    opened = (await world.police()).open(
        draft_key(PROCESS), Party.PARTY_PROCURATORATE, classification=classified
    )
    return await refusal(opened)


@PROVOCATIONS.add
async def edition_not_supported(world: World) -> Refused:
    opened = (await world.police()).open(
        draft_key(PROCESS), Party.PARTY_PROCURATORATE, standard_edition="2031.1"
    )
    return await refusal(opened)


@PROVOCATIONS.add
async def draft_not_found(world: World) -> Refused:
    request = GetDraftRequest(key=draft_key(PROCESS, case_number()))
    return await refusal((await world.police()).gateway.GetDraft(request))


@PROVOCATIONS.add
async def part_name_conflict(world: World) -> Refused:
    key = await world.draft()
    fragment = manifest_for(PROCESS, {})
    content_of(fragment, {})
    archive = await world.city.agency(Party.PARTY_POLICE, "evidence-archive")
    contribution = Contribution(name="dossier", fragment=fragment)
    return await refusal(
        archive.gateway.Contribute(ContributeRequest(key=key, contribution=contribution, actor=ACTOR))
    )


@PROVOCATIONS.add
async def preflight_failed(world: World) -> Refused:
    manifest = manifest_for(PROCESS, {})
    manifest.case.ClearField("name")
    return await refusal((await world.police()).submit(await world.draft(manifest)))


@PROVOCATIONS.add
async def part_incomplete(world: World) -> Refused:
    key = await world.draft()
    police, fragment = await world.police(), manifest_for(PROCESS, {})
    content_of(fragment, {"document-0.pdf": uuid.uuid4().bytes})
    contribution = Contribution(name="case-data", fragment=fragment)
    await police.gateway.Contribute(ContributeRequest(key=key, contribution=contribution, actor=ACTOR))
    return await refusal(police.submit(key))


@PROVOCATIONS.add
async def request_conflict(world: World) -> Refused:
    police, request_id = await world.police(), str(uuid.uuid4())
    await police.submit(await world.draft(), request_id)
    return await refusal(police.submit(await world.draft(), request_id))


# Uploads


def header(size: int, wanted: Digest) -> UploadPartRequest:
    return UploadPartRequest(header=UploadHeader(key=draft_key(PROCESS), size_bytes=size, digest=wanted))


async def refused_upload(world: World, *frames: UploadPartRequest) -> Refused:
    await (await world.police()).open(draft_key(PROCESS), Party.PARTY_PROCURATORATE)

    async def all_answers() -> None:
        async for _ in (await world.police()).gateway.UploadPart(iter(frames), timeout=BOUND_SECONDS):
            pass

    return await refusal(all_answers())


@PROVOCATIONS.add
async def digest_mismatch(world: World) -> Refused:
    content = uuid.uuid4().bytes
    chunk = UploadPartRequest(chunk=UploadChunk(data=bytes(len(content))))
    return await refused_upload(world, header(len(content), digest(content)), chunk)


@PROVOCATIONS.add
async def package_too_large(world: World) -> Refused:
    return await refused_upload(world, header(200 << 30, digest(b"x")))


@PROVOCATIONS.add
async def storage_full(world: World) -> Refused:
    limits = LimitSettings(reserve_bytes=1 << 60)
    async with world.city.changed(Party.PARTY_POLICE, limits=limits):
        return await refused_upload(world, header(16, digest(uuid.uuid4().bytes)))


@PROVOCATIONS.add
async def part_busy(world: World) -> Refused:
    world.patch.setattr("xietong_exchange.flow.upload.WRITER_WAIT_SECONDS", 0.05)
    police, announced = await world.police(), header(16, digest(uuid.uuid4().bytes))
    await police.open(draft_key(PROCESS), Party.PARTY_PROCURATORATE)
    first = police.gateway.UploadPart()
    await first.write(announced)
    await first.read()  # `need`: it has the place
    try:
        return await refused_upload(world, announced)
    finally:
        first.cancel()


@PROVOCATIONS.add
async def transfer_stalled(world: World) -> Refused:
    world.patch.setattr("xietong_exchange.flow.upload.STANDSTILL_SECONDS", 0.05)
    police, announced = await world.police(), header(16, digest(uuid.uuid4().bytes))
    await police.open(draft_key(PROCESS), Party.PARTY_PROCURATORATE)
    upload = police.gateway.UploadPart()
    await upload.write(announced)
    await upload.read()  # `need`, which nothing follows
    return await refusal(upload.read())


# Packages


@PROVOCATIONS.add
async def package_not_found(world: World) -> Refused:
    return await refusal((await world.police()).get(str(uuid.uuid4())))


@PROVOCATIONS.add
async def part_not_found(world: World) -> Refused:
    request = ReadPartRequest(package_id=(await world.delivered()).package_id, part=77)
    return await refusal(anext(aiter((await world.police()).gateway.ReadPart(request))))


@PROVOCATIONS.add
async def contents_removed(world: World) -> Refused:
    package_id = (await world.accepted()).package_id
    async with world.city.changed(Party.PARTY_PROCURATORATE, retention=HASTY):
        procuratorate = await world.procuratorate()
        while not (await procuratorate.get(package_id)).HasField("contents_removed_time"):
            await asyncio.sleep(0.02)
        request = ReadPartRequest(package_id=package_id, part=0)
        return await refusal(anext(aiter(procuratorate.gateway.ReadPart(request))))


@PROVOCATIONS.add
async def page_token_invalid(world: World) -> Refused:
    return await refusal((await world.police()).gateway.ListPackages(ListPackagesRequest(page_token="x")))


@PROVOCATIONS.add
async def state_conflict(world: World) -> Refused:
    rejected = Outcome(rejected=Rejected(reasons=[Reason(code="LATE")]))
    return await refusal((await world.procuratorate()).report((await world.accepted()).package_id, rejected))


@PROVOCATIONS.add
async def withdrawal_too_late(world: World) -> Refused:
    accepted = await world.accepted()
    request = WithdrawRequest(package_id=accepted.package_id, reason="误发", actor=ACTOR)
    return await refusal((await world.police()).gateway.Withdraw(request))
