"""The incident desk: shows incidents to operators with whom to call, and takes what they do about them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.evidence_pb2 import Reason
from xietong.supervision.v1 import incident_service_pb2 as pb
from xietong.supervision.v1.directory_service_pb2 import Contact
from xietong.supervision.v1.incident_pb2 import Incident, IncidentKind, IncidentState
from xietong_exchange.domain.errors import IncidentNotFound, PackageNotFound, StateConflict
from xietong_exchange.domain.evidence import timestamp
from xietong_exchange.domain.identity import Identity
from xietong_exchange.domain.punctuality import Punctuality, punctuality
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.incidents import IncidentRecord
from xietong_exchange.flow.records import Operation, OperationRecord
from xietong_exchange.supervision.advice import what_it_is, what_to_do
from xietong_exchange.supervision.directory import Directory, whom_to_call
from xietong_exchange.supervision.sightings import Lookout
from xietong_exchange.supervision.watch import INCIDENTS

MOST_PACKAGES = 500
MOST_EVENTS = 100
_OPEN, _CLOSED = IncidentState.INCIDENT_STATE_OPEN, IncidentState.INCIDENT_STATE_CLOSED
_NOT_CLOSED = (IncidentState.INCIDENT_STATE_OPEN, IncidentState.INCIDENT_STATE_ACKNOWLEDGED)
_PUNCTUALITY = {
    Punctuality.ON_TIME: pb.PUNCTUALITY_ON_TIME,
    Punctuality.SLOW: pb.PUNCTUALITY_SLOW,
    Punctuality.STALLED: pb.PUNCTUALITY_STALLED,
    Punctuality.OVERDUE: pb.PUNCTUALITY_OVERDUE,
    Punctuality.ARRIVED: pb.PUNCTUALITY_ARRIVED,
}

Change = Callable[[IncidentRecord, datetime], IncidentRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentDesk:
    """Answers operators about incidents."""

    exchange: Exchange
    lookout: Lookout
    directory: Directory

    async def page(
        self,
        states: Collection[IncidentState.ValueType],
        package_id: str,
        *,
        before: int | None,
        limit: int,
    ) -> tuple[list[Incident], list[int]]:
        """A page of incidents, the newest first, and where each stands in the list."""
        async with self.exchange.store.transaction() as tx:
            records = await tx.incidents.page(states, package_id, before=before, limit=limit)
        contacts = await self.directory.contacts()
        return [view(one, contacts) for one in records], [one.position for one in records]

    async def get(self, incident_id: str) -> tuple[Incident, Sequence[str], list[OperationRecord]]:
        """An incident, its packages, and what was done about it. Raises IncidentNotFound."""
        async with self.exchange.store.transaction() as tx:
            record = await tx.incidents.get(incident_id)
            if record is None:
                raise IncidentNotFound(incident_id=incident_id)
            packages = await tx.incidents.packages(incident_id, limit=MOST_PACKAGES)
            events = await tx.incidents.events(incident_id, limit=MOST_EVENTS)
        return await self.view(record), packages, events

    async def acknowledge(self, incident_id: str, note: str, caller: Identity) -> Incident:
        """Somebody takes notice. Raises IncidentNotFound, StateConflict."""
        return await self._do("acknowledge_incident", incident_id, note, caller, _acknowledged(caller))

    async def assign(self, incident_id: str, assignee: str, note: str, caller: Identity) -> Incident:
        """Somebody else works on it from now on. Raises IncidentNotFound, StateConflict."""

        def assigned(record: IncidentRecord, now: datetime) -> IncidentRecord:
            noticed = _acknowledged(caller)(record, now)
            is_other = record.assignee != assignee
            return replace(noticed, assignee=assignee, revision=noticed.revision + is_other)

        said = f"{assignee}: {note}" if note else assignee
        return await self._do("assign_incident", incident_id, said, caller, assigned)

    async def silence(self, incident_id: str, duration: timedelta, note: str, caller: Identity) -> Incident:
        """Nobody is told about it for so long. Raises IncidentNotFound, StateConflict."""
        said = f"{round(duration.total_seconds() / 60)} min: {note}"

        def silenced(record: IncidentRecord, now: datetime) -> IncidentRecord:
            until = now + duration if duration else None
            return replace(record, silence_until=until, silenced_by_maintenance=False)

        return await self._do("silence_incident", incident_id, said, caller, silenced)

    async def _do(
        self, operation: Operation, incident_id: str, note: str, caller: Identity, change: Change
    ) -> Incident:
        now = self.exchange.clock()
        async with self.exchange.store.transaction() as tx:
            record = await tx.incidents.get(incident_id, lock=True)
            if record is None:
                raise IncidentNotFound(incident_id=incident_id)
            if record.state == _CLOSED:
                raise StateConflict(what=f"incident {incident_id}", state="closed")
            changed = change(record, now)
            if changed != record:
                changed = replace(changed, change_time=now)
                await tx.incidents.put(changed)
                done = OperationRecord(
                    operation=operation, caller=caller.path, incident_id=incident_id, note=note, time=now
                )
                await tx.operations.append(done)
        self.exchange.changes.announce(INCIDENTS)
        return await self.view(changed)

    async def arrival(self, package_id: str) -> pb.GetArrivalResponse:
        """How punctual a package is. Raises PackageNotFound."""
        now = self.exchange.clock()
        seen = await self.lookout.one(package_id, now)
        if seen is None:
            raise PackageNotFound(package_id=package_id)
        async with self.exchange.store.transaction() as tx:
            incidents = await tx.incidents.page(_NOT_CLOSED, package_id, before=None, limit=1)
        journey = seen.journey
        expected = journey.expected
        return pb.GetArrivalResponse(
            punctuality=_PUNCTUALITY[punctuality(journey, self.lookout.patience, now)],
            submit_time=timestamp(journey.submit_time),
            expected_time=timestamp(journey.submit_time + expected) if expected is not None else None,
            due_time=timestamp(journey.submit_time + self.lookout.patience.parse_of(journey.process_code)),
            progress_time=timestamp(journey.moved_time),
            transferred_bytes=seen.transferred_bytes,
            total_bytes=seen.package.size_bytes,
            incident=await self.view(incidents[0]) if incidents else None,
        )

    async def view(self, record: IncidentRecord) -> Incident:
        """An incident as the contract shows it, with whom to call."""
        return view(record, await self.directory.contacts())


def view(record: IncidentRecord, contacts: Sequence[Contact]) -> Incident:
    """An incident as the contract shows it."""
    said, advice = what_it_is(record), what_to_do(record)
    shown = Incident(
        incident_id=record.incident_id,
        kind=record.kind,
        severity=record.severity,
        state=record.state,
        hop=record.hop,
        system=record.system,
        package_count=record.package_count,
        package_id=record.package_id,
        package_state=record.package_state,
        transferred_bytes=record.transferred_bytes,
        total_bytes=record.total_bytes,
        text_zh=said.zh,
        text_en=said.en,
        advice_zh=advice.zh,
        advice_en=advice.en,
        contacts=whom_to_call(contacts, _called(record), record.system, escalated=record.escalated),
        acknowledged_by=record.acknowledged_by,
        assignee=record.assignee,
        escalated=record.escalated,
    )
    if record.last_reason:
        reason = Reason(code=record.last_reason, text_zh=record.last_text_zh, text_en=record.last_text_en)
        shown.last_reason.CopyFrom(reason)
    for name, moment in _times(record):
        getattr(shown, name).CopyFrom(timestamp(moment))
    return shown


def _called(record: IncidentRecord) -> Party.ValueType:
    """Whose people can look into it."""
    is_at_hub = record.kind == IncidentKind.INCIDENT_KIND_NOT_DELIVERED
    return Party.PARTY_HUB if is_at_hub else record.hop


def _times(record: IncidentRecord) -> list[tuple[str, datetime]]:
    moments = {
        "submit_time": record.submit_time,
        "relay_time": record.relay_time,
        "open_time": record.open_time,
        "change_time": record.change_time,
        "close_time": record.close_time,
        "acknowledge_time": record.acknowledge_time,
        "silence_until_time": record.silence_until,
    }
    return [(name, moment) for name, moment in moments.items() if moment is not None]


def _acknowledged(caller: Identity) -> Change:
    def change(record: IncidentRecord, now: datetime) -> IncidentRecord:
        if record.state != _OPEN:
            return record
        return replace(
            record,
            state=IncidentState.INCIDENT_STATE_ACKNOWLEDGED,
            acknowledged_by=caller.path,
            acknowledge_time=now,
            revision=record.revision + 1,
        )

    return change
