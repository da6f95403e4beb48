"""The port to what recently arrived and to what waits: what an expected arrival rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from xietong.exchange.v1.envelope_pb2 import Lane, Party


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivedRecord:
    """A package that was delivered, and what the nodes on its way stated about that."""

    package_id: str
    receiver: Party.ValueType
    lane: Lane.ValueType
    size_bytes: int
    statements: tuple[bytes, ...]
    """Serialised `Statement`s of the kinds RELAYED and DELIVERED."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits or moves in a lane of the outbox; bounded, so that a long queue costs no more to ask about."""

    packages: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits or moves in a lane of the outbox, evidence too; of a long queue what is due first."""

    deliveries: int
    oldest_seconds: float
    """How long the oldest of them has been in the queue, by the database's clock; 0 when it is empty."""


class Passages(Protocol):
    """The port: recent evidence, and the queue."""

    async def latest_evidence(self) -> int:
        """Position of the latest evidence, 0 when there is none."""

    async def arrived(self, *, after: int, until: int) -> list[ArrivedRecord]:
        """Packages that this node moved and whose delivery it learned of between these positions of its evidence, in
        that order; of a long time the last only.
        """

    async def waiting(self, destination: Party.ValueType, lane: Lane.ValueType) -> Waiting:
        """The packages in this lane of the outbox that the neighbour does not have yet."""

    async def queue(self, destination: Party.ValueType, lane: Lane.ValueType) -> Queue:
        """How long this queue is, and since when; reads 10,000 entries of one index at most."""
