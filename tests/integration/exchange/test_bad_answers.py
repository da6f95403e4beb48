"""A receiving neighbour that answers a transfer with lies: nothing counts as delivered, and the sender learns why."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import ErrorInfo, LocalizedMessage, RetryInfo
from google.rpc.status_pb2 import Status
from tests.integration.exchange.hostile_court import HostileCourt, Script, listening_court
from tests.integration.exchange.refusals import read_reason
from tests.integration.exchange.shared_city import (
    BOUND_SECONDS,
    CityUnderAttack,
    case_number,
    seen_at_hub,
)

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.capabilities_pb2 import Limits
from xietong.exchange.v1.envelope_pb2 import Envelope, Party, SignedEnvelope
from xietong.exchange.v1.evidence_pb2 import Evidence, EvidenceKind, Reason, Statement
from xietong.exchange.v1.transfer_service_pb2 import (
    Abort,
    Acceptance,
    Need,
    PartOffset,
    Progress,
    Refusal,
    TransferResponse,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROCESS_TO_COURT = "HY-01"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def court(shared_three: CityUnderAttack) -> AsyncIterator[HostileCourt]:
    async with listening_court(shared_three) as listening:
        yield listening


@pytest.fixture(autouse=True)
def told_anew(court: HostileCourt) -> None:
    court.script = None


async def send_to_court(city: CityUnderAttack) -> package_pb2.Package:
    police = await city.agency(Party.PARTY_POLICE, "case-handling")
    return await police.send(PROCESS_TO_COURT, Party.PARTY_COURT, case_number=case_number())


async def reached(
    city: CityUnderAttack, package: package_pb2.Package, *states: package_pb2.DeliveryState.ValueType
) -> package_pb2.Package:
    police = await city.agency(Party.PARTY_POLICE, "case-handling")
    async with asyncio.timeout(BOUND_SECONDS):
        return await police.reached(package.package_id, *states)


def of_another_package(court: HostileCourt, signed: SignedEnvelope) -> Sequence[TransferResponse]:
    """The proof that an earlier package was delivered, which the hub knows and which verifies."""
    earlier = next(iter(court.received))
    return [court.accept(EARLIER[earlier])]


def of_another_kind(court: HostileCourt, signed: SignedEnvelope) -> Sequence[TransferResponse]:
    return [court.accept(signed, kind=EvidenceKind.EVIDENCE_KIND_RETRIEVED, evidence_id=str(uuid.uuid4()))]


def of_another_seal(court: HostileCourt, signed: SignedEnvelope) -> Sequence[TransferResponse]:
    answer = court.accept(signed)
    statement = Statement.FromString(answer.acceptance.evidence.statement)
    statement.seal.value = hashlib.sha256(b"another").digest()
    raw = statement.SerializeToString()
    evidence = Evidence(statement=raw, signature=court.notary.sign("Statement", raw))
    return [TransferResponse(acceptance=Acceptance(evidence=evidence))]


def in_the_name_of_the_hub(court: HostileCourt, signed: SignedEnvelope) -> Sequence[TransferResponse]:
    return [court.accept(signed, stated_by=Party.PARTY_HUB, kind=EvidenceKind.EVIDENCE_KIND_RELAYED)]


def without_a_signature(court: HostileCourt, signed: SignedEnvelope) -> Sequence[TransferResponse]:
    answer = court.accept(signed)
    answer.acceptance.evidence.signature.value = b"x"
    return [answer]


def of_nothing(court: HostileCourt, signed: SignedEnvelope) -> Sequence[TransferResponse]:
    return [TransferResponse(acceptance=Acceptance())]


def need_of_an_unknown_part(court: HostileCourt, signed: SignedEnvelope) -> Sequence[TransferResponse]:
    return [TransferResponse(need=Need(parts=[PartOffset(part=77)]))]


def need_from_beyond_the_end(court: HostileCourt, signed: SignedEnvelope) -> Sequence[TransferResponse]:
    return [TransferResponse(need=Need(parts=[PartOffset(part=0, offset=2**63)]))]


def progress_of_what_was_not_sent(court: HostileCourt, signed: SignedEnvelope) -> Sequence[TransferResponse]:
    need = TransferResponse(need=Need(parts=[PartOffset(part=0)]))
    return [need, TransferResponse(progress=Progress(part=0, written_bytes=2**63))]


def abort_of_an_unknown_part(court: HostileCourt, signed: SignedEnvelope) -> Sequence[TransferResponse]:
    return [TransferResponse(abort=Abort(part=10_000, attempt=1))]


# What the court answers to an offer, and the reason with which the hub gives up.
LIES: dict[Script, str] = {
    of_another_package: "EVIDENCE_INVALID",
    of_another_kind: "EVIDENCE_INVALID",
    of_another_seal: "EVIDENCE_INVALID",
    in_the_name_of_the_hub: "EVIDENCE_INVALID",
    without_a_signature: "SIGNATURE_INVALID",
    of_nothing: "EVIDENCE_INVALID",
    need_of_an_unknown_part: "PROTOCOL_VIOLATION",
    need_from_beyond_the_end: "PROTOCOL_VIOLATION",
    progress_of_what_was_not_sent: "PROTOCOL_VIOLATION",
    abort_of_an_unknown_part: "PROTOCOL_VIOLATION",
}
EARLIER: dict[str, SignedEnvelope] = {}


async def test_a_lie_is_no_delivery_and_the_sender_reads_the_reason(
    steadfast: CityUnderAttack, court: HostileCourt, subtests: pytest.Subtests
) -> None:
    good = await reached(steadfast, await send_to_court(steadfast), package_pb2.DELIVERY_STATE_DELIVERED)
    EARLIER[good.package_id] = good.envelope
    for lie, reason in LIES.items():
        with subtests.test(lie.__name__):
            court.script = lie
            failed = await reached(
                steadfast, await send_to_court(steadfast), package_pb2.DELIVERY_STATE_FAILED
            )
            assert read_reason(failed.reasons[0]).reason == reason
            kinds = {Statement.FromString(evidence.statement).kind for evidence in failed.evidence}
            assert EvidenceKind.EVIDENCE_KIND_DELIVERED not in kinds
            at_hub = await seen_at_hub(steadfast, failed.package_id)
            assert at_hub is not None
            assert at_hub.progress.state == package_pb2.HOP_STATE_DEAD
            assert at_hub.progress.last_reason.code == reason


def refusing(status: Status) -> Script:
    return lambda _court, _signed: [TransferResponse(refusal=Refusal(status=status))]


async def test_a_reason_of_the_future_travels_to_the_sender_within_bounds(
    steadfast: CityUnderAttack, court: HostileCourt
) -> None:
    status = Status(code=Code.Value("FAILED_PRECONDITION"), message="m" * 100_000 + "; wait for 2031")
    status.details.add().Pack(ErrorInfo(reason="NO_MOON\0" + "X" * 1000, domain="xietong"))
    status.details.add().Pack(LocalizedMessage(locale="zh-CN", message="月" * 100_000))
    court.script = refusing(status)
    failed = await reached(steadfast, await send_to_court(steadfast), package_pb2.DELIVERY_STATE_FAILED)
    reason = failed.reasons[0]
    assert reason.code.startswith("NO_MOON")
    assert len(reason.code) <= 64
    assert reason.text_en.startswith("mmm")
    assert len(reason.text_en) <= 2000
    assert len(reason.text_zh) <= 2000


async def test_a_refusal_without_a_reason_is_told_by_its_code(
    steadfast: CityUnderAttack, court: HostileCourt
) -> None:
    court.script = refusing(Status(code=Code.Value("PERMISSION_DENIED"), message="no"))
    failed = await reached(steadfast, await send_to_court(steadfast), package_pb2.DELIVERY_STATE_FAILED)
    assert failed.reasons[0].code == "PERMISSION_DENIED"


async def last_reason(city: CityUnderAttack, package: package_pb2.Package) -> Reason:
    """Why the hub's last try ended, once one did."""
    async with asyncio.timeout(BOUND_SECONDS):
        while (
            seen := await seen_at_hub(city, package.package_id)
        ) is None or not seen.progress.last_reason.code:
            await asyncio.sleep(0.01)
    assert seen.progress.state in {package_pb2.HOP_STATE_WAITING, package_pb2.HOP_STATE_TRANSFERRING}
    return seen.progress.last_reason


