"""Watching: packages as they change, one of them or all that wait in the inbox.

Who watches costs what changes, not what is there: a look reads only what is new since the look before.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import AbstractContextManager, aclosing, nullcontext

from xietong.exchange.v1.package_pb2 import DeliveryState, Direction, Package
from xietong_exchange.domain.delivery import FINAL
from xietong_exchange.domain.envelope import INTERACTIVE_LIMIT_BYTES
from xietong_exchange.domain.errors import PackageNotFound
from xietong_exchange.flow.changes import INBOX
from xietong_exchange.flow.evidence import to_evidence
from xietong_exchange.flow.exchange import Exchange, sealed, signed_envelope
from xietong_exchange.flow.handover import Caller, is_hidden
from xietong_exchange.flow.records import PackageFilter, PackagePage, PackageRecord, Proof, Sight
from xietong_exchange.flow.store import Store
from xietong_exchange.flow.views import Views

INBOX_PAGE = 100
"""Packages of the inbox that are in memory at once; a page also ends at `store.PAGE_BYTES`."""

WAITING = (
    DeliveryState.DELIVERY_STATE_DELIVERED,
    DeliveryState.DELIVERY_STATE_RETRIEVED,
    DeliveryState.DELIVERY_STATE_PARSED,
    DeliveryState.DELIVERY_STATE_SUBMITTED,
    DeliveryState.DELIVERY_STATE_RELAYED,
)
"""States without an outcome; those in which there is something to do come first. What was announced and given up on
its way does not wait; replayed, it is announced again."""


class Watching:
    """Streams packages of this party to its systems."""

    def __init__(self, exchange: Exchange, views: Views) -> None:
        self._exchange = exchange
        self._views = views

    async def package(self, package_id: str) -> AsyncGenerator[Package, None]:
        """The package at once and after every change, until its state is final.

        The first answer has envelope and evidence, later ones all evidence when there is more of it.

        Raises:
            PackageNotFound: this party neither sends nor receives it.
        """
        with self._exchange.changes.subscribe(package_id) as news:
            sight, record = await self._look(package_id, None, None)
            shown = Package()
            while True:
                view = self._views.view(record, sight.delivery)
                if sight.evidence or view != shown:
                    yield _answer(view, record, sight.evidence, is_first=not shown.package_id)
                    shown = view
                if record.state in FINAL:
                    return
                await news.wait()
                sight, record = await self._look(package_id, sight, record)

    async def _look(
        self, package_id: str, before: Sight | None, known: PackageRecord | None
    ) -> tuple[Sight, PackageRecord]:
        """What changed since the look before, and the package as it is now."""
        with self._claim(known):
            async with self._exchange.store.transaction() as tx:
                sight = await tx.packages.look(package_id, before)
            record = (sight.record or known) if sight is not None else None
            if sight is None or record is None or is_hidden(record):
                raise PackageNotFound(package_id=package_id)
            return sight, record

    def _claim(self, known: PackageRecord | None) -> AbstractContextManager[None]:
        """What is small goes first to its end; who watches a large package must not hold up its own bytes."""
        is_small = known is not None and known.size_bytes <= INTERACTIVE_LIMIT_BYTES
        return self._exchange.right_of_way.taken() if is_small else nullcontext()

    async def inbox(self, caller: Caller, *, only_addressed: bool) -> AsyncGenerator[Package, None]:
        """Incoming packages without an outcome, at once and after every change. Never ends by itself."""
        async with aclosing(self._inbox_pages()) as pages:
            async for page in pages:
                wanted = [r for r in page if not is_hidden(r)]
                records = [r for r in wanted if not only_addressed or _is_addressed(r, caller.system)]
                for view in await self._views.packages(records, with_evidence=True):
                    yield view

    async def _inbox_pages(self) -> AsyncGenerator[list[PackageRecord], None]:
        changes, moved = _IncomingChanges(self._exchange.store), self._exchange.progress.incoming()
        with self._exchange.changes.subscribe(INBOX) as news:
            async with aclosing(changes.begin()) as pages:
                async for page in pages:
                    yield page
            while True:
                await news.wait()
                async with aclosing(changes.look()) as pages:
                    async for page in pages:
                        yield page
                before, moved = moved, self._exchange.progress.incoming()
                yield await self._many([one for one, at in moved.items() if before.get(one) != at])

    async def _many(self, package_ids: list[str]) -> list[PackageRecord]:
        """The packages whose bytes moved: few, as few move at once."""
        if not package_ids:
            return []
        async with self._exchange.store.transaction() as tx:
            return await tx.packages.get_many(package_ids)


class _IncomingChanges:
    """What waits, then what changes, page by page, each change once. No transaction is held between two pages.

    It remembers only what the next look may find again: changes that are younger than the oldest transaction under way.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._since = 0
        self._told: dict[str, int] = {}

    async def begin(self) -> AsyncGenerator[list[PackageRecord], None]:
        """The packages that wait, by state, the oldest first."""
        async with self._store.transaction() as tx:
            self._since = await tx.packages.horizon()
        for state in WAITING:
            wanted = PackageFilter(direction=Direction.DIRECTION_INCOMING, states=(state,))
            page, after = PackagePage(records=[], more=True), 0
            while page.more:
                async with self._store.transaction() as tx:
                    page = await tx.packages.page(wanted, after=after, limit=INBOX_PAGE)
                if page.records:
                    after = page.records[-1].position
                    yield self._untold(page.records)

    async def look(self) -> AsyncGenerator[list[PackageRecord], None]:
        """The packages that changed since the last look."""
        async with self._store.transaction() as tx:
            since, self._since = self._since, await tx.packages.horizon()
            page = await tx.packages.incoming_changes(since, after=None, limit=INBOX_PAGE)
        yield self._untold(page.records)
        while page.more:
            async with self._store.transaction() as tx:
                page = await tx.packages.incoming_changes(since, after=page.records[-1], limit=INBOX_PAGE)
            yield self._untold(page.records)
        self._told = {one: change for one, change in self._told.items() if change >= self._since}

    def _untold(self, records: Iterable[PackageRecord]) -> list[PackageRecord]:
        untold = [record for record in records if self._told.get(record.package_id) != record.changed_in]
        self._told.update((r.package_id, r.changed_in) for r in untold if r.changed_in >= self._since)
        return untold


def _answer(view: Package, record: PackageRecord, evidence: Sequence[Proof], *, is_first: bool) -> Package:
    answer = Package(evidence=[to_evidence(piece) for piece in evidence])
    answer.MergeFrom(view)
    if is_first:
        answer.envelope.CopyFrom(signed_envelope(record))
    return answer


def _is_addressed(record: PackageRecord, system: str) -> bool:
    return sealed(record).envelope.receiver.system in {"", system}
