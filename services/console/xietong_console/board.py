"""What moves right now, hop by hop, with its speed: looked up once a second however many people watch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.operations_service_pb2 import Delivery, GetStatusResponse, ListDeliveriesRequest
from xietong.exchange.v1.package_pb2 import DeliveryState, HopState
from xietong.supervision.v1.flow_service_pb2 import Flow, ListFlowsRequest
from xietong_client import XietongClientError
from xietong_console.node import NodeLink, answer_of, failures_of

FRESH_SECONDS = 0.9
MOST_FLOWS = 200
MOST_DELIVERIES = 500
_UNDER_WAY = (DeliveryState.DELIVERY_STATE_SUBMITTED, DeliveryState.DELIVERY_STATE_RELAYED)

Hop = tuple[Party.ValueType, Party.ValueType]
"""From whom to whom."""


@dataclass(frozen=True, slots=True)
class Running:
    """A package under way, on its hop next to the node."""

    flow: Flow
    hop: Hop
    bytes_per_second: float


@dataclass(slots=True)
class Line:
    """What goes over one hop."""

    running: int = 0
    queued: int = 0
    waiting: int = 0
    bytes_per_second: float = 0.0


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything at one moment; `failures` says what of it is missing."""

    status: GetStatusResponse | None = None
    running: Sequence[Running] = ()
    lines: dict[Hop, Line] = field(default_factory=dict)
    is_complete: bool = True
    """False when there is more than is shown."""
    failures: Sequence[XietongClientError] = ()


class Board:
    """The latest picture, and what speeds are told by."""

    def __init__(self, node: NodeLink, own: Party.ValueType) -> None:
        self._node = node
        self._own = own
        self._lock = asyncio.Lock()
        self._moved: dict[str, tuple[float, int]] = {}
        self._picture = Picture()
        self._taken = float("-inf")

    async def look(self) -> Picture:
        """The picture, not older than a second."""
        async with self._lock:
            if time.monotonic() - self._taken >= FRESH_SECONDS:
                self._picture = await self._take()
                self._taken = time.monotonic()
            return self._picture

    async def _take(self) -> Picture:
        operations, flows = self._node.operations, self._node.flows
        status, found, pending = await asyncio.gather(
            answer_of(operations.current_status),
            answer_of(flows.page, ListFlowsRequest(states=_UNDER_WAY, page_size=MOST_FLOWS)),
            answer_of(
                operations.deliveries,
                ListDeliveriesRequest(state=HopState.HOP_STATE_QUEUED, page_size=MOST_DELIVERIES),
            ),
        )
        running = self._running(found.value.flows if found.value else ())
        deliveries = pending.value.deliveries if pending.value else ()
        more = bool(found.value and found.value.next_page_token)
        more |= bool(pending.value and pending.value.next_page_token)
        failures = failures_of(status, found, pending)
        return Picture(status.value, running, self._lines(running, deliveries), not more, failures)

    def _running(self, flows: Iterable[Flow]) -> list[Running]:
        now, moved = time.monotonic(), {}
        running = []
        for flow in flows:
            count = flow.progress.transferred_bytes
            then, before = self._moved.get(flow.package_id, (now, count))
            # On another hop the count begins anew.
            speed = (count - before) / (now - then) if now > then and count > before else 0.0
            moved[flow.package_id] = (now, count)
            running.append(Running(flow, self._hop(flow), speed))
        self._moved = moved
        return running

    def _hop(self, flow: Flow) -> Hop:
        peer, sender, receiver = flow.progress.peer, flow.sender.party, flow.receiver.party
        is_inwards = self._own == receiver or (self._own != sender and peer == sender)
        return (peer, self._own) if is_inwards else (self._own, peer)

    def _lines(self, running: Iterable[Running], deliveries: Iterable[Delivery]) -> dict[Hop, Line]:
        lines: dict[Hop, Line] = {}
        for each in running:
            line = lines.setdefault(each.hop, Line())
            line.running += each.flow.progress.state == HopState.HOP_STATE_TRANSFERRING
            line.bytes_per_second += each.bytes_per_second
        for delivery in deliveries:
            line = lines.setdefault((self._own, delivery.destination), Line())
            line.queued += delivery.state == HopState.HOP_STATE_QUEUED
            line.waiting += delivery.state == HopState.HOP_STATE_WAITING
        return lines
