"""Maintenance: when which node is announced to be away, by this node's operators and, through neighbours, by others'.

What this node announces travels with its capabilities, which neighbours ask for all the time, and the hub tells those
of the nodes behind it. Announcements end by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from xietong.exchange.v1.capabilities_pb2 import Capabilities
from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.maintenance_pb2 import MaintenanceWindow
from xietong_exchange.domain.errors import PeerNotAllowed, StateConflict
from xietong_exchange.domain.evidence import timestamp
from xietong_exchange.domain.identity import Identity
from xietong_exchange.domain.party import party_name
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.maintenances import MaintenanceRecord
from xietong_exchange.flow.neighbours import Neighbours
from xietong_exchange.flow.records import Operation, OperationRecord

MOST_WINDOWS = 50
"""Announcements of one node that are not over: they travel with its capabilities."""


@dataclass(slots=True)
class Maintenance:
    """What is announced, as this node knows it."""

    exchange: Exchange
    neighbours: Neighbours
    own: list[MaintenanceWindow] = field(default_factory=list)
    """What this node announced, as last read."""

    async def refresh(self) -> None:
        """Read what this node announced: another process of it may have taken the call."""
        async with self.exchange.store.transaction() as tx:
            records = await tx.maintenances.unfinished(self.exchange.clock(), limit=MOST_WINDOWS)
        self.own = [_window(record) for record in records]

    async def announce(self, window: MaintenanceWindow, caller: Identity) -> None:
        """Announce, or change what was announced under this id. Raises PeerNotAllowed, StateConflict."""
        if window.party != self.exchange.party and not self.exchange.profile.relays:
            raise PeerNotAllowed(
                peer=caller.path, method=f"AnnounceMaintenance of {party_name(window.party)}"
            )
        record = _record(window)
        if record.end_time <= self.exchange.clock():
            raise StateConflict(what="maintenance", state="over")
        async with self.exchange.store.transaction() as tx:
            known = await tx.maintenances.unfinished(self.exchange.clock(), limit=MOST_WINDOWS)
            if record in known:
                return
            is_new = record.maintenance_id not in {one.maintenance_id for one in known}
            if is_new and len(known) >= MOST_WINDOWS:
                raise StateConflict(what="maintenance", state=f"announced {MOST_WINDOWS} times")
            await tx.maintenances.put(record)
            await tx.operations.append(self._log("announce_maintenance", caller, _said(record)))
        await self.refresh()

    async def cancel(self, maintenance_id: str, caller: Identity) -> None:
        """Take back what this node announced."""
        async with self.exchange.store.transaction() as tx:
            if await tx.maintenances.remove(maintenance_id):
                await tx.operations.append(self._log("cancel_maintenance", caller, maintenance_id))
        await self.refresh()

    def _log(self, operation: Operation, caller: Identity, note: str) -> OperationRecord:
        return OperationRecord(operation=operation, caller=caller.path, note=note, time=self.exchange.clock())

    def known(self) -> list[MaintenanceWindow]:
        """All that is not over, of this node and told by others, the earliest first."""
        now = self.exchange.clock()
        found = {window.maintenance_id: window for window in (*self._told(), *self.own)}
        unfinished = [window for window in found.values() if end_of(window) > now]
        return sorted(unfinished, key=lambda window: window.start_time.ToNanoseconds())

    def of(self, party: Party.ValueType, now: datetime) -> MaintenanceWindow | None:
        """The announcement for this party's node that holds now, the one that ends last."""
        running = [one for one in self.known() if one.party == party and start_of(one) <= now]
        return max(running, key=end_of, default=None)

    def get(self, maintenance_id: str) -> MaintenanceWindow | None:
        """An announcement that is not over."""
        return next((one for one in self.known() if one.maintenance_id == maintenance_id), None)

    def is_heard(self, party: Party.ValueType) -> bool:
        """Whether all who may announce for this party's node have said what they announce since this process began."""
        contacts = [self.neighbours.contact(neighbour) for neighbour in self.exchange.routes.neighbours]
        tellers = {party, Party.PARTY_HUB} - {self.exchange.party}
        return all(any(one.capabilities_of(teller) for one in contacts) for teller in tellers)

    def _told(self) -> Iterator[MaintenanceWindow]:
        """Of a branch only what it says of itself: nobody silences what is wrong elsewhere, but the hub."""
        for neighbour in sorted(self.exchange.routes.neighbours):
            contact = self.neighbours.contact(neighbour)
            told: list[Capabilities] = [contact.capabilities] if contact.capabilities is not None else []
            for node in (*contact.beyond, *told):
                for window in node.maintenance:
                    if node.party in {window.party, Party.PARTY_HUB}:
                        yield window


def start_of(window: MaintenanceWindow) -> datetime:
    """When it begins."""
    return window.start_time.ToDatetime(tzinfo=UTC)


def end_of(window: MaintenanceWindow) -> datetime:
    """When it ends."""
    return window.end_time.ToDatetime(tzinfo=UTC)


def _said(record: MaintenanceRecord) -> str:
    times = (
        f"{record.start_time.isoformat(timespec='minutes')}/{record.end_time.isoformat(timespec='minutes')}"
    )
    return f"{record.maintenance_id} {party_name(record.party)} {times} {record.text_zh}"


def _record(window: MaintenanceWindow) -> MaintenanceRecord:
    return MaintenanceRecord(
        maintenance_id=window.maintenance_id,
        party=window.party,
        start_time=start_of(window),
        end_time=end_of(window),
        text_zh=window.text_zh,
        text_en=window.text_en,
    )


def _window(record: MaintenanceRecord) -> MaintenanceWindow:
    return MaintenanceWindow(
        maintenance_id=record.maintenance_id,
        party=record.party,
        start_time=timestamp(record.start_time),
        end_time=timestamp(record.end_time),
        text_zh=record.text_zh,
        text_en=record.text_en,
    )
