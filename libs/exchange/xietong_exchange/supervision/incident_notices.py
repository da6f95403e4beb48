"""What is told of incidents: each opening, change and end once.

What is to be told stands in the database: an incident's revision beyond the one that was told last. So the queue is
bounded by the incidents, survives a restart, and a notice that fails is told later as the incident then is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from xietong.supervision.v1.incident_pb2 import IncidentState
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.incidents import IncidentRecord, Untold
from xietong_exchange.flow.store import Transaction
from xietong_exchange.supervision.incident_desk import IncidentDesk
from xietong_exchange.supervision.notices import Notice, cloud_event

AT_ONCE = 20
"""Incidents that are read at a time."""
YOUNG = timedelta(days=1)
"""Older news is nobody's any more, for example when an endpoint is configured for the first time."""
EVENT_TYPE = "org.xietong.incident"


@dataclass(frozen=True, slots=True)
class IncidentNews:
    """The port `notices.News` over incidents."""

    exchange: Exchange
    desk: IncidentDesk

    async def untold(self) -> Sequence[Notice]:
        """Of some incidents, the oldest first."""
        now = self.exchange.clock()
        async with self.exchange.store.transaction() as tx:
            found = await tx.incidents.untold(now=now, changed_after=now - YOUNG, limit=AT_ONCE)
        return [await self._notice(one) for one in found]

    async def _notice(self, untold: Untold) -> Notice:
        record = untold.record
        body = cloud_event(
            self.exchange.party,
            event_id=f"{record.incident_id}/{record.revision}",
            event_type=f"{EVENT_TYPE}.{_what(record, untold.told_revision)}.v1",
            subject=record.incident_id,
            time=record.change_time,
            data=await self.desk.view(record),
        )
        return Notice(body, partial(_told, record))


async def _told(record: IncidentRecord, tx: Transaction) -> None:
    await tx.incidents.told(record.incident_id, record.revision)


def _what(record: IncidentRecord, told_revision: int) -> str:
    if record.state == IncidentState.INCIDENT_STATE_CLOSED:
        return "closed"
    return "changed" if told_revision else "opened"
