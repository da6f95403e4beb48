"""A node in memory: its rows, its parts and a notary that believes names, for tests of the stages without I/O.

The rows hold what these tests touch and no more; the whole port is tested against PostgreSQL.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any, cast

from tests.unit.exchange.contents import MemoryContents
from tests.unit.exchange.packages import NOW, signature_of

from xietong.exchange.v1.envelope_pb2 import Lane, Party, Signature
from xietong.exchange.v1.evidence_pb2 import EvidenceKind
from xietong_exchange.domain.errors import Failure, SignatureInvalid
from xietong_exchange.domain.limits import Limits
from xietong_exchange.domain.profile import Profile, SystemProfile
from xietong_exchange.domain.retention import Retention
from xietong_exchange.domain.routes import Routes
from xietong_exchange.flow.changes import Changes
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.places import Places
from xietong_exchange.flow.progress import ProgressBoard
from xietong_exchange.flow.records import (
    DeliveryRecord,
    EvidenceRecord,
    OperationRecord,
    PackageChange,
    PackageFilter,
    PackageRecord,
)
from xietong_exchange.flow.rulebook import Rulebook
from xietong_exchange.flow.space import Space
from xietong_exchange.flow.store import Added, Lease, NewDelivery, NewLease, Store, WhenOver
from xietong_exchange.testing.memory_parts import DEFAULT_CAPACITY_BYTES, MemoryPartStore
from xietong_standard import load_edition

LONG_SECONDS = 10.0
"""Bound on every wait of a test; what is waited for takes milliseconds."""


async def until(is_so: Callable[[], bool]) -> None:
    """Let the others run until the condition holds."""
    async with asyncio.timeout(LONG_SECONDS):
        while not is_so():
            await asyncio.sleep(0)


@dataclass(frozen=True)
class NamedNotary:
    """Signs with a party's name and believes every name: signatures have tests of their own."""

    party: Party.ValueType

    def sign(self, subject: str, content: bytes) -> Signature:
        return signature_of(self.party)

    def verify(
        self, subject: str, content: bytes, signature: Signature, *, signed_at: datetime | None = None
    ) -> Party.ValueType:
        if signature.value != b"signed":
            raise SignatureInvalid(what=subject, why="test")
        return Party.ValueType(signature.certificate[0])


@dataclass
class MemoryPackages:
    records: dict[str, PackageRecord] = field(default_factory=dict)
    stated: list[EvidenceRecord] = field(default_factory=list)
    looks: int = 0
    """Questions for evidence by its id."""
    read: set[tuple[str, int]] = field(default_factory=set)
    outbox: MemoryOutbox = field(init=False)
    needs: dict[str, set[bytes]] = field(default_factory=dict)
    """Contents by the package that needs them."""

    async def add(self, record: PackageRecord) -> bool:
        is_new = self.records.setdefault(record.package_id, record) is record
        if is_new:
            self.needs[record.package_id] = set(record.contents)
        return is_new

    async def add_stated(
        self, record: PackageRecord, evidence: Sequence[EvidenceRecord], delivery: NewDelivery | None
    ) -> Added | None:
        if not await self.add(record):
            return None
        self.stated.extend(evidence)
        if delivery is None:
            return Added(None)
        added = await self.outbox.enqueue(
            delivery.destination,
            delivery.lane,
            record.package_id,
            offered=delivery.offered,
            lease=delivery.lease,
        )
        return Added(added)

    async def get(self, package_id: str, *, lock: bool = False) -> PackageRecord | None:
        return self.records.get(package_id)

    async def page(self, wanted: PackageFilter, *, before: int | None, limit: int) -> list[PackageRecord]:
        """All in one page, the newest first."""
        shown = [one for one in self.records.values() if before is None and one.state in wanted.states]
        return shown[::-1]

    async def advance(self, package_id: str, change: PackageChange) -> None:
        record = self.records[package_id]
        kept = record.reasons if change.reasons is None else change.reasons
        complete = record.complete if change.complete is None else change.complete
        self.records[package_id] = replace(record, state=change.state, reasons=kept, complete=complete)

    async def of_draft(self, draft_id: str) -> list[PackageRecord]:
        return [record for record in self.records.values() if record.draft_id == draft_id]

    async def latest_of_case(self, party: Party.ValueType, case_number: str) -> PackageRecord | None:
        return next((one for one in self.records.values() if (party, case_number) in one.case_numbers), None)

    async def add_evidence(self, record: EvidenceRecord, change: PackageChange | None = None) -> bool:
        self.stated.append(record)
        if change is not None:
            await self.advance(record.package_id, change)
        return True

    async def take(
        self,
        record: PackageRecord,
        evidence: EvidenceRecord,
        change: PackageChange,
        *,
        settles: Lease | None,
        delivery: NewDelivery | None,
    ) -> Added | None:
        if evidence in self.stated:
            return None
        await self.add_evidence(evidence, change)
        if settles is not None:
            await self.outbox.finish([settles])
        if delivery is None:
            return Added(None)
        hop, lane, lease = delivery.destination, delivery.lane, delivery.lease
        return Added(
            await self.outbox.enqueue(hop, lane, evidence.package_id, evidence.evidence_id, lease=lease)
        )

    async def evidence(self, package_id: str) -> list[EvidenceRecord]:
        return [record for record in self.stated if record.package_id == package_id]

    async def evidence_by_id(self, evidence_ids: Sequence[str]) -> dict[str, EvidenceRecord]:
        self.looks += 1
        return {one.evidence_id: one for one in self.stated if one.evidence_id in evidence_ids}

    async def add_read(self, package_id: str, number: int) -> int:
        self.read.add((package_id, number))
        return sum(1 for one, _ in self.read if one == package_id)


