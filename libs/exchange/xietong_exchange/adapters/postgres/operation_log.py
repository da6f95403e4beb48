"""The log of operations in PostgreSQL, whose trigger refuses to change what stands there."""

from __future__ import annotations

from sqlalchemy import insert

from xietong_exchange.adapters.postgres.statement import Connection, Statement, given
from xietong_exchange.adapters.postgres.tables import operation_log
from xietong_exchange.flow.records import OperationRecord

_COLUMNS = [column.name for column in operation_log.c if column.name != "operation_id"]
_APPEND = Statement(insert(operation_log).values(given(*_COLUMNS)).inline())


class PostgresOperationLog:
    """The port `flow.store.OperationLog` on one connection."""

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
        )
