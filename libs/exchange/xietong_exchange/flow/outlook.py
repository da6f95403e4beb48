"""The outlook on the way of a draft: limits and editions of its receivers, and when it will arrive there."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from xietong.exchange.v1.envelope_pb2 import Address, Lane
from xietong.exchange.v1.gateway_drafts_pb2 import ExpectedArrival, ReceiverOutlook
from xietong_exchange.domain.envelope import lane_of
from xietong_exchange.domain.throughput import Arrival
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.neighbours import Neighbours
from xietong_exchange.flow.passage_log import PassageLog
from xietong_exchange.flow.passages import Waiting
from xietong_exchange.flow.preflight import Sheet


class Outlook:
    """Tells what is known, without asking, of the way to each receiver."""

    def __init__(self, exchange: Exchange, neighbours: Neighbours, passages: PassageLog) -> None:
        self._exchange = exchange
        self._neighbours = neighbours
        self._passages = passages

    async def receivers(self, sheet: Sheet) -> list[ReceiverOutlook]:
        """One outlook for each receiver, in the order of the header."""
        size = sheet.manifest.ByteSize() + sheet.file_bytes
        lane = lane_of(size, sheet.header.lane)
        return [await self._outlook(receiver, lane, size) for receiver in sheet.header.receivers]

    async def _outlook(self, receiver: Address, lane: Lane.ValueType, size: int) -> ReceiverOutlook:
        hop = self._exchange.routes.next_hop(receiver.party)
        contact = self._neighbours.contact(hop)
        outlook = ReceiverOutlook(receiver=receiver, via=hop, neighbour_reachable=contact.reachable)
        if (node := contact.capabilities_of(receiver.party)) is not None:
            outlook.limits.CopyFrom(node.limits)
            outlook.standard_editions.extend(node.standard_editions)
        arrival, waiting = await self._passages.expected(receiver.party, lane, size)
        if arrival is not None and contact.reachable:
            outlook.expected_arrival.CopyFrom(_arrival(arrival, lane, waiting))
        return outlook


def _arrival(arrival: Arrival, lane: Lane.ValueType, waiting: Waiting) -> ExpectedArrival:
    duration = Duration()
    duration.FromMilliseconds(round(arrival.seconds * 1000))
    return ExpectedArrival(
        duration=duration,
        lane=lane,
        bytes_per_second=arrival.bytes_per_second,
        packages_ahead=waiting.packages,
        bytes_ahead=waiting.size_bytes,
        observed_packages=arrival.observed,
        same_receiver=arrival.same_receiver,
    )