@dataclass
class MemoryOutbox:
    """Deliveries, and a log of what became of each try. A delivery that is postponed is due at once."""

    deliveries: dict[int, DeliveryRecord] = field(default_factory=dict)
    log: list[tuple[str, int, str]] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    finishes: int = 0
    """Calls that finished deliveries, however many."""
    claims: int = 0
    time: datetime = NOW

    async def enqueue(
        self,
        destination: Party.ValueType,
        lane: Lane.ValueType,
        package_id: str,
        evidence_id: str = "",
        *,
        offered: bool = False,
        lease: NewLease | None = None,
    ) -> DeliveryRecord:
        number = len(self.deliveries) + 1
        claims = 0 if lease is None else 1
        self.deliveries[number] = DeliveryRecord(
            delivery_id=number,
            destination=destination,
            lane=lane,
            package_id=package_id,
            evidence_id=evidence_id,
            status="pending",
            attempts=claims,
            token=claims,
            leased=lease is not None,
            offered=offered,
            create_time=NOW,
            due_time=NOW,
            progress_time=NOW,
            last_reason="",
            last_text_zh="",
            last_text_en="",
        )
        return self.deliveries[number]

    async def claim(
        self,
        destination: Party.ValueType,
        lane: Lane.ValueType,
        *,
        owner: str,
        lease_seconds: float,
        limit: int,
    ) -> list[DeliveryRecord]:
        self.claims += 1
        due = [
            replace(one, leased=True, attempts=one.attempts + 1, token=one.token + 1)
            for one in self.deliveries.values()
            if (one.destination, one.lane, one.status, one.leased) == (destination, lane, "pending", False)
        ][:limit]
        self.deliveries.update((one.delivery_id, one) for one in due)
        return due

    async def of_package(self, package_id: str) -> DeliveryRecord | None:
        moving = (
            one for one in self.deliveries.values() if (one.package_id, one.evidence_id) == (package_id, "")
        )
        return next(moving, None)

    async def renew(self, delivery_id: int, token: int, *, lease_seconds: float, progressed: bool) -> bool:
        return self.deliveries[delivery_id].token == token

    async def offer(self, delivery_id: int, token: int) -> bool:
        delivery = self.deliveries.get(delivery_id)
        if delivery is None or (delivery.token, delivery.leased) != (token, True):
            return False
        self.deliveries[delivery_id] = replace(delivery, offered=True)
        return True

    async def finish(self, leases: Sequence[Lease]) -> int:
        self.finishes += 1
        return sum([self._note("finished", *lease, "", status="done") for lease in leases])

    async def postpone(
        self,
        delivery_id: int,
        token: int,
        error: Failure,
        *,
        delay_seconds: float,
        reset_budget: bool,
        never_offered: bool = False,
    ) -> bool:
        if never_offered:
            self.deliveries[delivery_id] = replace(self.deliveries[delivery_id], offered=False)
        self.delays.append(delay_seconds)
        fresh: dict[str, Any] = {"attempts": 1, "progress_time": self.time} if reset_budget else {}
        return self._note(
            "postponed", delivery_id, token, error.reason_name(), last_reason=error.reason_name(), **fresh
        )

    async def bury(self, delivery_id: int, token: int, error: Failure) -> bool:
        return self._note("buried", delivery_id, token, error.reason_name(), status="dead")

    def _note(self, what: str, delivery_id: int, token: int, reason: str, **more: Any) -> bool:
        delivery = self.deliveries[delivery_id]
        if (delivery.token, delivery.leased) != (token, True):
            return False
        self.deliveries[delivery_id] = replace(delivery, leased=False, **more)
        self.log.append((what, delivery_id, reason))
        return True