async def test_a_neighbour_that_hangs_up_is_tried_again(
    steadfast: CityUnderAttack, court: HostileCourt
) -> None:
    court.script = lambda _court, _signed: []
    sent = await send_to_court(steadfast)
    assert (await last_reason(steadfast, sent)).code == "NODE_UNREACHABLE"
    court.script = None
    await reached(steadfast, sent, package_pb2.DELIVERY_STATE_DELIVERED)
    await require_bytes(court, sent)


async def test_a_pause_of_a_thousand_years_is_not_granted(
    steadfast: CityUnderAttack, court: HostileCourt
) -> None:
    status = Status(code=Code.Value("RESOURCE_EXHAUSTED"), message="the disk is full; wait")
    status.details.add().Pack(ErrorInfo(reason="STORAGE_FULL", domain="xietong"))
    status.details.add().Pack(RetryInfo(retry_delay=Duration(seconds=31_536_000_000)))
    court.script = refusing(status)
    sent = await send_to_court(steadfast)
    assert (await last_reason(steadfast, sent)).code == "STORAGE_FULL"
    seen = await seen_at_hub(steadfast, sent.package_id)
    assert seen is not None
    pause = seen.progress.next_attempt_time.seconds - seen.create_time.seconds
    assert pause <= 3600 + BOUND_SECONDS


async def test_limits_that_say_nothing_do_not_stop_a_package(
    steadfast: CityUnderAttack, court: HostileCourt
) -> None:
    """An older or careless node advertises no limits; those of the contract hold then."""
    court.limits = Limits()
    await steadfast.stop(Party.PARTY_HUB)  # what it knows of the court's limits goes with it
    await steadfast.start(Party.PARTY_HUB)
    sent = await send_to_court(steadfast)
    await reached(steadfast, sent, package_pb2.DELIVERY_STATE_DELIVERED)
    await require_bytes(court, sent)


async def require_bytes(court: HostileCourt, sent: package_pb2.Package) -> None:
    """The court has every byte."""
    parts = Envelope.FromString(sent.envelope.envelope).parts
    got = court.received[sent.package_id]
    assert [hashlib.sha256(got[part.number]).digest() for part in parts] == [
        part.digest.value for part in parts
    ]
