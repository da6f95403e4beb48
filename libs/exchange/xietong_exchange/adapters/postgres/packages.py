"""Packages and their evidence in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from asyncpg import Record
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    SmallInteger,
    and_,
    any_,
    bindparam,
    func,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.package_pb2 import Direction
from xietong_exchange.adapters.postgres.adding import (
    ADD,
    ADD_STATED,
    delivery_values,
    evidence_values,
    given_columns,
    package_values,
)
from xietong_exchange.adapters.postgres.looking import DELIVERY, LOOK, PACKAGE, proofs
from xietong_exchange.adapters.postgres.outbox import to_delivery
from xietong_exchange.adapters.postgres.statement import (
    Connection,
    Row,
    Statement,
    Under,
    array,
    given,
    texts,
)
from xietong_exchange.adapters.postgres.tables import (
    evidence,
    package,
    package_case_number,
    package_read,
)
from xietong_exchange.adapters.postgres.taking import (
    CHANGES,
    TAKE,
    change_values,
    lease_values,
    piece_values,
)
from xietong_exchange.domain.chain_test import TEST_PROCESS
from xietong_exchange.flow.records import (
    EvidenceRecord,
    PackageChange,
    PackageFilter,
    PackagePage,
    PackageRecord,
    Sight,
)
from xietong_exchange.flow.store import PAGE_BYTES, Added, Lease, NewDelivery

_BYTES = func.octet_length(package.c.envelope) + func.octet_length(package.c.reasons)
# Written out, not as a parameter: a prepared statement's generic plan could not use the partial index otherwise.
_INCOMING = package.c.direction == literal_column(str(int(Direction.DIRECTION_INCOMING)))
_OLDEST_RUNNING = literal_column("pg_snapshot_xmin(pg_current_snapshot())::text::bigint", BigInteger)
# Rows of a database that was restored into another server bear numbers that this one has not come to yet.
_NEXT = literal_column("pg_snapshot_xmax(pg_current_snapshot())::text::bigint", BigInteger)
_THIS = package.c.package_id == bindparam("package_id")
_ID = package.c.package_id.type


def _add_evidence(*, with_change: bool) -> Statement:
    """The evidence, and the change of its package only if the evidence is new; its package, when it is new."""
    columns = given_columns(evidence)
    added = (
        insert(evidence)
        .values(given(*columns))
        .on_conflict_do_nothing()
        .returning(evidence.c.package_id)
        .cte("added")
    )
    answer = select(added.c.package_id)
    if with_change:
        changing = update(package).where(package.c.package_id == added.c.package_id).values(CHANGES)
        answer = answer.add_cte(changing.cte("changed"))
    return Statement(answer)


@cache
def _page(order: str, conditions: frozenset[str]) -> Statement:
    """One statement for each combination of order and conditions.

    The windows run along the index in this order, so that nothing beyond the page is read.
    """
    by = _ORDERS[order]
    bytes_before = func.sum(_BYTES).over(order_by=by, rows=(None, -1))
    listing = (
        select(
            package,
            func.row_number().over(order_by=by).label("row"),
            func.coalesce(bytes_before, 0).label("bytes_before"),
            func.lead(package.c.position).over(order_by=by).is_not(None).label("more"),
        )
        .where(*(_CONDITIONS[name] for name in sorted(conditions)))
        .order_by(*by)
        .limit(bindparam("limit"))
        .subquery()
    )
    return Statement(select(listing).where(listing.c.bytes_before < PAGE_BYTES).order_by(listing.c.row))


_GET = Statement(select(package).where(_THIS))
# Without FOR KEY SHARE, which others need to add evidence or a delivery of this package.
_LOCK = Statement(select(package).where(_THIS).with_for_update(key_share=True))
_GET_MANY = Statement(select(package).where(package.c.package_id == any_(array("package_ids", _ID))))
_ADVANCE = Statement(
    update(package).where(package.c.package_id == bindparam("changed", type_=_ID)).values(CHANGES)
)
_OF_DRAFT = Statement(
    select(package).where(package.c.draft_id == bindparam("draft_id")).order_by(package.c.position)
)
_LATEST_OF_CASE = Statement(
    select(package)
    .join(package_case_number, package_case_number.c.package_id == package.c.package_id)
    .where(
        package_case_number.c.party == bindparam("party"),
        package_case_number.c.number == bindparam("number"),
    )
    .order_by(package_case_number.c.position.desc())
    .limit(1)
)
_ADD_EVIDENCE = {with_change: _add_evidence(with_change=with_change) for with_change in (False, True)}
_EVIDENCE = Statement(
    select(evidence).where(evidence.c.package_id == bindparam("package_id")).order_by(evidence.c.position)
)
_EVIDENCE_OF = Statement(
    select(evidence)
    .where(evidence.c.package_id == any_(array("package_ids", _ID)))
    .order_by(evidence.c.position)
)
_EVIDENCE_BY_ID = Statement(
    select(evidence).where(evidence.c.evidence_id == any_(array("evidence_ids", _ID)))
)
_ADD_READ = Statement(insert(package_read).values(given("package_id", "number")).on_conflict_do_nothing())
_COUNT_READ = Statement(select(func.count()).where(package_read.c.package_id == bindparam("package_id")))

# What this very statement cannot see yet is written by a transaction that is not older than this one.
_HORIZON = Statement(select(_OLDEST_RUNNING))

_ORDERS: dict[str, Sequence[ColumnElement[Any]]] = {
    "newest": (package.c.position.desc(),),
    "oldest": (package.c.position,),
    "changed": (package.c.changed_in, package.c.position),
}
_CONDITIONS: dict[str, ColumnElement[bool]] = {
    "direction": package.c.direction == bindparam("direction"),
    "states": package.c.state == any_(array("states", SmallInteger())),
    "process_code": package.c.process_code == bindparam("process_code"),
    "collaboration_case_id": package.c.collaboration_case_id == bindparam("collaboration_case_id"),
    "for_systems": package.c.process_code != literal_column(f"'{TEST_PROCESS}'"),
    "positions": package.c.position == any_(array("positions", BigInteger())),
    "before": package.c.position < bindparam("before"),
    "after": package.c.position > bindparam("after"),
    "since": and_(_INCOMING, package.c.changed_in >= bindparam("since"), package.c.changed_in < _NEXT),
    "after_change": tuple_(package.c.changed_in, package.c.position)
    > tuple_(bindparam("after_change", type_=BigInteger), bindparam("after_position", type_=BigInteger)),
}


class PostgresPackages:
    """The port `flow.store.Packages` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, record: PackageRecord) -> bool:
        return await self._connection.row(ADD, **package_values(record)) is not None

    async def add_stated(
        self, record: PackageRecord, evidence: Sequence[EvidenceRecord], delivery: NewDelivery | None
    ) -> Added | None:
        values = package_values(record) | evidence_values(evidence) | delivery_values(delivery)
        row = await self._connection.row(ADD_STATED, **values)
        if row is None:
            return None
        return Added(to_delivery(row) if delivery is not None else None, row["changed_in"])

    async def get(self, package_id: str, *, lock: bool = False) -> PackageRecord | None:
        row = await self._connection.row(_LOCK if lock else _GET, package_id=package_id)
        return to_package(row) if row else None

    async def get_many(self, package_ids: Sequence[str]) -> list[PackageRecord]:
        rows = await self._connection.rows(_GET_MANY, package_ids=texts(package_ids))
        return [to_package(row) for row in rows]

    async def advance(self, package_id: str, change: PackageChange) -> None:
        await self._connection.run(_ADVANCE, changed=package_id, **change_values(change))

    async def look(self, package_id: str, since: Sight | None) -> Sight | None:
        known = (since.changed_in, since.last_evidence) if since is not None else (0, 0)
        row = await self._connection.row(
            LOOK, package_id=package_id, known_package=known[0], known_evidence=known[1]
        )
        if row is None:
            return None
        record, delivery = Under(row, PACKAGE), Under(row, DELIVERY)
        return Sight(
            changed_in=row["changed_in"],
            record=to_package(record) if record["package_id"] is not None else None,
            delivery=to_delivery(delivery) if delivery["delivery_id"] is not None else None,
            last_evidence=row["last"] or 0,
            evidence=proofs(row),
        )

    async def page(
        self, wanted: PackageFilter, *, before: int | None = None, after: int | None = None, limit: int
    ) -> PackagePage:
        conditions = {
            "direction": int(wanted.direction) or None,
            "states": texts(wanted.states) or None,
            "process_code": wanted.process_code or None,
            "collaboration_case_id": wanted.collaboration_case_id or None,
            "for_systems": wanted.for_systems or None,
            "before": before,
            "after": after,
        }
        return await self._page("newest" if after is None else "oldest", limit, conditions)

    async def at(self, positions: Sequence[int]) -> PackagePage:
        """The packages at these positions, the newest first; as many as a page takes."""
        return await self._page("newest", len(positions), {"positions": texts(positions)})

    async def horizon(self) -> int:
        return int(await self._connection.value(_HORIZON))

    async def incoming_changes(self, since: int, *, after: PackageRecord | None, limit: int) -> PackagePage:
        conditions = {"since": since, "after_change": after.changed_in if after else None}
        position = after.position if after else None
        return await self._page("changed", limit, conditions, after_position=position)

    async def _page(self, order: str, limit: int, conditions: dict[str, Any], **more: object) -> PackagePage:
        values = {name: value for name, value in conditions.items() if value is not None}
        statement = _page(order, frozenset(values))
        rows = await self._connection.rows(statement, limit=limit, **values, **more)
        return PackagePage(records=[to_package(row) for row in rows], more=bool(rows) and rows[-1]["more"])

    async def of_draft(self, draft_id: str) -> list[PackageRecord]:
        return [to_package(row) for row in await self._connection.rows(_OF_DRAFT, draft_id=draft_id)]

    async def latest_of_case(self, party: Party.ValueType, case_number: str) -> PackageRecord | None:
        row = await self._connection.row(_LATEST_OF_CASE, party=int(party), number=case_number)
        return to_package(row) if row else None

    async def add_evidence(self, record: EvidenceRecord, change: PackageChange | None = None) -> bool:
        values = piece_values(record)
        if change is not None:
            values |= change_values(change)
        added = await self._connection.row(_ADD_EVIDENCE[change is not None], **values)
        return added is not None

    async def take(
        self,
        record: PackageRecord,
        evidence: EvidenceRecord,
        change: PackageChange,
        *,
        settles: Lease | None,
        delivery: NewDelivery | None,
    ) -> Added | None:
        values = piece_values(evidence) | change_values(change) | lease_values(settles)
        row = await self._connection.row(
            TAKE, changed_in=record.changed_in, **values, **delivery_values(delivery)
        )
        if row is None:
            return None
        return Added(to_delivery(row) if delivery is not None else None)

    async def evidence(self, package_id: str) -> list[EvidenceRecord]:
        return [_evidence(row) for row in await self._connection.rows(_EVIDENCE, package_id=package_id)]

    async def evidence_by_id(self, evidence_ids: Sequence[str]) -> dict[str, EvidenceRecord]:
        rows = await self._connection.rows(_EVIDENCE_BY_ID, evidence_ids=texts(evidence_ids))
        return {record.evidence_id: record for record in map(_evidence, rows)}

    async def evidence_of(self, package_ids: Sequence[str]) -> dict[str, list[EvidenceRecord]]:
        found: dict[str, list[EvidenceRecord]] = {}
        for row in await self._connection.rows(_EVIDENCE_OF, package_ids=texts(package_ids)):
            record = _evidence(row)
            found.setdefault(record.package_id, []).append(record)
        return found

    async def add_read(self, package_id: str, number: int) -> int:
        await self._connection.run(_ADD_READ, package_id=package_id, number=number)
        return int(await self._connection.value(_COUNT_READ, package_id=package_id))


