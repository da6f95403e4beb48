"""What must hold after every fault: all bytes, one hand-over, one outcome, and a log that verifies at every node."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

from tests.integration.exchange.city import Agency
from tests.integration.faults.town import (
    FILE,
    HUB,
    PARTIES,
    POLICE,
    PROCESS,
    PROCURATORATE,
    Town,
    case_number,
    eventually,
)

from xietong.exchange.v1 import operations_service_pb2 as operations_pb
from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.draft_pb2 import Accepted, Outcome
from xietong.exchange.v1.envelope_pb2 import Envelope
from xietong.exchange.v1.evidence_pb2 import EvidenceKind, Statement

ACCEPTED = package_pb2.DELIVERY_STATE_ACCEPTED
DELIVERED = package_pb2.DELIVERY_STATE_DELIVERED
FAILED = package_pb2.DELIVERY_STATE_FAILED
RETURNED = package_pb2.DELIVERY_STATE_RETURNED
WITHDRAWN = package_pb2.DELIVERY_STATE_WITHDRAWN
RELAYED = package_pb2.DELIVERY_STATE_RELAYED
SUBMITTED = package_pb2.DELIVERY_STATE_SUBMITTED
_ONCE = ("SUBMITTED", "RELAYED", "DELIVERED", "RETRIEVED", "ACCEPTED")
"""Evidence of a package that was read and accepted: one piece of each kind, whatever happened on the way."""


async def send(police: Agency, content: bytes, number: str = "") -> package_pb2.Package:
    """Send a package whose document has this content."""
    return await police.send(
        PROCESS, PROCURATORATE, case_number=number or case_number(), files={FILE: content}
    )


async def stopped_halfway(town: Town, content: bytes) -> package_pb2.Package:
    """A package that both lines hold in its middle: the hub has met the receiver, so it goes on while it arrives."""
    first = await send(await town.police(), b"first")
    await town.state(PROCURATORATE, first.package_id, DELIVERED)
    for line in (town.to_hub, town.to_procuratorate):
        line.hold_after(len(content) // 2)
    sent = await send(await town.police(), content)
    await town.moved(PROCURATORATE, sent.package_id, len(content) // 4)
    return sent


async def arrives_once(town: Town, package_id: str, content: bytes, *other: str) -> None:
    """The package arrives whole, is accepted, and every node can prove it with one piece of evidence of each kind.

    other: kinds of evidence beside those that every package has.
    """
    await town.state(PROCURATORATE, package_id, DELIVERED)
    procuratorate = await town.procuratorate()
    await _require_bytes(procuratorate, package_id, content)
    await procuratorate.report(
        package_id, Outcome(accepted=Accepted(receiver_case_number="示检受〔2026〕1号"))
    )
    await town.state(POLICE, package_id, ACCEPTED)
    await eventually(lambda: _is_quiet(town, package_id))
    await evidence_is_sound(town, package_id, *_ONCE, *other)


async def accept(procuratorate: Agency, package_id: str) -> None:
    await procuratorate.report(
        package_id, Outcome(accepted=Accepted(receiver_case_number="示检受〔2026〕1号"))
    )


async def evidence_is_sound(town: Town, package_id: str, *kinds: str) -> None:
    """At every node the evidence verifies, and sender and hub hold exactly one piece of each of these kinds."""
    for party in PARTIES:
        stub = await town.operations(party)
        exported = await stub.ExportEvidence(operations_pb.ExportEvidenceRequest(package_id=package_id))
        assert not exported.defects, exported.defects
        counted = Counter(kind_of(piece.statement) for piece in exported.bundle.evidence)
        assert max(counted.values()) == 1, counted
        if party == POLICE:
            assert set(counted) == set(kinds)
        if party in (POLICE, HUB):
            _require_order(Statement.FromString(piece.statement) for piece in exported.bundle.evidence)
        if party == HUB:  # SUBMITTED is said to it by the envelope itself
            assert set(counted) >= set(kinds) - {"SUBMITTED", "FAILED"}


def _require_order(statements: Iterable[Statement]) -> None:
    """A package was the hub's before it was the receiver's."""
    times = {statement.kind: statement.event_time.ToNanoseconds() for statement in statements}
    delivered = times.get(EvidenceKind.EVIDENCE_KIND_DELIVERED)
    assert delivered is None or times[EvidenceKind.EVIDENCE_KIND_RELAYED] < delivered


def kind_of(statement: bytes) -> str:
    return EvidenceKind.Name(Statement.FromString(statement).kind).removeprefix("EVIDENCE_KIND_")


async def _require_bytes(procuratorate: Agency, package_id: str, content: bytes) -> None:
    envelope = Envelope.FromString((await procuratorate.get(package_id)).envelope.envelope)
    received = [await procuratorate.read(package_id, part.number) for part in envelope.parts]
    assert content in received
    assert [hashlib.sha256(part).digest() for part in received] == [p.digest.value for p in envelope.parts]


async def _is_quiet(town: Town, package_id: str) -> bool:
    """Nothing about the package waits in an outbox; what it left behind is one row that is complete."""
    for party in PARTIES:
        query = "SELECT status FROM delivery WHERE package_id = CAST(:id AS uuid)"
        if any(status != "done" for (status,) in await town.rows(party, query, id=package_id)):
            return False
        query = "SELECT complete FROM package WHERE package_id = CAST(:id AS uuid)"
        assert await town.rows(party, query, id=package_id) == [(True,)]
    return True
