"""The composition root: the one place that knows every adapter and puts a node together."""

from __future__ import annotations

import logging
import os
import secrets
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_exchange.adapters.notary import FileNotary
from xietong_exchange.adapters.parts.local import LocalPartStore
from xietong_exchange.adapters.postgres import PostgresStore, Presence, migrate
from xietong_exchange.adapters.rpc.access import Access
from xietong_exchange.adapters.rpc.interceptors import ExchangeServerInterceptor
from xietong_exchange.adapters.rpc.peers import GrpcNeighbours
from xietong_exchange.adapters.rpc.server import build_server
from xietong_exchange.adapters.rpc.status import from_status, to_status
from xietong_exchange.adapters.rpc.tls import TlsFiles
from xietong_exchange.domain.party import party_name
from xietong_exchange.domain.profile import Profile
from xietong_exchange.domain.routes import Routes
from xietong_exchange.flow.changes import Changes, queue
from xietong_exchange.flow.dispatch import Dispatcher
from xietong_exchange.flow.evidence import EvidenceDesk
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.maintenance import Maintenance
from xietong_exchange.flow.pace import Pace
from xietong_exchange.flow.places import Places
from xietong_exchange.flow.progress import ProgressBoard
from xietong_exchange.flow.receive import Receiver
from xietong_exchange.flow.reception import when_complete
from xietong_exchange.flow.rulebook import Rulebook
from xietong_exchange.flow.space import Space
from xietong_exchange.runtime.background import Background
from xietong_exchange.runtime.editions import load_editions, load_editions_on_trial
from xietong_exchange.runtime.embedded_postgres import EmbeddedPostgres
from xietong_exchange.runtime.engine import Engine
from xietong_exchange.runtime.logs import recent_log
from xietong_exchange.runtime.services import services
from xietong_exchange.runtime.settings import Settings
from xietong_exchange.supervision.sightings import Lookout

log = logging.getLogger(__name__)

STOP_GRACE_SECONDS = 3.0

_BRANCHES = (
    Party.PARTY_POLICE,
    Party.PARTY_PROCURATORATE,
    Party.PARTY_COURT,
    Party.PARTY_JUSTICE,
)


def routes_of(profile: Profile, settings: Settings) -> Routes:
    """A node that relays reaches its neighbours directly; a branch reaches everybody over its only neighbour."""
    neighbours, after_complete = list(settings.neighbour_addresses()), settings.after_complete()
    if profile.relays:
        return Routes(profile.party, {party: party for party in neighbours}, after_complete)
    hub = neighbours[0]
    via = {party: hub for party in _BRANCHES if party != profile.party}
    return Routes(profile.party, via, after_complete)


class Node:
    """One running exchange node or hub."""

    def __init__(self, profile: Profile, settings: Settings) -> None:
        self._profile = profile
        self._settings = settings
        self._stack = AsyncExitStack()
        self.port = 0

    async def start(self) -> None:
        """Start the database if it is the embedded one, migrate, listen, and take up what is due."""
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise

    async def stop(self) -> None:
        """Stop within a few seconds; whatever was under way goes on after the next start."""
        await self._stack.aclose()

    async def _start(self) -> None:
        settings, stack = self._settings, self._stack
        recent = stack.enter_context(recent_log(party_name(self._profile.party)))
        url = await self._database_url()
        await migrate(url)
        store = await PostgresStore.connect(url, settings.database_connections)
        stack.push_async_callback(store.close)
        tls = TlsFiles(settings.tls.ca, settings.tls.certificate, settings.tls.key)
        neighbours = GrpcNeighbours(settings.neighbour_addresses(), tls, settings.trust_domain)
        stack.push_async_callback(neighbours.close)
        notary = FileNotary(
            settings.tls.ca, settings.signer.certificate, settings.signer.key, settings.trust_domain
        )
        parts = await stack.enter_async_context(await LocalPartStore.open(settings.state_dir / "parts"))
        space = await _space(settings, store, parts)
        changes = Changes()
        presence = await stack.enter_async_context(_presence(self._profile, url, changes))
        exchange = Exchange(
            profile=self._profile,
            routes=routes_of(self._profile, settings),
            store=store,
            parts=parts,
            space=space,
            notary=notary,
            rules=_rulebook(settings),
            changes=changes,
            places=Places(changes),
            progress=ProgressBoard(),
            limits=settings.limits.limits(),
            retention=settings.retention.policy(settings.limits, relays=self._profile.relays),
            clock=partial(datetime.now, UTC),
            entropy=secrets.token_bytes,
        )
        desk = EvidenceDesk(exchange)
        paces = {hop: Pace(limit) for hop, limit in settings.bandwidths().items()}
        dispatcher = Dispatcher(exchange, neighbours, from_status, paces)
        begin_forward = dispatcher.forward if self._profile.relays else when_complete
        receiver = Receiver(exchange, desk, lambda error: to_status(error, incident=""), begin_forward)
        engine = Engine(
            settings=settings,
            exchange=exchange,
            desk=desk,
            receiver=receiver,
            dispatcher=dispatcher,
            neighbours=neighbours,
            notary=notary,
            lookout=Lookout(exchange, neighbours, settings.supervision.patience()),
            maintenance=Maintenance(exchange, neighbours),
            presence=presence,
            tls=tls,
            recent_log=recent,
        )
        door = ExchangeServerInterceptor(_access(settings, exchange))
        server, self.port = build_server(settings.listen, tls, door, services(engine))
        await server.start()
        stack.push_async_callback(server.stop, STOP_GRACE_SECONDS)
        stack.callback(exchange.changes.close)
        stack.callback(receiver.close)
        await stack.enter_async_context(Background(engine))
        log.info("%s listens on %s (port %d)", party_name(self._profile.party), settings.listen, self.port)

    async def _database_url(self) -> str:
        """The database that the settings name, or the embedded one, which runs from now on."""
        if self._settings.database_url is not None:
            return self._settings.database_url
        return await self._stack.enter_async_context(_Embedded(self._settings))


def _presence(profile: Profile, url: str, changes: Changes) -> Presence:
    """This process's sign of life; couriers learn at once what others left behind."""
    owner = f"{party_name(profile.party)}-{os.getpid()}-{secrets.token_hex(4)}"
    return Presence(url, owner, lambda freed: changes.announce(*(queue(*served) for served in freed)))


def _access(settings: Settings, exchange: Exchange) -> Access:
    return Access(settings.trust_domain, exchange.party, exchange.routes.neighbours)


def _rulebook(settings: Settings) -> Rulebook:
    return Rulebook(
        load_editions(settings.standard),
        on_trial=load_editions_on_trial(settings.standard),
        page_tolerance=settings.page_tolerance,
    )


async def _space(settings: Settings, store: PostgresStore, parts: LocalPartStore) -> Space:
    """What there is room for, with what is kept already."""
    space = Space(parts, settings.limits.reserve_bytes, settings.limits.quotas())
    async with store.transaction() as tx:
        for party, kept in (await tx.contents.kept_bytes()).items():
            space.keep(party, kept)
    return space


class _Embedded:
    """The embedded database for the life of a node."""

    def __init__(self, settings: Settings) -> None:
        self._postgres = EmbeddedPostgres(settings.state_dir)

    async def __aenter__(self) -> str:
        return await self._postgres.start()

    async def __aexit__(self, *_exc: object) -> None:
        await self._postgres.stop()
