"""Twice, at once or in contradiction: the same id with other content, outcomes that clash, calls that come late."""

from __future__ import annotations

import asyncio
import uuid

import grpc
import pytest
import pytest_asyncio
from tests.integration.exchange.city import ACTOR, Agency, draft_key, manifest_for
from tests.integration.exchange.hostile_neighbour import MIB, HostileNode, envelope_of, hostile_node
from tests.integration.exchange.refusals import Refused, read_error, read_status, refusal
from tests.integration.exchange.shared_city import (
    BOUND_SECONDS,
    PROCESS,
    CityUnderAttack,
    case_number,
    nothing_changes,
    seen_at_hub,
)

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.draft_pb2 import Accepted, Outcome, Parsed, ParseFailed, Rejected, Returned
from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind, Reason, Statement
from xietong.exchange.v1.gateway_packages_pb2 import (
    ReadPartRequest,
    WithdrawRequest,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

WHY = [Reason(code="SEAL_MISSING", text_zh="缺少印章", text_en="the seal is missing")]
ACCEPTED = Outcome(accepted=Accepted(receiver_case_number="示检受〔2026〕1号"))
REJECTED = Outcome(rejected=Rejected(reasons=WHY))
RETURNED = Outcome(returned=Returned(reasons=WHY))


@pytest_asyncio.fixture(loop_scope="session")
async def police(steadfast: CityUnderAttack) -> Agency:
    return await steadfast.agency(Party.PARTY_POLICE, "case-handling")


@pytest_asyncio.fixture(loop_scope="session")
async def procuratorate(steadfast: CityUnderAttack) -> Agency:
    return await steadfast.agency(Party.PARTY_PROCURATORATE, "prosecution")


@pytest_asyncio.fixture(loop_scope="session")
async def delivered(police: Agency, procuratorate: Agency) -> package_pb2.Package:
    """A package that waits for its outcome."""
    async with asyncio.timeout(BOUND_SECONDS):
        sent = await police.send(PROCESS, Party.PARTY_PROCURATORATE, case_number=case_number())
        await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
        return await procuratorate.get(sent.package_id)


@pytest_asyncio.fixture(loop_scope="session")
async def court(steadfast: CityUnderAttack) -> HostileNode:
    return await hostile_node(steadfast)


async def test_an_id_with_other_content_is_a_conflict(steadfast: CityUnderAttack, court: HostileNode) -> None:
    package = court.forge(b"first")
    acceptance = await court.bring(package)
    other = court.sign(envelope_of([b"other"], package_id=package.package_id), [b"other"])
    async with nothing_changes(steadfast):
        refused = read_status((await court.bring(other)).refusal.status)
    assert (refused.reason, refused.code) == ("PACKAGE_CONFLICT", "ALREADY_EXISTS")
    assert refused.facts["package_id"] == package.package_id
    assert await court.bring(package) == acceptance


async def test_an_id_with_other_content_does_not_disturb_the_package_under_way(
    steadfast: CityUnderAttack, court: HostileNode
) -> None:
    content = uuid.uuid4().bytes * (MIB // 8)
    package = court.forge(b"manifest", content)
    other = court.sign(envelope_of([b"other"], package_id=package.package_id), [b"other"])
    async with court.talk() as talk:
        await talk.offer(package)
        await talk.chunk(1, content[:MIB])
        assert (await talk.until("progress")).progress.part == 1
        assert read_status((await court.bring(other)).refusal.status).reason == "PACKAGE_CONFLICT"
    acceptance = await court.bring(package)
    statement = Statement.FromString(acceptance.acceptance.evidence.statement)
    assert statement.seal.value == package.seal


async def test_two_offers_of_one_id_at_once_give_one_package(court: HostileNode) -> None:
    first = court.forge(b"first of two")
    second = court.sign(envelope_of([b"second of two"], package_id=first.package_id), [b"second of two"])
    answers = await asyncio.gather(*(court.bring(package) for package in (first, second) * 3))
    taken = {evidence.statement for answer in answers if (evidence := answer.acceptance.evidence).statement}
    assert len(taken) == 1
    reasons = {read_status(a.refusal.status).reason for a in answers if a.HasField("refusal")}
    assert reasons <= {"PACKAGE_CONFLICT", "STREAM_SUPERSEDED"}
    later = [await court.bring(package) for package in (first, second)]
    assert {answer.acceptance.evidence.statement for answer in later} == {*taken, b""}
    (conflict,) = [answer for answer in later if answer.HasField("refusal")]
    assert read_status(conflict.refusal.status).reason == "PACKAGE_CONFLICT"


async def test_a_contribution_that_comes_with_the_click_is_in_the_package_or_in_the_next_draft(
    police: Agency,
) -> None:
    key = draft_key(PROCESS, case_number())
    await police.contribute(key, manifest_for(PROCESS, {}), {})
    await police.open(key, Party.PARTY_PROCURATORATE)
    late = Manifest()
    late.fields.add(code="late", value="1")

    async def submit() -> package_pb2.Package | Refused:
        try:
            return (await police.submit(key)).packages[0]
        except grpc.aio.AioRpcError as error:
            return read_error(error)

    outcome, draft = await asyncio.gather(submit(), police.contribute(key, late, {}, name="late"))
    if isinstance(outcome, Refused):
        assert outcome.reason == "STATE_CONFLICT"
        outcome = (await police.submit(key)).packages[0]
    manifest = Manifest.FromString(await police.read(outcome.package_id, 0))
    in_package = "late" in {field.code for field in manifest.fields}
    in_next_draft = outcome.package_id not in draft.package_ids and len(draft.contributions) == 1
    assert in_package != in_next_draft


async def outcome_at_sender(police: Agency, package: package_pb2.Package) -> package_pb2.Package:
    final = (
        package_pb2.DELIVERY_STATE_ACCEPTED,
        package_pb2.DELIVERY_STATE_RETURNED,
        package_pb2.DELIVERY_STATE_REJECTED,
        package_pb2.DELIVERY_STATE_WITHDRAWN,
    )
    async with asyncio.timeout(BOUND_SECONDS):
        return await police.reached(package.package_id, *final)


def kinds(package: package_pb2.Package) -> list[EvidenceKind.ValueType]:
    return [Statement.FromString(evidence.statement).kind for evidence in package.evidence]


async def test_after_an_outcome_there_is_no_other(
    steadfast: CityUnderAttack,
    police: Agency,
    procuratorate: Agency,
    delivered: package_pb2.Package,
    subtests: pytest.Subtests,
) -> None:
    await procuratorate.report(delivered.package_id, ACCEPTED)
    await outcome_at_sender(police, delivered)
    other_number = Outcome(accepted=Accepted(receiver_case_number="示检受〔2026〕2号"))
    contradictions = {
        "another number": other_number,
        "returned": RETURNED,
        "rejected": REJECTED,
        "parsed": Outcome(parsed=Parsed()),
        "not parsed": Outcome(parse_failed=ParseFailed(reasons=WHY)),
    }
    async with nothing_changes(steadfast):
        for name, outcome in contradictions.items():
            with subtests.test(name):
                refused = await refusal(procuratorate.report(delivered.package_id, outcome))
                assert (refused.reason, refused.facts["state"]) == ("STATE_CONFLICT", "ACCEPTED")
        same = await procuratorate.report(delivered.package_id, ACCEPTED)
        assert same.state == package_pb2.DELIVERY_STATE_ACCEPTED
        request = WithdrawRequest(package_id=delivered.package_id, reason="误发", actor=ACTOR)
        refused = await refusal(police.gateway.Withdraw(request))
        assert (refused.reason, refused.facts["state"]) == ("WITHDRAWAL_TOO_LATE", "ACCEPTED")


async def test_two_handlers_who_decide_at_once_give_one_outcome(
    police: Agency, procuratorate: Agency, delivered: package_pb2.Package
) -> None:
    calls = [
        procuratorate.report(delivered.package_id, outcome) for outcome in (ACCEPTED, REJECTED, RETURNED) * 3
    ]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert {answer.state for answer in answers if isinstance(answer, package_pb2.Package)} != set()
    seen = await outcome_at_sender(police, delivered)
    decided = {
        EvidenceKind.EVIDENCE_KIND_ACCEPTED,
        EvidenceKind.EVIDENCE_KIND_REJECTED,
        EvidenceKind.EVIDENCE_KIND_RETURNED,
    }
    assert len(decided.intersection(kinds(await procuratorate.get(delivered.package_id)))) == 1
    assert len(decided.intersection(kinds(seen))) == 1
    failures = [answer for answer in answers if not isinstance(answer, package_pb2.Package)]
    assert len(failures) == 6
    assert all(isinstance(one, grpc.aio.AioRpcError) for one in failures)


async def test_withdrawing_twice_is_withdrawing_once(police: Agency, delivered: package_pb2.Package) -> None:
    request = WithdrawRequest(package_id=delivered.package_id, reason="误发", actor=ACTOR)
    await asyncio.gather(*(police.gateway.Withdraw(request) for _ in range(5)))
    seen = await outcome_at_sender(police, delivered)
    assert seen.state == package_pb2.DELIVERY_STATE_WITHDRAWN
    assert kinds(seen).count(EvidenceKind.EVIDENCE_KIND_WITHDRAWAL_REQUESTED) <= 1
    assert kinds(seen).count(EvidenceKind.EVIDENCE_KIND_WITHDRAWN) == 1
    again = (await police.gateway.Withdraw(request)).package
    assert again.state == package_pb2.DELIVERY_STATE_WITHDRAWN


async def test_only_a_returned_package_is_corrected(police: Agency, delivered: package_pb2.Package) -> None:
    key = draft_key(PROCESS, case_number())
    opened = police.open(key, Party.PARTY_PROCURATORATE, corrects_package_id=delivered.package_id)
    refused = await refusal(opened)
    assert refused.reason == "STATE_CONFLICT"
    assert delivered.package_id in refused.text_en


async def test_a_correction_takes_nothing_over_from_another_case(
    police: Agency, procuratorate: Agency, delivered: package_pb2.Package
) -> None:
    await procuratorate.report(delivered.package_id, RETURNED)
    await outcome_at_sender(police, delivered)
    key = draft_key(PROCESS, case_number())
    refused = await refusal(
        police.open(key, Party.PARTY_PROCURATORATE, corrects_package_id=delivered.package_id)
    )
    assert refused.reason == "INVALID_FIELD"
    assert list(refused.fields) == ["header.corrects_package_id"]


async def test_what_is_announced_only_is_neither_read_nor_decided(
    steadfast: CityUnderAttack, court: HostileNode, procuratorate: Agency
) -> None:
    hub = HostileNode(
        Party.PARTY_HUB,
        (await hostile_node(steadfast, Party.PARTY_HUB, Party.PARTY_PROCURATORATE)).stub,
        court.notary,
    )
    manifest = uuid.uuid4().bytes
    package = hub.forge(manifest, bytes(MIB))
    async with hub.talk() as talk:
        await talk.offer(package)
        await talk.chunk(0, package.contents[0])
        await talk.until("progress")
        read = ReadPartRequest(package_id=package.package_id)
        told = [
            await refusal(anext(aiter(procuratorate.gateway.ReadPart(read)))),
            await refusal(procuratorate.report(package.package_id, ACCEPTED)),
        ]
        assert [refused.reason for refused in told] == ["PART_INCOMPLETE", "PART_INCOMPLETE"]
        seen = await procuratorate.get(package.package_id)
        assert seen.progress.transferred_bytes == len(manifest)
        assert seen.progress.total_bytes == len(manifest) + MIB
    assert await seen_at_hub(steadfast, package.package_id) is None
