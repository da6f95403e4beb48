"""The port to the deadlines of all cases and to what has to be evaluated again; `supervision` works with them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from xietong.exchange.v1.envelope_pb2 import Party

Pressing = Literal["running", "suspended", "warning", "passed"]
"""How a deadline stands at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineRecord:
    """A clock of a case that one party has to see to. `content` is a serialised `Deadline` of the contract."""

    collaboration_case_id: str
    person_id: str
    """The first of the persons who stand alike; empty for the whole case."""
    clock_id: str
    party: Party.ValueType
    due_time: datetime
    warning_time: datetime
    """From then on it warns; the same as `due_time` without a warning lead."""
    suspended: bool
    content: bytes
    notice_time: datetime | None = None
    """When somebody is to be told of it next: of the warning first, then of the end; None: no more."""
    deadline_id: int = 0
    """Given by the store."""


@dataclass(frozen=True, slots=True)
class DueCase:
    """A case whose clocks are to be evaluated, and when something about it was last seen to change."""

    collaboration_case_id: str
    change_time: datetime


@dataclass(frozen=True, slots=True)
class DeadlineFilter:
    """Which deadlines a list shows at a time. Empty fields do not restrict."""

    now: datetime
    party: Party.ValueType = Party.PARTY_UNSPECIFIED
    pressing: Collection[Pressing] = ()
    due_from: datetime | None = None
    due_before: datetime | None = None


Place = tuple[datetime, int]
"""Where a deadline stands in the list: its end and its id."""


Move = tuple[str, str]
"""The case that persons left, and the one in which they go on."""


class Deadlines(Protocol):
    """Deadlines, and the cases that are to be looked at."""

    async def follow(self, now: datetime, *, limit: int) -> bool:
        """Note the cases of up to `limit` packages that changed since the last call as due now, with those from which
        persons came into them and those into which persons went on. True when there may be more. Whoever is second at
        a time waits for nothing and finds nothing. No change is ever missed.
        """

    async def look_back(self, now: datetime, *, limit: int) -> bool:
        """The same of `limit` packages recorded before deadlines were kept, the latest first. True when there may be
        more.
        """

    async def is_filling(self) -> bool:
        """Whether there are packages that `look_back` has not come to."""

    async def next_due(self, now: datetime) -> DueCase | None:
        """A case that is due, the longest due first; its entry is locked until the transaction ends."""

    async def of_case(self, case: str) -> list[DeadlineRecord]:
        """The deadlines of a case; their rows are locked until the transaction ends."""

    async def put(self, case: str, deadlines: Sequence[DeadlineRecord]) -> None:
        """Replace the deadlines of a case."""

    async def look_again(self, case: str, refresh_time: datetime | None) -> None:
        """When a case that `next_due` gave is due again; None: when it changes."""

    async def note_moves(self, moves: Collection[Move], now: datetime) -> None:
        """Persons moved between these cases; both cases of a move that was not known yet are due now."""

    async def moves(self, case: str) -> list[Move]:
        """The moves out of this case and into it, as noted."""

    async def page(self, wanted: DeadlineFilter, *, after: Place | None, limit: int) -> list[DeadlineRecord]:
        """The earliest end first; `after` is the place of the last one of the page before."""

    async def untold(self, now: datetime) -> list[DeadlineRecord]:
        """The deadlines of one case of which somebody is to be told by now, the earliest end first: of the case that
        waits for the longest. Those whose time is not counted now wait.
        """

    async def told(self, deadlines: Sequence[DeadlineRecord], *, has_passed: bool) -> None:
        """Somebody was told of them as they were read: that they warn, or that they have passed. One whose end was
        moved meanwhile is to be told of as before.
        """

    async def pass_over(self, before: datetime) -> None:
        """What was to be told before this moment is told no more; the end of a clock that only warned still is."""

    async def count(self, wanted: DeadlineFilter, *, limit: int) -> int:
        """How many there are, up to `limit`."""
