"""At real nodes: contents go when their time has come; rows, evidence and what somebody needs stay."""

from __future__ import annotations

import asyncio
import hashlib
import uuid

import pytest
from tests.integration.exchange.city import ACTOR, Agency, City, content_of, draft_key, manifest_for
from tests.integration.exchange.hostile_neighbour import hostile_node
from tests.integration.exchange.refusals import refusal
from tests.integration.exchange.shared_city import (
    BOUND_SECONDS,
    HASTY,
    PROCESS,
    CityUnderAttack,
    at_rest,
    case_number,
    holdings,
    seen_at_hub,
)

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.draft_pb2 import Accepted, Contribution, Outcome, Returned
from xietong.exchange.v1.envelope_pb2 import Envelope, Party
from xietong.exchange.v1.evidence_pb2 import Reason
from xietong.exchange.v1.gateway_drafts_pb2 import ContributeRequest, PreflightRequest
from xietong.exchange.v1.gateway_packages_pb2 import ReadPartRequest
from xietong.exchange.v1.operations_service_pb2 import ExportEvidenceRequest
from xietong.exchange.v1.operations_service_pb2_grpc import OperationsServiceStub

pytestmark = pytest.mark.asyncio(loop_scope="session")

POLICE, HUB, PROCURATORATE = Party.PARTY_POLICE, Party.PARTY_HUB, Party.PARTY_PROCURATORATE
HELD = "SELECT count(*) FROM package_content WHERE package_id = $1"
DOCUMENT, RECORDING = "document-0.pdf", "recording.mp4"


