"""Recent arrivals and the queue before a package, in PostgreSQL: bounded looks at the end of the evidence."""

from __future__ import annotations

from itertools import groupby

from sqlalchemy import BigInteger, and_, bindparam, func, literal_column, or_, select

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind
from xietong_exchange.adapters.postgres.statement import Connection, Statement
from xietong_exchange.adapters.postgres.tables import delivery, evidence, package
from xietong_exchange.flow.passages import ArrivedRecord, Queue, Waiting

LATEST_EVIDENCE = 5_000
"""Pieces of evidence that one look reads at most, the latest."""
MOST_WAITING = 10_000
"""Packages of a queue that are counted."""
_RELAYED, _DELIVERED = EvidenceKind.EVIDENCE_KIND_RELAYED, EvidenceKind.EVIDENCE_KIND_DELIVERED
_MOVES_PACKAGE = and_(delivery.c.package_id == package.c.package_id, delivery.c.evidence_id.is_(None))
# Written out, see `outbox`: the partial index serves no parameter.
_PENDING = delivery.c.status == literal_column("'pending'")

_LATEST = Statement(select(func.max(evidence.c.position)))


def _arrived() -> Statement:
    window = (
        select(evidence.c.package_id, evidence.c.kind, evidence.c.position)
        .where(
            evidence.c.position > bindparam("after", type_=BigInteger),
            evidence.c.position <= bindparam("until", type_=BigInteger),
        )
        .order_by(evidence.c.position.desc())
        .limit(LATEST_EVIDENCE)
        .subquery()
    )
    return Statement(
        select(
            package.c.package_id,
            package.c.receiver,
            package.c.size_bytes,
            delivery.c.lane,
            evidence.c.statement,
        )
        .select_from(window)
        .join(package, package.c.package_id == window.c.package_id)
        .join(delivery, _MOVES_PACKAGE)
        .join(evidence, evidence.c.package_id == package.c.package_id)
        .where(
            window.c.kind == _DELIVERED,
            or_(evidence.c.kind == _RELAYED, evidence.c.kind == _DELIVERED),
        )
        .order_by(window.c.position, evidence.c.position)
    )


def _waiting() -> Statement:
    queue = (
        select(package.c.size_bytes)
        .select_from(delivery.join(package, _MOVES_PACKAGE))
        .where(
            delivery.c.destination == bindparam("destination"), delivery.c.lane == bindparam("lane"), _PENDING
        )
        .limit(MOST_WAITING)
        .subquery()
    )
    return Statement(
        select(func.count().label("packages"), func.coalesce(func.sum(queue.c.size_bytes), 0).label("bytes"))
    )


def _queue() -> Statement:
    queue = (
        select(delivery.c.create_time)
        .where(
            delivery.c.destination == bindparam("destination"), delivery.c.lane == bindparam("lane"), _PENDING
        )
        .order_by(delivery.c.due_time)
        .limit(MOST_WAITING)
        .subquery()
    )
    oldest = func.extract("epoch", func.statement_timestamp() - func.min(queue.c.create_time))
    return Statement(select(func.count().label("deliveries"), oldest.label("seconds")).select_from(queue))


_ARRIVED = _arrived()
_WAITING = _waiting()
_QUEUE = _queue()


class PostgresPassages:
    """The port `flow.passages.Passages` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def latest_evidence(self) -> int:
        return int(await self._connection.value(_LATEST) or 0)

    async def arrived(self, *, after: int, until: int) -> list[ArrivedRecord]:
        rows = await self._connection.rows(_ARRIVED, after=after, until=until)
        by_package = [list(group) for _, group in groupby(rows, key=lambda row: row["package_id"])]
        return [
            ArrivedRecord(
                package_id=str(first["package_id"]),
                receiver=first["receiver"],
                lane=first["lane"],
                size_bytes=first["size_bytes"],
                statements=tuple(row["statement"] for row in (first, *others)),
            )
            for first, *others in by_package
        ]

    async def waiting(self, destination: Party.ValueType, lane: Lane.ValueType) -> Waiting:
        row = await self._connection.row(_WAITING, destination=destination, lane=lane)
        return Waiting(row["packages"], int(row["bytes"])) if row else Waiting(0, 0)

    async def queue(self, destination: Party.ValueType, lane: Lane.ValueType) -> Queue:
        row = await self._connection.row(_QUEUE, destination=destination, lane=lane)
        return Queue(row["deliveries"], max(float(row["seconds"] or 0), 0.0)) if row else Queue(0, 0.0)
