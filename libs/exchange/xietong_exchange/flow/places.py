"""Places of the couriers: what is recorded while its courier has a free place goes to it at once, without the outbox.

It is recorded under the courier's lease and marked as offered in the transaction in which it arises. That saves the
courier two transactions, to claim and to mark it, before it leaves; if this process ends, the lease is nobody's.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong_exchange.flow.changes import Changes, queue
from xietong_exchange.flow.records import DeliveryRecord, EvidenceRecord, PackageRecord
from xietong_exchange.flow.store import NewDelivery, NewLease, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A delivery that goes to its courier at once, with what it delivers."""

    delivery: DeliveryRecord
    package: PackageRecord
    evidence: EvidenceRecord | None
    """What it delivers, or what goes along with the package."""
    is_first_offer: bool
    """The neighbour does not know of it yet, though it is marked as offered."""


@dataclass(slots=True)
class Posting:
    """A delivery on its way into the outbox."""

    new: NewDelivery
    package: PackageRecord
    evidence: EvidenceRecord | None
    is_first_offer: bool
    recorded: DeliveryRecord | None = None
    """Set by who has recorded it."""

    def handed(self) -> Handed | None:
        """What goes to the courier; None when nothing was recorded."""
        if self.recorded is None:
            return None
        return Handed(
            delivery=self.recorded,
            package=self.package,
            evidence=self.evidence,
            is_first_offer=self.is_first_offer,
        )


class Server(Protocol):
    """A courier, as those see it that have something for it."""

    def reserve(self) -> NewLease | None:
        """Keep a place free, and give the lease for it; None when there is none, or when others wait for it."""

    def take_up(self, handed: Handed) -> None:
        """Fill the place that was kept free."""

    def release(self) -> None:
        """It is not needed after all."""


class Places:
    """The couriers of this process, by the queue of the outbox that they serve."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._servers: dict[Hashable, Server] = {}

    @contextmanager
    def served_by(self, served: Hashable, server: Server) -> Iterator[None]:
        """While the courier serves this queue."""
        self._servers[served] = server
        try:
            yield
        finally:
            del self._servers[served]

    async def hand_on(
        self,
        tx: Transaction,
        hop: Party.ValueType,
        lane: Lane.ValueType,
        package: PackageRecord,
        evidence: EvidenceRecord | None = None,
        *,
        offered: bool = False,
    ) -> None:
        """Put a package, or evidence about it, into the outbox; after the commit its courier has it or learns of it.

        evidence: with a package, what goes along with it.
        offered: the neighbour knows of the package already, because it went on while it arrived here.
        """
        posting = self.posting(tx, hop, lane, package, evidence, offered=offered)
        posting.recorded = await tx.outbox.enqueue(
            hop,
            lane,
            package.package_id,
            evidence.evidence_id if evidence is not None and lane == Lane.LANE_EVIDENCE else "",
            offered=posting.new.offered,
            lease=posting.new.lease,
        )

    def posting(
        self,
        tx: Transaction,
        hop: Party.ValueType,
        lane: Lane.ValueType,
        package: PackageRecord,
        evidence: EvidenceRecord | None = None,
        *,
        offered: bool = False,
    ) -> Posting:
        """The same for who puts it into the outbox himself."""
        server = self._servers.get(queue(hop, lane))
        lease = server.reserve() if server is not None else None
        is_package = lane != Lane.LANE_EVIDENCE
        new = NewDelivery(hop, lane, offered or (lease is not None and is_package), lease)
        posting = Posting(new, package, evidence, is_first_offer=not offered)

        def over(*, is_committed: bool) -> None:
            if server is None or lease is None:
                self._changes.announce(queue(hop, lane))
            elif (handed := posting.handed()) and is_committed:
                server.take_up(handed)
            else:
                server.release()

        tx.when_over(over)
        return posting
