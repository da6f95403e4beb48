"""Handover: what a business system does with the packages of its party, and what its handler decides."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from xietong.casefile.v1.manifest_pb2 import Manifest, PartKind
from xietong.exchange.v1.draft_pb2 import Outcome
from xietong.exchange.v1.evidence_pb2 import Actor, EvidenceKind, Reason
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction
from xietong_exchange.domain.delivery import FINAL
from xietong_exchange.domain.envelope import SealedPackage
from xietong_exchange.domain.errors import (
    GrantMissing,
    PackageNotFound,
    PartIncomplete,
    PartNotFound,
    StateConflict,
)
from xietong_exchange.domain.evidence import Event
from xietong_exchange.flow.changes import INBOX
from xietong_exchange.flow.evidence import EvidenceDesk
from xietong_exchange.flow.exchange import Exchange, part_key, sealed
from xietong_exchange.flow.part_store import PartMissing
from xietong_exchange.flow.records import PackageFilter, PackageRecord
from xietong_exchange.flow.store import Packages

READ_BLOCK_BYTES = 1 << 20
INBOX_PAGE = 500
"""Waiting packages that are looked at in one query."""

_OUTCOMES = {
    "parsed": EvidenceKind.EVIDENCE_KIND_PARSED,
    "parse_failed": EvidenceKind.EVIDENCE_KIND_PARSE_FAILED,
    "accepted": EvidenceKind.EVIDENCE_KIND_ACCEPTED,
    "returned": EvidenceKind.EVIDENCE_KIND_RETURNED,
    "rejected": EvidenceKind.EVIDENCE_KIND_REJECTED,
}
_WAITING = tuple(
    state
    for state in DeliveryState.values()
    if state not in FINAL and state != DeliveryState.DELIVERY_STATE_UNSPECIFIED
)


@dataclass(frozen=True, slots=True)
class Caller:
    """A business system or operator of this node's party. Operators see all and read no contents."""

    system: str
    is_operator: bool = False


