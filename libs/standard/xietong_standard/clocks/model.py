"""The clocks (办案期限) of an edition as immutable objects: what clocks.yaml says.

An item is one of the standard's entries (D01 …); a limit is one time limit in it, for example `D01.interrogation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property

from xietong_standard.clocks.events import Event, EventKind, Trigger, picked
from xietong_standard.clocks.terms import Term
from xietong_standard.model import Basis, OpenPoint, Party
from xietong_standard.text import Text


class ClockKind(StrEnum):
    """What an item is."""

    LIMIT = "limit"
    WARNING_LEAD = "warning_lead"
    EXCLUSION = "exclusion"
    PROHIBITION = "prohibition"


class Holidays(StrEnum):
    """Whether a holiday on the last day moves the end to the next working day (CPL art. 105).

    `STAY` for custody and for the longest that a measure may last, `BY_CUSTODY` where it goes by the person's measure.
    """

    MOVE = "move"
    STAY = "stay"
    BY_CUSTODY = "by_custody"


@dataclass(frozen=True, slots=True)
class Switch:
    """A condition that events begin and end, such as 'detained'. At the same moment, the end wins."""

    begins: tuple[Trigger, ...]
    ends: tuple[Trigger, ...]

    def value(self, events: tuple[Event, ...]) -> bool | None:
        """The condition after these events, oldest first; None when none of them concerns it."""
        relevant = [event for event in events if picked((*self.begins, *self.ends), event)]
        if not relevant:
            return None
        latest = [event for event in relevant if event.time == relevant[-1].time]
        return not any(picked(self.ends, event) for event in latest)


@dataclass(frozen=True, slots=True)
class Extension:
    """A lawful extension (延长).

    `by` adds to the limit, `to` replaces its length; both are None when the decision itself must state the last day.
    Where the decision states a length or last day, it counts up to `at_most`. `times` bounds how often.
    """

    key: str
    by: Term | None
    to: Term | None
    at_most: Term | None
    granted_by: tuple[Trigger, ...]
    approver: str
    times: int


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Time that is not counted (不计入): from an event to the next that ends it."""

    begins: tuple[Trigger, ...]
    ends: tuple[Trigger, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """One time limit. `starts`: the earliest event counts. `restarts` (重新计算) begin anew, `stops` end it.

    It applies only when the switch `when` is on during its run and no switch of `unless` is on at its start.
    `most_runs` bounds how often it may start per case and suspect, over all jurisdictions; 0 for no bound.
    `responsible`: who has to act; of several, the one that took part in the start.
    """

    id: str
    name: Text
    term: Term
    starts: tuple[Trigger, ...]
    stops: tuple[Trigger, ...]
    restarts: tuple[Trigger, ...]
    extensions: tuple[Extension, ...]
    exclusions: tuple[Exclusion, ...]
    holidays: Holidays
    when: str
    unless: tuple[str, ...]
    most_runs: int
    per_case: bool
    responsible: tuple[Party, ...]
    leads: tuple[Term, ...]

    @property
    def granted_by(self) -> tuple[Trigger, ...]:
        """What extends it."""
        return tuple(trigger for extension in self.extensions for trigger in extension.granted_by)


@dataclass(frozen=True, slots=True)
class WarningLead:
    """A duty that counts back from the end of other limits (提前提示、提前报请).

    `extended` names the extension without which it does not apply; `extendable`: it applies only while the limit may
    still be extended.
    """

    id: str
    name: Text
    of: tuple[str, ...]
    before: Term
    stops: tuple[Trigger, ...]
    responsible: tuple[Party, ...]
    leads: tuple[Term, ...]
    extended: str = ""
    extendable: bool = False


@dataclass(frozen=True, slots=True)
class Prohibition:
    """What must not restart or suspend other limits and must end within them (不重新计算)."""

    within: tuple[str, ...]
    begins: tuple[Trigger, ...]
    ends: tuple[Trigger, ...]
    responsible: tuple[Party, ...]
    leads: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class ClockItem:
    """One entry of the standard's clocks, D01 to D39, typed as what it is."""

    id: str
    kind: ClockKind
    name: Text
    basis: tuple[Basis, ...]
    provenance: tuple[str, ...]
    unsure: tuple[OpenPoint, ...]
    limits: tuple[Limit, ...] = ()
    warning_leads: tuple[WarningLead, ...] = ()
    exclusion: Exclusion | None = None
    excluded_from: tuple[str, ...] = ()
    prohibition: Prohibition | None = None

    def basis_text(self) -> Text:
        """The citations in both languages."""
        texts = [basis.text() for basis in self.basis]
        return Text("；".join(text.zh for text in texts), "; ".join(text.en for text in texts))


@dataclass(frozen=True)
class Clocks:
    """All clocks of an edition, the dated events that they know, and their switches."""

    events: Mapping[str, EventKind]
    switches: Mapping[str, Switch]
    items: Mapping[str, ClockItem]

    @cached_property
    def limits(self) -> Mapping[str, Limit]:
        """Every time limit by its id."""
        return {limit.id: limit for item in self.items.values() for limit in item.limits}

    @cached_property
    def longest_lead(self) -> timedelta:
        """No clock warns longer than this before its end."""
        parts = (
            part
            for item in self.items.values()
            for part in (*item.limits, *item.warning_leads, item.prohibition)
            if part is not None
        )
        some = datetime.max.replace(tzinfo=UTC)
        return max((some - lead.before(some) for part in parts for lead in part.leads), default=timedelta())

    @cached_property
    def _excluded(self) -> Mapping[str, tuple[Exclusion, ...]]:
        found: dict[str, tuple[Exclusion, ...]] = {}
        for item in self.items.values():
            for limit_id in item.excluded_from if item.exclusion else ():
                found[limit_id] = (*found.get(limit_id, ()), item.exclusion) if item.exclusion else ()
        return found

    def exclusions(self, limit: Limit) -> tuple[Exclusion, ...]:
        """What is not counted in a limit: its own exclusions and the items that exclude time from it."""
        return limit.exclusions + self._excluded.get(limit.id, ())
