"""A neighbour that keeps no rule: it holds the certificates of a party's node and says whatever a test wants."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.integration.exchange.city import TRUST_DOMAIN, City, digest
from tests.integration.exchange.refusals import Refused, read_status
from tests.integration.exchange.shared_city import BOUND_SECONDS

from xietong.exchange.v1.envelope_pb2 import (
    Address,
    Classification,
    Envelope,
    EnvelopePart,
    Party,
    SignedEnvelope,
)
from xietong.exchange.v1.evidence_pb2 import Evidence, Statement
from xietong.exchange.v1.problem_pb2 import ProblemNote, SignedProblemNote
from xietong.exchange.v1.transfer_service_pb2 import (
    Chunk,
    Commit,
    DeliverEvidenceRequest,
    EvidenceResult,
    Offer,
    TransferRequest,
    TransferResponse,
)
from xietong.exchange.v1.transfer_service_pb2_grpc import TransferServiceStub
from xietong_exchange.adapters.notary import FileNotary
from xietong_exchange.domain.identifiers import uuid7
from xietong_exchange.domain.party import party_name

TRANSFER = 7
MIB = 1 << 20
PROCESS_OF_COURT = "SP-02"
"""A process from the court to the procuratorate."""


@dataclass(frozen=True)
class Forged:
    """A package that a hostile node makes: what its envelope says need not be what it sends."""

    envelope: Envelope
    contents: tuple[bytes, ...]
    signed: SignedEnvelope

    @property
    def package_id(self) -> str:
        return self.envelope.package_id

    @property
    def seal(self) -> bytes:
        return hashlib.sha256(self.signed.envelope).digest()


def envelope_of(contents: Sequence[bytes], **fields: object) -> Envelope:
    """An envelope with nothing wrong, court to procuratorate, but for the fields that are given."""
    said: dict[str, Any] = {
        "package_id": uuid7(datetime.now(UTC), secrets.token_bytes(10)),
        "send_id": str(uuid.uuid4()),
        "process_code": PROCESS_OF_COURT,
        "standard_edition": "2026.1",
        "sender": Address(party=Party.PARTY_COURT),
        "receiver": Address(party=Party.PARTY_PROCURATORATE),
        "collaboration_case_id": str(uuid.uuid4()),
        "classification": Classification.CLASSIFICATION_UNCLASSIFIED,
        "parts": [
            EnvelopePart(number=number, size_bytes=len(content), digest=digest(content))
            for number, content in enumerate(contents)
        ],
    }
    envelope = Envelope(**(said | fields))
    if not envelope.HasField("create_time"):
        envelope.create_time.GetCurrentTime()
    return envelope


@dataclass(frozen=True)
class HostileNode:
    """The node of a party gone bad, calling one node of the city."""

    party: Party.ValueType
    stub: TransferServiceStub
    notary: FileNotary

    def forge(self, *contents: bytes, **fields: object) -> Forged:
        """A package that this node signs."""
        return self.sign(envelope_of(contents, **fields), contents)

    def sign(self, envelope: Envelope, contents: Sequence[bytes] = ()) -> Forged:
        """The package of an envelope, signed by this node's party whatever it says."""
        raw = envelope.SerializeToString()
        signature = self.notary.sign("Envelope", raw)
        return Forged(envelope, tuple(contents), SignedEnvelope(envelope=raw, signature=signature))

    def state(self, statement: Statement) -> Evidence:
        """A statement, signed by this node's party whatever it says."""
        raw = statement.SerializeToString()
        return Evidence(statement=raw, signature=self.notary.sign("Statement", raw))

    def note(self, note: ProblemNote) -> SignedProblemNote:
        """A note on a problem, signed by this node's party whatever it says."""
        raw = note.SerializeToString()
        return SignedProblemNote(note=raw, signature=self.notary.sign("ProblemNote", raw))

    async def deliver(self, *evidence: Evidence) -> list[EvidenceResult]:
        """The result of each piece of evidence."""
        request = DeliverEvidenceRequest(evidence=evidence)
        return list((await self.stub.DeliverEvidence(request, timeout=BOUND_SECONDS)).results)

    @asynccontextmanager
    async def talk(self) -> AsyncIterator[Conversation]:
        """A stream of `Transfer`; it breaks off where the block ends."""
        call = self.stub.Transfer()
        try:
            yield Conversation(call)
        finally:
            call.cancel()

    async def bring(self, package: Forged) -> TransferResponse:
        """Send a package by the rules; the last answer."""
        async with self.talk() as talk:
            await talk.offer(package)
            return await talk.finish(package)


