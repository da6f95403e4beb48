"""What recently arrived, by the evidence that this node has: what the expected arrival of others rests on.

Nothing is recorded for it; after a restart the latest evidence tells the same again.
"""

from __future__ import annotations

from collections import deque

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.evidence_pb2 import Statement
from xietong_exchange.domain.throughput import Arrival, Passage, expected_arrival, passage_of
from xietong_exchange.flow.changes import PACKAGE_LANES
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.passages import Waiting

KEPT_PASSAGES = 200
"""Latest passages of each lane that an estimate rests on."""
FRESH_SECONDS = 10.0
"""So long an answer is taken for the latest."""


class PassageLog:
    """The latest passages of this node's packages, by lane."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._kept: dict[Lane.ValueType, deque[Passage]] = {
            lane: deque(maxlen=KEPT_PASSAGES) for lane in PACKAGE_LANES
        }
        self._position = 0
        self._looked = float("-inf")

    async def expected(
        self, receiver: Party.ValueType, lane: Lane.ValueType, size_bytes: int
    ) -> tuple[Arrival | None, Waiting]:
        """When a package that is sent now will arrive, and what is before it in the queue."""
        await self.refresh()
        hop = self._exchange.routes.next_hop(receiver)
        async with self._exchange.store.transaction() as tx:
            waiting = await tx.passages.waiting(hop, lane)
        return self.estimate(receiver, lane, size_bytes, bytes_ahead=waiting.size_bytes), waiting

    def estimate(
        self, receiver: Party.ValueType, lane: Lane.ValueType, size_bytes: int, *, bytes_ahead: int = 0
    ) -> Arrival | None:
        """The same from what is known already, without the queue."""
        return expected_arrival(
            self._kept.get(lane, ()),
            receiver=receiver,
            lane=lane,
            size_bytes=size_bytes,
            bytes_ahead=bytes_ahead,
            now=self._exchange.clock(),
        )

    async def refresh(self) -> None:
        """Read what arrived since the last look."""
        now = self._exchange.clock().timestamp()
        if now - self._looked < FRESH_SECONDS:
            return
        async with self._exchange.store.transaction() as tx:
            until = await tx.passages.latest_evidence()
            arrived = await tx.passages.arrived(after=self._position, until=until)
        self._position, self._looked = until, now
        for record in arrived:
            passage = passage_of(
                map(Statement.FromString, record.statements),
                size_bytes=record.size_bytes,
                receiver=record.receiver,
                lane=record.lane,
            )
            if passage is not None and passage.lane in self._kept:
                self._kept[passage.lane].append(passage)
