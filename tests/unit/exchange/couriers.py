"""A courier with a neighbour that answers as it was told, for tests of what becomes of each try."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from tests.unit.exchange.nodes import LONG_SECONDS, MemoryStore, evidence_row, new_exchange, until
from tests.unit.exchange.packages import NOW, PACKAGE_ID, new_envelope, sealed_package, signature_of

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.evidence_pb2 import Evidence, EvidenceKind
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction
from xietong.exchange.v1.transfer_service_pb2 import EvidenceResult
from xietong_exchange.adapters.rpc.status import from_status, to_status
from xietong_exchange.domain.envelope import SealedPackage
from xietong_exchange.domain.errors import (
    EvidenceInvalid,
    Failure,
    NodeUnreachable,
    PackageNotFound,
    XietongError,
)
from xietong_exchange.domain.evidence import Event, make_statement
from xietong_exchange.domain.retry import RetryPolicy
from xietong_exchange.flow.courier import Courier
from xietong_exchange.flow.dispatch import Dispatcher
from xietong_exchange.flow.evidence import EvidenceDesk
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.intake import new_record
from xietong_exchange.flow.neighbours import Contact, Neighbours

POLICY = RetryPolicy(first_delay_seconds=1.0, longest_delay_seconds=8.0, give_up_after=timedelta(hours=72))
NOT_THERE = PackageNotFound(package_id=PACKAGE_ID)
WRONG = EvidenceInvalid(why="test")
PACKAGE = sealed_package(new_envelope())
Answer = Sequence[XietongError | None] | Failure


def result_of(error: XietongError | None) -> EvidenceResult:
    return EvidenceResult(error=to_status(error, incident="") if error else None)


@dataclass
class Hub:
    """A neighbour that answers as it was told, the last answer for ever."""

    answers: list[Answer]
    evidence: list[list[Evidence]] = field(default_factory=list)
    packages: list[str] = field(default_factory=list)
    away: list[NodeUnreachable] = field(default_factory=list)
    """What the first connections fail with."""
    reachable: bool = True
    connected: int = 0
    on_connect: Callable[[], None] = lambda: None

    def _next(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    async def deliver_evidence(
        self, party: Party.ValueType, evidence: Sequence[Evidence]
    ) -> Sequence[EvidenceResult]:
        await asyncio.sleep(0)
        self.evidence.append(list(evidence))
        answer = self._next()
        if isinstance(answer, Exception):
            raise answer
        return [result_of(error) for error in answer]

    def contact(self, party: Party.ValueType) -> Contact:
        return Contact(reachable=self.reachable)

    async def connect(self, party: Party.ValueType, lane: Lane.ValueType) -> None:
        await asyncio.sleep(0)
        self.connected += 1
        self.on_connect()
        if self.away:
            raise self.away.pop(0)

    async def send(
        self,
        package: SealedPackage,
        peer: Party.ValueType,
        lane: Lane.ValueType,
        queued: datetime,
        moved: Callable[[], None],
        *,
        passed: Evidence | None = None,
    ) -> Evidence:
        """Stands for the dispatcher, which moves a package to this neighbour."""
        await asyncio.sleep(0)
        self.packages.append(package.package_id)
        answer = self._next()
        if isinstance(answer, Exception):
            raise answer
        return acceptance(package)


def acceptance(package: SealedPackage) -> Evidence:
    """The hub's evidence that it holds the package."""
    relayed = Event(kind=EvidenceKind.EVIDENCE_KIND_RELAYED, time=NOW)
    statement = make_statement(package, relayed, evidence_id=PACKAGE_ID, stated_by=Party.PARTY_HUB)
    return Evidence(statement=statement.SerializeToString(), signature=signature_of(Party.PARTY_HUB))


def store_with(evidence: int) -> MemoryStore:
    """A sender's node that holds a package and so many pieces of evidence about it."""
    store = MemoryStore()
    record = new_record(
        PACKAGE,
        direction=Direction.DIRECTION_OUTGOING,
        state=DeliveryState.DELIVERY_STATE_SUBMITTED,
        complete=True,
        now=NOW,
    )
    store.packages.records[PACKAGE_ID] = record
    store.packages.stated += [evidence_row(number, PACKAGE_ID) for number in range(1, evidence + 1)]
    return store


async def enqueue(store: MemoryStore, evidence: int) -> None:
    for number in range(1, evidence + 1):
        await store.outbox.enqueue(Party.PARTY_HUB, Lane.LANE_EVIDENCE, PACKAGE_ID, f"evidence-{number}")


@asynccontextmanager
async def courier(store: MemoryStore, hub: Hub, lane: Lane.ValueType) -> AsyncIterator[Exchange]:
    exchange = new_exchange(Party.PARTY_POLICE, store)
    serving = Courier(
        exchange=exchange,
        desk=EvidenceDesk(exchange),
        neighbours=cast("Neighbours", hub),
        dispatcher=cast("Dispatcher", hub),
        policy=POLICY,
        error_of=from_status,
        owner="test",
        peer=Party.PARTY_HUB,
        lane=lane,
    )
    task = asyncio.create_task(serving.run())
    try:
        yield exchange
    finally:
        task.cancel()
        async with asyncio.timeout(LONG_SECONDS):
            with contextlib.suppress(asyncio.CancelledError):
                await task


def given_up(store: MemoryStore) -> list[tuple[int, str, str]]:
    """The events that dead letters left: each names delivery, package and reason."""
    assert all(
        (done.operation, done.caller, done.time) == ("give_up_delivery", "police/exchange", NOW)
        for done in store.operations.log
    )
    return [(done.delivery_id, done.package_id, done.reason) for done in store.operations.log]


async def log_of(
    store: MemoryStore, hub: Hub, lane: Lane.ValueType, tries: int
) -> list[tuple[str, int, str]]:
    """What became of the first tries."""
    async with courier(store, hub, lane):
        await until(lambda: len(store.outbox.log) >= tries)
    return store.outbox.log[:tries]
