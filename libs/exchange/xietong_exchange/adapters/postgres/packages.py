"""Packages and their evidence in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    and_,
    func,
    literal,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction
from xietong_exchange.adapters.postgres.tables import (
    delivery,
    evidence,
    package,
    package_case_number,
    package_read,
)
from xietong_exchange.flow.records import EvidenceRecord, Glance, PackageFilter, PackagePage, PackageRecord
from xietong_exchange.flow.store import PAGE_BYTES

_BYTES = func.octet_length(package.c.envelope) + func.octet_length(package.c.reasons)
# Written out, not as a parameter: a prepared statement's generic plan could not use the partial index otherwise.
_INCOMING = package.c.direction == literal_column(str(int(Direction.DIRECTION_INCOMING)))
_OLDEST_RUNNING = literal_column("pg_snapshot_xmin(pg_current_snapshot())::text::bigint", BigInteger)
# Rows of a database that was restored into another server bear numbers that this one has not come to yet.
_NEXT = literal_column("pg_snapshot_xmax(pg_current_snapshot())::text::bigint", BigInteger)
_DELIVERY_CHANGED_IN = literal_column("delivery.xmin::text::bigint", BigInteger)


class PostgresPackages:
    """The port `flow.store.Packages` on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, record: PackageRecord) -> bool:
        statement = (
            insert(package).values(_values(record)).on_conflict_do_nothing().returning(package.c.position)
        )
        position = (await self._connection.execute(statement)).scalar_one_or_none()
        if position is None:
            return False
        rows = [
            {"package_id": record.package_id, "party": int(party), "number": number, "position": position}
            for party, number in dict.fromkeys(record.case_numbers)
        ]
        if rows:
            await self._connection.execute(insert(package_case_number), rows)
        return True

    async def get(self, package_id: str, *, lock: bool = False) -> PackageRecord | None:
        statement = select(package).where(package.c.package_id == package_id)
        if lock:  # without FOR KEY SHARE, which others need to add evidence or a delivery of this package
            statement = statement.with_for_update(key_share=True)
        row = (await self._connection.execute(statement)).one_or_none()
        return _package(row) if row else None

    async def get_many(self, package_ids: Sequence[str]) -> list[PackageRecord]:
        rows = await self._connection.execute(select(package).where(package.c.package_id.in_(package_ids)))
        return [_package(row) for row in rows]

    async def complete(self, package_id: str) -> None:
        statement = update(package).where(package.c.package_id == package_id).values(complete=True)
        await self._connection.execute(statement)

    async def advance(
        self,
        package_id: str,
        state: DeliveryState.ValueType,
        state_time: datetime,
        *,
        reasons: bytes | None = None,
        receiver_case_number: str | None = None,
    ) -> None:
        changes: dict[str, Any] = {"state": int(state), "state_time": state_time}
        if reasons is not None:
            changes["reasons"] = reasons
        if receiver_case_number is not None:
            changes["receiver_case_number"] = receiver_case_number
        await self._connection.execute(
            update(package).where(package.c.package_id == package_id).values(changes)
        )

    async def glance(self, package_id: str) -> Glance | None:
        is_moved_by = and_(delivery.c.package_id == package.c.package_id, delivery.c.evidence_id.is_(None))
        latest = select(func.max(evidence.c.position)).where(evidence.c.package_id == package_id)
        statement = (
            select(
                package.c.changed_in,
                _DELIVERY_CHANGED_IN.label("moved"),
                latest.scalar_subquery().label("last"),
            )
            .select_from(package.outerjoin(delivery, is_moved_by))
            .where(package.c.package_id == package_id)
        )
        row = (await self._connection.execute(statement)).one_or_none()
        return (
            Glance(package=row.changed_in, delivery=row.moved or 0, evidence=row.last or 0) if row else None
        )

    async def page(
        self, wanted: PackageFilter, *, before: int | None = None, after: int | None = None, limit: int
    ) -> PackagePage:
        position = package.c.position
        order = position.desc() if after is None else position
        return await self._page([order], limit, *_conditions(wanted, before, after))

    async def _page(
        self, order: Sequence[ColumnElement[Any]], limit: int, *conditions: ColumnElement[bool]
    ) -> PackagePage:
        """The windows run along the index in this order, so that nothing beyond the page is read."""
        bytes_before = func.sum(_BYTES).over(order_by=order, rows=(None, -1))
        listing = (
            select(
                package,
                func.row_number().over(order_by=order).label("row"),
                func.coalesce(bytes_before, 0).label("bytes_before"),
                func.lead(package.c.position).over(order_by=order).is_not(None).label("more"),
            )
            .where(*conditions)
            .order_by(*order)
            .limit(limit)
            .subquery()
        )
        statement = select(listing).where(listing.c.bytes_before < PAGE_BYTES).order_by(listing.c.row)
        rows = (await self._connection.execute(statement)).all()
        return PackagePage(records=[_package(row) for row in rows], more=bool(rows) and rows[-1].more)

    async def horizon(self) -> int:
        # What this very statement cannot see yet is written by a transaction that is not older than this one.
        return int((await self._connection.execute(select(_OLDEST_RUNNING))).scalar_one())

    async def incoming_changes(self, since: int, *, after: PackageRecord | None, limit: int) -> PackagePage:
        changed, position = package.c.changed_in, package.c.position
        conditions = [_INCOMING, changed >= since, changed < _NEXT]
        if after is not None:
            last = tuple_(literal(after.changed_in), literal(after.position))
            conditions.append(tuple_(changed, position) > last)
        return await self._page([changed, position], limit, *conditions)

    async def of_draft(self, draft_id: str) -> list[PackageRecord]:
        statement = select(package).where(package.c.draft_id == draft_id).order_by(package.c.position)
        return [_package(row) for row in await self._connection.execute(statement)]

    async def latest_of_case(self, party: Party.ValueType, case_number: str) -> PackageRecord | None:
        numbers = package_case_number.c
        statement = (
            select(package)
            .join(package_case_number, numbers.package_id == package.c.package_id)
            .where(numbers.party == int(party), numbers.number == case_number)
            .order_by(numbers.position.desc())
            .limit(1)
        )
        row = (await self._connection.execute(statement)).one_or_none()
        return _package(row) if row else None

    async def add_evidence(self, record: EvidenceRecord) -> bool:
        values = {
            "evidence_id": record.evidence_id,
            "package_id": record.package_id,
            "kind": int(record.kind),
            "stated_by": int(record.stated_by),
            "event_time": record.event_time,
            "statement": record.statement,
            "signature": record.signature,
        }
        statement = insert(evidence).values(values).on_conflict_do_nothing().returning(evidence.c.position)
        return (await self._connection.execute(statement)).scalar_one_or_none() is not None

    async def evidence(self, package_id: str) -> list[EvidenceRecord]:
        statement = select(evidence).where(evidence.c.package_id == package_id).order_by(evidence.c.position)
        return [_evidence(row) for row in await self._connection.execute(statement)]

    async def evidence_by_id(self, evidence_ids: Sequence[str]) -> dict[str, EvidenceRecord]:
        rows = await self._connection.execute(
            select(evidence).where(evidence.c.evidence_id.in_(evidence_ids))
        )
        return {row.evidence_id: _evidence(row) for row in rows}

    async def evidence_of(self, package_ids: Sequence[str]) -> dict[str, list[EvidenceRecord]]:
        statement = (
            select(evidence).where(evidence.c.package_id.in_(package_ids)).order_by(evidence.c.position)
        )
        found: dict[str, list[EvidenceRecord]] = {}
        for row in await self._connection.execute(statement):
            found.setdefault(row.package_id, []).append(_evidence(row))
        return found

    async def add_read(self, package_id: str, number: int) -> int:
        values = {"package_id": package_id, "number": number}
        await self._connection.execute(insert(package_read).values(values).on_conflict_do_nothing())
        count = select(func.count()).where(package_read.c.package_id == package_id)
        return int((await self._connection.execute(count)).scalar_one())


