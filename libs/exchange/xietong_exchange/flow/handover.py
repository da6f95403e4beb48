"""Handover: what a business system does with the packages of its party, and what its handler decides."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from google.protobuf.message import DecodeError

from xietong.casefile.v1.manifest_pb2 import Manifest, PartKind
from xietong.exchange.v1.draft_pb2 import Outcome
from xietong.exchange.v1.evidence_pb2 import Actor, EvidenceKind, Reason, StageTime, Statement
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction
from xietong_exchange.domain.chain_test import is_test
from xietong_exchange.domain.delivery import FINAL
from xietong_exchange.domain.envelope import INTERACTIVE_LIMIT_BYTES, SealedPackage
from xietong_exchange.domain.errors import (
    ContentsRemoved,
    GrantMissing,
    PackageNotFound,
    PartIncomplete,
    PartNotFound,
    StateConflict,
)
from xietong_exchange.domain.evidence import Event, says_the_same, stage
from xietong_exchange.flow.evidence import EvidenceDesk
from xietong_exchange.flow.exchange import Exchange, part_key, sealed
from xietong_exchange.flow.part_store import PartKey, PartMissing
from xietong_exchange.flow.records import EvidenceRecord, PackageFilter, PackagePage, PackageRecord

READ_BLOCK_BYTES = 1 << 20
MAX_PARSE_FAILURES = 20
"""Different failures to parse one package that become evidence: a parser in a loop must not fill all nodes."""
KNOWN_MANIFESTS = 16
"""Manifests whose catalogue is remembered while their parts are read; the largest takes about 1 MiB."""

_OUTCOMES = {
    "parsed": EvidenceKind.EVIDENCE_KIND_PARSED,
    "parse_failed": EvidenceKind.EVIDENCE_KIND_PARSE_FAILED,
    "accepted": EvidenceKind.EVIDENCE_KIND_ACCEPTED,
    "returned": EvidenceKind.EVIDENCE_KIND_RETURNED,
    "rejected": EvidenceKind.EVIDENCE_KIND_REJECTED,
}
_FINAL_KINDS = {
    EvidenceKind.EVIDENCE_KIND_ACCEPTED,
    EvidenceKind.EVIDENCE_KIND_RETURNED,
    EvidenceKind.EVIDENCE_KIND_REJECTED,
}


@dataclass(frozen=True, slots=True)
class Caller:
    """A business system or operator of this node's party. Operators see all and read no contents."""

    system: str
    is_operator: bool = False


