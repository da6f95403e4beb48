"""Police, hub and procuratorate as processes, with a line to tamper with in each direction of a package's way."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self, TypeVar

import asyncpg
import grpc
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from tests.integration.exchange.city import Agency, City
from tests.integration.faults.line import Line
from tests.integration.faults.processes import NodeProcess

from xietong.exchange.v1 import operations_service_pb2 as operations_pb
from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.operations_service_pb2_grpc import OperationsServiceStub
from xietong_exchange.domain.party import party_name
from xietong_exchange.runtime.settings import LimitSettings, RetrySettings, Settings

POLICE, HUB, PROCURATORATE = Party.PARTY_POLICE, Party.PARTY_HUB, Party.PARTY_PROCURATORATE
PARTIES: Final = (HUB, POLICE, PROCURATORATE)
PROCESS: Final = "PB-04"
"""A process from police to procuratorate that asks for one document only."""
FILE: Final = "document-0.pdf"
MIB: Final = 1 << 20
WINDOW_BYTES: Final = 4 * MIB
"""What may be under way unacknowledged, and is sent again after a break."""
BOUND_SECONDS: Final = 30.0
"""Whatever a test waits for comes within this time or not at all."""
QUICK: Final = RetrySettings(first_delay_seconds=0.05, longest_delay_seconds=0.2, lease_seconds=2.0)

_numbers = itertools.count(1)
_Found = TypeVar("_Found")


def case_number() -> str:
    """A case number that no other test uses."""
    return f"A440199000002{next(_numbers):010d}"


def content_of(size_bytes: int) -> bytes:
    """Bytes that no other package holds: what a receiver has from before would not travel again."""
    return random.Random(next(_numbers)).randbytes(size_bytes)


async def eventually(
    look: Callable[[], Awaitable[_Found | None]], bound_seconds: float = BOUND_SECONDS
) -> _Found:
    """What `look` finds, once it finds something. A node or its database may be away in between."""
    deadline = time.monotonic() + bound_seconds
    while True:
        try:
            if found := await look():
                return found
        except grpc.aio.AioRpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise
        assert time.monotonic() < deadline, f"{look} found nothing within {bound_seconds} s"
        await asyncio.sleep(0.02)


@dataclass
class Town:
    """Three nodes; a package goes `police → to_hub → hub → to_procuratorate → procuratorate`."""

    folder: Path
    pki_folder: Path
    urls: Mapping[Party.ValueType, str]
    nodes: dict[Party.ValueType, NodeProcess] = field(init=False)
    to_hub: Line = field(init=False)
    to_procuratorate: Line = field(init=False)

    def __post_init__(self) -> None:
        self._city = City(
            self.folder, self.pki_folder, self.urls, PARTIES, LimitSettings(reserve_bytes=0), QUICK
        )
        self.nodes = {party: NodeProcess(party_name(party), self.folder) for party in PARTIES}
        self.to_hub = Line(self._city.ports[HUB])
        self.to_procuratorate = Line(self._city.ports[PROCURATORATE])
        self._databases: dict[Party.ValueType, str] = {}
        self._changed: set[Party.ValueType] = set()
        self._operations: dict[Party.ValueType, OperationsServiceStub] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            await self._stack.enter_async_context(self.to_hub)
            await self._stack.enter_async_context(self.to_procuratorate)
            await self.start(*PARTIES)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_exc: object) -> None:
        for node in self.nodes.values():
            await node.kill()
        await self._city.__aexit__()  # its channels
        await self._stack.aclose()

    async def start(self, *parties: Party.ValueType, **changes: object) -> None:
        """Start these nodes at once; `changes` are settings that differ from the town's."""
        async with asyncio.TaskGroup() as group:
            for party in parties:
                self._operations.pop(party, None)  # a new channel finds the new process at once
                settings = self.settings(party).model_copy(update=changes)
                self._databases[party] = settings.database_url or ""
                group.create_task(self.nodes[party].start(settings))
        self._changed = (self._changed | set(parties)) if changes else (self._changed - set(parties))

    async def kill(self, party: Party.ValueType) -> None:
        await self.nodes[party].kill()

    async def restart(self, party: Party.ValueType, **changes: object) -> None:
        """Stop it in order and start it with these settings."""
        await self.nodes[party].stop()
        await self.start(party, **changes)

    async def heal(self) -> None:
        """All nodes up with the town's settings, all lines good: where every test begins."""
        self.to_hub.heal()
        self.to_procuratorate.heal()
        for party in self._changed:
            await self.nodes[party].stop()
        await self.start(*(party for party in PARTIES if not self.nodes[party].is_running))

    def settings(self, party: Party.ValueType) -> Settings:
        """As the city makes them, but over the lines."""
        settings = self._city.settings(party)
        neighbours = dict(settings.neighbours)
        if party == POLICE:
            neighbours["hub"] = f"127.0.0.1:{self.to_hub.port}"
        if party == HUB:
            neighbours["procuratorate"] = f"127.0.0.1:{self.to_procuratorate.port}"
        return settings.model_copy(update={"neighbours": neighbours})

    def line_to(self, party: Party.ValueType) -> Line:
        """A line for clients of this node; it stands while the caller has entered it."""
        return Line(self._city.ports[party])

    def parts(self, party: Party.ValueType) -> Path:
        """The folder of this node's part store."""
        return self.settings(party).state_dir / "parts"

    async def police(self) -> Agency:
        """The police's case-handling system, over a connection of its own."""
        return await self._city.agency(POLICE, "case-handling")

    async def procuratorate(self) -> Agency:
        return await self._city.agency(PROCURATORATE, "prosecution")

    async def operations(self, party: Party.ValueType) -> OperationsServiceStub:
        """The operators of a node, over one connection for each of its lives."""
        if party not in self._operations:
            self._operations[party] = OperationsServiceStub(await self._city.channel(party, "operator"))
        return self._operations[party]

    async def seen(self, party: Party.ValueType, package_id: str) -> package_pb2.Package | None:
        """The package as this node shows it to its operators; None while the node does not know it."""
        stub = await self.operations(party)
        try:
            return (await stub.GetTransit(operations_pb.GetTransitRequest(package_id=package_id))).package
        except grpc.aio.AioRpcError as error:
            if error.code() == grpc.StatusCode.NOT_FOUND:
                return None
            raise

    async def moved(self, party: Party.ValueType, package_id: str, size_bytes: int) -> None:
        """Wait until this node has received or sent so many bytes of the package."""

        async def look() -> bool:
            package = await self.seen(party, package_id)
            return package is not None and package.progress.transferred_bytes >= size_bytes

        await eventually(look)

    async def state(
        self,
        party: Party.ValueType,
        package_id: str,
        state: package_pb2.DeliveryState.ValueType,
        *,
        bound_seconds: float = BOUND_SECONDS,
    ) -> package_pb2.Package:
        """Wait until the package is in this state at this node."""

        async def look() -> package_pb2.Package | None:
            package = await self.seen(party, package_id)
            return package if package is not None and package.state == state else None

        return await eventually(look, bound_seconds)

    async def packages(self, number: str) -> list[str]:
        """Ids of the packages that were sent under this case number."""
        query = "SELECT package_id FROM package JOIN draft USING (draft_id) WHERE case_number = :number"
        return [str(package_id) for (package_id,) in await self.rows(POLICE, query, number=number)]

    @asynccontextmanager
    async def ledger(self, party: Party.ValueType) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """The test's own connection to a node's database, to hold locks and to look."""
        url = make_url(self._databases[party]).set(drivername="postgresql")
        connection = await asyncpg.connect(url.render_as_string(hide_password=False))
        try:
            yield connection
        finally:
            await connection.close()

    async def rows(self, party: Party.ValueType, query: str, **values: object) -> list[tuple[object, ...]]:
        """What is in a node's database."""
        engine = create_async_engine(self._databases[party], poolclass=NullPool)
        try:
            async with engine.connect() as connection:
                return [tuple(row) for row in await connection.execute(text(query), values)]
        finally:
            await engine.dispose()
