"""Sightings: the packages without an outcome, page by page, each with what this node can tell of its way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.package_pb2 import DeliveryState as State
from xietong.exchange.v1.package_pb2 import Direction
from xietong_exchange.domain.envelope import lane_of
from xietong_exchange.domain.punctuality import ON_ITS_WAY, UNPARSED, Journey, Patience
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.incidents import OpenPackage
from xietong_exchange.flow.neighbours import Neighbours
from xietong_exchange.flow.passage_log import PassageLog
from xietong_exchange.supervision.diagnosis import Sighting, is_inwards

PAGE = 500


class Lookout:
    """Sees the packages of this node. What moves in memory only is remembered from look to look."""

    def __init__(self, exchange: Exchange, neighbours: Neighbours, patience: Patience) -> None:
        self._exchange = exchange
        self._neighbours = neighbours
        self.passages = PassageLog(exchange)
        self.patience = patience
        self._moved: dict[str, tuple[int, datetime]] = {}
        """Of what is in flight: how far it was, and since when."""

    async def round(self, now: datetime) -> AsyncIterator[list[Sighting]]:
        """All packages that may be late, a page at a time. No transaction is held between two pages."""
        await self.passages.refresh()
        seen: dict[str, tuple[int, datetime]] = {}
        for direction in (
            Direction.DIRECTION_OUTGOING,
            Direction.DIRECTION_TRANSIT,
            Direction.DIRECTION_INCOMING,
        ):
            for state in self._watched_states():
                async for page in self._pages(direction, state, now):
                    yield [self._sight(package, seen, now) for package in page]
        self._moved = seen

    def _watched_states(self) -> list[State.ValueType]:
        has_limit = self.patience.decide is not None or any(
            decide is not None for _, decide in self.patience.processes.values()
        )
        return sorted(UNPARSED | ({State.DELIVERY_STATE_PARSED} if has_limit else set()))

    async def _pages(
        self, direction: Direction.ValueType, state: State.ValueType, now: datetime
    ) -> AsyncIterator[list[OpenPackage]]:
        """A failure is told at once, everything else when it may be late."""
        at_once = state not in ON_ITS_WAY or state == State.DELIVERY_STATE_FAILED
        before = now if at_once else now - self.patience.standstill
        after = 0
        while True:
            async with self._exchange.store.transaction() as tx:
                packages = await tx.incidents.open_packages(
                    direction, state, submitted_before=before, after=after, limit=PAGE
                )
            if packages:
                yield packages
            if len(packages) < PAGE:
                return
            after = packages[-1].position

    async def one(self, package_id: str, now: datetime) -> Sighting | None:
        """A package of any state; None when this node has none of this id."""
        await self.passages.refresh()
        async with self._exchange.store.transaction() as tx:
            package = await tx.incidents.open_package(package_id)
        return self._sight(package, {}, now) if package is not None else None

    def _sight(self, package: OpenPackage, seen: dict[str, tuple[int, datetime]], now: datetime) -> Sighting:
        movement = self._exchange.progress.get(package.package_id)
        transferred = movement.transferred_bytes if movement is not None else 0
        hop = self._hop(package)
        contact = self._neighbours.contact(hop) if hop in self._exchange.routes.neighbours else None
        hop_answers = contact is None or contact.reachable
        moved = self._moved_time(package, seen, now, transferred, is_moving=movement is not None)
        if not hop_answers and package.delivery is not None:
            moved = package.delivery.progress_time
        journey = Journey(
            process_code=package.process_code,
            state=package.state,
            state_time=package.state_time,
            submit_time=package.submit_time,
            moved_time=moved,
            expected=self.expected(package),
            is_watched=is_inwards(package) or not _is_done(package),
        )
        return Sighting(
            package=package,
            journey=journey,
            hop=hop,
            hop_answers=hop_answers,
            transferred_bytes=transferred,
        )

    def expected(self, package: OpenPackage) -> timedelta | None:
        """What its whole way is expected to take."""
        lane = lane_of(package.size_bytes, Lane.LANE_UNSPECIFIED)
        arrival = self.passages.estimate(package.receiver, lane, package.size_bytes)
        return timedelta(seconds=arrival.seconds) if arrival is not None else None

    def _hop(self, package: OpenPackage) -> Party.ValueType:
        """Whose node has to answer: the next one, as long as this node moves it; then the receiver's."""
        routes = self._exchange.routes
        if package.state not in ON_ITS_WAY:
            return package.receiver
        if is_inwards(package):
            return routes.next_hop(package.sender)
        return package.receiver if _is_done(package) else routes.next_hop(package.receiver)

    def _moved_time(
        self,
        package: OpenPackage,
        seen: dict[str, tuple[int, datetime]],
        now: datetime,
        transferred: int,
        *,
        is_moving: bool,
    ) -> datetime:
        """When something last moved. What waits for its turn behind others does not stand still."""
        if package.state not in ON_ITS_WAY:
            return package.state_time
        moved = package.delivery
        if is_inwards(package):
            known, in_flight = package.touch_time, is_moving
        elif moved is None or moved.status == "done":
            return package.state_time
        elif not moved.attempts:
            return now
        else:
            known, in_flight = moved.progress_time, moved.leased and moved.attempts == 1
        before = self._moved.get(package.package_id)
        if before is not None and before[0] == transferred:
            since = before[1]
        else:
            since = now if before is not None or in_flight else known
        seen[package.package_id] = (transferred, since)
        return max(known, since)


def _is_done(package: OpenPackage) -> bool:
    return package.delivery is not None and package.delivery.status == "done"
