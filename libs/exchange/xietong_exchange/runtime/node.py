"""The composition root: the one place that knows every adapter and puts a node together."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.gateway_service_pb2_grpc import add_GatewayServiceServicer_to_server
from xietong.exchange.v1.operations_service_pb2_grpc import add_OperationsServiceServicer_to_server
from xietong.exchange.v1.transfer_service_pb2_grpc import add_TransferServiceServicer_to_server
from xietong.supervision.v1.directory_service_pb2 import Contact, ContactLevel
from xietong.supervision.v1.directory_service_pb2_grpc import add_DirectoryServiceServicer_to_server
from xietong.supervision.v1.flow_service_pb2_grpc import add_FlowServiceServicer_to_server
from xietong_exchange.adapters.notary import FileNotary
from xietong_exchange.adapters.parts.local import LocalPartStore
from xietong_exchange.adapters.postgres import PostgresStore, migrate
from xietong_exchange.adapters.rpc.access import Access
from xietong_exchange.adapters.rpc.gateway_servicer import GatewayServicer
from xietong_exchange.adapters.rpc.interceptors import ExchangeServerInterceptor
from xietong_exchange.adapters.rpc.operations_servicer import OperationsServicer
from xietong_exchange.adapters.rpc.peers import GrpcNeighbours
from xietong_exchange.adapters.rpc.server import Registration, build_server
from xietong_exchange.adapters.rpc.status import from_status, to_status
from xietong_exchange.adapters.rpc.supervision_servicers import DirectoryServicer, FlowServicer
from xietong_exchange.adapters.rpc.tls import TlsFiles
from xietong_exchange.adapters.rpc.transfer_servicer import TransferServicer
from xietong_exchange.domain.errors import NodeUnreachable, RemoteRefusal
from xietong_exchange.domain.party import party_by_name, party_name
from xietong_exchange.domain.profile import Profile
from xietong_exchange.domain.routes import Routes
from xietong_exchange.flow.changes import Changes
from xietong_exchange.flow.courier import LANE_WIDTHS, Courier
from xietong_exchange.flow.dispatch import Dispatcher
from xietong_exchange.flow.drafts import DraftDesk
from xietong_exchange.flow.evidence import EvidenceDesk
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.handover import Handover
from xietong_exchange.flow.housekeeping import Housekeeping
from xietong_exchange.flow.intake import Intake
from xietong_exchange.flow.node_card import NodeCard
from xietong_exchange.flow.operations import Operations
from xietong_exchange.flow.pace import Pace
from xietong_exchange.flow.places import Places
from xietong_exchange.flow.preflight import Preflight
from xietong_exchange.flow.progress import ProgressBoard
from xietong_exchange.flow.receive import Receiver
from xietong_exchange.flow.reception import when_complete
from xietong_exchange.flow.rulebook import Rulebook
from xietong_exchange.flow.space import Space
from xietong_exchange.flow.upload import Upload
from xietong_exchange.flow.views import Views
from xietong_exchange.flow.watching import Watching
from xietong_exchange.runtime.embedded_postgres import EmbeddedPostgres
from xietong_exchange.runtime.settings import ContactSettings, Settings
from xietong_standard import available_editions, load_edition

log = logging.getLogger(__name__)

STOP_GRACE_SECONDS = 3.0
PROBE_SECONDS = 10.0
REVIVAL_SECONDS = 5.0

Work = Callable[[], Awaitable[None]]

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
        url = settings.database_url
        if url is None:
            url = await stack.enter_async_context(_Embedded(settings))
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
        space = Space(parts, settings.limits.reserve_bytes, settings.limits.quotas())
        async with store.transaction() as tx:
            for party, kept in (await tx.contents.kept_bytes()).items():
                space.keep(party, kept)
        changes = Changes()
        exchange = Exchange(
            profile=self._profile,
            routes=routes_of(self._profile, settings),
            store=store,
            parts=parts,
            space=space,
            notary=notary,
            rules=Rulebook([load_edition(name) for name in available_editions()]),
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
        engine = _Engine(exchange, receiver, dispatcher, neighbours, notary, tls, settings)
        server, self.port = build_server(settings.listen, tls, engine.interceptor(), engine.services())
        await server.start()
        stack.push_async_callback(server.stop, STOP_GRACE_SECONDS)
        stack.callback(exchange.changes.close)
        stack.callback(receiver.close)
        await stack.enter_async_context(_Background(engine.background()))
        log.info("%s listens on %s (port %d)", party_name(self._profile.party), settings.listen, self.port)


@dataclass(frozen=True, slots=True)
class _Engine:
    """The stages of a node, wired."""

    exchange: Exchange
    receiver: Receiver
    dispatcher: Dispatcher
    neighbours: GrpcNeighbours
    notary: FileNotary
    tls: TlsFiles
    settings: Settings

    def interceptor(self) -> ExchangeServerInterceptor:
        access = Access(self.settings.trust_domain, self.exchange.party, self.exchange.routes.neighbours)
        return ExchangeServerInterceptor(access)

    def services(self) -> list[Registration]:
        exchange, desk = self.exchange, EvidenceDesk(self.exchange)
        views, card = Views(exchange), NodeCard(exchange, self.neighbours)
        operations = Operations(
            exchange=exchange,
            neighbours=self.neighbours,
            trust_anchor=self.notary.trust_anchor,
            certificate_expire_time=self.tls.expire_time,
            start_time=exchange.clock(),
        )
        transfer = TransferServicer(card, self.receiver, desk)
        services: list[Registration] = [
            partial(add_TransferServiceServicer_to_server, transfer),
            partial(add_OperationsServiceServicer_to_server, OperationsServicer(operations, views)),
        ]
        if exchange.profile.relays:
            contacts = DirectoryServicer([_contact(entry) for entry in self.settings.contacts])
            services.append(partial(add_FlowServiceServicer_to_server, FlowServicer(operations, views)))
            services.append(partial(add_DirectoryServiceServicer_to_server, contacts))
        else:
            gateway = GatewayServicer(
                card,
                DraftDesk(exchange),
                Upload(exchange),
                Intake(exchange, desk, Preflight(exchange, self.neighbours)),
                Handover(exchange, desk),
                Watching(exchange, views),
                views,
            )
            services.append(partial(add_GatewayServiceServicer_to_server, gateway))
        return services

    def background(self) -> list[asyncio.Task[None]]:
        exchange, desk = self.exchange, EvidenceDesk(self.exchange)
        owner = f"{party_name(exchange.party)}-{os.getpid()}-{secrets.token_hex(4)}"
        couriers = [
            Courier(
                exchange=exchange,
                desk=desk,
                neighbours=self.neighbours,
                dispatcher=self.dispatcher,
                policy=self.settings.retry.policy(),
                error_of=from_status,
                owner=owner,
                peer=peer,
                lane=lane,
            )
            for peer in sorted(exchange.routes.neighbours)
            for lane in LANE_WIDTHS
        ]
        works: list[Work] = [courier.run for courier in couriers]
        works += [partial(self._probe, peer) for peer in sorted(exchange.routes.neighbours)]
        works.append(Housekeeping(exchange, self.settings.retention.round_seconds).run)
        return [asyncio.create_task(_kept_alive(work)) for work in works]

    async def _probe(self, peer: Party.ValueType) -> None:
        """Keep the contact with a neighbour known, so that people see it before a package has to wait."""
        while True:
            try:
                await self.neighbours.capabilities(peer)
            except (NodeUnreachable, RemoteRefusal) as error:
                log.info("%s: %s", party_name(peer), error.reason_name())
            await asyncio.sleep(PROBE_SECONDS)


class _Embedded:
    """The embedded database for the life of a node."""

    def __init__(self, settings: Settings) -> None:
        self._postgres = EmbeddedPostgres(settings.state_dir)

    async def __aenter__(self) -> str:
        return await self._postgres.start()

    async def __aexit__(self, *_exc: object) -> None:
        await self._postgres.stop()


class _Background:
    """Tasks that end with the node."""

    def __init__(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        self._tasks = tasks

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_exc: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


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


def _contact(entry: ContactSettings) -> Contact:
    levels = {"operations": ContactLevel.CONTACT_LEVEL_OPERATIONS, "lead": ContactLevel.CONTACT_LEVEL_LEAD}
    return Contact(
        party=party_by_name(entry.party) or Party.PARTY_UNSPECIFIED,
        system=entry.system,
        vendor=entry.vendor,
        level=levels[entry.level],
        reach=entry.reach,
        duty_hours=entry.duty_hours,
    )
