"""Notices: tells another system of incidents, by an endpoint that may be slow, wrong or dead and holds up nothing.

What is to be told stands in the database: an incident's revision beyond the one that was told last. So the queue is
bounded by the incidents, survives a restart, and a notice that fails is told later as the incident then is.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from google.protobuf.json_format import MessageToDict

from xietong.supervision.v1.incident_pb2 import IncidentState
from xietong_exchange.domain.errors import XietongError
from xietong_exchange.domain.party import party_name
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.incidents import IncidentRecord, Untold
from xietong_exchange.supervision.incident_desk import IncidentDesk
from xietong_exchange.supervision.watch import INCIDENTS

log = logging.getLogger(__name__)

AT_ONCE = 20
"""Incidents that are read at a time."""
YOUNG = timedelta(days=1)
"""Older news is nobody's any more, for example when an endpoint is configured for the first time."""
FIRST_DELAY_SECONDS = 5.0
LONGEST_DELAY_SECONDS = 300.0
LOOK_SECONDS = 30.0
EVENT_TYPE = "org.xietong.incident"


class NotTold(Exception):
    """The endpoint did not take a notice; the text says why, without its address."""


class Endpoint(Protocol):
    """Where notices go."""

    async def post(self, body: bytes) -> None:
        """Hand over one CloudEvent as JSON. Raises NotTold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifier:
    """Tells an endpoint what is new about incidents, one after the other, at most so many in a minute."""

    exchange: Exchange
    desk: IncidentDesk
    endpoint: Endpoint
    per_minute: int

    async def run(self) -> None:
        """Tell until cancelled; after a failure with a growing pause."""
        failures = 0
        with self.exchange.changes.subscribe(INCIDENTS) as news:
            while True:
                try:
                    await self.tell()
                except (NotTold, XietongError) as error:
                    log.log(
                        logging.DEBUG if failures else logging.WARNING, "incidents are not told: %s", error
                    )
                    await asyncio.sleep(min(FIRST_DELAY_SECONDS * 2**failures, LONGEST_DELAY_SECONDS))
                    failures = min(failures + 1, 10)
                else:
                    failures = 0
                    await news.wait(LOOK_SECONDS)

    async def tell(self) -> None:
        """Everything that is to be told now. Raises NotTold when the endpoint does not take something."""
        while untold := await self._untold():
            for one in untold:
                await self.endpoint.post(await self._event(one))
                async with self.exchange.store.transaction() as tx:
                    await tx.incidents.told(one.record.incident_id, one.record.revision)
                await asyncio.sleep(60 / self.per_minute)

    async def _untold(self) -> list[Untold]:
        now = self.exchange.clock()
        async with self.exchange.store.transaction() as tx:
            return await tx.incidents.untold(now=now, changed_after=now - YOUNG, limit=AT_ONCE)

    async def _event(self, untold: Untold) -> bytes:
        """A CloudEvent 1.0 in its structured form; its id is the same when it has to be told again."""
        record = untold.record
        incident = await self.desk.view(record)
        event = {
            "specversion": "1.0",
            "id": f"{record.incident_id}/{record.revision}",
            "source": f"/xietong/{party_name(self.exchange.party)}",
            "type": f"{EVENT_TYPE}.{_what(record, untold.told_revision)}.v1",
            "subject": record.incident_id,
            "time": record.change_time.isoformat(),
            "datacontenttype": "application/json",
            "data": MessageToDict(incident, preserving_proto_field_name=True),
        }
        return json.dumps(event, ensure_ascii=False).encode()


def _what(record: IncidentRecord, told_revision: int) -> str:
    if record.state == IncidentState.INCIDENT_STATE_CLOSED:
        return "closed"
    return "changed" if told_revision else "opened"
