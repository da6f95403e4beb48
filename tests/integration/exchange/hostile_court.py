"""A court's node that listens with a valid certificate and answers a transfer with whatever a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from tests.integration.exchange.city import City, digest
from tests.integration.exchange.hostile_neighbour import MIB, notary

from xietong.exchange.v1.capabilities_pb2 import Capabilities, Limits
from xietong.exchange.v1.envelope_pb2 import Envelope, Party, SignedEnvelope
from xietong.exchange.v1.evidence_pb2 import Evidence, EvidenceKind, Statement
from xietong.exchange.v1.transfer_service_pb2 import (
    Acceptance,
    DeliverEvidenceRequest,
    DeliverEvidenceResponse,
    DeliverNotesRequest,
    DeliverNotesResponse,
    EvidenceResult,
    GetCapabilitiesRequest,
    GetCapabilitiesResponse,
    Need,
    NoteResult,
    PartOffset,
    Progress,
    TransferRequest,
    TransferResponse,
)
from xietong.exchange.v1.transfer_service_pb2_grpc import (
    TransferServiceServicer,
    add_TransferServiceServicer_to_server,
)
from xietong_exchange.adapters.notary import FileNotary

_Context = grpc.aio.ServicerContext[Any, Any]
Script = Callable[["HostileCourt", SignedEnvelope], Sequence[TransferResponse]]
LIMITS = Limits(
    max_package_bytes=1 << 40,
    max_parts=10_000,
    max_manifest_bytes=1 << 30,
    max_chunk_bytes=MIB,
    credit_window_bytes=4 * MIB,
    max_transfers_per_stream=1,
)


@dataclass
class HostileCourt(TransferServiceServicer):
    """Answers every offer by its script; without one it takes packages as a good node does."""

    notary: FileNotary
    script: Script | None = None
    limits: Limits = field(default_factory=lambda: LIMITS)
    received: dict[str, dict[int, bytes]] = field(default_factory=dict)

    async def GetCapabilities(
        self, request: GetCapabilitiesRequest, context: _Context
    ) -> GetCapabilitiesResponse:
        return GetCapabilitiesResponse(capabilities=Capabilities(party=Party.PARTY_COURT, limits=self.limits))

    async def DeliverEvidence(
        self, request: DeliverEvidenceRequest, context: _Context
    ) -> DeliverEvidenceResponse:
        return DeliverEvidenceResponse(results=[EvidenceResult() for _ in request.evidence])

    async def DeliverNotes(self, request: DeliverNotesRequest, context: _Context) -> DeliverNotesResponse:
        return DeliverNotesResponse(results=[NoteResult() for _ in request.notes])

    async def Transfer(
        self, request_iterator: AsyncIterator[TransferRequest], context: _Context
    ) -> AsyncIterator[TransferResponse]:
        frames = aiter(request_iterator)
        first = await anext(frames)
        answers = self._take(first, frames) if self.script is None else self._play(first)
        async for answer in answers:
            answer.transfer = first.transfer
            yield answer

    async def _play(self, first: TransferRequest) -> AsyncIterator[TransferResponse]:
        assert self.script is not None
        for answer in self.script(self, first.offer.envelope):
            yield answer

    async def _take(
        self, first: TransferRequest, frames: AsyncIterator[TransferRequest]
    ) -> AsyncIterator[TransferResponse]:
        signed = first.offer.envelope
        envelope = Envelope.FromString(signed.envelope)
        parts = self.received.setdefault(envelope.package_id, dict.fromkeys(range(len(envelope.parts)), b""))
        yield TransferResponse(need=Need(parts=[PartOffset(part=n, offset=len(p)) for n, p in parts.items()]))
        async for frame in frames:
            if frame.HasField("commit"):
                break
            parts[frame.chunk.part] += frame.chunk.data
            written = len(parts[frame.chunk.part])
            yield TransferResponse(progress=Progress(part=frame.chunk.part, written_bytes=written))
        yield self.accept(signed)

    def accept(self, signed: SignedEnvelope, **fields: object) -> TransferResponse:
        """The acceptance of a package, with nothing wrong in its statement but what is given."""
        statement = Statement(
            evidence_id=Envelope.FromString(signed.envelope).package_id,
            package_id=Envelope.FromString(signed.envelope).package_id,
            seal=digest(signed.envelope),
            kind=EvidenceKind.EVIDENCE_KIND_DELIVERED,
            stated_by=Party.PARTY_COURT,
        )
        statement.event_time.GetCurrentTime()
        for name, value in fields.items():
            setattr(statement, name, value)
        raw = statement.SerializeToString()
        signature = self.notary.sign("Statement", raw)
        return TransferResponse(acceptance=Acceptance(evidence=Evidence(statement=raw, signature=signature)))


@asynccontextmanager
async def listening_court(city: City) -> AsyncIterator[HostileCourt]:
    """The court's node gone bad, where the hub dials it."""
    folder = city.pki_folder / "court"
    pair = ((folder / "exchange-key.pem").read_bytes(), (folder / "exchange.pem").read_bytes())
    credentials = grpc.ssl_server_credentials(
        [pair], (city.pki_folder / "ca.pem").read_bytes(), require_client_auth=True
    )
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    court = HostileCourt(notary(city.pki_folder, Party.PARTY_COURT))
    add_TransferServiceServicer_to_server(court, server)
    server.add_secure_port(f"127.0.0.1:{city.ports[Party.PARTY_COURT]}", credentials)
    await server.start()
    try:
        yield court
    finally:
        await asyncio.shield(server.stop(grace=None))
