"""The port to the node's metadata: transactions over packages, evidence, the outbox and drafts.

A stage does all that belongs together in one transaction; nothing holds a transaction while bytes move. Lease and due
times come from the database's clock, because several processes share one outbox.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from xietong.exchange.v1.draft_pb2 import DraftKey, DraftState
from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong_exchange.domain.errors import Failure
from xietong_exchange.flow.contacts import Contacts
from xietong_exchange.flow.deadlines import Deadlines
from xietong_exchange.flow.incidents import Incidents
from xietong_exchange.flow.maintenances import Maintenances
from xietong_exchange.flow.operation_log import OperationLog
from xietong_exchange.flow.passages import Passages
from xietong_exchange.flow.problems import Problems
from xietong_exchange.flow.records import (
    ContributionRecord,
    DeliveryRecord,
    DeliveryStatus,
    DraftRecord,
    DraftSight,
    EvidenceRecord,
    PackageChange,
    PackageFilter,
    PackagePage,
    PackageRecord,
    Sight,
)
from xietong_exchange.flow.search import Search
from xietong_exchange.flow.standard_changes import StandardChanges
from xietong_exchange.flow.statistics import Statistics

PAGE_BYTES = 2 << 20
"""Bytes of envelopes at which a page ends: with its last one, at most 1 MiB, it still fits into one message of gRPC,
4 MiB by default."""

NewLease = tuple[str, float]
"""Who takes a lease, and for how many seconds."""


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """How a package goes into the outbox, see `Outbox.enqueue`."""

    destination: Party.ValueType
    lane: Lane.ValueType
    offered: bool
    lease: NewLease | None


@dataclass(frozen=True, slots=True)
class Added:
    """What was inserted with a package."""

    delivery: DeliveryRecord | None
    changed_in: int = 0
    """The transaction that changed the package, where it was inserted."""


class Packages(Protocol):
    """Packages and their evidence."""

    async def add(self, record: PackageRecord) -> bool:
        """Insert; False when a package with this id is there already (nothing is changed then)."""

    async def add_stated(
        self, record: PackageRecord, evidence: Sequence[EvidenceRecord], delivery: NewDelivery | None
    ) -> Added | None:
        """Insert a package with its first evidence and its delivery; None, and no change, when its id is known."""

    async def get(self, package_id: str, *, lock: bool = False) -> PackageRecord | None:
        """The package; with `lock` its row is locked until the transaction ends."""

    async def get_many(self, package_ids: Sequence[str]) -> list[PackageRecord]:
        """The packages that exist among these, in no order."""

    async def advance(self, package_id: str, change: PackageChange) -> None:
        """Set the state, and what else the change gives."""

    async def look(self, package_id: str, since: Sight | None) -> Sight | None:
        """What a watcher sees of a package, and whether anything changed since it looked last."""

    async def page(
        self, wanted: PackageFilter, *, before: int | None = None, after: int | None = None, limit: int
    ) -> PackagePage:
        """The newest first or, with `after`, the oldest first; both are the `position` of the last one of the page
        before. A page ends early when its envelopes come to `PAGE_BYTES`.
        """

    async def horizon(self) -> int:
        """Where a look at all changes begins that must miss none of those that are not visible yet."""

    async def incoming_changes(self, since: int, *, after: PackageRecord | None, limit: int) -> PackagePage:
        """Incoming packages that changed since a `horizon`, the longest unchanged first; `after` is the last one of the
        page before. Two looks may find the same change; none is missed by both.
        """

    async def of_draft(self, draft_id: str) -> list[PackageRecord]:
        """The packages that were made of a draft, in the order of their recording."""

    async def latest_of_case(self, party: Party.ValueType, case_number: str) -> PackageRecord | None:
        """The latest package whose envelope bears this party's case number."""

    async def add_evidence(self, record: EvidenceRecord, change: PackageChange | None = None) -> bool:
        """Append, and with it change the package; False when it is there already (nothing is changed then)."""

    async def take(
        self,
        record: PackageRecord,
        evidence: EvidenceRecord,
        change: PackageChange,
        *,
        settles: Lease | None,
        delivery: NewDelivery | None,
    ) -> Added | None:
        """The same, the end of a delivery and a new one; None, and no change, when it is not as `record` was read."""

    async def evidence(self, package_id: str) -> list[EvidenceRecord]:
        """All evidence of a package in the order in which it was taken."""

    async def evidence_by_id(self, evidence_ids: Sequence[str]) -> dict[str, EvidenceRecord]:
        """The evidence that exists among these, by its id."""

    async def evidence_of(self, package_ids: Sequence[str]) -> dict[str, list[EvidenceRecord]]:
        """The same of many packages, by package id."""

    async def add_read(self, package_id: str, number: int) -> int:
        """Note that a part was read to its end; returns how many different parts were."""


