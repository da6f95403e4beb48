"""The outbox in PostgreSQL: leases with fencing tokens, all times from the database's clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, get_args

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Interval,
    and_,
    any_,
    bindparam,
    delete,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong_exchange.adapters.postgres.statement import Connection, Row, Statement, array, given, texts
from xietong_exchange.adapters.postgres.tables import delivery
from xietong_exchange.domain.errors import DeliveryGivenUp, Failure
from xietong_exchange.flow.records import DeliveryRecord, DeliveryStatus
from xietong_exchange.flow.store import Lease, NewLease

LAST_TEXT_CHARS = 2000

# Of the database's clocks the one that is both fresh in each statement and stable within it: with the volatile
# clock_timestamp() no index on due_time would help.
_NOW = func.statement_timestamp()
_FREE = {"lease_owner": None, "lease_until": None}
# Statuses are written out, not parameters: a prepared statement's generic plan could not use the partial indexes.
_HAS_STATUS: dict[DeliveryStatus, ColumnElement[bool]] = {
    status: delivery.c.status == literal_column(f"'{status}'") for status in get_args(DeliveryStatus)
}
_LEASED = func.coalesce(delivery.c.lease_until > _NOW, false())
_DUE = and_(_HAS_STATUS["pending"], delivery.c.due_time <= _NOW, ~_LEASED)
_OF_QUEUE = and_(
    delivery.c.destination == bindparam("destination"), delivery.c.lane == bindparam("lane"), _DUE
)
MOVES_PACKAGE = delivery.c.evidence_id.is_(None)
DELIVERY_COLUMNS = (*delivery.c, _LEASED.label("leased"))
DONE = {"status": literal("done"), "progress_time": _NOW, **_FREE}
"""What becomes of a delivery that the other side has."""
_SAID = given("last_reason", "last_text_zh", "last_text_en")


def from_now(name: str) -> ColumnElement[Any]:
    """The moment that is so long from now, by the database's clock."""
    return _NOW + bindparam(name, type_=Interval)


def held_with(delivery_id: ColumnElement[Any], token: ColumnElement[Any]) -> ColumnElement[bool]:
    """The delivery that is held with this token."""
    return and_(
        delivery.c.delivery_id == delivery_id, delivery.c.token == token, delivery.c.lease_owner.is_not(None)
    )


def _held(changes: dict[str, Any]) -> Statement:
    """What only the holder of a lease may do; a freed lease is nobody's, whatever the token."""
    lease = bindparam("held", type_=BigInteger), bindparam("by_token", type_=BigInteger)
    return Statement(update(delivery).where(held_with(*lease)).values(changes))


def _finish() -> Statement:
    lists = array("held", BigInteger()), array("by_tokens", BigInteger())
    lease = func.unnest(*lists).table_valued("delivery_id", "token").render_derived()
    return Statement(update(delivery).where(held_with(lease.c.delivery_id, lease.c.token)).values(DONE))


