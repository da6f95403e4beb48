"""The outbox in PostgreSQL: leases with fencing tokens, all times from the database's clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    and_,
    bindparam,
    false,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong_exchange.adapters.postgres.tables import delivery
from xietong_exchange.domain.errors import DeliveryGivenUp, Failure
from xietong_exchange.flow.records import DeliveryRecord, DeliveryStatus
from xietong_exchange.flow.store import Lease

LAST_TEXT_CHARS = 2000

# Of the database's clocks the one that is both fresh in each statement and stable within it: with the volatile
# clock_timestamp() no index on due_time would help.
_NOW = func.statement_timestamp()
_FREE = {"lease_owner": None, "lease_until": None}
# Written out, not as a parameter: a prepared statement's generic plan could not use the partial indexes otherwise.
_PENDING = delivery.c.status == literal_column("'pending'")
_LEASED = func.coalesce(delivery.c.lease_until > _NOW, false())
_DUE = and_(_PENDING, delivery.c.due_time <= _NOW, ~_LEASED)
_MOVES_PACKAGE = delivery.c.evidence_id.is_(None)
_RECORD = (*delivery.c, _LEASED.label("leased"))


class PostgresOutbox:
    """The port `flow.store.Outbox` on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def enqueue(
        self,
        destination: Party.ValueType,
        lane: Lane.ValueType,
        package_id: str,
        evidence_id: str = "",
        *,
        offered: bool = False,
    ) -> None:
        values = {
            "destination": int(destination),
            "lane": int(lane),
            "package_id": package_id,
            "evidence_id": evidence_id or None,
            "offered": offered,
        }
        await self._connection.execute(insert(delivery).values(values).on_conflict_do_nothing())

    async def claim(
        self,
        destination: Party.ValueType,
        lane: Lane.ValueType,
        *,
        owner: str,
        lease_seconds: float,
        limit: int,
    ) -> list[DeliveryRecord]:
        queue = and_(delivery.c.destination == int(destination), delivery.c.lane == int(lane), _DUE)
        locking = (
            select(delivery.c.delivery_id)
            .where(queue)
            .order_by(delivery.c.due_time)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        locked = (await self._connection.execute(locking)).scalars().all()
        if not locked:
            return []
        # A fresh look under the lock: what the locking query saw may be older than a commit it waited for.
        taking = (
            update(delivery)
            .where(delivery.c.delivery_id.in_(locked), _DUE)
            .values(
                lease_owner=owner,
                lease_until=_NOW + timedelta(seconds=lease_seconds),
                token=delivery.c.token + 1,
                attempts=delivery.c.attempts + 1,
            )
            .returning(*_RECORD)
        )
        rows = (await self._connection.execute(taking)).all()
        return sorted(
            (_delivery(row) for row in rows), key=lambda record: (record.due_time, record.delivery_id)
        )

    async def renew(self, delivery_id: int, token: int, *, lease_seconds: float, progressed: bool) -> bool:
        changes: dict[str, Any] = {"lease_until": _NOW + timedelta(seconds=lease_seconds)}
        if progressed:
            changes["progress_time"] = _NOW
        return await self._change([(delivery_id, token)], changes) == 1

    async def offer(self, delivery_id: int, token: int) -> bool:
        return await self._change([(delivery_id, token)], {"offered": True}) == 1

    async def finish(self, leases: Sequence[Lease]) -> int:
        return await self._change(leases, {"status": "done", "progress_time": _NOW, **_FREE})

    async def postpone(
        self, delivery_id: int, token: int, error: Failure, *, delay_seconds: float, reset_budget: bool
    ) -> bool:
        changes: dict[str, Any] = {
            "due_time": _NOW + timedelta(seconds=delay_seconds),
            **_said(error),
            **_FREE,
        }
        if reset_budget:
            changes |= {"attempts": 1, "progress_time": _NOW}
        return await self._change([(delivery_id, token)], changes) == 1

    async def bury(self, delivery_id: int, token: int, error: Failure) -> bool:
        changes = {"status": "dead", **_said(error), **_FREE}
        return await self._change([(delivery_id, token)], changes) == 1

    async def replay(self, delivery_id: int) -> DeliveryRecord | None:
        replaying = (
            update(delivery)
            .where(delivery.c.delivery_id == delivery_id, delivery.c.status != "done", ~_LEASED)
            .values(status="pending", due_time=_NOW, progress_time=_NOW, attempts=0)
            .returning(*_RECORD)
        )
        row = (await self._connection.execute(replaying)).one_or_none()
        if row is None:
            found = select(*_RECORD).where(delivery.c.delivery_id == delivery_id)
            row = (await self._connection.execute(found)).one_or_none()
        return _delivery(row) if row else None

    async def drop(self, package_id: str) -> bool:
        dropping = delivery.delete().where(
            delivery.c.package_id == package_id,
            _MOVES_PACKAGE,
            delivery.c.status != "done",
            or_(
                ~delivery.c.offered,
                and_(delivery.c.status == "dead", delivery.c.last_reason != DeliveryGivenUp.reason_name()),
            ),
        )
        return (await self._connection.execute(dropping)).rowcount == 1

    async def of_package(self, package_id: str) -> DeliveryRecord | None:
        found = select(*_RECORD).where(delivery.c.package_id == package_id, _MOVES_PACKAGE)
        row = (await self._connection.execute(found)).one_or_none()
        return _delivery(row) if row else None

    async def of_packages(self, package_ids: Sequence[str]) -> dict[str, DeliveryRecord]:
        found = select(*_RECORD).where(delivery.c.package_id.in_(package_ids), _MOVES_PACKAGE)
        rows = await self._connection.execute(found)
        return {row.package_id: _delivery(row) for row in rows}

    async def page(self, status: DeliveryStatus | None, *, after: int, limit: int) -> list[DeliveryRecord]:
        statement = select(*_RECORD).where(delivery.c.delivery_id > after)
        if status is not None:
            statement = statement.where(_has_status(status))
        rows = await self._connection.execute(statement.order_by(delivery.c.delivery_id).limit(limit))
        return [_delivery(row) for row in rows]

    async def count(self, status: DeliveryStatus) -> int:
        statement = select(func.count()).select_from(delivery).where(_has_status(status))
        return int((await self._connection.execute(statement)).scalar_one())

    async def _change(self, leases: Sequence[Lease], changes: dict[str, Any]) -> int:
        """What only the holder of a lease may do; a freed lease is nobody's, whatever the token."""
        held = and_(
            delivery.c.delivery_id.in_([delivery_id for delivery_id, _ in leases]),  # finds them by the key
            tuple_(delivery.c.delivery_id, delivery.c.token).in_(leases),
            delivery.c.lease_owner.is_not(None),
        )
        result = await self._connection.execute(update(delivery).where(held).values(changes))
        return result.rowcount


def _has_status(status: DeliveryStatus) -> ColumnElement[bool]:
    return delivery.c.status == bindparam("status", status, literal_execute=True)


def _said(error: Failure) -> dict[str, str]:
    return {
        "last_reason": _text(error.reason_name()),
        "last_text_zh": _text(error.message_zh),
        "last_text_en": _text(error.message_en),
    }


def _text(message: str) -> str:
    """What a neighbour said, so that PostgreSQL takes it: bounded, and without NUL."""
    return message[:LAST_TEXT_CHARS].replace("\0", "")


def _delivery(row: Row[Any]) -> DeliveryRecord:
    return DeliveryRecord(
        delivery_id=row.delivery_id,
        destination=Party.ValueType(row.destination),
        lane=Lane.ValueType(row.lane),
        package_id=row.package_id,
        evidence_id=row.evidence_id or "",
        status=row.status,
        attempts=row.attempts,
        token=row.token,
        leased=row.leased,
        offered=row.offered,
        create_time=row.create_time,
        due_time=row.due_time,
        progress_time=row.progress_time,
        last_reason=row.last_reason,
        last_text_zh=row.last_text_zh,
        last_text_en=row.last_text_en,
    )
