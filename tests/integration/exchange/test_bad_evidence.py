"""A neighbour with a valid certificate that delivers evidence which it must not state, cannot prove or made up."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import grpc
import pytest
import pytest_asyncio
from google.protobuf.timestamp_pb2 import Timestamp
from tests.integration.exchange.city import City, digest
from tests.integration.exchange.hostile_neighbour import Forged, HostileNode, hostile_node, notary
from tests.integration.exchange.refusals import Refused, read_status, refusal
from tests.integration.exchange.shared_city import (
    BOUND_SECONDS,
    PROCESS,
    CityUnderAttack,
    case_number,
    nothing_changes,
    seen_at_hub,
)

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.envelope_pb2 import SIGNATURE_ALGORITHM_ED25519, Party, Signature
from xietong.exchange.v1.evidence_pb2 import Evidence, EvidenceKind, Reason, StageTime, Statement
from xietong.exchange.v1.transfer_service_pb2 import DeliverEvidenceRequest, EvidenceResult

pytestmark = pytest.mark.asyncio(loop_scope="session")

Make = Callable[["Court"], Evidence]
INVALID = "EVIDENCE_INVALID"


@dataclass(frozen=True)
class Court:
    """The court's node gone bad, and a package of its own that has reached the procuratorate."""

    node: HostileNode
    package: Forged
    of_others: package_pb2.Package

    def statement(self, **fields: object) -> Statement:
        """A statement with nothing wrong but what is given: the court wants its package back."""
        said = Statement(
            evidence_id=str(uuid.uuid4()),
            package_id=self.package.package_id,
            seal=digest(self.package.signed.envelope),
            kind=EvidenceKind.EVIDENCE_KIND_WITHDRAWAL_REQUESTED,
            stated_by=Party.PARTY_COURT,
        )
        said.event_time.GetCurrentTime()
        for name, value in fields.items():
            setattr(said, name, value)
        return said

    def states(self, **fields: object) -> Evidence:
        return self.node.state(self.statement(**fields))