_ENQUEUE = Statement(
    insert(delivery)
    .values(
        given("destination", "lane", "package_id", "evidence_id", "offered", "lease_owner")
        | {"lease_until": from_now("lease"), "token": bindparam("claims"), "attempts": bindparam("claims")}
    )
    .on_conflict_do_nothing()
    .returning(*DELIVERY_COLUMNS)
)
_ANY_DUE = Statement(select(delivery.c.delivery_id).where(_OF_QUEUE).limit(1))
_LOCK_DUE = Statement(
    select(delivery.c.delivery_id)
    .where(_OF_QUEUE)
    .order_by(delivery.c.due_time)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_TAKE = Statement(
    update(delivery)
    .where(delivery.c.delivery_id == any_(array("locked", BigInteger())), _DUE)
    .values(
        lease_owner=bindparam("lease_owner"),
        lease_until=from_now("lease"),
        token=delivery.c.token + 1,
        attempts=delivery.c.attempts + 1,
    )
    .returning(*DELIVERY_COLUMNS)
)
_BEAT = {"lease_until": from_now("lease")}
_RENEW = {moved: _held(_BEAT | ({"progress_time": _NOW} if moved else {})) for moved in (False, True)}
_OFFER = _held({"offered": True})
_FINISH = _finish()
_LATER = {
    "due_time": from_now("delay"),
    "offered": and_(delivery.c.offered, not_(bindparam("never_offered", type_=Boolean))),
    **_SAID,
    **_FREE,
}
_POSTPONE = {
    fresh: _held(_LATER | ({"attempts": 1, "progress_time": _NOW} if fresh else {}))
    for fresh in (False, True)
}
_BURY = _held({"status": "dead", **_SAID, **_FREE})
_REPLAY = Statement(
    update(delivery)
    .where(delivery.c.delivery_id == bindparam("replayed", type_=BigInteger), ~_HAS_STATUS["done"], ~_LEASED)
    .values(status="pending", due_time=_NOW, progress_time=_NOW, attempts=0)
    .returning(*DELIVERY_COLUMNS)
)
_GET = Statement(select(*DELIVERY_COLUMNS).where(delivery.c.delivery_id == bindparam("delivery_id")))
_DROP = Statement(
    delete(delivery).where(
        delivery.c.package_id == bindparam("package_id"),
        MOVES_PACKAGE,
        ~_HAS_STATUS["done"],
        or_(
            ~delivery.c.offered,
            and_(_HAS_STATUS["dead"], delivery.c.last_reason != DeliveryGivenUp.reason_name()),
        ),
    )
)
_OF_PACKAGE = Statement(
    select(*DELIVERY_COLUMNS).where(delivery.c.package_id == bindparam("package_id"), MOVES_PACKAGE)
)
_ID = delivery.c.package_id.type
_OF_PACKAGES = Statement(
    select(*DELIVERY_COLUMNS).where(delivery.c.package_id == any_(array("package_ids", _ID)), MOVES_PACKAGE)
)
_ALL_OF_PACKAGE = Statement(
    select(*DELIVERY_COLUMNS)
    .where(delivery.c.package_id == bindparam("package_id"))
    .order_by(delivery.c.delivery_id)
    .limit(bindparam("limit"))
)
_LIST = (
    select(*DELIVERY_COLUMNS)
    .where(delivery.c.delivery_id > bindparam("after"))
    .order_by(delivery.c.delivery_id)
    .limit(bindparam("limit"))
)
_PAGE: dict[DeliveryStatus | None, Statement] = {
    None: Statement(_LIST),
    **{status: Statement(_LIST.where(has_status)) for status, has_status in _HAS_STATUS.items()},
}
_COUNT = {
    status: Statement(select(func.count()).select_from(delivery).where(has_status))
    for status, has_status in _HAS_STATUS.items()
}


class PostgresOutbox:
    """The port `flow.store.Outbox` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def enqueue(
        self,
        destination: Party.ValueType,
        lane: Lane.ValueType,
        package_id: str,
        evidence_id: str = "",
        *,
        offered: bool = False,
        lease: NewLease | None = None,
    ) -> DeliveryRecord | None:
        owner, seconds = lease or (None, None)
        row = await self._connection.row(
            _ENQUEUE,
            destination=int(destination),
            lane=int(lane),
            package_id=package_id,
            evidence_id=evidence_id or None,
            offered=offered,
            lease_owner=owner,
            lease=None if seconds is None else timedelta(seconds=seconds),
            claims=0 if lease is None else 1,
        )
        return to_delivery(row) if row else None

    async def claim(
        self,
        destination: Party.ValueType,
        lane: Lane.ValueType,
        *,
        owner: str,
        lease_seconds: float,
        limit: int,
    ) -> list[DeliveryRecord]:
        queue = {"destination": int(destination), "lane": int(lane)}
        if not await self._connection.row(_ANY_DUE, **queue):
            return []  # Most claims find nothing; a look needs no transaction.
        locking = await self._connection.rows(_LOCK_DUE, **queue, limit=limit)
        if not locking:
            return []
        # A fresh look under the lock: what the locking query saw may be older than a commit it waited for.
        rows = await self._connection.rows(
            _TAKE,
            locked=texts(row["delivery_id"] for row in locking),
            lease_owner=owner,
            lease=timedelta(seconds=lease_seconds),
        )
        return sorted(map(to_delivery, rows), key=lambda record: (record.due_time, record.delivery_id))

    async def renew(self, delivery_id: int, token: int, *, lease_seconds: float, progressed: bool) -> bool:
        lease = timedelta(seconds=lease_seconds)
        return await self._change(_RENEW[progressed], delivery_id, token, lease=lease)

    async def offer(self, delivery_id: int, token: int) -> bool:
        return await self._change(_OFFER, delivery_id, token)

    async def finish(self, leases: Sequence[Lease]) -> int:
        held, by_tokens = texts(lease[0] for lease in leases), texts(lease[1] for lease in leases)
        return await self._connection.run(_FINISH, held=held, by_tokens=by_tokens)

    async def postpone(
        self,
        delivery_id: int,
        token: int,
        error: Failure,
        *,
        delay_seconds: float,
        reset_budget: bool,
        never_offered: bool = False,
    ) -> bool:
        more = {"delay": timedelta(seconds=delay_seconds), "never_offered": never_offered, **_said(error)}
        return await self._change(_POSTPONE[reset_budget], delivery_id, token, **more)

    async def bury(self, delivery_id: int, token: int, error: Failure) -> bool:
        return await self._change(_BURY, delivery_id, token, **_said(error))

    async def get(self, delivery_id: int) -> DeliveryRecord | None:
        row = await self._connection.row(_GET, delivery_id=delivery_id)
        return to_delivery(row) if row else None

    async def replay(self, delivery_id: int) -> DeliveryRecord | None:
        row = await self._connection.row(_REPLAY, replayed=delivery_id)
        return to_delivery(row) if row else await self.get(delivery_id)

    async def drop(self, package_id: str) -> bool:
        return await self._connection.run(_DROP, package_id=package_id) == 1

    async def of_package(self, package_id: str) -> DeliveryRecord | None:
        row = await self._connection.row(_OF_PACKAGE, package_id=package_id)
        return to_delivery(row) if row else None

    async def of_packages(self, package_ids: Sequence[str]) -> dict[str, DeliveryRecord]:
        rows = await self._connection.rows(_OF_PACKAGES, package_ids=texts(package_ids))
        return {record.package_id: record for record in map(to_delivery, rows)}

    async def all_of_package(self, package_id: str, *, limit: int) -> list[DeliveryRecord]:
        rows = await self._connection.rows(_ALL_OF_PACKAGE, package_id=package_id, limit=limit)
        return [to_delivery(row) for row in rows]

    async def page(self, status: DeliveryStatus | None, *, after: int, limit: int) -> list[DeliveryRecord]:
        return [
            to_delivery(row) for row in await self._connection.rows(_PAGE[status], after=after, limit=limit)
        ]

    async def count(self, status: DeliveryStatus) -> int:
        return int(await self._connection.value(_COUNT[status]))

    async def _change(self, statement: Statement, delivery_id: int, token: int, /, **values: object) -> bool:
        return await self._connection.run(statement, held=delivery_id, by_token=token, **values) == 1


def _said(error: Failure) -> dict[str, str]:
    return {
        "last_reason": _text(error.reason_name()),
        "last_text_zh": _text(error.message_zh),
        "last_text_en": _text(error.message_en),
    }


def _text(message: str) -> str:
    """What a neighbour said, so that PostgreSQL takes it: bounded, and without NUL."""
    return message[:LAST_TEXT_CHARS].replace("\0", "")


def to_delivery(row: Row) -> DeliveryRecord:
    """A row of `DELIVERY_COLUMNS` as the flow knows it."""
    return DeliveryRecord(
        delivery_id=row["delivery_id"],
        destination=row["destination"],
        lane=row["lane"],
        package_id=str(row["package_id"]),
        evidence_id=str(row["evidence_id"] or ""),
        status=row["status"],
        attempts=row["attempts"],
        token=row["token"],
        leased=row["leased"],
        offered=row["offered"],
        create_time=row["create_time"],
        due_time=row["due_time"],
        progress_time=row["progress_time"],
        last_reason=row["last_reason"],
        last_text_zh=row["last_text_zh"],
        last_text_en=row["last_text_en"],
    )
