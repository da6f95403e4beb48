"""A city that tests share, what its nodes hold, and the good package that shows that all is well."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import grpc
from sqlalchemy import make_url
from tests.conftest import TEMPLATE, PostgresServer
from tests.integration.exchange.city import City, free_port

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.envelope_pb2 import Envelope, Party
from xietong.exchange.v1.operations_service_pb2 import GetTransitRequest
from xietong.exchange.v1.operations_service_pb2_grpc import OperationsServiceStub
from xietong_exchange.domain.party import party_name
from xietong_exchange.runtime.settings import RetentionSettings, RetrySettings, Settings

BOUND_SECONDS = 20.0
"""Whatever a test waits for comes within this time or not at all."""
PROCESS = "PB-04"
"""A process from police to procuratorate that asks for one document only."""
THREE = (Party.PARTY_HUB, Party.PARTY_POLICE, Party.PARTY_PROCURATORATE)

_TABLES = ("package", "evidence", "delivery", "draft", "contribution")
_numbers = itertools.count(1)

HASTY = RetentionSettings.model_construct(
    outcome_hours=1e-6, undecided_hours=1e6, draft_days=1e6, grace_hours=0.5 / 3600, round_seconds=0.05
)
"""Contents go right after the outcome, half a second after their last use: sooner than an operator may let them."""


@asynccontextmanager
async def databases(
    server: PostgresServer, parties: Sequence[Party.ValueType]
) -> AsyncIterator[dict[Party.ValueType, str]]:
    """A migrated database for each party, dropped at the end."""
    names = {party: f"city_{party_name(party)}_{uuid.uuid4().hex[:8]}" for party in parties}
    await server.execute(*(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}" for name in names.values()))
    try:
        yield {party: server.url_of(name) for party, name in names.items()}
    finally:
        await server.execute(*(f"DROP DATABASE {name} WITH (FORCE)" for name in names.values()))


@dataclass
class CityUnderAttack(City):
    """Its nodes may be set differently one by one, and its hub also knows a court, which is what a test makes of it.

    Nobody listens for the court, unless a test does: what the hub has for it soon waits for long.
    """

    retry: RetrySettings = field(
        default_factory=lambda: RetrySettings(first_delay_seconds=0.05, longest_delay_seconds=60)
    )
    overrides: dict[Party.ValueType, dict[str, object]] = field(default_factory=dict)
    """Settings that a node has in place of its own, from its next start on."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.ports[Party.PARTY_COURT] = free_port()
        self._channels: dict[tuple[Party.ValueType, str, str], grpc.aio.Channel] = {}
        self._ledgers: dict[Party.ValueType, asyncpg.Connection[asyncpg.Record]] = {}

    async def __aexit__(self, *exc: object) -> None:
        for ledger in self._ledgers.values():
            ledger.terminate()  # a test may have ended its server
        await super().__aexit__(*exc)

    async def ledger(self, party: Party.ValueType) -> asyncpg.Connection[asyncpg.Record]:
        """The test's own connection to the database of a party's node."""
        ledger = self._ledgers.get(party)
        if ledger is None or ledger.is_closed():
            url = make_url(self.urls[party]).set(drivername="postgresql")
            ledger = self._ledgers[party] = await asyncpg.connect(url.render_as_string(hide_password=False))
        return ledger

    def settings(self, party: Party.ValueType) -> Settings:
        settings = super().settings(party)
        neighbours = dict(settings.neighbours)
        if party == Party.PARTY_HUB:
            neighbours["court"] = f"127.0.0.1:{self.ports[Party.PARTY_COURT]}"
        return settings.model_copy(update={"neighbours": neighbours, **self.overrides.get(party, {})})

    @asynccontextmanager
    async def changed(self, party: Party.ValueType, **settings: object) -> AsyncIterator[None]:
        """Inside, the node of the party runs with these settings."""
        self.overrides[party] = settings
        await self.restart(party)
        try:
            yield
        finally:
            del self.overrides[party]
            await self.restart(party)

    async def restart(self, party: Party.ValueType) -> None:
        """Stop the node and start it; whoever asks for a channel gets a new one."""
        await self.stop(party)
        self._channels = {key: channel for key, channel in self._channels.items() if key[0] != party}
        await self.start(party)

    async def channel(self, party: Party.ValueType, credentials: str, owner: str = "") -> grpc.aio.Channel:
        """One channel for each caller; a handshake for every call would be most of a test's time."""
        key = (party, credentials, owner)
        if key not in self._channels:
            self._channels[key] = await super().channel(party, credentials, owner)
        return self._channels[key]


