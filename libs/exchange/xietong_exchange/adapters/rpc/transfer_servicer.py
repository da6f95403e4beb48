"""`TransferService`: neighbours bring packages and evidence."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from xietong.exchange.v1 import transfer_service_pb2 as pb
from xietong.exchange.v1.evidence_pb2 import Evidence, Statement
from xietong.exchange.v1.transfer_service_pb2_grpc import TransferServiceServicer
from xietong_exchange.adapters.rpc.caller import caller
from xietong_exchange.adapters.rpc.failure import incident_id
from xietong_exchange.adapters.rpc.status import to_status
from xietong_exchange.domain.errors import XietongError
from xietong_exchange.flow.evidence import EvidenceDesk
from xietong_exchange.flow.frames import Frame
from xietong_exchange.flow.node_card import NodeCard
from xietong_exchange.flow.receive import Receiver
from xietong_exchange.supervision.problem_desk import ProblemDesk

_Context = grpc.aio.ServicerContext[Any, Any]


class TransferServicer(TransferServiceServicer):
    """The rpcs of `TransferService`."""

    def __init__(self, card: NodeCard, receiver: Receiver, desk: EvidenceDesk, problems: ProblemDesk) -> None:
        self._card = card
        self._receiver = receiver
        self._desk = desk
        self._problems = problems

    async def GetCapabilities(
        self, request: pb.GetCapabilitiesRequest, context: _Context
    ) -> pb.GetCapabilitiesResponse:
        """What this node can do, and those beyond it."""
        return pb.GetCapabilitiesResponse(
            capabilities=self._card.capabilities(), beyond=self._card.beyond(caller.get().party)
        )

    async def Transfer(
        self, request_iterator: AsyncIterator[Frame], context: _Context
    ) -> AsyncIterator[pb.TransferResponse]:
        """Take packages."""
        async with aclosing(self._receiver.stream(request_iterator, caller.get().party)) as answers:
            async for answer in answers:
                yield answer

    async def DeliverEvidence(
        self, request: pb.DeliverEvidenceRequest, context: _Context
    ) -> pb.DeliverEvidenceResponse:
        """Take evidence; each piece has a result of its own."""
        taken = await self._desk.take_all(request.evidence, caller.get().party)
        return pb.DeliverEvidenceResponse(results=map(_result, request.evidence, taken))

    async def DeliverNotes(
        self, request: pb.DeliverNotesRequest, context: _Context
    ) -> pb.DeliverNotesResponse:
        """Take notes on problems; each has a result of its own."""
        taken = await self._problems.take_all(request.notes, caller.get().party)
        return pb.DeliverNotesResponse(results=map(_note_result, taken))


def _note_result(error: XietongError | None) -> pb.NoteResult:
    return pb.NoteResult(error=to_status(error, incident=incident_id()) if error is not None else None)


def _result(piece: Evidence, taken: str | XietongError) -> pb.EvidenceResult:
    if isinstance(taken, str):
        return pb.EvidenceResult(evidence_id=taken)
    return pb.EvidenceResult(evidence_id=_readable_id(piece), error=to_status(taken, incident=incident_id()))


def _readable_id(piece: Evidence) -> str:
    try:
        return Statement.FromString(piece.statement).evidence_id
    except DecodeError:
        return ""
