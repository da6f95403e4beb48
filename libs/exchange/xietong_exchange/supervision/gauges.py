"""What stands still to be looked at: queues, dead letters, incidents, certificates and disk, as observable gauges.

A round reads them by bounded, indexed statements; whoever collects gets what the last round saw, so that a scrape
never touches the database and a database that is away delays no scrape.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Meter, Observation

from xietong_exchange.domain.errors import XietongError
from xietong_exchange.flow.measures import METER

log = logging.getLogger(__name__)

Read = Callable[[], Awaitable[Sequence["Reading"]]]


@dataclass(frozen=True, slots=True)
class Reading:
    """A value of one gauge, and of what."""

    gauge: str
    value: float
    attributes: Mapping[str, str] = field(default_factory=dict)


GAUGES = {
    "xietong.queue.depth": ("{delivery}", "Deliveries that wait or move, 10,000 of a queue at most"),
    "xietong.queue.age": ("s", "How long the oldest of these has been in the queue"),
    "xietong.delivery.dead": ("{delivery}", "Dead letters that wait for an operator"),
    "xietong.incident.open": ("{incident}", "Incidents that are not closed, 1,000 at most"),
    "xietong.incident.packages": ("{package}", "Packages that they concern: what is late or stands still"),
    "xietong.deadline.open": (
        "{clock}",
        "Statutory clocks in their warning lead or past their end, by responsible party, 10,000 of each at most",
    ),
    "xietong.certificate.remaining": ("d", "Days until a certificate of the node expires"),
    "xietong.disk.free": ("By", "Room on the disk of the parts, promised room taken off"),
    "xietong.disk.reserve": ("By", "Room that is kept for what has begun"),
    "xietong.storage.usage": ("By", "Contents kept, and promised room, by sending party"),
    "xietong.storage.limit": ("By", "Quota of a sending party, where it has one"),
}
"""Name, unit and meaning of each."""


class Gauges:
    """Reads all gauges now and then. Whoever has something to show adds a reader before the first round."""

    def __init__(self, readers: Iterable[Read], round_seconds: float, meter: Meter | None = None) -> None:
        self._readers = list(readers)
        self._round_seconds = round_seconds
        self._seen: dict[str, list[Observation]] = {}
        meter = meter or metrics.get_meter(METER)
        for name, (unit, meaning) in GAUGES.items():
            meter.create_observable_gauge(name, [self._observed(name)], unit, meaning)

    def _observed(self, name: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        return lambda _options: self._seen.get(name, [])

    async def run(self) -> None:
        """Read for ever."""
        while True:
            await self.read()
            await asyncio.sleep(self._round_seconds)

    async def read(self) -> None:
        """One round. What can't be read now is not shown: a value of before would be taken for that of now."""
        seen: dict[str, list[Observation]] = {}
        for reader in self._readers:
            try:
                for reading in await reader():
                    seen.setdefault(reading.gauge, []).append(
                        Observation(reading.value, dict(reading.attributes))
                    )
            except (XietongError, OSError, ValueError) as error:
                log.warning("a gauge could not be read: %s", type(error).__name__)
        self._seen = seen
