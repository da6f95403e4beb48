"""Which gauges a node shows, and where their values come from."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import product

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.supervision.v1.incident_pb2 import IncidentSeverity, IncidentState
from xietong_exchange.adapters.rpc.tls import TlsFiles
from xietong_exchange.domain.party import party_name
from xietong_exchange.flow.courier import LANE_WIDTHS
from xietong_exchange.flow.deadlines import Pressing
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.measures import lane_name
from xietong_exchange.runtime.engine import Engine
from xietong_exchange.runtime.settings import Settings, exports_metrics
from xietong_exchange.supervision.deadline_desk import pressing
from xietong_exchange.supervision.gauges import Gauges, Read, Reading

INCIDENTS = 1_000
"""Incidents that are counted, the newest."""
DEADLINES = 10_000
"""Deadlines of a party that are counted."""
_RESPONSIBLE = sorted(set(Party.values()) - {Party.PARTY_UNSPECIFIED, Party.PARTY_HUB})
_PRESSING: tuple[Pressing, ...] = ("warning", "passed")
_DAY_SECONDS = 86400.0
_UNCLOSED = (IncidentState.INCIDENT_STATE_OPEN, IncidentState.INCIDENT_STATE_ACKNOWLEDGED)


def measures(settings: Settings) -> bool:
    """Whether somebody wants to know. Raises SettingsError when we can't tell it to them."""
    return exports_metrics() or settings.metrics.prometheus() is not None


def gauges(engine: Engine) -> Gauges:
    """All gauges of the node."""
    return Gauges(readers(engine), engine.settings.metrics.round_seconds)


def readers(engine: Engine) -> Sequence[Read]:
    """What reads their values."""
    settings, exchange = engine.settings, engine.exchange
    signer = TlsFiles(settings.tls.ca, settings.signer.certificate, settings.signer.key)
    return (
        partial(_queues, exchange),
        partial(_dead_letters, exchange),
        partial(_incidents, exchange),
        *([partial(_deadlines, exchange)] if exchange.profile.relays else []),
        partial(_certificates, {"tls": engine.tls, "signer": signer}),
        partial(_disk, exchange),
    )


async def _queues(exchange: Exchange) -> Sequence[Reading]:
    found = []
    for peer, lane in product(sorted(exchange.routes.neighbours), LANE_WIDTHS):
        async with exchange.store.transaction(single=True) as tx:
            queue = await tx.passages.queue(peer, lane)
        of = {"xietong.peer": party_name(peer), "xietong.lane": lane_name(lane)}
        found.append(Reading("xietong.queue.depth", queue.deliveries, of))
        found.append(Reading("xietong.queue.age", queue.oldest_seconds, of))
    return found


async def _dead_letters(exchange: Exchange) -> Sequence[Reading]:
    async with exchange.store.transaction(single=True) as tx:
        return [Reading("xietong.delivery.dead", await tx.outbox.count("dead"))]


async def _incidents(exchange: Exchange) -> Sequence[Reading]:
    async with exchange.store.transaction(single=True) as tx:
        unclosed = await tx.incidents.page(_UNCLOSED, "", before=None, limit=INCIDENTS)
    found = []
    for severity in (IncidentSeverity.INCIDENT_SEVERITY_WARNING, IncidentSeverity.INCIDENT_SEVERITY_ALARM):
        of = {"xietong.severity": IncidentSeverity.Name(severity).removeprefix("INCIDENT_SEVERITY_").lower()}
        these = [incident for incident in unclosed if incident.severity == severity]
        found.append(Reading("xietong.incident.open", len(these), of))
        found.append(Reading("xietong.incident.packages", sum(one.package_count for one in these), of))
    return found


async def _deadlines(exchange: Exchange) -> Sequence[Reading]:
    found, now = [], exchange.clock()
    for party, stands in product(_RESPONSIBLE, _PRESSING):
        wanted = pressing(exchange, now, party, (stands,))
        async with exchange.store.transaction(single=True) as tx:
            count = await tx.deadlines.count(wanted, limit=DEADLINES)
        of = {"xietong.responsible.party": party_name(party), "xietong.clock.phase": stands}
        found.append(Reading("xietong.deadline.open", count, of))
    return found


async def _certificates(files: dict[str, TlsFiles]) -> Sequence[Reading]:
    found = []
    for name, pair in files.items():
        expires = await asyncio.to_thread(pair.expire_time)
        days = (expires - datetime.now(UTC)).total_seconds() / _DAY_SECONDS
        found.append(Reading("xietong.certificate.remaining", days, {"xietong.certificate": name}))
    return found


async def _disk(exchange: Exchange) -> Sequence[Reading]:
    space = exchange.space
    found = [
        Reading("xietong.disk.free", space.parts.free_bytes() - space.promised_bytes),
        Reading("xietong.disk.reserve", space.reserve_bytes),
    ]
    for usage in space.usage():
        of = {"xietong.sender.party": party_name(usage.party)}
        found.append(Reading("xietong.storage.usage", usage.kept_bytes, of | {"xietong.usage": "kept"}))
        found.append(
            Reading("xietong.storage.usage", usage.promised_bytes, of | {"xietong.usage": "promised"})
        )
        if usage.quota_bytes:
            found.append(Reading("xietong.storage.limit", usage.quota_bytes, of))
    return found