@asynccontextmanager
async def city_under_attack(
    server: PostgresServer, folder: Path, pki_folder: Path
) -> AsyncIterator[CityUnderAttack]:
    """Police, hub and procuratorate, each with a fresh database."""
    async with databases(server, THREE) as urls, CityUnderAttack(folder, pki_folder, urls, THREE) as city:
        yield city


def case_number() -> str:
    """A case number that no other test uses."""
    return f"A440199000001{next(_numbers):010d}"


@dataclass(frozen=True)
class Holdings:
    """What a node holds: rows by table, and the complete parts by owner and digest."""

    rows: dict[str, int]
    parts: frozenset[str]


async def holdings(city: CityUnderAttack, party: Party.ValueType) -> Holdings:
    """What the node of a party holds at this moment."""
    counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in _TABLES)
    (row,) = await (await city.ledger(party)).fetch(f"SELECT {counts}")
    parts = _parts(city.folder / party_name(party) / "parts" / "complete")
    return Holdings(dict(zip(_TABLES, row, strict=True)), frozenset(parts))


def _parts(folder: Path) -> Iterator[str]:
    if not folder.exists():  # nothing has come yet
        return
    for owner in os.scandir(folder):
        for shelf in os.scandir(owner):
            yield from (f"{owner.name}/{part.name}" for part in os.scandir(shelf))


async def at_rest(city: CityUnderAttack) -> None:
    """Until no package is under way between the nodes that run."""
    ways = "SELECT count(*) FROM delivery WHERE status = 'pending' AND destination = ANY($1)"
    running = [int(party) for party in city.nodes]
    async with asyncio.timeout(BOUND_SECONDS):
        for party in city.nodes:
            ledger = await city.ledger(party)
            while await ledger.fetchval(ways, running):
                await asyncio.sleep(0.01)


@asynccontextmanager
async def nothing_changes(city: CityUnderAttack, *parties: Party.ValueType) -> AsyncIterator[None]:
    """Whatever happens inside leaves no row and no part behind, at these nodes or at all of them."""
    watched = parties or tuple(city.nodes)
    await at_rest(city)
    before = [await holdings(city, party) for party in watched]
    yield
    assert [await holdings(city, party) for party in watched] == before


async def seen_at_hub(city: City, package_id: str) -> package_pb2.Package | None:
    """What the hub's operator sees of a package; None when the hub knows none of this id."""
    channel = await city.channel(Party.PARTY_HUB, "operator")
    try:
        answer = await OperationsServiceStub(channel).GetTransit(GetTransitRequest(package_id=package_id))
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.NOT_FOUND:
            return None
        raise
    return answer.package


async def good_package_passes(city: City) -> None:
    """Police to procuratorate: the sender learns that it was delivered, and every part has its digest."""
    async with asyncio.timeout(BOUND_SECONDS):
        police = await city.agency(Party.PARTY_POLICE, "case-handling")
        procuratorate = await city.agency(Party.PARTY_PROCURATORATE, "prosecution")
        sent = await police.send(PROCESS, Party.PARTY_PROCURATORATE, case_number=case_number())
        await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
        for part in Envelope.FromString(sent.envelope.envelope).parts:
            content = await procuratorate.read(sent.package_id, part.number)
            assert hashlib.sha256(content).digest() == part.digest.value
        await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_RETRIEVED)
