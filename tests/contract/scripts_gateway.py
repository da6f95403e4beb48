"""Scripts for the rpcs of `GatewayService`: what a business system asks of its node, and what it must get."""

from __future__ import annotations

import uuid

from tests.contract.every_rpc import (
    GATEWAY,
    PROSECUTION,
    SYSTEM,
    Rpc,
    Scripts,
    World,
)
from tests.integration.exchange.city import (
    ACTOR,
    content_of,
    digest,
    draft_key,
    manifest_for,
)
from tests.integration.exchange.refusals import refusal
from tests.integration.exchange.shared_city import (
    PROCESS,
    case_number,
)

from xietong.exchange.v1 import gateway_drafts_pb2 as drafts
from xietong.exchange.v1 import gateway_packages_pb2 as packages
from xietong.exchange.v1 import gateway_service_pb2 as gateway
from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.draft_pb2 import (
    Accepted,
    Contribution,
    DraftHeader,
    DraftState,
    Outcome,
)
from xietong.exchange.v1.envelope_pb2 import Address, Classification, Envelope, Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind, Statement

SCRIPTS = Scripts()


@SCRIPTS.calls(GATEWAY, "GetNode", SYSTEM)
async def get_node(rpc: Rpc, world: World) -> None:
    (node,) = await rpc(gateway.GetNodeRequest())
    assert node.capabilities.party == Party.PARTY_POLICE
    assert node.capabilities.limits.max_chunk_bytes == 1 << 20
    assert "2026.1" in node.capabilities.standard_editions
    assert (node.system, list(node.grants)) == ("case-handling", ["contribute", "decide", "read", "submit"])


@SCRIPTS.calls(GATEWAY, "ListParties", SYSTEM)
async def list_parties(rpc: Rpc, world: World) -> None:
    (answer,) = await rpc(gateway.ListPartiesRequest())
    reached = {status.party: status for status in answer.parties}
    assert set(reached) == {Party.PARTY_PROCURATORATE, Party.PARTY_COURT, Party.PARTY_JUSTICE}
    procuratorate = reached[Party.PARTY_PROCURATORATE]
    assert (procuratorate.via, procuratorate.neighbour_reachable) == (Party.PARTY_HUB, True)
    assert procuratorate.neighbour.party == Party.PARTY_HUB
    assert procuratorate.last_contact_time.seconds > 0


@SCRIPTS.calls(GATEWAY, "Contribute", SYSTEM)
async def contribute(rpc: Rpc, world: World) -> None:
    key, fragment = draft_key(PROCESS, case_number()), manifest_for(PROCESS, {})
    content_of(fragment, {})
    contribution = Contribution(name="case-data", fragment=fragment)
    (answer,) = await rpc(drafts.ContributeRequest(key=key, contribution=contribution, actor=ACTOR))
    assert answer.draft.state == DraftState.DRAFT_STATE_OPEN
    assert [part.name for part in answer.draft.parts] == [part.name for part in fragment.parts]
    assert answer.draft.contributions[0].system == "case-handling"


@SCRIPTS.calls(GATEWAY, "OpenDraft", SYSTEM)
async def open_draft(rpc: Rpc, world: World) -> None:
    header = DraftHeader(
        receivers=[Address(party=Party.PARTY_PROCURATORATE)],
        classification=Classification.CLASSIFICATION_UNCLASSIFIED,
    )
    key = draft_key(PROCESS, case_number())
    (answer,) = await rpc(drafts.OpenDraftRequest(key=key, header=header, actor=ACTOR))
    assert (answer.draft.key, answer.draft.header) == (key, header)


@SCRIPTS.calls(GATEWAY, "UploadPart", SYSTEM)
async def upload_part(rpc: Rpc, world: World) -> None:
    content = uuid.uuid4().bytes
    header = drafts.UploadHeader(key=await world.draft(), size_bytes=16, digest=digest(content))
    frames = [drafts.UploadPartRequest(header=header)]
    frames += [
        drafts.UploadPartRequest(chunk=drafts.UploadChunk(offset=offset, data=content[offset : offset + 8]))
        for offset in (0, 8)
    ]
    need, *progress, stored = await rpc(*frames)
    assert (need.HasField("need"), need.need.offset) == (True, 0)
    assert [answer.progress.written_bytes for answer in progress] == [8, 16]
    assert stored.HasField("stored")


@SCRIPTS.calls(GATEWAY, "GetDraft", SYSTEM)
async def get_draft(rpc: Rpc, world: World) -> None:
    key = await world.draft()
    (answer,) = await rpc(drafts.GetDraftRequest(key=key))
    assert all(part.complete for part in answer.draft.parts)
    assert answer.draft.header.receivers[0].party == Party.PARTY_PROCURATORATE


@SCRIPTS.calls(GATEWAY, "DiscardDraft", SYSTEM)
async def discard_draft(rpc: Rpc, world: World) -> None:
    key = await world.draft()
    await rpc(drafts.DiscardDraftRequest(key=key, actor=ACTOR))
    assert await rpc(drafts.DiscardDraftRequest(key=key, actor=ACTOR)) == [drafts.DiscardDraftResponse()]
    assert (await refusal(world.police.submit(key))).reason == "DRAFT_NOT_FOUND"


