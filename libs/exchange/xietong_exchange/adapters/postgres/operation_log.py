"""The log of operations in PostgreSQL, whose trigger refuses to change what stands there."""

from __future__ import annotations

from asyncpg import Record
from sqlalchemy import bindparam, insert, select

from xietong_exchange.adapters.postgres.statement import Connection, Statement, given
from xietong_exchange.adapters.postgres.tables import operation_log
from xietong_exchange.flow.records import OperationRecord

_COLUMNS = [column.name for column in operation_log.c if column.name != "operation_id"]
_OF_DELIVERY = Statement(
    select(operation_log)
    .where(operation_log.c.delivery_id == bindparam("delivery_id"))
    .order_by(operation_log.c.operation_id.desc())
    .limit(bindparam("limit"))
)
_APPEND = Statement(insert(operation_log).values(given(*_COLUMNS)).inline())


class PostgresOperationLog:
    """The port `flow.operation_log.OperationLog` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def append(self, record: OperationRecord) -> None:
        await self._connection.run(
            _APPEND,
            operation=record.operation,
            caller=record.caller,
            organ_code=record.organ_code,
            handler_ref=record.handler_ref,
            draft_id=record.draft_id or None,
            package_id=record.package_id or None,
            delivery_id=record.delivery_id or None,
            operation_time=record.time,
            reason=record.reason,
            incident_id=record.incident_id or None,
            note=record.note,
        )

    async def of_delivery(self, delivery_id: int, *, limit: int) -> list[OperationRecord]:
        rows = await self._connection.rows(_OF_DELIVERY, delivery_id=delivery_id, limit=limit)
        return [to_operation(row) for row in reversed(rows)]


def to_operation(row: Record) -> OperationRecord:
    """A row of the log as the flow knows it."""
    return OperationRecord(
        operation=row["operation"],
        caller=row["caller"],
        organ_code=row["organ_code"],
        handler_ref=row["handler_ref"],
        draft_id=str(row["draft_id"] or ""),
        package_id=str(row["package_id"] or ""),
        delivery_id=row["delivery_id"] or 0,
        reason=row["reason"],
        incident_id=str(row["incident_id"] or ""),
        note=row["note"],
        time=row["operation_time"],
    )
