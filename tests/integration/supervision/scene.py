"""A node whose packages are watched: real rows, neighbours that answer or not, and a time that the test sets."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import cast

from tests.integration.store.records import REFUSAL, package
from tests.unit.exchange.nodes import MemoryStore, new_exchange

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong.supervision.v1.incident_pb2 import Incident, IncidentState
from xietong_exchange.adapters.postgres import PostgresStore
from xietong_exchange.domain.identity import Identity, Role
from xietong_exchange.domain.punctuality import Patience
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.maintenance import Maintenance
from xietong_exchange.flow.neighbours import Contact, Neighbours
from xietong_exchange.flow.records import PackageChange, PackageRecord
from xietong_exchange.supervision.directory import Directory
from xietong_exchange.supervision.incident_desk import IncidentDesk
from xietong_exchange.supervision.sightings import Lookout
from xietong_exchange.supervision.watch import Watch

HUB, COURT = Party.PARTY_HUB, Party.PARTY_COURT
OPERATOR = Identity("xietong.test", Party.PARTY_POLICE, Role.OPERATOR)
NOT_CLOSED = (IncidentState.INCIDENT_STATE_OPEN, IncidentState.INCIDENT_STATE_ACKNOWLEDGED)


@dataclass
class Line:
    """The only neighbour, the hub."""

    state: Contact = field(default_factory=lambda: Contact(reachable=True))

    def contact(self, party: Party.ValueType) -> Contact:
        assert party == HUB
        return self.state


@dataclass
class Scene:
    """The node of the police, which began a day ago."""

    begin: datetime
    exchange: Exchange
    line: Line
    watch: Watch
    desk: IncidentDesk
    passed: timedelta

    async def after(self, **since_begin: float) -> list[Incident]:
        """What is not closed after a round at this time."""
        self.passed = timedelta(**since_begin)
        await self.watch.round()
        return await self.incidents(*NOT_CLOSED)

    async def incidents(self, *states: IncidentState.ValueType) -> list[Incident]:
        found, _ = await self.desk.page(states, "", before=None, limit=50)
        return found[::-1]

    async def sent(self, *, fails: bool = False, claimed: bool = True, **changes: object) -> PackageRecord:
        """A package that the node has begun to send; with `fails` the hub refuses it for now."""
        record = await self.held(**changes)
        async with self.exchange.store.transaction() as tx:
            await tx.outbox.enqueue(HUB, Lane.LANE_BULK, record.package_id)
        if claimed:
            async with self.exchange.store.transaction() as tx:
                (held,) = await tx.outbox.claim(HUB, Lane.LANE_BULK, owner="w", lease_seconds=600, limit=1)
                if fails:
                    await tx.outbox.postpone(
                        held.delivery_id, held.token, REFUSAL, delay_seconds=600, reset_budget=False
                    )
        return record

    async def held(self, **changes: object) -> PackageRecord:
        """A package on record, submitted at the begin."""
        record = replace(package(**changes), state_time=self.begin, create_time=self.begin, complete=True)
        async with self.exchange.store.transaction() as tx:
            assert await tx.packages.add(record)
        return record

    async def reaches(
        self, record: PackageRecord, state: DeliveryState.ValueType, reasons: bytes = b""
    ) -> None:
        """Evidence says that a package is so far."""
        change = PackageChange(state=state, state_time=self.begin + self.passed, reasons=reasons)
        async with self.exchange.store.transaction() as tx:
            await tx.packages.advance(record.package_id, change)


def new_scene(store: PostgresStore) -> Scene:
    """Rows bear the database's time, so the scene begins now; what passes is the test's."""
    begin = datetime.now(UTC)
    line = Line()
    bare = new_exchange(Party.PARTY_POLICE, cast("MemoryStore", store))
    scene: Scene
    exchange = replace(bare, clock=lambda: scene.begin + scene.passed)
    neighbours = cast("Neighbours", line)
    lookout = Lookout(exchange, neighbours, Patience())
    maintenance = Maintenance(exchange, neighbours)
    watch = Watch(
        exchange=exchange,
        neighbours=neighbours,
        lookout=lookout,
        maintenance=maintenance,
        round_seconds=1.0,
        start_time=begin - timedelta(days=1),
    )
    directory = Directory(exchange=exchange, configured=())
    desk = IncidentDesk(exchange=exchange, lookout=lookout, directory=directory)
    scene = Scene(begin, exchange, line, watch, desk, timedelta(0))
    return scene
