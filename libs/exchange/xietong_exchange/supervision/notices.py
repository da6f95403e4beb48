"""Notices: tells another system what is new, by an endpoint that may be slow, wrong or dead and holds up nothing."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_exchange.domain.errors import XietongError
from xietong_exchange.domain.party import party_name
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.store import Transaction
from xietong_exchange.supervision.watch import INCIDENTS

log = logging.getLogger(__name__)

FIRST_DELAY_SECONDS = 5.0
LONGEST_DELAY_SECONDS = 300.0
LOOK_SECONDS = 30.0


class NotTold(Exception):
    """The endpoint did not take a notice; the text says why, without its address."""


class Endpoint(Protocol):
    """Where notices go."""

    async def post(self, body: bytes) -> None:
        """Hand over one CloudEvent as JSON. Raises NotTold."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell, and what notes on record that it was told."""

    body: bytes
    told: Callable[[Transaction], Awaitable[None]]


class News(Protocol):
    """What there is to tell of one kind of things. It is on record, so that a restart loses and repeats nothing."""

    async def untold(self) -> Sequence[Notice]:
        """A few notices that are to be told now; none when all is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifier:
    """Tells an endpoint what is new, one after the other, at most so many in a minute."""

    exchange: Exchange
    news: Sequence[News]
    """They take turns: many notices of one kind do not hold up those of another."""
    endpoint: Endpoint
    per_minute: int

    async def run(self) -> None:
        """Tell until cancelled; after a failure with a growing pause."""
        failures = 0
        with self.exchange.changes.subscribe(INCIDENTS) as changes:
            while True:
                try:
                    await self.tell()
                except (NotTold, XietongError) as error:
                    log.log(logging.DEBUG if failures else logging.WARNING, "notices are not told: %s", error)
                    await asyncio.sleep(min(FIRST_DELAY_SECONDS * 2**failures, LONGEST_DELAY_SECONDS))
                    failures = min(failures + 1, 10)
                else:
                    failures = 0
                    await changes.wait(LOOK_SECONDS)

    async def tell(self) -> None:
        """Everything that is to be told now. Raises NotTold when the endpoint does not take something."""
        while notices := [notice for news in self.news for notice in await news.untold()]:
            for notice in notices:
                await self.endpoint.post(notice.body)
                async with self.exchange.store.transaction() as tx:
                    await notice.told(tx)
                await asyncio.sleep(60 / self.per_minute)


def cloud_event(
    party: Party.ValueType, *, event_id: str, event_type: str, subject: str, time: datetime, data: Message
) -> bytes:
    """A CloudEvent 1.0 in its structured form; its id has to be the same when it has to be told again."""
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": f"/xietong/{party_name(party)}",
        "type": event_type,
        "subject": subject,
        "time": time.isoformat(),
        "datacontenttype": "application/json",
        "data": MessageToDict(data, preserving_proto_field_name=True),
    }
    return json.dumps(event, ensure_ascii=False).encode()
