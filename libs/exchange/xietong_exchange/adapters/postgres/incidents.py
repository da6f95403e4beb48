"""Incidents in PostgreSQL, and the packages under watch: by state, along the index, whatever lies behind."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any

from asyncpg import Record
from sqlalchemy import (
    BigInteger,
    SmallInteger,
    any_,
    bindparam,
    func,
    literal_column,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from xietong.exchange.v1.package_pb2 import DeliveryState, Direction
from xietong.supervision.v1.incident_pb2 import IncidentState
from xietong_exchange.adapters.postgres.operation_log import to_operation
from xietong_exchange.adapters.postgres.outbox import PostgresOutbox
from xietong_exchange.adapters.postgres.statement import Connection, Statement, array, given, texts
from xietong_exchange.adapters.postgres.tables import (
    incident,
    incident_package,
    operation_log,
    package,
)
from xietong_exchange.flow.incidents import IncidentRecord, OpenPackage, Untold
from xietong_exchange.flow.records import DeliveryRecord, OperationRecord

_ID = package.c.package_id.type
# No sender can put off the alarm by a time to come; what is not known is left out.
_SUBMITTED = func.least(package.c.submit_time, package.c.create_time)
_SEEN = (
    package.c.package_id,
    package.c.position,
    package.c.direction,
    package.c.state,
    package.c.state_time,
    package.c.complete,
    package.c.size_bytes,
    package.c.process_code,
    package.c.sender,
    package.c.receiver,
    package.c.reasons,
    package.c.touch_time,
)
_LOOK = select(*_SEEN, _SUBMITTED.label("submit_time"))
# A range of the index and in its order: with equal conditions a generic plan would rather follow `position` through all
# packages of all states.
_PLACE = tuple_(package.c.direction, package.c.state, package.c.position)
_SHORT, _LONG = SmallInteger(), BigInteger()
_OPEN = Statement(
    _LOOK.where(
        tuple_(
            bindparam("of_direction", type_=_SHORT),
            bindparam("of_state", type_=_SHORT),
            bindparam("after", type_=_LONG),
        )
        < _PLACE,
        tuple_(
            bindparam("of_direction", type_=_SHORT),
            bindparam("next_state", type_=_SHORT),
            literal_column("0", _LONG),
        )
        > _PLACE,
        bindparam("submitted_before") > _SUBMITTED,
    )
    .order_by(package.c.direction, package.c.state, package.c.position)
    .limit(bindparam("limit"))
)
_ONE = Statement(_LOOK.where(package.c.package_id == bindparam("of_package")))

_COLUMNS = [column.name for column in incident.c if column.name not in {"position", "notified_revision"}]
# Written out, not a parameter: the partial indexes serve none.
_UNCLOSED = incident.c.state != literal_column(str(int(IncidentState.INCIDENT_STATE_CLOSED)))
_THIS = incident.c.incident_id == bindparam("wanted")
_ADD = Statement(insert(incident).values(given(*_COLUMNS)).on_conflict_do_nothing())
_PUT = Statement(
    update(incident)
    .where(incident.c.incident_id == bindparam("wanted"))
    .values(given(*(name for name in _COLUMNS if name != "incident_id")))
)
_GET = Statement(select(incident).where(_THIS))
_LOCK = Statement(select(incident).where(_THIS).with_for_update())
_LOCK_UNCLOSED = Statement(
    select(incident)
    .where(_UNCLOSED)
    .order_by(incident.c.position)
    .limit(bindparam("limit"))
    .with_for_update()
)
_LINKED = func.unnest(array("package_ids", _ID)).table_valued("package_id").render_derived()
_LINK = Statement(
    insert(incident_package)
    .from_select(
        ["incident_id", "package_id"],
        select(bindparam("wanted", type_=incident.c.incident_id.type), _LINKED.c.package_id),
    )
    .on_conflict_do_nothing()
)
_PAGE = (
    select(incident)
    .where(incident.c.position < bindparam("before"))
    .order_by(incident.c.position.desc())
    .limit(bindparam("limit"))
)
_IN_STATES = incident.c.state == any_(array("states", SmallInteger()))
_OF_PACKAGE = incident.c.incident_id.in_(
    select(incident_package.c.incident_id).where(incident_package.c.package_id == bindparam("of_package"))
)
_PAGES = {
    (False, False): Statement(_PAGE),
    (True, False): Statement(_PAGE.where(_IN_STATES)),
    (False, True): Statement(_PAGE.where(_OF_PACKAGE)),
    (True, True): Statement(_PAGE.where(_IN_STATES, _OF_PACKAGE)),
}
_PACKAGES = Statement(
    select(incident_package.c.package_id)
    .where(incident_package.c.incident_id == bindparam("wanted"))
    .order_by(incident_package.c.package_id)
    .limit(bindparam("limit"))
)
_EVENTS = Statement(
    select(operation_log)
    .where(operation_log.c.incident_id == bindparam("wanted"))
    .order_by(operation_log.c.operation_id.desc())
    .limit(bindparam("limit"))
)
_TOLD = incident.c.notified_revision
_UNTOLD = Statement(
    select(incident)
    .where(
        incident.c.revision > _TOLD,
        # The end of a silence is news, however long it was.
        func.greatest(incident.c.change_time, incident.c.silence_until) > bindparam("changed_after"),
        func.coalesce(incident.c.silence_until <= bindparam("now"), true()),
    )
    .order_by(incident.c.position)
    .limit(bindparam("limit"))
)
_TELL = Statement(
    update(incident).where(_THIS).values(notified_revision=func.greatest(_TOLD, bindparam("revision")))
)
_LATEST = (1 << 63) - 1


class PostgresIncidents:
    """The port `flow.incidents.Incidents` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._outbox = PostgresOutbox(connection)

    async def open_packages(
        self,
        direction: Direction.ValueType,
        state: DeliveryState.ValueType,
        *,
        submitted_before: datetime,
        after: int,
        limit: int,
    ) -> list[OpenPackage]:
        rows = await self._connection.rows(
            _OPEN,
            of_direction=direction,
            of_state=state,
            next_state=state + 1,
            submitted_before=submitted_before,
            after=after,
            limit=limit,
        )
        moved = await self._outbox.of_packages([str(row["package_id"]) for row in rows])
        return [_open_package(row, moved.get(str(row["package_id"]))) for row in rows]

    async def open_package(self, package_id: str) -> OpenPackage | None:
        row = await self._connection.row(_ONE, of_package=package_id)
        return _open_package(row, await self._outbox.of_package(package_id)) if row else None

    async def unclosed(self, *, limit: int) -> list[IncidentRecord]:
        return [_incident(row) for row in await self._connection.rows(_LOCK_UNCLOSED, limit=limit)]

    async def add(self, record: IncidentRecord) -> bool:
        return await self._connection.run(_ADD, **_values(record)) == 1

    async def put(self, record: IncidentRecord) -> None:
        await self._connection.run(_PUT, wanted=record.incident_id, **_values(record))

    async def link(self, incident_id: str, package_ids: Collection[str]) -> None:
        await self._connection.run(_LINK, wanted=incident_id, package_ids=texts(package_ids))

    async def get(self, incident_id: str, *, lock: bool = False) -> IncidentRecord | None:
        row = await self._connection.row(_LOCK if lock else _GET, wanted=incident_id)
        return _incident(row) if row else None

    async def page(
        self,
        states: Collection[IncidentState.ValueType],
        package_id: str,
        *,
        before: int | None,
        limit: int,
    ) -> list[IncidentRecord]:
        rows = await self._connection.rows(
            _PAGES[bool(states), bool(package_id)],
            before=_LATEST if before is None else before,
            limit=limit,
            **({"states": texts(states)} if states else {}),
            **({"of_package": package_id} if package_id else {}),
        )
        return [_incident(row) for row in rows]

    async def untold(self, *, now: datetime, changed_after: datetime, limit: int) -> list[Untold]:
        rows = await self._connection.rows(_UNTOLD, now=now, changed_after=changed_after, limit=limit)
        return [Untold(_incident(row), row["notified_revision"]) for row in rows]

    async def told(self, incident_id: str, revision: int) -> None:
        await self._connection.run(_TELL, wanted=incident_id, revision=revision)

    async def packages(self, incident_id: str, *, limit: int) -> list[str]:
        return [
            str(row[0]) for row in await self._connection.rows(_PACKAGES, wanted=incident_id, limit=limit)
        ]

    async def events(self, incident_id: str, *, limit: int) -> list[OperationRecord]:
        rows = await self._connection.rows(_EVENTS, wanted=incident_id, limit=limit)
        return [to_operation(row) for row in reversed(rows)]


def _values(record: IncidentRecord) -> dict[str, Any]:
    values = {name: value for name, value in asdict(record).items() if name in _COLUMNS}
    return values | {"package_id": record.package_id or None}


def _incident(row: Record) -> IncidentRecord:
    values = {name: row[name] for name in (*_COLUMNS, "position")}
    values |= {"incident_id": str(row["incident_id"]), "package_id": str(row["package_id"] or "")}
    return IncidentRecord(**values)


def _open_package(row: Record, delivery: DeliveryRecord | None) -> OpenPackage:
    return OpenPackage(**dict(row) | {"package_id": str(row["package_id"])}, delivery=delivery)
