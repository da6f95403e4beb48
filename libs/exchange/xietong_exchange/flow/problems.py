"""The port to problem reports and their notes, with its records; `supervision` works with them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.problem_pb2 import ProblemKind
from xietong.supervision.v1.problem_service_pb2 import ProblemState


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemRecord:
    """A problem as its notes make it."""

    report_id: str
    package_id: str
    kind: ProblemKind.ValueType
    reported_by: Party.ValueType
    state: ProblemState.ValueType
    create_time: datetime
    change_time: datetime
    position: int = 0
    """Order in which this node heard of it; given by the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRecord:
    """A note as it travels."""

    note_id: str
    report_id: str
    content: bytes
    """A serialised `ProblemNote`."""
    signature: bytes
    destination: Party.ValueType | None
    """The neighbour that has to get it; None when nobody has to, or it was delivered."""


class Problems(Protocol):
    """Problems and their notes."""

    async def get(self, report_id: str, *, lock: bool = False) -> ProblemRecord | None:
        """The problem; with `lock` its row is locked until the transaction ends."""

    async def put(self, record: ProblemRecord) -> None:
        """Add it, or change its state."""

    async def page(
        self,
        states: Collection[ProblemState.ValueType],
        package_id: str,
        *,
        before: int | None,
        limit: int,
    ) -> list[ProblemRecord]:
        """The newest first; empty arguments do not restrict."""

    async def add_note(self, record: NoteRecord) -> bool:
        """Append; False when it is there already (nothing is changed then)."""

    async def notes(self, report_id: str, *, limit: int) -> list[NoteRecord]:
        """The latest notes in the order in which they were taken."""

    async def address(self, report_id: str, destination: Party.ValueType) -> None:
        """All notes that are here have to get to this neighbour."""

    async def undelivered(self, destination: Party.ValueType, *, limit: int) -> list[NoteRecord]:
        """Notes that this neighbour has to get, the oldest first."""

    async def delivered(self, note_ids: Sequence[str]) -> None:
        """These have not to be delivered any more."""