def _conditions(
    wanted: PackageFilter, before: int | None, after: int | None
) -> Iterator[ColumnElement[bool]]:
    if wanted.direction:
        yield package.c.direction == int(wanted.direction)
    if wanted.states:
        yield package.c.state.in_([int(state) for state in wanted.states])
    if wanted.process_code:
        yield package.c.process_code == wanted.process_code
    if wanted.collaboration_case_id:
        yield package.c.collaboration_case_id == wanted.collaboration_case_id
    if before is not None:
        yield package.c.position < before
    if after is not None:
        yield package.c.position > after


def _values(record: PackageRecord) -> dict[str, Any]:
    return {
        "package_id": record.package_id,
        "seal": record.seal,
        "envelope": record.envelope,
        "signature": record.signature,
        "direction": int(record.direction),
        "state": int(record.state),
        "state_time": record.state_time,
        "complete": record.complete,
        "size_bytes": record.size_bytes,
        "process_code": record.process_code,
        "sender": int(record.sender),
        "receiver": int(record.receiver),
        "collaboration_case_id": record.collaboration_case_id,
        "correlation_id": record.correlation_id or None,
        "corrects_package_id": record.corrects_package_id or None,
        "draft_id": record.draft_id or None,
        "receiver_case_number": record.receiver_case_number,
        "reasons": record.reasons,
        "create_time": record.create_time,
    }


def _package(row: Row[Any]) -> PackageRecord:
    return PackageRecord(
        package_id=row.package_id,
        seal=row.seal,
        envelope=row.envelope,
        signature=row.signature,
        direction=Direction.ValueType(row.direction),
        state=DeliveryState.ValueType(row.state),
        state_time=row.state_time,
        complete=row.complete,
        size_bytes=row.size_bytes,
        process_code=row.process_code,
        sender=Party.ValueType(row.sender),
        receiver=Party.ValueType(row.receiver),
        collaboration_case_id=row.collaboration_case_id,
        correlation_id=row.correlation_id or "",
        corrects_package_id=row.corrects_package_id or "",
        draft_id=row.draft_id or "",
        receiver_case_number=row.receiver_case_number,
        reasons=row.reasons,
        create_time=row.create_time,
        position=row.position,
        changed_in=row.changed_in,
    )


def _evidence(row: Row[Any]) -> EvidenceRecord:
    return EvidenceRecord(
        evidence_id=row.evidence_id,
        package_id=row.package_id,
        kind=row.kind,
        stated_by=row.stated_by,
        event_time=row.event_time,
        statement=row.statement,
        signature=row.signature,
    )