def to_package(row: Row) -> PackageRecord:
    """A row of the table as the flow knows it."""
    return PackageRecord(
        package_id=str(row["package_id"]),
        seal=row["seal"],
        envelope=row["envelope"],
        signature=row["signature"],
        direction=row["direction"],
        state=row["state"],
        state_time=row["state_time"],
        complete=row["complete"],
        size_bytes=row["size_bytes"],
        process_code=row["process_code"],
        sender=row["sender"],
        receiver=row["receiver"],
        collaboration_case_id=str(row["collaboration_case_id"]),
        correlation_id=str(row["correlation_id"] or ""),
        corrects_package_id=str(row["corrects_package_id"] or ""),
        draft_id=str(row["draft_id"] or ""),
        receiver_case_number=row["receiver_case_number"],
        reasons=row["reasons"],
        create_time=row["create_time"],
        position=row["position"],
        changed_in=row["changed_in"],
        contents_removed_time=row["contents_removed_time"],
    )


def _evidence(row: Record) -> EvidenceRecord:
    return EvidenceRecord(
        evidence_id=str(row["evidence_id"]),
        package_id=str(row["package_id"]),
        kind=row["kind"],
        stated_by=row["stated_by"],
        event_time=row["event_time"],
        statement=row["statement"],
        signature=row["signature"],
    )
