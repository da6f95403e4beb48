"""Counts over all packages of a span of time, from indexes: for supervisors, not for what a node does all day."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    Column,
    ColumnElement,
    DateTime,
    Select,
    and_,
    bindparam,
    extract,
    func,
    literal_column,
    select,
)

from xietong.exchange.v1.evidence_pb2 import EvidenceKind
from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong_exchange.adapters.postgres.statement import Connection, Statement
from xietong_exchange.adapters.postgres.tables import evidence, package
from xietong_exchange.domain.chain_test import TEST_PROCESS
from xietong_exchange.flow.records import ArrivalCount, OutcomeCount, ReturnedRecord

_TIME = DateTime(timezone=True)
_BY = (package.c.process_code, package.c.sender, package.c.receiver, package.c.state)


def _within(moment: Column[datetime]) -> ColumnElement[bool]:
    return and_(moment >= bindparam("start_time", type_=_TIME), moment < bindparam("end_time", type_=_TIME))


def _written(column: Column[int], value: int) -> ColumnElement[bool]:
    """As in the condition of a partial index, which no parameter meets."""
    return column == literal_column(str(value))


def _counted(*conditions: ColumnElement[bool]) -> Select[tuple[str, int, int, int, int]]:
    return (
        select(*_BY, func.count().label("count"))
        .where(_within(package.c.create_time), *conditions)
        .group_by(*_BY)
    )


_COUNTS = Statement(_counted())
_CORRECTIONS = Statement(_counted(package.c.corrects_package_id.is_not(None)))
_LATEST = (
    select(evidence.c.package_id, evidence.c.event_time)
    .where(_written(evidence.c.kind, EvidenceKind.EVIDENCE_KIND_DELIVERED), _within(evidence.c.event_time))
    .order_by(evidence.c.event_time.desc())
    .limit(bindparam("limit"))
    .subquery("latest")
)
_SECONDS = extract("epoch", _LATEST.c.event_time - package.c.create_time)
_ARRIVALS = Statement(
    select(
        package.c.sender,
        package.c.receiver,
        func.count().label("count"),
        func.percentile_cont(0.5).within_group(_SECONDS).label("half"),
        func.percentile_cont(0.95).within_group(_SECONDS).label("most"),
    )
    .select_from(_LATEST.join(package, package.c.package_id == _LATEST.c.package_id))
    .where(package.c.process_code != literal_column(f"'{TEST_PROCESS}'"))
    .group_by(package.c.sender, package.c.receiver)
)
_LATEST_RETURNED = (
    select(package.c.position)
    .where(_within(package.c.create_time), package.c.state == int(DeliveryState.DELIVERY_STATE_RETURNED))
    .order_by(package.c.position.desc())
    .limit(bindparam("limit"))
)
_RETURNED = Statement(
    select(package.c.receiver, package.c.reasons).where(package.c.position.in_(_LATEST_RETURNED))
)


class PostgresStatistics:
    """The port `flow.store.Statistics` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def outcomes(self, start: datetime, end: datetime, *, only_corrections: bool) -> list[OutcomeCount]:
        statement = _CORRECTIONS if only_corrections else _COUNTS
        rows = await self._connection.rows(statement, start_time=start, end_time=end)
        return [OutcomeCount(*row) for row in rows]

    async def arrivals(self, start: datetime, end: datetime, *, limit: int) -> list[ArrivalCount]:
        rows = await self._connection.rows(_ARRIVALS, start_time=start, end_time=end, limit=limit)
        return [ArrivalCount(*row) for row in rows]

    async def returned(self, start: datetime, end: datetime, *, limit: int) -> list[ReturnedRecord]:
        rows = await self._connection.rows(_RETURNED, start_time=start, end_time=end, limit=limit)
        return [ReturnedRecord(*row) for row in rows]
