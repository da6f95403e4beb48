"""The port to what this node announces of maintenance, with its record; `maintenance.py` works with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from xietong.exchange.v1.envelope_pb2 import Party


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceRecord:
    """An announcement of this node."""

    maintenance_id: str
    party: Party.ValueType
    start_time: datetime
    end_time: datetime
    text_zh: str
    text_en: str


class Maintenances(Protocol):
    """The announcements of this node."""

    async def unfinished(self, now: datetime, *, limit: int) -> list[MaintenanceRecord]:
        """Those that end later than now, the earliest end first."""

    async def put(self, record: MaintenanceRecord) -> None:
        """Add, or replace the one with this id."""

    async def remove(self, maintenance_id: str) -> bool:
        """Remove it; False when it is not there."""