class Handover:
    """Reads, watches and decides packages at the node of the sender or receiver."""

    def __init__(self, exchange: Exchange, desk: EvidenceDesk) -> None:
        self._exchange = exchange
        self._desk = desk

    async def get(self, package_id: str) -> PackageRecord:
        """A package of this party. Raises PackageNotFound."""
        async with self._exchange.store.transaction() as tx:
            record = await tx.packages.get(package_id)
        if record is None or record.direction == Direction.DIRECTION_TRANSIT:
            raise PackageNotFound(package_id=package_id)
        return record

    async def watch(self, package_id: str) -> AsyncGenerator[PackageRecord, None]:
        """The package at once and after every change, until its state is final. Raises PackageNotFound."""
        with self._exchange.changes.subscribe(package_id) as news:
            seen: tuple[object, ...] | None = None
            while True:
                record = await self.get(package_id)
                if (look := self._look(record)) != seen:
                    seen = look
                    yield record
                if record.state in FINAL:
                    return
                await news.wait()

    def _look(self, record: PackageRecord) -> tuple[object, ...]:
        movement = self._exchange.progress.get(record.package_id)
        moved = movement.transferred_bytes if movement else None
        return record.state, record.state_time, record.reasons, record.complete, moved

    async def page(self, wanted: PackageFilter, *, before: int | None, limit: int) -> list[PackageRecord]:
        """A page of packages, the newest first."""
        async with self._exchange.store.transaction() as tx:
            return await tx.packages.page(wanted, before=before, limit=limit)

    async def inbox(self, caller: Caller, *, only_addressed: bool) -> AsyncGenerator[PackageRecord, None]:
        """Incoming packages without an outcome, at once and after every change. Never ends by itself."""
        seen: dict[str, tuple[object, ...]] = {}
        with self._exchange.changes.subscribe(INBOX) as news:
            while True:
                waiting = await self._waiting()
                ended = [package_id for package_id in seen if package_id not in waiting]
                for record in [*waiting.values(), *await self._again(ended)]:
                    if only_addressed and not _addressed(sealed(record), caller.system):
                        continue
                    if (look := self._look(record)) != seen.get(record.package_id):
                        seen[record.package_id] = look
                        yield record
                for package_id in ended:
                    del seen[package_id]
                await news.wait()

    async def _waiting(self) -> dict[str, PackageRecord]:
        wanted = PackageFilter(direction=Direction.DIRECTION_INCOMING, states=_WAITING)
        found: dict[str, PackageRecord] = {}
        before: int | None = None
        async with self._exchange.store.transaction() as tx:
            while page := await tx.packages.page(wanted, before=before, limit=INBOX_PAGE):
                found.update((record.package_id, record) for record in page)
                before = page[-1].position
        return dict(reversed(found.items()))

    async def _again(self, package_ids: Sequence[str]) -> list[PackageRecord]:
        if not package_ids:
            return []
        async with self._exchange.store.transaction() as tx:
            return await tx.packages.get_many(package_ids)

    async def read(
        self, package_id: str, number: int, offset: int, caller: Caller
    ) -> AsyncGenerator[bytes, None]:
        """The bytes of a part from an offset on, in blocks.

        Raises:
            PackageNotFound, PartNotFound, PartIncomplete, GrantMissing.
        """
        record = await self.get(package_id)
        package = sealed(record)
        part = package.part(number)
        if part is None:
            raise PartNotFound(package_id=package_id, part=number)
        if not record.complete:
            raise PartIncomplete(what=f"package {package_id}")
        await self._require_read(record, package, number, caller)
        try:
            blocks = self._exchange.parts.read(
                part_key(package, number), offset, block_bytes=READ_BLOCK_BYTES
            )
            async with aclosing(blocks):
                async for block in blocks:
                    yield block
        except PartMissing:
            raise PartNotFound(package_id=package_id, part=number) from None
        if offset < part.size_bytes or not part.size_bytes:
            await self._note_read(record, package, number, caller)

    async def _require_read(
        self, record: PackageRecord, package: SealedPackage, number: int, caller: Caller
    ) -> None:
        """Systems read received parts by grant; those of the sender read what their party sent."""
        if caller.is_operator:
            raise GrantMissing(system="operator", grant="read")
        if record.direction == Direction.DIRECTION_OUTGOING:
            self._exchange.profile.require(caller.system, "contribute", "submit", "read")
            return
        self._exchange.profile.require(caller.system, "read")
        kinds = self._exchange.profile.system(caller.system).reads
        if number and kinds is not None and await self._kind(package, number) not in kinds:
            raise GrantMissing(system=caller.system, grant=f"read part {number}")

    async def _kind(self, package: SealedPackage, number: int) -> PartKind.ValueType:
        """The kind of a part, which only the manifest tells."""
        content = bytearray()
        async for block in self._exchange.parts.read(part_key(package, 0)):
            content += block  # Bounded by the limit on manifests.
        try:
            manifest = Manifest.FromString(bytes(content))
        except DecodeError:  # The sender's node did not check it; its system that parses it says so.
            return PartKind.PART_KIND_UNSPECIFIED
        return next(
            (part.kind for part in manifest.parts if part.number == number), PartKind.PART_KIND_UNSPECIFIED
        )

    async def _note_read(
        self, record: PackageRecord, package: SealedPackage, number: int, caller: Caller
    ) -> None:
        """When the last part of a received package was read, it is RETRIEVED."""
        if record.direction != Direction.DIRECTION_INCOMING:
            return
        async with self._exchange.store.transaction() as tx:
            now = await tx.packages.get(record.package_id, lock=True)
            parts_read = await tx.packages.add_read(record.package_id, number)
            if now is None or parts_read < len(package.envelope.parts):
                return
            if now.state != DeliveryState.DELIVERY_STATE_DELIVERED:
                return
            retrieved = Event(
                kind=EvidenceKind.EVIDENCE_KIND_RETRIEVED, time=self._exchange.clock(), system=caller.system
            )
            await self._desk.state(tx, now, retrieved)
        self._desk.announce(record)

    async def report(self, package_id: str, outcome: Outcome, caller: Caller, actor: Actor) -> PackageRecord:
        """State how far the receiver is. The same outcome again changes nothing.

        Raises:
            GrantMissing, PackageNotFound, PartIncomplete, StateConflict.
        """
        self._exchange.profile.require(caller.system, "decide")
        event = self._event(outcome, caller, actor)
        async with self._exchange.store.transaction() as tx:
            record = await tx.packages.get(package_id, lock=True)
            if record is None or record.direction != Direction.DIRECTION_INCOMING:
                raise PackageNotFound(package_id=package_id)
            if not record.complete:
                raise PartIncomplete(what=f"package {package_id}")
            if not await self._is_known(tx.packages, record, event):
                await self._desk.state(tx, record, event)
        self._desk.announce(record)
        return await self.get(package_id)

    async def _is_known(self, packages: Packages, record: PackageRecord, event: Event) -> bool:
        """True when this was stated before. Raises StateConflict when the package has another outcome."""
        stated = {row.kind for row in await packages.evidence(record.package_id)}
        same_case = event.receiver_case_number == record.receiver_case_number
        if event.kind in stated and event.kind != EvidenceKind.EVIDENCE_KIND_PARSE_FAILED:
            if event.kind == EvidenceKind.EVIDENCE_KIND_ACCEPTED and not same_case:
                raise _conflict(record)
            return True
        if record.state in FINAL:
            raise _conflict(record)
        return False

    def _event(self, outcome: Outcome, caller: Caller, actor: Actor) -> Event:
        name = outcome.WhichOneof("outcome") or "parsed"
        said = getattr(outcome, name)
        reasons: Sequence[Reason] = getattr(said, "reasons", ())
        return Event(
            kind=_OUTCOMES[name],
            time=self._exchange.clock(),
            actor=actor,
            system=caller.system,
            receiver_case_number=getattr(said, "receiver_case_number", ""),
            reasons=tuple(reasons),
        )


def _conflict(record: PackageRecord) -> StateConflict:
    state = DeliveryState.Name(record.state).removeprefix("DELIVERY_STATE_")
    return StateConflict(what=record.package_id, state=state)


def _addressed(package: SealedPackage, system: str) -> bool:
    return package.envelope.receiver.system in {"", system}