Lease = tuple[int, int]
"""A delivery, and the token with which a worker holds it."""


class Outbox(Protocol):
    """Deliveries to neighbours."""

    async def enqueue(
        self,
        destination: Party.ValueType,
        lane: Lane.ValueType,
        package_id: str,
        evidence_id: str = "",
        *,
        offered: bool = False,
        lease: NewLease | None = None,
    ) -> DeliveryRecord | None:
        """Put a package, or a piece of evidence about it, into the queue; with `lease` as if it was claimed at once.
        Returns the delivery; None when it is in the outbox already: then nothing is changed.

        offered: the neighbour knows of the package already, because it went on while it arrived here.
        """

    async def claim(
        self,
        destination: Party.ValueType,
        lane: Lane.ValueType,
        *,
        owner: str,
        lease_seconds: float,
        limit: int,
    ) -> list[DeliveryRecord]:
        """Take a lease on due deliveries, the longest due first."""

    async def renew(self, delivery_id: int, token: int, *, lease_seconds: float, progressed: bool) -> bool:
        """Lengthen a lease; with `progressed` note that bytes moved. False when the lease was lost."""

    async def offer(self, delivery_id: int, token: int) -> bool:
        """Mark that the package is offered to the neighbour from now on. False when the lease was lost, or the delivery
        was dropped: then it must not be offered.
        """

    async def finish(self, leases: Sequence[Lease]) -> int:
        """The other side has these. Returns how many; whose lease was lost is left as it is."""

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
        """Free the lease and try again later; with `reset_budget` this attempt counts as the first.

        never_offered: the package was marked as offered too early, the neighbour does not know of it.
        """

    async def bury(self, delivery_id: int, token: int, error: Failure) -> bool:
        """Give up: a dead letter, visible and replayable."""

    async def get(self, delivery_id: int) -> DeliveryRecord | None:
        """The delivery with this number."""

    async def replay(self, delivery_id: int) -> DeliveryRecord | None:
        """Make a dead or waiting delivery due at once. None when there is no such delivery."""

    async def drop(self, package_id: str) -> bool:
        """Remove the delivery of the package itself if the neighbour surely has not got it: it was never offered, or
        the neighbour refused it for good. False otherwise. A worker that is about to offer it then loses its lease.
        """

    async def of_package(self, package_id: str) -> DeliveryRecord | None:
        """The delivery that moves this package, if it is in the outbox."""

    async def of_packages(self, package_ids: Sequence[str]) -> dict[str, DeliveryRecord]:
        """The deliveries that move these packages, by package id."""

    async def all_of_package(self, package_id: str, *, limit: int) -> list[DeliveryRecord]:
        """The deliveries of this package and of evidence about it, the oldest first."""

    async def page(self, status: DeliveryStatus | None, *, after: int, limit: int) -> list[DeliveryRecord]:
        """The oldest first; `after` is the `delivery_id` of the last one of the page before."""

    async def count(self, status: DeliveryStatus) -> int:
        """How many deliveries are in this status."""


class Drafts(Protocol):
    """Drafts and their contributions."""

    async def open(self, key: DraftKey, draft_id: str, now: datetime) -> DraftRecord:
        """The open draft with this key; a new one with `draft_id` when there is none. Its row is locked."""

    async def get(self, key: DraftKey, *, lock: bool = False) -> DraftRecord | None:
        """The open draft with this key, otherwise the latest submitted one."""

    async def latest_submitted(self, key: DraftKey) -> DraftRecord | None:
        """The latest draft with this key that became packages."""

    async def by_id(self, draft_id: str) -> DraftRecord | None:
        """The draft with this identifier."""

    async def set_header(self, draft_id: str, header: bytes) -> None:
        """Set the serialised header."""

    async def set_state(self, draft_id: str, state: DraftState.ValueType) -> None:
        """Set the state."""

    async def put_contribution(self, draft_id: str, contribution: ContributionRecord) -> bool:
        """Add, or replace the one of the same system and name in its place. False when an equal one is there."""

    async def contributions(self, draft_id: str) -> list[ContributionRecord]:
        """In the order of first arrival."""

    async def hold(self, draft_id: str, digests: Collection[bytes]) -> None:
        """Note contents that a draft needs as long as it is open. Whoever fills a draft so also keeps it alive."""

    async def discard_abandoned(self, *, untouched_for: timedelta, limit: int) -> list[DraftRecord]:
        """Discard open drafts that nobody has opened, filled or uploaded to for so long; returns them."""

    async def sight(self, key: DraftKey, request_id: str) -> DraftSight:
        """What there is for a submit with this key and request id, at one moment."""

    async def submit(self, draft: DraftRecord, request_id: str) -> str | None:
        """Close an open draft and bind a request id, as `remember_request`; None when it is not as it was read."""

    async def remember_request(self, request_id: str, draft_id: str) -> str:
        """Bind a request id to a draft; returns the draft to which it is bound (another one: a conflict)."""


