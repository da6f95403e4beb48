"""Announcements of maintenance in PostgreSQL."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import cast

from asyncpg import Record
from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_exchange.adapters.postgres.statement import Connection, Statement, given
from xietong_exchange.adapters.postgres.tables import maintenance
from xietong_exchange.flow.maintenances import MaintenanceRecord

_THIS = maintenance.c.maintenance_id == bindparam("maintenance_id")
_UNFINISHED = Statement(
    select(maintenance)
    .where(maintenance.c.end_time > bindparam("now"))
    .order_by(maintenance.c.end_time)
    .limit(bindparam("limit"))
)
_ADD = insert(maintenance).values(given(*maintenance.c.keys()))
_PUT = Statement(
    _ADD.on_conflict_do_update(
        index_elements=["maintenance_id"],
        set_={name: _ADD.excluded[name] for name in maintenance.c.keys() if name != "maintenance_id"},  # noqa: SIM118 - no mapping
    )
)
_REMOVE = Statement(delete(maintenance).where(_THIS).returning(maintenance.c.maintenance_id))


class PostgresMaintenances:
    """The port `flow.maintenances.Maintenances` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def unfinished(self, now: datetime, *, limit: int) -> list[MaintenanceRecord]:
        return [_record(row) for row in await self._connection.rows(_UNFINISHED, now=now, limit=limit)]

    async def put(self, record: MaintenanceRecord) -> None:
        await self._connection.run(_PUT, **asdict(record))

    async def remove(self, maintenance_id: str) -> bool:
        return await self._connection.row(_REMOVE, maintenance_id=maintenance_id) is not None


def _record(row: Record) -> MaintenanceRecord:
    return MaintenanceRecord(
        maintenance_id=str(row["maintenance_id"]),
        party=cast("Party.ValueType", row["party"]),
        start_time=row["start_time"],
        end_time=row["end_time"],
        text_zh=row["text_zh"],
        text_en=row["text_en"],
    )
