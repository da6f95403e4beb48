"""Housekeeping: contents go when their time has come, rows and evidence stay.

The database says what is needed, the part store what is there. What is there, not needed, and unused for the grace
period goes, however it came about: retention, discarded drafts, abandoned transfers, a kill at the wrong moment. A part
that an offer, a draft or an upload found within that period stays, so that whoever found it has time to record that it
is needed. A round is bounded; the next one goes on where it ended.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby

from google.protobuf.message import DecodeError

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction
from xietong_exchange.domain.delivery import FINAL
from xietong_exchange.domain.errors import XietongError
from xietong_exchange.domain.party import party_by_name, party_name
from xietong_exchange.flow.changes import INBOX
from xietong_exchange.flow.exchange import Exchange, sealed
from xietong_exchange.flow.part_store import PartKey
from xietong_exchange.flow.records import OperationRecord, PackageRecord
from xietong_exchange.flow.store import Transaction

log = logging.getLogger(__name__)

BATCH_PACKAGES = 20
"""Packages that are released in one transaction: their envelopes take 1 MiB each at most."""
BATCH_DRAFTS = 100
BATCH_PARTS = 500
"""Parts that the database is asked about at a time."""
ROUND_BATCHES = 20

_UNDECIDED = frozenset(
    {
        DeliveryState.DELIVERY_STATE_DELIVERED,
        DeliveryState.DELIVERY_STATE_RETRIEVED,
        DeliveryState.DELIVERY_STATE_PARSED,
    }
)

Release = Callable[[Transaction], Awaitable[Sequence[PackageRecord]]]


@dataclass(slots=True)
class Housekeeping:
    """Removes what a node no longer needs."""

    exchange: Exchange
    round_seconds: float
    _last: PartKey | None = None

    async def run(self) -> None:
        """A round now and then, until cancelled."""
        while True:
            await asyncio.sleep(self.round_seconds)
            try:
                await self.round()
            except XietongError as error:
                log.warning("housekeeping goes on later: %s", error.reason_name())

    async def round(self) -> None:
        """Everything that is due, up to the bounds."""
        for states, age in (
            (FINAL, self.exchange.retention.outcome),
            (_UNDECIDED, self.exchange.retention.undecided),
        ):
            if age is not None:
                await self._release(partial(_release, states=states, untouched_for=age))
        await self._release(partial(_release_unfinished, untouched_for=self.exchange.retention.unfinished))
        await self._release(_release_withdrawn)
        await self._discard_drafts()
        await self._collect()
        await self.exchange.parts.sweep_partials(self.exchange.retention.unfinished.total_seconds())

    async def _release(self, release: Release) -> None:
        for _ in range(ROUND_BATCHES):
            async with self.exchange.store.transaction() as tx:
                released = await release(tx)
                for record in released:
                    await tx.contents.let_go(record.package_id, record.sender, _digests(record))
            for record in released:
                if record.complete and record.direction != Direction.DIRECTION_OUTGOING:
                    self.exchange.space.let_go(record.sender, record.size_bytes)
                self.exchange.changes.announce(record.package_id, INBOX)
                if record.state == DeliveryState.DELIVERY_STATE_WITHDRAWN and not record.complete:
                    await drop_partials(self.exchange, record.sender, _digests(record))
            if len(released) < BATCH_PACKAGES:
                return

    async def _discard_drafts(self) -> None:
        if self.exchange.retention.draft is None:
            return
        async with self.exchange.store.transaction() as tx:
            drafts = await tx.drafts.discard_abandoned(
                untouched_for=self.exchange.retention.draft, limit=BATCH_DRAFTS
            )
            for draft in drafts:
                done = OperationRecord(
                    operation="discard_draft",
                    caller=f"{party_name(self.exchange.party)}/exchange",
                    draft_id=draft.draft_id,
                    time=self.exchange.clock(),
                )
                await tx.operations.append(done)

    async def _collect(self) -> None:
        removed = 0
        for _ in range(ROUND_BATCHES):
            # Before the question what is needed: what is found or written from now on stays in any case.
            unused_since = self.exchange.clock() - self.exchange.retention.grace
            keys = await self.exchange.parts.complete(self._last, BATCH_PARTS)
            for owner, group in groupby(keys, key=lambda key: key.owner):
                removed += await self._collect_of(owner, list(group), unused_since)
            self._last = keys[-1] if len(keys) == BATCH_PARTS else None
            if self._last is None:
                break
        if removed:
            log.info("%d parts that nothing needs any more were removed", removed)

    async def _collect_of(self, owner: str, keys: Sequence[PartKey], unused_since: datetime) -> int:
        party = party_by_name(owner)
        if party is None:  # Not written by this node; whoever put it there may remove it.
            return 0
        async with self.exchange.store.transaction() as tx:
            digests = [key.digest for key in keys]
            needed = await tx.contents.needed(party, digests, is_own=party == self.exchange.party)
        unneeded = [key for key in keys if key.digest not in needed]
        return len(await self.exchange.parts.collect(unneeded, unused_since)) if unneeded else 0


async def drop_partials(exchange: Exchange, sender: Party.ValueType, digests: Sequence[bytes]) -> None:
    """Remove what had arrived of a package that was withdrawn meanwhile, unless another one needs it.

    Who ends its reception does so, and who lets go of its contents: the last of the two finds nobody in the way.
    """
    async with exchange.store.transaction() as tx:
        needed = await tx.contents.needed(sender, digests, is_own=sender == exchange.party)
    owner = party_name(sender)
    await exchange.parts.drop_partials([PartKey(owner, digest) for digest in digests if digest not in needed])


def _digests(record: PackageRecord) -> Sequence[bytes]:
    try:
        return sealed(record).digests
    except DecodeError:
        log.warning("package %s can't be read, its contents stay: see its envelope", record.package_id)
        return ()


async def _release(
    tx: Transaction, *, states: frozenset[DeliveryState.ValueType], untouched_for: timedelta
) -> Sequence[PackageRecord]:
    return await tx.contents.release(states, untouched_for=untouched_for, limit=BATCH_PACKAGES)


async def _release_withdrawn(tx: Transaction) -> Sequence[PackageRecord]:
    """Those that were withdrawn while they arrived: nothing more of them comes."""
    return await tx.contents.release_unfinished(
        untouched_for=timedelta(0), limit=BATCH_PACKAGES, states={DeliveryState.DELIVERY_STATE_WITHDRAWN}
    )


async def _release_unfinished(tx: Transaction, *, untouched_for: timedelta) -> Sequence[PackageRecord]:
    return await tx.contents.release_unfinished(untouched_for=untouched_for, limit=BATCH_PACKAGES)
