"""The port to the log of operations, which only grows."""

from __future__ import annotations

from typing import Protocol

from xietong_exchange.flow.records import OperationRecord


class OperationLog(Protocol):
    """Who did what that makes no evidence, and what the node gave up. It only grows."""

    async def append(self, record: OperationRecord) -> None:
        """Add to the log."""

    async def of_delivery(self, delivery_id: int, *, limit: int) -> list[OperationRecord]:
        """What was done about a delivery, the latest last; the latest `limit` of it."""
