"""The port to incidents and to the packages under watch, with its records; `supervision` works with them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction
from xietong.supervision.v1.incident_pb2 import IncidentKind, IncidentSeverity, IncidentState
from xietong_exchange.flow.records import DeliveryRecord, OperationRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPackage:
    """A package without an outcome, without its envelope, and the delivery that moves it on from here."""

    package_id: str
    position: int
    direction: Direction.ValueType
    state: DeliveryState.ValueType
    state_time: datetime
    submit_time: datetime
    complete: bool
    size_bytes: int
    process_code: str
    sender: Party.ValueType
    receiver: Party.ValueType
    reasons: bytes
    touch_time: datetime
    delivery: DeliveryRecord | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRecord:
    """An incident; see the contract's `Incident`."""

    incident_id: str
    cause: str
    """Packages with the same cause are one incident; of each cause one incident at most is not closed."""
    kind: IncidentKind.ValueType
    severity: IncidentSeverity.ValueType
    state: IncidentState.ValueType
    hop: Party.ValueType
    system: str
    package_count: int
    package_id: str
    package_state: DeliveryState.ValueType
    transferred_bytes: int
    total_bytes: int
    last_reason: str
    last_text_zh: str
    last_text_en: str
    submit_time: datetime | None
    relay_time: datetime | None
    open_time: datetime
    change_time: datetime
    close_time: datetime | None = None
    acknowledged_by: str = ""
    acknowledge_time: datetime | None = None
    assignee: str = ""
    silence_until: datetime | None = None
    maintenance_id: str = ""
    """The announcement for which it was silenced last; each silences it once, as an operator may end that."""
    silenced_by_maintenance: bool = False
    """That announcement brought the silence, and not an operator since."""
    escalated: bool = False
    revision: int = 1
    """Rises with everything that people are told about it."""
    position: int = 0
    """Order in which it was opened; given by the store."""


@dataclass(frozen=True, slots=True)
class Untold:
    """An incident of which something is to be told."""

    record: IncidentRecord
    told_revision: int
    """The revision that was told last; 0: none yet."""


class Incidents(Protocol):
    """Incidents and what they are made from."""

    async def open_packages(
        self,
        direction: Direction.ValueType,
        state: DeliveryState.ValueType,
        *,
        submitted_before: datetime,
        after: int,
        limit: int,
    ) -> list[OpenPackage]:
        """Packages in this state, submitted before a moment, in the order of their recording, after a position."""

    async def open_package(self, package_id: str) -> OpenPackage | None:
        """One package, whatever its state."""

    async def unclosed(self, *, limit: int) -> list[IncidentRecord]:
        """Incidents that are not closed, the oldest first; their rows are locked until the transaction ends."""

    async def add(self, record: IncidentRecord) -> bool:
        """Insert; False when an incident of this cause is there that is not closed (nothing is changed then)."""

    async def put(self, record: IncidentRecord) -> None:
        """Write the incident as it is now."""

    async def link(self, incident_id: str, package_ids: Collection[str]) -> None:
        """Note packages that it concerns; those that are noted already stay."""

    async def get(self, incident_id: str, *, lock: bool = False) -> IncidentRecord | None:
        """The incident; with `lock` its row is locked until the transaction ends."""

    async def page(
        self,
        states: Collection[IncidentState.ValueType],
        package_id: str,
        *,
        before: int | None,
        limit: int,
    ) -> list[IncidentRecord]:
        """The newest first; empty arguments do not restrict."""

    async def untold(self, *, now: datetime, changed_after: datetime, limit: int) -> list[Untold]:
        """Incidents that changed after a moment and of which something is to be told, unless they are silenced now."""

    async def told(self, incident_id: str, revision: int) -> None:
        """People were told so far."""

    async def packages(self, incident_id: str, *, limit: int) -> Sequence[str]:
        """Packages that it concerned at some time."""

    async def events(self, incident_id: str, *, limit: int) -> list[OperationRecord]:
        """What was done about it, the latest last; the latest `limit` of it."""