@dataclass
class MemoryOperations:
    """What was done that somebody answers for."""

    log: list[OperationRecord] = field(default_factory=list)

    async def append(self, record: OperationRecord) -> None:
        self.log.append(record)


@dataclass
class MemoryStore:
    """Packages and outbox of one node; what a transaction does is there at once."""

    packages: MemoryPackages = field(default_factory=MemoryPackages)
    outbox: MemoryOutbox = field(default_factory=MemoryOutbox)
    operations: MemoryOperations = field(default_factory=MemoryOperations)
    acts: list[WhenOver] = field(default_factory=list)
    left_alone: timedelta = timedelta.max
    """How long ago any package changed."""

    def __post_init__(self) -> None:
        self.packages.outbox = self.outbox

    @property
    def contents(self) -> MemoryContents:
        return MemoryContents(self.packages, self.left_alone)

    @asynccontextmanager
    async def transaction(self, *, single: bool = False) -> AsyncIterator[MemoryStore]:
        await asyncio.sleep(0)  # others run meanwhile, as with a database
        tx, is_committed = replace(self, acts=[]), False
        try:
            yield tx
            is_committed = True
        finally:
            for act in tx.acts:
                act(is_committed=is_committed)

    def when_over(self, act: WhenOver) -> None:
        self.acts.append(act)

    async def now(self) -> datetime:
        return self.outbox.time


@cache
def rulebook() -> Rulebook:
    return Rulebook([load_edition("2026.1")])


def new_exchange(
    party: Party.ValueType,
    store: MemoryStore,
    *,
    limits: Limits | None = None,
    systems: Mapping[str, SystemProfile] = MappingProxyType({}),
    capacity_bytes: int = DEFAULT_CAPACITY_BYTES,
    reserve_bytes: int = 0,
) -> Exchange:
    """A branch node, whose only neighbour is the hub."""
    counter = itertools.count(1)
    parts = MemoryPartStore(capacity_bytes=capacity_bytes)
    changes = Changes()
    return Exchange(
        profile=Profile(party=party, title_zh="测试节点", title_en="Test node", systems=systems),
        routes=Routes(party, {other: Party.PARTY_HUB for other in Party.values() if other not in {0, party}}),
        store=cast("Store", store),
        parts=parts,
        space=Space(parts, reserve_bytes),
        notary=NamedNotary(party),
        rules=rulebook(),
        changes=changes,
        places=Places(changes),
        progress=ProgressBoard(),
        limits=limits or Limits(),
        retention=Retention(),
        clock=lambda: NOW,
        entropy=lambda count: next(counter).to_bytes(count, "big"),
    )


def evidence_row(number: int, package_id: str) -> EvidenceRecord:
    """A piece of evidence whose contents nobody looks at."""
    return EvidenceRecord(
        evidence_id=f"evidence-{number}",
        package_id=package_id,
        kind=EvidenceKind.EVIDENCE_KIND_RETRIEVED,
        stated_by=Party.PARTY_POLICE,
        event_time=NOW,
        statement=b"statement %d" % number,
        signature=signature_of(Party.PARTY_POLICE).SerializeToString(),
    )
