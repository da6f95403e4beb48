"""Lawful extensions of a limit: which decisions count, by how much, and what a supervisor should know about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from xietong_standard.clocks.events import Event, picked
from xietong_standard.clocks.model import Extension, Limit
from xietong_standard.clocks.terms import Term
from xietong_standard.text import Text


class Remark(StrEnum):
    """What a supervisor should know about how the end was found."""

    LENGTH_NOT_STATED = "length_not_stated"
    BEYOND_MAXIMUM = "beyond_maximum"
    OTHER_APPROVER = "other_approver"
    TOO_OFTEN = "too_often"
    CUSTODY_UNKNOWN = "custody_unknown"
    MORE_RUNS_THAN_ALLOWED = "more_runs_than_allowed"


REMARKS = {
    Remark.LENGTH_NOT_STATED: Text(
        "延长决定未写明期限，按最短计算", "an extension states no length; the shortest is counted"
    ),
    Remark.BEYOND_MAXIMUM: Text(
        "延长决定超出规定的上限，按上限计算", "an extension goes beyond the maximum; the maximum is counted"
    ),
    Remark.OTHER_APPROVER: Text(
        "延长的批准机关与规定不符，未计入",
        "an extension names another approver than the rule; it is not counted",
    ),
    Remark.TOO_OFTEN: Text(
        "延长次数超出规定，超出部分未计入",
        "extended more often than the rule allows; the rest is not counted",
    ),
    Remark.CUSTODY_UNKNOWN: Text(
        "是否在押不明，按在押计算，不因节假日顺延",
        "whether the person is in custody is not known; counted as custody, holidays do not move the end",
    ),
    Remark.MORE_RUNS_THAN_ALLOWED: Text("次数超出规定的上限", "it started more often than the rule allows"),
}


@dataclass(frozen=True, slots=True)
class Grant:
    """One decision that extends a limit. `length` is None when only the last day that it states counts."""

    extension: Extension
    length: Term | None

    @property
    def cap(self) -> Term | None:
        """The longest that the extension may be; None without a bound."""
        return self.extension.at_most or self.extension.by or self.extension.to


@dataclass(frozen=True, slots=True)
class Granted:
    """All decisions that count for one run; `days` are the last days that they state."""

    base: Term
    grants: tuple[Grant, ...]
    days: tuple[date, ...]
    remarks: frozenset[Remark]

    @property
    def keys(self) -> tuple[str, ...]:
        """The extensions that count, in the order of the standard."""
        return tuple(dict.fromkeys(grant.extension.key for grant in self.grants))

    @property
    def total(self) -> Term:
        """The limit with all that was added to it."""
        added = (grant.length for grant in self.grants if grant.extension.by and grant.length)
        return sum(added, self.base)

    def last_day(self, end: Callable[[Term], date]) -> date:
        """The last day, where `end` counts a length from the start: the longest of what was granted."""
        whole = (grant.length for grant in self.grants if grant.extension.to and grant.length)
        return max(map(end, (self.total, *whole)))

    def stated(self, end: Callable[[Term], date]) -> tuple[date | None, bool]:
        """The latest last day that a decision states, within the maximum, and whether one lies beyond it."""
        most = self._longest(end)
        latest = max(self.days, default=None)
        if latest is None or most is None or latest <= most:
            return latest, False
        return most, True

    def _longest(self, end: Callable[[Term], date]) -> date | None:
        if any(grant.cap is None for grant in self.grants):
            return None
        added = (grant.cap for grant in self.grants if grant.extension.by and grant.cap)
        whole = (grant.cap for grant in self.grants if grant.extension.to and grant.cap)
        return max(map(end, (sum(added, self.base), *whole)))


def granted(limit: Limit, events: tuple[Event, ...]) -> Granted:
    """What extends a run, from the events between its start and its end.

    Where there are more decisions than the rule allows, the longest count.
    """
    grants: list[Grant] = []
    days: list[date] = []
    remarks: set[Remark] = set()
    for extension in limit.extensions:
        decisions = _decisions(extension, events)
        approved = [event for event in decisions if event.approver in ("", extension.approver)]
        if len(approved) < len(decisions):
            remarks.add(Remark.OTHER_APPROVER)
        if len(approved) > extension.times:
            remarks.add(Remark.TOO_OFTEN)
        lengths = [_length(extension, event) for event in approved]
        remarks |= {remark for _, remark in lengths if remark}
        days += [event.until for event in approved if event.until]
        longest = sorted((length for length, _ in lengths), key=_hours, reverse=True)[: extension.times]
        grants += [Grant(extension, length) for length in longest]
    return Granted(limit.term, tuple(grants), tuple(days), frozenset(remarks))


def _decisions(extension: Extension, events: Iterable[Event]) -> list[Event]:
    """The decisions; several reports of one at the same time are one, the one that says most."""
    found: dict[object, Event] = {}
    for event in events:
        if picked(extension.granted_by, event):
            known = found.get(event.time)
            found[event.time] = max(known, event, key=_says) if known else event
    return list(found.values())


def _says(event: Event) -> tuple[str, date, tuple[int, int, int, int]]:
    amount = event.amount or Term()
    counted = (amount.months, amount.days, amount.working_days, amount.hours)
    return (event.approver, event.until or date.min, counted)


def _length(extension: Extension, event: Event) -> tuple[Term | None, Remark | None]:
    """The length that a decision grants, within the maximum; the shortest when it states none."""
    shortest = extension.by or extension.to
    if event.amount is None or shortest is None:
        unsaid = event.until is None and (shortest is None or extension.at_most is not None)
        return shortest, Remark.LENGTH_NOT_STATED if unsaid else None
    cap = extension.at_most or shortest
    if _hours(event.amount) <= _hours(cap):
        return event.amount, None
    return cap, Remark.BEYOND_MAXIMUM


def _hours(term: Term | None) -> int:
    """To compare lengths: a month counts as 30 days, which no maximum of the standard mixes."""
    return (term.months * 30 + term.days + term.working_days) * 24 + term.hours if term else 0
