"""What a node does without being asked: couriers, looks at its neighbours, the watch, housekeeping."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_exchange.adapters.rpc.peers import GrpcNeighbours
from xietong_exchange.adapters.rpc.status import from_status
from xietong_exchange.domain.errors import NodeUnreachable, RemoteRefusal
from xietong_exchange.domain.party import party_name
from xietong_exchange.flow.courier import LANE_WIDTHS, Courier
from xietong_exchange.flow.housekeeping import Housekeeping
from xietong_exchange.runtime.engine import Engine
from xietong_exchange.runtime.measuring import gauges, measures
from xietong_exchange.runtime.supervision import deadline_watch, notifier, problem_post, watch

log = logging.getLogger(__name__)

PROBE_SECONDS = 10.0
REVIVAL_SECONDS = 5.0

Work = Callable[[], Awaitable[None]]


class Background:
    """The tasks of a node, for the life of an `async with`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> None:
        self._tasks = [asyncio.create_task(_kept_alive(work)) for work in _works(self._engine)]

    async def __aexit__(self, *_exc: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _works(engine: Engine) -> list[Work]:
    exchange = engine.exchange
    neighbours = sorted(exchange.routes.neighbours)
    works: list[Work] = [courier.run for courier in _couriers(engine, neighbours)]
    works += [partial(_probe, engine.neighbours, peer) for peer in neighbours]
    works.append(engine.presence.run)
    works.append(watch(engine).run)
    works.append(problem_post(engine).run)
    if exchange.profile.relays:
        works.append(deadline_watch(engine).run)
    if (telling := notifier(engine)) is not None:
        works.append(telling.run)
    if measures(engine.settings):
        works.append(gauges(engine).run)
    works.append(Housekeeping(exchange, engine.settings.retention.round_seconds).run)
    return works


def _couriers(engine: Engine, neighbours: list[Party.ValueType]) -> list[Courier]:
    return [
        Courier(
            exchange=engine.exchange,
            desk=engine.desk,
            neighbours=engine.neighbours,
            dispatcher=engine.dispatcher,
            policy=engine.settings.retry.policy(),
            error_of=from_status,
            owner=engine.presence.owner,
            peer=peer,
            lane=lane,
        )
        for peer in neighbours
        for lane in LANE_WIDTHS
    ]


async def _probe(neighbours: GrpcNeighbours, peer: Party.ValueType) -> None:
    """Keep the contact with a neighbour known, so that people see it before a package has to wait."""
    while True:
        try:
            await neighbours.capabilities(peer)
        except (NodeUnreachable, RemoteRefusal) as error:
            log.info("%s: %s", party_name(peer), error.reason_name())
        await asyncio.sleep(PROBE_SECONDS)


async def _kept_alive(work: Work) -> None:
    """Run a task without an end; when something unforeseen ends it, log that and go on after a pause.

    A full disk under the database, or a certificate file that is just being replaced, must not end deliveries.
    """
    while True:
        try:
            await work()
        except Exception:
            log.exception("a background task failed and is started again")
        await asyncio.sleep(REVIVAL_SECONDS)
