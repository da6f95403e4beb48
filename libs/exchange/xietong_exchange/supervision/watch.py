"""The watch: looks at all packages on their way now and then, opens incidents for what is late, and closes them.

A round reads what has no outcome, along an index; a history of any length costs nothing. What one round finds is
written in one transaction: an incident for each new cause, what changed of those that are there, the end of the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

from xietong.exchange.v1.evidence_pb2 import EvidenceKind
from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong.supervision.v1.incident_pb2 import IncidentSeverity, IncidentState
from xietong_exchange.domain.errors import XietongError
from xietong_exchange.domain.identity import Role
from xietong_exchange.domain.party import party_name
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.incidents import IncidentRecord
from xietong_exchange.flow.maintenance import Maintenance, end_of, start_of
from xietong_exchange.flow.neighbours import Neighbours
from xietong_exchange.flow.records import Operation, OperationRecord
from xietong_exchange.flow.store import Transaction
from xietong_exchange.supervision.diagnosis import Trouble, away, diagnose, fold
from xietong_exchange.supervision.sightings import Lookout

log = logging.getLogger(__name__)

INCIDENTS = "incidents"
"""Topic of `Changes`: something about an incident is new."""
MAINTENANCE = "maintenance"
"""Begins the note of a silence that an announcement brings, moves or ends."""
MOST_UNCLOSED = 1_000
"""Incidents that are not closed; causes are neighbours, systems and reasons, so there are few."""
REST_FACTOR = 10.0
"""A round that takes long is followed by a rest so many times as long: watching takes a tenth of one processor."""
_CLOSED = IncidentState.INCIDENT_STATE_CLOSED


@dataclass(slots=True, kw_only=True)
class Watch:
    """Watches over the packages of this node."""

    exchange: Exchange
    neighbours: Neighbours
    lookout: Lookout
    maintenance: Maintenance
    round_seconds: float
    start_time: datetime
    _linked: dict[str, set[str]] = field(default_factory=dict)
    """By incident, the packages that this process has noted for it."""

    async def run(self) -> None:
        """A round now and then, until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            begin = clock()
            try:
                await self.round()
            except XietongError as error:
                log.warning("the watch goes on later: %s", error.reason_name())
            await asyncio.sleep(max(self.round_seconds, REST_FACTOR * (clock() - begin)))

    async def round(self) -> None:
        """Look at everything once."""
        now = self.exchange.clock()
        await self.maintenance.refresh()
        troubles = self._silent_neighbours(now)
        async for page in self.lookout.round(now):
            found = [(diagnose(one, self.lookout.patience, now), one) for one in page]
            fold([(finding, one) for finding, one in found if finding is not None], troubles)
        async with self.exchange.store.transaction() as tx:
            known = {one.cause: one for one in await tx.incidents.unclosed(limit=MOST_UNCLOSED)}
            for cause, trouble in troubles.items():
                await self._keep(tx, known.get(cause), trouble, now)
            if (
                now - self.start_time >= self.lookout.patience.standstill
            ):  # Before, too little is known to say that it is over.
                await self._close(tx, (one for cause, one in known.items() if cause not in troubles), now)
        self.exchange.changes.announce(INCIDENTS)

    def _silent_neighbours(self, now: datetime) -> dict[str, Trouble]:
        """Neighbours that have not answered for long, whether anything waits for them or not."""
        troubles: dict[str, Trouble] = {}
        for party in self.exchange.routes.neighbours:
            contact = self.neighbours.contact(party)
            last = contact.last_contact_time or self.start_time
            if not contact.reachable and now - last >= self.lookout.patience.standstill:
                finding = away(party, IncidentSeverity.INCIDENT_SEVERITY_WARNING)
                troubles[finding.cause] = Trouble(finding, None, [])
        return troubles

    async def _keep(
        self, tx: Transaction, known: IncidentRecord | None, trouble: Trouble, now: datetime
    ) -> None:
        seen = self._with_announced_silence(await self._as_seen(tx, known, trouble, now), now)
        if known is None:
            if not await tx.incidents.add(seen):
                return  # Another process of this node was faster.
            log.warning("incident %s: %s, %d packages", seen.incident_id, seen.cause, seen.package_count)
        else:
            seen = await self._escalated(tx, seen, now)
            if seen != known:
                await tx.incidents.put(replace(seen, change_time=now))
        if seen.silence_until != (known.silence_until if known else None):
            await tx.operations.append(self._act("silence_incident", seen, now, self._why(seen)))
        packages = set(trouble.package_ids)
        if fresh := packages - self._linked.get(seen.incident_id, set()):
            await tx.incidents.link(seen.incident_id, fresh)
        tx.when_over(partial(self._note_linked, seen.incident_id, packages))

    async def _as_seen(
        self, tx: Transaction, known: IncidentRecord | None, trouble: Trouble, now: datetime
    ) -> IncidentRecord:
        """The incident with what this round saw. A rise of its severity is something to tell people."""
        record = known or self._opened(trouble, now)
        finding, first = trouble.finding, trouble.first
        rises = finding.severity > record.severity
        record = replace(
            record,
            severity=max(record.severity, finding.severity),
            package_count=len(trouble.package_ids),
            last_reason=finding.reason.code,
            last_text_zh=finding.reason.text_zh,
            last_text_en=finding.reason.text_en,
            revision=record.revision + rises,
        )
        if first is None:
            return replace(record, package_id="", submit_time=None, relay_time=None)
        relayed = record.relay_time
        if first.package.package_id != record.package_id or relayed is None:
            relayed = await _relay_time(tx, first.package.package_id)
        return replace(
            record,
            package_id=first.package.package_id,
            package_state=first.package.state,
            transferred_bytes=first.transferred_bytes,
            total_bytes=first.package.size_bytes,
            submit_time=first.journey.submit_time,
            relay_time=relayed,
        )

    def _opened(self, trouble: Trouble, now: datetime) -> IncidentRecord:
        finding = trouble.finding
        return IncidentRecord(
            incident_id=self.exchange.new_id(),
            cause=finding.cause,
            kind=finding.kind,
            severity=finding.severity,
            state=IncidentState.INCIDENT_STATE_OPEN,
            hop=finding.hop,
            system=finding.system,
            package_count=0,
            package_id="",
            package_state=DeliveryState.DELIVERY_STATE_UNSPECIFIED,
            transferred_bytes=0,
            total_bytes=0,
            last_reason="",
            last_text_zh="",
            last_text_en="",
            submit_time=None,
            relay_time=None,
            open_time=now,
            change_time=now,
        )

    def _with_announced_silence(self, record: IncidentRecord, now: datetime) -> IncidentRecord:
        """With the silence that maintenance of the node where it stands brings; it moves and ends as that does."""
        record = self._followed(record, now)
        window = self.maintenance.of(record.hop, now)
        if window is None or record.maintenance_id == window.maintenance_id:
            return record
        until = end_of(window)
        if record.silence_until is not None and record.silence_until >= until:
            return record
        return replace(
            record,
            silence_until=until,
            maintenance_id=window.maintenance_id,
            silenced_by_maintenance=True,
        )

    def _followed(self, record: IncidentRecord, now: datetime) -> IncidentRecord:
        """What an announcement silenced, as it is announced now."""
        is_silent = record.silence_until is not None and record.silence_until > now
        if not (is_silent and record.silenced_by_maintenance):
            return record
        window = self.maintenance.get(record.maintenance_id)
        if window is None and not self.maintenance.is_heard(record.hop):
            return record
        if window is None or window.party != record.hop or start_of(window) > now:
            return replace(record, silence_until=now, maintenance_id="", silenced_by_maintenance=False)
        return replace(record, silence_until=end_of(window))

    def _why(self, record: IncidentRecord) -> str:
        window = self.maintenance.get(record.maintenance_id)
        return f"{MAINTENANCE}: {window.text_zh if window else '0 min'}"

    def _note_linked(self, incident_id: str, packages: set[str], *, is_committed: bool) -> None:
        if is_committed:
            self._linked[incident_id] = packages

    async def _escalated(self, tx: Transaction, record: IncidentRecord, now: datetime) -> IncidentRecord:
        """To the lead, once, when nobody took notice in time; silence puts it off."""
        is_open = record.state == IncidentState.INCIDENT_STATE_OPEN
        begin = max(record.open_time, record.silence_until or record.open_time)
        if not is_open or record.escalated or now - begin < self.lookout.patience.escalate:
            return record
        log.warning("incident %s: nobody acknowledged it, it goes to the lead", record.incident_id)
        await tx.operations.append(self._act("escalate_incident", record, now))
        return replace(record, escalated=True, revision=record.revision + 1)

    def _act(
        self, operation: Operation, record: IncidentRecord, now: datetime, note: str = ""
    ) -> OperationRecord:
        """What the node itself does about an incident."""
        caller = f"{party_name(self.exchange.party)}/{Role.EXCHANGE}"
        return OperationRecord(
            operation=operation, caller=caller, incident_id=record.incident_id, note=note, time=now
        )

    async def _close(self, tx: Transaction, over: Iterable[IncidentRecord], now: datetime) -> None:
        for record in over:
            log.warning("incident %s is over: %s", record.incident_id, record.cause)
            self._linked.pop(record.incident_id, None)
            closed = replace(
                record,
                state=_CLOSED,
                package_count=0,
                close_time=now,
                change_time=now,
                revision=record.revision + 1,
            )
            await tx.incidents.put(closed)


async def _relay_time(tx: Transaction, package_id: str) -> datetime | None:
    """When the hub held the package, as far as its evidence is here."""
    for piece in await tx.packages.evidence(package_id):
        if piece.kind == EvidenceKind.EVIDENCE_KIND_RELAYED:
            return piece.event_time.astimezone(UTC)
    return None
