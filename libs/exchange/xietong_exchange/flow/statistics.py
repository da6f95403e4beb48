"""The port to counts over all packages of a span of time; `supervision.statistics` works with it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from xietong_exchange.flow.records import ArrivalCount, OutcomeCount, ReturnedRecord


class Statistics(Protocol):
    """Counts packages of a span of time."""

    async def outcomes(self, start: datetime, end: datetime, *, only_corrections: bool) -> list[OutcomeCount]:
        """Of the packages recorded in it, or only of those that correct another one."""

    async def arrivals(self, start: datetime, end: datetime, *, limit: int) -> list[ArrivalCount]:
        """Of the latest `limit` packages delivered in it."""

    async def returned(self, start: datetime, end: datetime, *, limit: int) -> list[ReturnedRecord]:
        """The latest `limit` of those recorded in it that were returned."""