class Handover:
    """Reads and decides packages at the node of the sender or receiver."""

    def __init__(self, exchange: Exchange, desk: EvidenceDesk) -> None:
        self._exchange = exchange
        self._desk = desk
        self._kinds: OrderedDict[PartKey, dict[int, PartKind.ValueType]] = OrderedDict()

    async def get(self, package_id: str) -> PackageRecord:
        """A package of this party. Raises PackageNotFound."""
        async with self._exchange.store.transaction() as tx:
            record = await tx.packages.get(package_id)
        if record is None or is_hidden(record):
            raise PackageNotFound(package_id=package_id)
        return record

    async def page(self, wanted: PackageFilter, *, before: int | None, limit: int) -> PackagePage:
        """A page of packages, the newest first."""
        async with self._exchange.store.transaction() as tx:
            return await tx.packages.page(wanted, before=before, limit=limit)

    async def read(
        self, package_id: str, number: int, offset: int, caller: Caller
    ) -> AsyncGenerator[bytes, None]:
        """The bytes of a part from an offset on, in blocks.

        Raises:
            PackageNotFound, PartNotFound, PartIncomplete, ContentsRemoved, GrantMissing.
            StateConflict: its sender has withdrawn it.
        """
        record = await self.get(package_id)
        _require_readable(record)
        package = sealed(record)
        part = package.part(number)
        if part is None:
            raise PartNotFound(package_id=package_id, part=number)
        if not record.complete:
            raise PartIncomplete(what=f"package {package_id}")
        _require_kept(record)
        try:
            await self._require_read(record, package, number, caller)
            blocks = self._exchange.parts.read(
                part_key(package, number), offset, block_bytes=READ_BLOCK_BYTES
            )
            async with aclosing(blocks):
                async for block in blocks:
                    if part.size_bytes > INTERACTIVE_LIMIT_BYTES:
                        await self._exchange.right_of_way.give_way()
                    yield block
        except PartMissing:
            _require_kept(await self.get(package_id))  # Its time may have come at this moment.
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
        """The kind of a part, which only the manifest tells; it is read once for the parts that are read after it."""
        key = part_key(package, 0)
        kinds = self._kinds.pop(key, None)
        if kinds is None:
            kinds = await self._read_kinds(key)
        self._kinds[key] = kinds
        if len(self._kinds) > KNOWN_MANIFESTS:
            self._kinds.popitem(last=False)
        return kinds.get(number, PartKind.PART_KIND_UNSPECIFIED)

    async def _read_kinds(self, manifest: PartKey) -> dict[int, PartKind.ValueType]:
        content = bytearray()
        async for block in self._exchange.parts.read(manifest):
            content += block  # Bounded by the limit on manifests.
        try:
            return {part.number: part.kind for part in reversed(Manifest.FromString(bytes(content)).parts)}
        except DecodeError:  # The sender's node did not check it; its system that parses it says so.
            return {}

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
            time = self._exchange.clock()
            retrieved = Event(
                kind=EvidenceKind.EVIDENCE_KIND_RETRIEVED,
                time=time,
                system=caller.system,
                stages=[stage("handover", now.state_time, time)],
            )
            await self._desk.state(tx, now, retrieved)
        self._desk.announce(record)

    async def report(self, package_id: str, outcome: Outcome, caller: Caller, actor: Actor) -> PackageRecord:
        """State how far the receiver is. The same outcome again changes nothing.

        Raises:
            GrantMissing, PackageNotFound, PartIncomplete, StateConflict.
        """
        self._exchange.profile.require(caller.system, "decide")
        async with self._exchange.store.transaction() as tx:
            record = await tx.packages.get(package_id, lock=True)
            if record is None or record.direction != Direction.DIRECTION_INCOMING or is_hidden(record):
                raise PackageNotFound(package_id=package_id)
            if not record.complete:
                raise PartIncomplete(what=f"package {package_id}")
            stated = await tx.packages.evidence(package_id)
            event = self._event(outcome, caller, actor, stated)
            if not self._is_known(stated, record, event):
                await self._desk.state(tx, record, event)
        self._desk.announce(record)
        return await self.get(package_id)

    def _is_known(self, rows: Sequence[EvidenceRecord], record: PackageRecord, event: Event) -> bool:
        """True when this was stated before. Raises StateConflict when the package has another outcome."""
        if event.kind == EvidenceKind.EVIDENCE_KIND_PARSE_FAILED and _failed_so_before(rows, event):
            return True
        stated = {row.kind for row in rows}
        same_case = event.receiver_case_number == record.receiver_case_number
        if event.kind in stated and event.kind != EvidenceKind.EVIDENCE_KIND_PARSE_FAILED:
            if event.kind == EvidenceKind.EVIDENCE_KIND_ACCEPTED and not same_case:
                raise _conflict(record)
            return True
        if record.state in FINAL:
            raise _conflict(record)
        return False

    def _event(
        self, outcome: Outcome, caller: Caller, actor: Actor, stated: Sequence[EvidenceRecord]
    ) -> Event:
        name = outcome.WhichOneof("outcome") or "parsed"
        said = getattr(outcome, name)
        reasons: Sequence[Reason] = getattr(said, "reasons", ())
        kind, time = _OUTCOMES[name], self._exchange.clock()
        return Event(
            kind=kind,
            time=time,
            actor=actor,
            system=caller.system,
            receiver_case_number=getattr(said, "receiver_case_number", ""),
            reasons=tuple(reasons),
            stages=_closed(kind, stated, time),
        )


def is_hidden(record: PackageRecord) -> bool:
    """Whether it is none of the business systems' affairs: relayed for others, or a test of the chain."""
    return record.direction == Direction.DIRECTION_TRANSIT or is_test(record.process_code)


def _failed_so_before(evidence: Sequence[EvidenceRecord], event: Event) -> bool:
    """Whether this failure to parse is on record. Raises StateConflict when there are too many others."""
    kind = EvidenceKind.EVIDENCE_KIND_PARSE_FAILED
    failures = [Statement.FromString(row.statement) for row in evidence if row.kind == kind]
    if any(says_the_same(failure, event) for failure in failures):
        return True
    if len(failures) >= MAX_PARSE_FAILURES:
        raise StateConflict(what=failures[0].package_id, state=f"PARSE_FAILED ×{len(failures)}")
    return False


def _closed(
    kind: EvidenceKind.ValueType, stated: Sequence[EvidenceRecord], time: datetime
) -> list[StageTime]:
    """The stages that this closes: `handover` when the systems have the package, `outcome` when it has one."""
    times = {row.kind: row.event_time for row in stated}
    delivered = times.get(EvidenceKind.EVIDENCE_KIND_DELIVERED, time)
    if kind == EvidenceKind.EVIDENCE_KIND_PARSED:
        is_open = EvidenceKind.EVIDENCE_KIND_RETRIEVED not in times
        return [stage("handover", delivered, time)] if is_open else []
    return [stage("outcome", delivered, time)] if kind in _FINAL_KINDS else []


def _require_readable(record: PackageRecord) -> None:
    """What its sender took back is no longer the receiver's; what the receiver itself rejected it may look up."""
    withdrawn = record.state == DeliveryState.DELIVERY_STATE_WITHDRAWN
    if withdrawn and record.direction == Direction.DIRECTION_INCOMING:
        raise _conflict(record)


def _require_kept(record: PackageRecord) -> None:
    if record.contents_removed_time is not None:
        removed = record.contents_removed_time.isoformat(timespec="seconds")
        raise ContentsRemoved(package_id=record.package_id, time=removed)


def _conflict(record: PackageRecord) -> StateConflict:
    state = DeliveryState.Name(record.state).removeprefix("DELIVERY_STATE_")
    return StateConflict(what=record.package_id, state=state)
