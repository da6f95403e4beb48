"""The diagnostics bundle: what a vendor's support needs of a node, in one bounded document.

No secret, no personal value and no content of a case can be in it: it takes numbers, codes and times from named fields,
of settings no words, and of the log what the log holds, which is none of these either.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong.supervision.v1.incident_pb2 import IncidentKind, IncidentSeverity, IncidentState
from xietong_exchange.domain.errors import XietongError
from xietong_exchange.domain.party import party_name
from xietong_exchange.flow.incidents import IncidentRecord
from xietong_exchange.flow.measures import lane_name
from xietong_exchange.flow.operations import Operations
from xietong_exchange.flow.records import DeliveryRecord
from xietong_exchange.supervision.gauges import Read

DEAD_LETTERS = 100
"""The oldest."""
INCIDENTS = 100
"""The newest, closed ones too."""

Section = Callable[[], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostics:
    """Writes the bundle of one node."""

    operations: Operations
    versions: Mapping[str, str]
    settings: Mapping[str, Any]
    """Without words: see `runtime.diagnosing`."""
    gauges: Sequence[Read]
    recent_log: Callable[[], Sequence[str]]
    """Warnings and errors, the latest last, each bounded."""

    async def document(self) -> bytes:
        """JSON in UTF-8. A section that can't be read says so, and the others are still there."""
        sections: dict[str, Section] = {
            "node": self._node,
            "gauges": self._gauges,
            "dead_letters": self._dead_letters,
            "incidents": self._incidents,
        }
        found: dict[str, Any] = {
            "make_time": _time(self.operations.exchange.clock()),
            "party": party_name(self.operations.exchange.party),
            "versions": dict(self.versions),
            "settings": self.settings,
        }
        for name, read in sections.items():
            try:
                found[name] = await read()
            except (XietongError, OSError, ValueError) as error:
                found[name] = {"unreadable": type(error).__name__}
        found["log"] = list(self.recent_log())
        return json.dumps(found, ensure_ascii=False, indent=1).encode()

    async def _node(self) -> Mapping[str, Any]:
        status = await self.operations.status()
        return {
            "start_time": _stamp(status.start_time),
            "schema_version": status.schema_version,
            "database_version": await self.operations.exchange.store.server_version(),
            "standard_editions": self.operations.exchange.rules.editions,
            "neighbours": [
                {
                    "party": _party(one.party),
                    "reachable": one.reachable,
                    "last_contact_time": _stamp(one.last_contact_time),
                    "last_reason": one.last_reason.code,
                }
                for one in status.neighbours
            ],
            "node_versions": {_party(one.party): one.software_version for one in status.node_versions},
        }

    async def _gauges(self) -> Sequence[Any]:
        read = [reading for reader in self.gauges for reading in await reader()]
        return [{"name": one.gauge, "value": one.value, **one.attributes} for one in read]

    async def _dead_letters(self) -> Sequence[Any]:
        async with self.operations.exchange.store.transaction() as tx:
            found = await tx.outbox.page("dead", after=0, limit=DEAD_LETTERS)
        return [_dead_letter(one) for one in found]

    async def _incidents(self) -> Sequence[Any]:
        async with self.operations.exchange.store.transaction() as tx:
            found = await tx.incidents.page((), "", before=None, limit=INCIDENTS)
        return [_incident(one) for one in found]


def _dead_letter(one: DeliveryRecord) -> Mapping[str, Any]:
    return {
        "delivery_id": one.delivery_id,
        "package_id": one.package_id,
        "evidence_id": one.evidence_id,
        "to": _party(one.destination),
        "lane": lane_name(one.lane),
        "attempts": one.attempts,
        "last_reason": one.last_reason,
        "create_time": _time(one.create_time),
        "progress_time": _time(one.progress_time),
    }


def _incident(one: IncidentRecord) -> Mapping[str, Any]:
    """What the node says of it; what people wrote stays out."""
    return {
        "incident_id": one.incident_id,
        "kind": IncidentKind.Name(one.kind),
        "severity": IncidentSeverity.Name(one.severity),
        "state": IncidentState.Name(one.state),
        "hop": _party(one.hop),
        "package_count": one.package_count,
        "package_id": one.package_id,
        "package_state": DeliveryState.Name(one.package_state),
        "transferred_bytes": one.transferred_bytes,
        "total_bytes": one.total_bytes,
        "last_reason": one.last_reason,
        "open_time": _time(one.open_time),
        "close_time": _time(one.close_time),
        "escalated": one.escalated,
    }


def _party(party: int) -> str:
    return party_name(party) if party in Party.values() else str(party)  # type: ignore[arg-type]  # a number of the enum


def _time(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds") if moment is not None else ""


def _stamp(time: Timestamp) -> str:
    return _time(time.ToDatetime(UTC)) if time.seconds else ""