class Contents(Protocol):
    """Which contents packages and drafts need: all others are removed from the part store after a grace period."""

    async def needed(self, owner: Party.ValueType, digests: Collection[bytes], *, is_own: bool) -> set[bytes]:
        """Those of these contents of a sender that a package needs or, if he `is_own`, an open draft."""

    async def release(
        self, states: Collection[DeliveryState.ValueType], *, untouched_for: timedelta, limit: int
    ) -> list[PackageRecord]:
        """Mark packages in these states, which nothing has changed for so long, as having no contents any more.

        Each of them then has to be given to `let_go`, in the same transaction.
        """

    async def release_unfinished(
        self,
        *,
        untouched_for: timedelta,
        limit: int,
        states: Collection[DeliveryState.ValueType] | None = None,
    ) -> list[PackageRecord]:
        """The same of packages that were never received in whole, nor offered again for so long; in all states, or in
        these.
        """

    async def let_go(self, package_id: str, owner: Party.ValueType, digests: Collection[bytes]) -> None:
        """This package no longer needs these contents."""

    async def hold(self, package_id: str, owner: Party.ValueType, digests: Collection[bytes]) -> None:
        """This package, which is on record, is on its way again and needs these contents."""

    async def kept_bytes(self) -> dict[Party.ValueType, int]:
        """Sums of the sizes of received packages whose contents are kept, by sender. Reads an index from end to end."""


class WhenOver(Protocol):
    """What is done when a transaction is over."""

    def __call__(self, *, is_committed: bool) -> None:
        """It is over."""


class Transaction(Protocol):
    """One transaction: commits when its context ends well, rolls back otherwise.

    Each statement sees what is committed when it begins (READ COMMITTED). Reads alone cost one round trip each: what
    must not change meanwhile has to be locked.
    """

    @property
    def packages(self) -> Packages:
        """Packages and their evidence."""

    @property
    def search(self) -> Search:
        """Finds packages."""

    @property
    def statistics(self) -> Statistics:
        """Counts packages."""

    @property
    def outbox(self) -> Outbox:
        """Deliveries to neighbours."""

    @property
    def drafts(self) -> Drafts:
        """Drafts and their contributions."""

    @property
    def contents(self) -> Contents:
        """Which contents are needed."""

    @property
    def operations(self) -> OperationLog:
        """Who did what that makes no evidence."""

    @property
    def contacts(self) -> Contacts:
        """What operators changed of the directory."""

    @property
    def maintenances(self) -> Maintenances:
        """What this node announced of maintenance."""

    @property
    def problems(self) -> Problems:
        """Reports of problems with packages."""

    @property
    def standard_changes(self) -> StandardChanges:
        """Changes of the data standard; only the hub keeps some."""

    @property
    def incidents(self) -> Incidents:
        """Incidents, and the packages under watch."""

    @property
    def deadlines(self) -> Deadlines:
        """Deadlines of all cases; only the hub keeps some."""

    @property
    def passages(self) -> Passages:
        """What recently arrived, and what waits."""

    async def now(self) -> datetime:
        """The database's clock."""

    def when_over(self, act: WhenOver) -> None:
        """Have this done when the transaction is over; it is told whether that was committed."""


class Store(Protocol):
    """The node's database."""

    def transaction(self, *, single: bool = False) -> AbstractAsyncContextManager[Transaction]:
        """Begin a transaction. Raises DatabaseUnavailable when the database does not answer.

        single: it makes one change alone, which is committed when its call returns; nothing may be locked in it.
        """

    async def server_version(self) -> str:
        """Version of the database server."""

    async def schema_version(self) -> str:
        """Version of the schema in the database."""