@dataclass
class Conversation:
    """One stream. Every wait has a bound."""

    call: grpc.aio.StreamStreamCall[TransferRequest, TransferResponse]
    heard: list[TransferResponse] = field(default_factory=list)

    async def say(self, frame: TransferRequest) -> None:
        async with asyncio.timeout(BOUND_SECONDS):
            await self.call.write(frame)

    async def offer(self, package: Forged, transfer: int = TRANSFER) -> None:
        await self.say(TransferRequest(transfer=transfer, offer=Offer(envelope=package.signed)))

    async def chunk(
        self, part: int, data: bytes, *, offset: int = 0, attempt: int = 0, transfer: int = TRANSFER
    ) -> None:
        chunk = Chunk(part=part, attempt=attempt, offset=offset, data=data)
        await self.say(TransferRequest(transfer=transfer, chunk=chunk))

    async def commit(self, transfer: int = TRANSFER, *, passed: Evidence | None = None) -> None:
        await self.say(TransferRequest(transfer=transfer, commit=Commit(passed=passed)))

    async def hear(self) -> TransferResponse:
        """The next answer. Raises AioRpcError when the stream has ended with an error."""
        async with asyncio.timeout(BOUND_SECONDS):
            answer = await self.call.read()
        if not isinstance(answer, TransferResponse):
            pytest.fail("the stream ended without another answer")
        self.heard.append(answer)
        return answer

    async def until(self, *kinds: str, transfer: int = TRANSFER) -> TransferResponse:
        """The next answer of one of these kinds; a refusal or acceptance that nobody expects fails the test."""
        while True:
            answer = await self.hear()
            kind = answer.WhichOneof("frame")
            if answer.transfer == transfer and kind in kinds:
                return answer
            assert kind not in {"refusal", "acceptance"} or answer.transfer != transfer, answer

    async def refusal(self, transfer: int = TRANSFER) -> Refused:
        """What the transfer is refused with."""
        return read_status((await self.until("refusal", transfer=transfer)).refusal.status)

    async def finish(
        self, package: Forged, transfer: int = TRANSFER, *, passed: Evidence | None = None
    ) -> TransferResponse:
        """After an offer: send what is needed by the rules; the acceptance or refusal."""
        answer = await self.until("need", "acceptance", "refusal", transfer=transfer)
        for wanted in answer.need.parts:
            content = package.contents[wanted.part]
            for offset in range(wanted.offset, len(content), MIB):
                data = content[offset : offset + MIB]
                await self.chunk(wanted.part, data, offset=offset, attempt=wanted.attempt, transfer=transfer)
        if not answer.HasField("need"):
            return answer
        await self.commit(transfer, passed=passed)
        return await self.until("acceptance", "refusal", transfer=transfer)


def notary(pki_folder: Path, party: Party.ValueType) -> FileNotary:
    """Signs as the node of this party."""
    folder = pki_folder / party_name(party)
    return FileNotary(pki_folder / "ca.pem", folder / "signer.pem", folder / "signer-key.pem", TRUST_DOMAIN)


async def hostile_node(
    city: City, party: Party.ValueType = Party.PARTY_COURT, target: Party.ValueType = Party.PARTY_HUB
) -> HostileNode:
    """The node of `party` gone bad, connected to the node of `target`."""
    channel = await city.channel(target, "exchange", party_name(party))
    return HostileNode(party, TransferServiceStub(channel), notary(city.pki_folder, party))
