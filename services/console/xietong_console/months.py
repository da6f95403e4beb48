"""Statistics month after month, of the calendar of China; a month that is over is asked for once an hour at most."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from xietong.supervision.v1.flow_service_pb2 import GetStatisticsResponse
from xietong_client import XietongClientError
from xietong_client.status import unanswered
from xietong_console.node import NodeLink
from xietong_console.words import CHINA

FRESH_SECONDS = 30.0
MOST_ANSWERS = 3
"""How many times as long as for one answer a page waits for those of all months; what came by then is kept."""
OVER_SECONDS = 3600.0
"""Of a month that is over only outcomes still change."""


@dataclass(frozen=True, slots=True)
class Month:
    """What there was in one month."""

    begin: datetime
    counts: GetStatisticsResponse

    @property
    def name(self) -> str:
        """As in 2026-03."""
        return f"{self.begin:%Y-%m}"


class Months:
    """Asks the node, one month at a time."""

    def __init__(self, node: NodeLink, answer_seconds: float) -> None:
        self._node = node
        self._patience_seconds = MOST_ANSWERS * answer_seconds
        self._lock = asyncio.Lock()
        self._failed: tuple[float, XietongClientError] = (float("-inf"), unanswered())
        """When it failed last, and why."""
        self._known: dict[datetime, tuple[float, GetStatisticsResponse]] = {}

    async def latest(self, number: int) -> Sequence[Month]:
        """So many months up to now, the oldest first. Raises XietongClientError."""
        begins, begun = latest_months(datetime.now(UTC), number), time.monotonic()
        async with self._lock:
            failed, failure = self._failed
            if failed < begun:
                return await self._ask(begins)
        raise failure  # of who asked before: to ask again one after the other would keep the last one waiting

    async def _ask(self, begins: Sequence[datetime]) -> Sequence[Month]:
        self._known = {begin: known for begin, known in self._known.items() if begin >= begins[0]}
        try:
            async with asyncio.timeout(self._patience_seconds):
                return [Month(begin, await self._of(begin)) for begin in begins]
        except TimeoutError:
            failure: XietongClientError = unanswered()
        except XietongClientError as error:
            failure = error
        self._failed = (time.monotonic(), failure)
        raise failure

    async def _of(self, begin: datetime) -> GetStatisticsResponse:
        now, end = time.monotonic(), following(begin)
        lasts = OVER_SECONDS if end < datetime.now(UTC) - timedelta(days=1) else FRESH_SECONDS
        known = self._known.get(begin)
        if known is not None and now - known[0] < lasts:
            return known[1]
        counts = await self._node.flows.statistics(begin, end)
        self._known[begin] = (now, counts)
        return counts


def latest_months(now: datetime, number: int) -> list[datetime]:
    """When so many months up to this one began, the oldest first."""
    begin = now.astimezone(CHINA).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    begins = [begin]
    while len(begins) < number:
        begins.append((begins[-1] - timedelta(days=1)).replace(day=1))
    return begins[::-1]


def following(begin: datetime) -> datetime:
    """When the month after this one begins."""
    return (begin + timedelta(days=32)).replace(day=1)