def fresh(size: int) -> bytes:
    return uuid.uuid4().bytes * (size // 16)


def parts_of(package: package_pb2.Package) -> set[str]:
    """Its parts as `holdings` names them."""
    parts = Envelope.FromString(package.envelope.envelope).parts
    return {f"police/{part.digest.value.hex()}" for part in parts}


async def parts_at(city: CityUnderAttack, party: Party.ValueType) -> frozenset[str]:
    return (await holdings(city, party)).parts


async def until_gone(city: CityUnderAttack, party: Party.ValueType, parts: set[str]) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        while parts & await parts_at(city, party):
            await asyncio.sleep(0.02)


async def until_removed(agency: Agency, package_id: str) -> package_pb2.Package:
    async with asyncio.timeout(BOUND_SECONDS):
        while not (seen := await agency.get(package_id)).HasField("contents_removed_time"):
            await asyncio.sleep(0.02)
    return seen


async def sent(city: City, number: str, files: dict[str, bytes]) -> package_pb2.Package:
    police = await city.agency(POLICE, "case-handling")
    package = await police.send(PROCESS, PROCURATORATE, case_number=number, files=files)
    await police.reached(package.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
    return await police.get(package.package_id)


async def decided(
    city: City, package_id: str, outcome: Outcome, state: package_pb2.DeliveryState.ValueType
) -> None:
    await (await city.agency(PROCURATORATE, "prosecution")).report(package_id, outcome)
    await (await city.agency(POLICE, "case-handling")).reached(package_id, state)


ACCEPTED = Outcome(accepted=Accepted(receiver_case_number="检001"))
RETURNED = Outcome(returned=Returned(reasons=[Reason(code="DOCUMENT_WRONG", path=DOCUMENT)]))


async def test_the_hub_lets_contents_go_after_the_outcome_and_keeps_rows_and_evidence(
    steadfast: CityUnderAttack,
) -> None:
    decided_one, open_one = [
        await sent(steadfast, case_number(), {RECORDING: fresh(1 << 20)}) for _ in range(2)
    ]
    await decided(steadfast, decided_one.package_id, ACCEPTED, package_pb2.DELIVERY_STATE_ACCEPTED)
    gone = parts_of(decided_one) - parts_of(open_one)
    assert len(gone) >= 2  # its manifest and its recording
    await at_rest(steadfast)
    before = await holdings(steadfast, HUB)
    assert gone <= before.parts
    async with steadfast.changed(HUB, retention=HASTY):
        await until_gone(steadfast, HUB, gone)
        seen = await seen_at_hub(steadfast, decided_one.package_id)
        operations = OperationsServiceStub(await steadfast.channel(HUB, "operator"))
        proof = await operations.ExportEvidence(ExportEvidenceRequest(package_id=decided_one.package_id))
    after = await holdings(steadfast, HUB)
    assert after.rows == before.rows
    assert parts_of(open_one) <= after.parts
    assert seen is not None
    assert seen.HasField("contents_removed_time")
    assert list(proof.bundle.evidence) == list(seen.evidence)
    assert not proof.defects
    still = await seen_at_hub(steadfast, open_one.package_id)
    assert still is not None
    assert not still.HasField("contents_removed_time")
    procuratorate = await steadfast.agency(PROCURATORATE, "prosecution")
    for package in (decided_one, open_one):
        assert await procuratorate.read(package.package_id, 0)


async def test_a_correction_arrives_though_the_hub_has_let_go_of_what_did_not_change(
    steadfast: CityUnderAttack,
) -> None:
    number, recording = case_number(), fresh(2 << 20)
    first = await sent(steadfast, number, {DOCUMENT: fresh(1000), RECORDING: recording})
    await decided(steadfast, first.package_id, RETURNED, package_pb2.DELIVERY_STATE_RETURNED)
    async with steadfast.changed(HUB, retention=HASTY):
        await until_gone(steadfast, HUB, {f"police/{digest_of(recording)}"})
        police = await steadfast.agency(POLICE, "case-handling")
        key, files = draft_key(PROCESS, number), {DOCUMENT: fresh(1000), RECORDING: recording}
        await police.open(key, PROCURATORATE, corrects_package_id=first.package_id)
        await contribute_again(police, number, files)
        await police.upload(key, files[DOCUMENT])
        second = (await police.submit(key)).packages[0]
        await police.reached(second.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
    procuratorate = await steadfast.agency(PROCURATORATE, "prosecution")
    parts = range(len(Envelope.FromString(second.envelope.envelope).parts))
    assert set(files.values()) <= {await procuratorate.read(second.package_id, part) for part in parts}


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def contribute_again(police: Agency, number: str, files: dict[str, bytes]) -> None:
    """The fragment with new files, of which nothing is uploaded."""
    fragment = manifest_for(PROCESS, files)
    content_of(fragment, files)
    contribution = Contribution(name="case-data", fragment=fragment)
    request = ContributeRequest(key=draft_key(PROCESS, number), contribution=contribution, actor=ACTOR)
    await police.gateway.Contribute(request)


async def test_what_a_branch_has_let_go_of_is_told_with_the_time_and_where_to_ask(
    steadfast: CityUnderAttack,
) -> None:
    number, recording = case_number(), fresh(1 << 20)
    first = await sent(steadfast, number, {RECORDING: recording})
    await decided(steadfast, first.package_id, RETURNED, package_pb2.DELIVERY_STATE_RETURNED)
    async with steadfast.changed(POLICE, retention=HASTY):
        police = await steadfast.agency(POLICE, "case-handling")
        removed = await until_removed(police, first.package_id)
        read = police.gateway.ReadPart(ReadPartRequest(package_id=first.package_id, part=0))
        told = await refusal(anext(aiter(read)))
        assert (told.reason, told.code) == ("CONTENTS_REMOVED", "FAILED_PRECONDITION")
        year = str(removed.contents_removed_time.ToDatetime().year)
        assert told.facts["time"].startswith(year)
        await until_gone(steadfast, POLICE, {f"police/{digest_of(recording)}"})
        # A correction takes over what is still there; what is not there is named before anything is sent.
        key = draft_key(PROCESS, number)
        await police.open(key, PROCURATORATE, corrects_package_id=first.package_id)
        told = await refusal(police.submit(key))
        assert told.reason == "PART_INCOMPLETE"
        findings = [
            answer.finding.path
            async for answer in police.gateway.Preflight(PreflightRequest(key=key))
            if answer.HasField("finding")
        ]
        assert any(path.startswith("parts[") for path in findings)


async def test_what_came_of_an_abandoned_transfer_goes_and_comes_again_when_it_is_resumed(
    steadfast: CityUnderAttack,
) -> None:
    court = await hostile_node(steadfast)
    package = court.forge(fresh(1 << 20), fresh(2 << 20))
    async with court.talk() as talk:
        await talk.offer(package)
        await talk.until("need")
        await talk.chunk(0, package.contents[0])
        while (await talk.until("progress")).progress.durable_bytes < len(package.contents[0]):
            pass
    came = f"court/{digest_of(package.contents[0])}"
    assert came in await parts_at(steadfast, HUB)
    ledger = await steadfast.ledger(HUB)
    abandoned = "UPDATE package SET touch_time = now() - interval '8 days' WHERE package_id = $1"
    async with steadfast.changed(HUB, retention=HASTY):
        court = await hostile_node(steadfast)
        held = [await ledger.fetchval(HELD, package.package_id)]
        await ledger.execute(abandoned, package.package_id)
        await until_gone(steadfast, HUB, {came})
        held.append(await ledger.fetchval(HELD, package.package_id))
        seen = await seen_at_hub(steadfast, package.package_id)
        assert seen is not None
        assert seen.HasField("contents_removed_time")
        assert (await court.bring(package)).HasField("acceptance")
        held.append(await ledger.fetchval(HELD, package.package_id))
        again = await seen_at_hub(steadfast, package.package_id)
    assert held == [2, 0, 2]
    assert again is not None
    assert not again.HasField("contents_removed_time")