@pytest_asyncio.fixture(loop_scope="session")
async def court(steadfast: CityUnderAttack) -> Court:
    node = await hostile_node(steadfast)
    package = node.forge(uuid.uuid4().bytes)
    assert (await node.bring(package)).HasField("acceptance")
    procuratorate = await steadfast.agency(Party.PARTY_PROCURATORATE, "prosecution")
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    async with asyncio.timeout(BOUND_SECONDS):
        await procuratorate.arrived(package.package_id)
        others = await police.send(PROCESS, Party.PARTY_PROCURATORATE, case_number=case_number())
        await police.reached(others.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
        while len((await hub_view(steadfast, package.package_id)).evidence) < 2:
            await asyncio.sleep(0.01)
    return Court(node, package, others)


async def hub_view(city: City, package_id: str) -> package_pb2.Package:
    seen = await seen_at_hub(city, package_id)
    assert seen is not None
    return seen


def told(results: list[EvidenceResult]) -> list[Refused | None]:
    """What each piece was refused with; None where it was taken."""
    return [read_status(result.error) if result.HasField("error") else None for result in results]


def somebody_elses(court: Court) -> Evidence:
    seal = court.of_others.seal
    statement = court.statement(package_id=court.of_others.package_id)
    statement.seal.CopyFrom(seal)
    return court.node.state(statement)


def of_another_seal(court: Court) -> Evidence:
    statement = court.statement()
    statement.seal.CopyFrom(digest(b"another envelope"))
    return court.node.state(statement)


def beyond_calendars(court: Court) -> Evidence:
    statement = court.statement()
    statement.event_time.seconds = 10**15
    return court.node.state(statement)


def stage_beyond_calendars(court: Court) -> Evidence:
    statement = court.statement()
    late = Timestamp(seconds=1, nanos=2**31 - 1)
    statement.stages.append(StageTime(stage="queue", start_time=Timestamp(seconds=1), end_time=late))
    return court.node.state(statement)


def changed_after_signing(court: Court) -> Evidence:
    evidence = court.states()
    other = court.statement(kind=EvidenceKind.EVIDENCE_KIND_FAILED).SerializeToString()
    return Evidence(statement=other, signature=evidence.signature)


def signed_as_an_envelope(court: Court) -> Evidence:
    raw = court.statement().SerializeToString()
    return Evidence(statement=raw, signature=court.node.notary.sign("Envelope", raw))


def with_a_long_reason_code(court: Court) -> Evidence:
    statement = court.statement(kind=EvidenceKind.EVIDENCE_KIND_FAILED)
    statement.reasons.append(Reason(code="X" * 65))
    return court.node.state(statement)


# What the court states, the reason of the refusal, and what the text must name.
FALSE: dict[str, tuple[Make, str, str]] = {
    "nothing that can be read": (
        lambda c: Evidence(statement=b"\xff", signature=c.node.notary.sign("Statement", b"\xff")),
        INVALID,
        "Statement",
    ),
    "an id that is none": (lambda c: c.states(evidence_id="1"), INVALID, "evidence_id"),
    "a kind that nobody knows": (lambda c: c.states(kind=99), INVALID, "kind"),
    "no kind": (lambda c: c.states(kind=0), INVALID, "kind"),
    "a party that nobody knows": (lambda c: c.states(stated_by=99), INVALID, "stated_by"),
    "a case number with NUL": (
        lambda c: c.states(receiver_case_number="a\0"),
        INVALID,
        "receiver_case_number",
    ),
    "a reason of 65 characters": (with_a_long_reason_code, INVALID, "reasons[0].code"),
    "a time beyond all calendars": (beyond_calendars, INVALID, "time"),
    "a stage beyond all calendars": (stage_beyond_calendars, INVALID, "time"),
    "another seal": (of_another_seal, INVALID, "seal"),
    "in the name of the procuratorate": (
        lambda c: c.states(stated_by=Party.PARTY_PROCURATORATE),
        INVALID,
        "signed by the party",
    ),
    "that the receiver has accepted": (
        lambda c: c.states(kind=EvidenceKind.EVIDENCE_KIND_ACCEPTED),
        INVALID,
        "EVIDENCE_KIND_ACCEPTED",
    ),
    "that the hub has relayed": (
        lambda c: c.states(kind=EvidenceKind.EVIDENCE_KIND_RELAYED),
        INVALID,
        "EVIDENCE_KIND_RELAYED",
    ),
    "about a package of others": (somebody_elses, "SENDER_MISMATCH", "court"),
    "about a package that is not here": (
        lambda c: c.states(package_id=str(uuid.uuid4())),
        "PACKAGE_NOT_FOUND",
        "package",
    ),
    "with the signature of another statement": (changed_after_signing, "SIGNATURE_INVALID", "changed"),
    "with the signature of an envelope": (signed_as_an_envelope, "SIGNATURE_INVALID", "changed"),
}


async def test_false_evidence_is_refused_piece_by_piece(
    steadfast: CityUnderAttack, court: Court, subtests: pytest.Subtests
) -> None:
    for name, (make, reason, word) in FALSE.items():
        with subtests.test(name):
            async with nothing_changes(steadfast):
                (refused,) = told(await court.node.deliver(make(court)))
            assert refused is not None
            assert refused.reason == reason
            assert word in refused.text_en


async def test_signed_by_others_it_is_refused_too(steadfast: CityUnderAttack, court: Court) -> None:
    raw = court.statement().SerializeToString()
    police = notary(steadfast.pki_folder, Party.PARTY_POLICE)
    forged = Evidence(statement=raw, signature=police.sign("Statement", raw))
    unproven = Evidence(
        statement=raw,
        signature=Signature(algorithm=SIGNATURE_ALGORITHM_ED25519, certificate=b"x", value=b"x"),
    )
    async with nothing_changes(steadfast):
        reasons = [refused.reason for refused in told(await court.node.deliver(forged, unproven)) if refused]
    assert reasons == [INVALID, "SIGNATURE_INVALID"]


async def test_one_false_piece_does_not_hold_up_the_good_ones(
    steadfast: CityUnderAttack, court: Court
) -> None:
    procuratorate = await steadfast.agency(Party.PARTY_PROCURATORATE, "prosecution")
    good = court.states()
    results = await court.node.deliver(beyond_calendars(court), good, somebody_elses(court), good)
    assert [refused and refused.reason for refused in told(results)] == [
        INVALID,
        None,
        "SENDER_MISMATCH",
        None,
    ]
    async with asyncio.timeout(BOUND_SECONDS):
        await procuratorate.reached(court.package.package_id, package_pb2.DELIVERY_STATE_WITHDRAWN)
        while (
            seen := await hub_view(steadfast, court.package.package_id)
        ).state != package_pb2.DELIVERY_STATE_WITHDRAWN:
            await asyncio.sleep(0.01)
    asked = EvidenceKind.EVIDENCE_KIND_WITHDRAWAL_REQUESTED
    assert [Statement.FromString(e.statement).kind for e in seen.evidence].count(asked) == 1
    async with nothing_changes(steadfast):
        assert told(await court.node.deliver(good)) == [None]  # known evidence changes nothing


async def test_more_than_a_call_may_hold_is_refused_as_a_whole(
    steadfast: CityUnderAttack, court: Court
) -> None:
    too_long = Evidence(statement=bytes(65537), signature=court.states().signature)
    requests = {
        "evidence": DeliverEvidenceRequest(evidence=[court.states()] * 101),
        "evidence[1].statement": DeliverEvidenceRequest(evidence=[court.states(), too_long]),
        "evidence[0].signature": DeliverEvidenceRequest(evidence=[Evidence(statement=b"x")]),
    }
    async with nothing_changes(steadfast):
        for path, request in requests.items():
            refused = await refusal(court.node.stub.DeliverEvidence(request))
            assert (refused.reason, set(refused.fields)) == ("INVALID_FIELD", {path})
        nothing = await refusal(court.node.stub.DeliverEvidence(DeliverEvidenceRequest()))
        assert set(nothing.fields) == {"evidence"}


async def test_no_branch_takes_evidence_from_another_branch(steadfast: CityUnderAttack, court: Court) -> None:
    direct = await hostile_node(steadfast, Party.PARTY_COURT, Party.PARTY_PROCURATORATE)
    async with nothing_changes(steadfast):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await direct.deliver(court.states())
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


def that_cannot_be_read(node: HostileNode, _package: Forged) -> Evidence:
    raw = b"\xff\x00not a statement"
    return Evidence(statement=raw, signature=node.notary.sign("Statement", raw))


def that_only_a_hub_may_state(node: HostileNode, package: Forged) -> Evidence:
    said = Statement(
        evidence_id=str(uuid.uuid4()),
        package_id=package.package_id,
        seal=digest(package.signed.envelope),
        kind=EvidenceKind.EVIDENCE_KIND_RELAYED,
        stated_by=Party.PARTY_COURT,
    )
    said.event_time.GetCurrentTime()
    return node.state(said)


@pytest.mark.parametrize("passed", [that_cannot_be_read, that_only_a_hub_may_state])
async def test_false_evidence_along_with_a_package_is_left_out_and_the_package_taken(
    steadfast: CityUnderAttack, passed: Callable[[HostileNode, Forged], Evidence]
) -> None:
    node = await hostile_node(steadfast)
    package = node.forge(uuid.uuid4().bytes)
    async with node.talk() as talk:
        await talk.offer(package)
        answer = await talk.finish(package, passed=passed(node, package))
    assert Statement.FromString(answer.acceptance.evidence.statement).stated_by == Party.PARTY_HUB
    seen = await hub_view(steadfast, package.package_id)
    stated = [Statement.FromString(piece.statement) for piece in seen.evidence]
    assert [one.stated_by for one in stated if one.kind == EvidenceKind.EVIDENCE_KIND_RELAYED] == [
        Party.PARTY_HUB
    ]
