"""The port to the neighbouring nodes, as the outbox workers use it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from xietong.exchange.v1.capabilities_pb2 import Capabilities
from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.evidence_pb2 import Evidence
from xietong.exchange.v1.problem_pb2 import SignedProblemNote
from xietong.exchange.v1.transfer_service_pb2 import EvidenceResult, NoteResult, TransferResponse
from xietong_exchange.domain.errors import Failure
from xietong_exchange.flow.frames import Frame


class TransferStream(Protocol):
    """One transfer in a stream of `TransferService.Transfer`. What goes wrong is raised as a Failure."""

    async def send(self, frame: Frame) -> None:
        """Send a frame as one of this transfer, whatever number it has; waits when the neighbour doesn't keep up."""

    def answers(self) -> AsyncIterator[TransferResponse]:
        """The neighbour's frames until the transfer or the stream ends."""


@dataclass(frozen=True, slots=True)
class Contact:
    """When a neighbour last answered, what it said, and why it did not the last time, if it did not."""

    reachable: bool = False
    last_contact_time: datetime | None = None
    error: Failure | None = None
    capabilities: Capabilities | None = None
    beyond: Sequence[Capabilities] = ()
    """What it last told of the nodes behind it."""

    def capabilities_of(self, party: Party.ValueType) -> Capabilities | None:
        """What is known of the node of a party that is this neighbour or behind it."""
        told = [self.capabilities, *self.beyond]
        return next((found for found in told if found is not None and found.party == party), None)


class Neighbours(Protocol):
    """The nodes that this node dials."""

    async def capabilities(self, party: Party.ValueType) -> Capabilities:
        """What the neighbour can do; asked when the last answer is old. Raises NodeUnreachable or its refusal."""

    def distrust(self, party: Party.ValueType) -> None:
        """The last answer about capabilities has proved to be outdated: ask before the next use."""

    async def connect(self, party: Party.ValueType, lane: Lane.ValueType) -> None:
        """Wait until the neighbour has answered and the connection of this lane stands. Raises as `capabilities`."""

    def transfer(
        self, party: Party.ValueType, lane: Lane.ValueType
    ) -> AbstractAsyncContextManager[TransferStream]:
        """Begin a transfer in a stream of this lane's channel; left before its end, it is given up for now."""

    async def deliver_evidence(
        self, party: Party.ValueType, evidence: Sequence[Evidence]
    ) -> Sequence[EvidenceResult]:
        """Deliver at most 100 pieces; one result for each. Raises NodeUnreachable or its refusal."""

    async def deliver_notes(
        self, party: Party.ValueType, notes: Sequence[SignedProblemNote]
    ) -> Sequence[NoteResult]:
        """Deliver at most 100 notes; one result for each. Raises NodeUnreachable or its refusal."""

    def contact(self, party: Party.ValueType) -> Contact:
        """What is known of the neighbour without asking it."""