@SCRIPTS.calls(GATEWAY, "Preflight", SYSTEM)
async def preflight(rpc: Rpc, world: World) -> None:
    key = await world.draft()
    (summary,) = await rpc(drafts.PreflightRequest(key=key))
    assert (summary.summary.error_count, summary.summary.size_bytes > 0) == (0, True)
    incomplete = manifest_for(PROCESS, {})
    incomplete.case.ClearField("name")
    await world.police.contribute(key, incomplete, {})
    finding, summary = await rpc(drafts.PreflightRequest(key=key))
    assert (finding.finding.path, summary.summary.error_count) == ("case.name", 1)


@SCRIPTS.calls(GATEWAY, "Submit", SYSTEM)
async def submit(rpc: Rpc, world: World) -> None:
    request = drafts.SubmitRequest(request_id=str(uuid.uuid4()), key=await world.draft(), actor=ACTOR)
    (first,) = await rpc(request)
    (again,) = await rpc(request)
    assert (first.attached, again.attached) == (False, True)
    assert first.packages[0].package_id == again.packages[0].package_id
    assert first.packages[0].state == package_pb2.DELIVERY_STATE_SUBMITTED


@SCRIPTS.calls(GATEWAY, "GetPackage", SYSTEM)
async def get_package(rpc: Rpc, world: World) -> None:
    (answer,) = await rpc(packages.GetPackageRequest(package_id=world.delivered.package_id))
    assert answer.package.seal == digest(answer.package.envelope.envelope)
    kinds = [Statement.FromString(evidence.statement).kind for evidence in answer.package.evidence]
    assert kinds[0] == EvidenceKind.EVIDENCE_KIND_SUBMITTED
    assert EvidenceKind.EVIDENCE_KIND_DELIVERED in kinds


@SCRIPTS.calls(GATEWAY, "WatchPackage", SYSTEM)
async def watch_package(rpc: Rpc, world: World) -> None:
    sent = await world.sent()
    (seen,) = await rpc(packages.WatchPackageRequest(package_id=sent.package_id), enough=1)
    assert seen.package.state == package_pb2.DELIVERY_STATE_DELIVERED
    await world.procuratorate.report(sent.package_id, Outcome(accepted=Accepted(receiver_case_number="1")))
    seen = await rpc(packages.WatchPackageRequest(package_id=sent.package_id))  # ends with the outcome
    assert seen[-1].package.state == package_pb2.DELIVERY_STATE_ACCEPTED


@SCRIPTS.calls(GATEWAY, "ListPackages", SYSTEM)
async def list_packages(rpc: Rpc, world: World) -> None:
    sent = [await world.sent() for _ in range(3)]
    wanted = packages.ListPackagesRequest(
        direction=package_pb2.DIRECTION_OUTGOING,
        states=[package_pb2.DELIVERY_STATE_DELIVERED],
        process_code=PROCESS,
        page_size=2,
    )
    (page,) = await rpc(wanted)
    wanted.page_token = page.next_page_token
    (following,) = await rpc(wanted)
    listed = [package.package_id for package in (*page.packages, *following.packages)]
    assert [package.package_id for package in reversed(sent)] == listed[:3]


@SCRIPTS.calls(GATEWAY, "WatchInbox", PROSECUTION)
async def watch_inbox(rpc: Rpc, world: World) -> None:
    (seen,) = await rpc(packages.WatchInboxRequest(), enough=1)
    assert seen.package.direction == package_pb2.DIRECTION_INCOMING
    assert seen.package.receiver_case_number == ""


@SCRIPTS.calls(GATEWAY, "ReadPart", PROSECUTION)
async def read_part(rpc: Rpc, world: World) -> None:
    envelope = Envelope.FromString(world.delivered.envelope.envelope)
    for part in envelope.parts:
        blocks = await rpc(packages.ReadPartRequest(package_id=world.delivered.package_id, part=part.number))
        content = b"".join(block.data for block in blocks)
        assert digest(content) == part.digest
        (rest,) = await rpc(
            packages.ReadPartRequest(package_id=world.delivered.package_id, part=part.number, offset=5)
        )
        assert (rest.offset, rest.data) == (5, content[5:])


@SCRIPTS.calls(GATEWAY, "ReportOutcome", PROSECUTION)
async def report_outcome(rpc: Rpc, world: World) -> None:
    sent = await world.sent()
    outcome = Outcome(accepted=Accepted(receiver_case_number="示检受〔2026〕7号"))
    request = packages.ReportOutcomeRequest(package_id=sent.package_id, outcome=outcome, actor=ACTOR)
    (answer,) = await rpc(request)
    assert answer.package.state == package_pb2.DELIVERY_STATE_ACCEPTED
    seen = await world.police.reached(sent.package_id, package_pb2.DELIVERY_STATE_ACCEPTED)
    assert seen.receiver_case_number == "示检受〔2026〕7号"


@SCRIPTS.calls(GATEWAY, "Withdraw", SYSTEM)
async def withdraw(rpc: Rpc, world: World) -> None:
    sent = await world.sent()
    (answer,) = await rpc(packages.WithdrawRequest(package_id=sent.package_id, reason="误发", actor=ACTOR))
    assert answer.package.package_id == sent.package_id
    seen = await world.police.reached(sent.package_id, package_pb2.DELIVERY_STATE_WITHDRAWN)
    assert seen.state == package_pb2.DELIVERY_STATE_WITHDRAWN
