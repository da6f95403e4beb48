"""When a run of a limit ends: its length, extensions, time that is not counted, custody and holidays.

Months are added first and always from the start, so that the order in which extensions arrive changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from xietong_standard.clocks.calendar import Certainty, WorkingCalendar
from xietong_standard.clocks.events import Event, picked
from xietong_standard.clocks.extensions import Granted, Remark, granted
from xietong_standard.clocks.model import Exclusion, Holidays, Limit
from xietong_standard.clocks.runs import Run
from xietong_standard.clocks.terms import CHINA_TIME, Term, day_of, end_of, months_later


@dataclass(frozen=True, slots=True)
class Due:
    """The end of a run. `at` is the first moment after it; `last_day` its last day, None for limits in hours.

    `suspended` while time that is not counted runs; `extended` names the extensions that count, `certainty` is the
    calendar's.
    """

    at: datetime
    last_day: date | None
    certainty: Certainty
    suspended: bool
    extended: tuple[str, ...]
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class _Span:
    begin: datetime
    end: datetime
    is_open: bool


def due_of(
    limit: Limit,
    run: Run,
    events: tuple[Event, ...],
    exclusions: tuple[Exclusion, ...],
    calendar: WorkingCalendar,
    *,
    until: datetime,
    in_custody: bool | None,
) -> Due:
    """The end of a run as it stands at `until`: when the run stopped, or now.

    `in_custody` is None when no event tells. Pure; the order of the events does not matter.
    """
    grants = granted(limit, tuple(event for event in events if _within(event, run.start.time, until)))
    spans = _spans(exclusions, events, run.start.time, until)
    if limit.term.hours:
        return _due_in_hours(run, grants, spans)
    last, certainty, suspended, remarks = _last_day(day_of(run.start.time), grants, spans, calendar)
    if _moved_by_holidays(limit, in_custody):
        counted = calendar.first_working_day(last)
        last, certainty = counted.day, max(certainty, counted.certainty)
    if limit.holidays is Holidays.BY_CUSTODY and in_custody is None:
        remarks |= {Remark.CUSTODY_UNKNOWN}
    return Due(end_of(last), last, certainty, suspended, grants.keys, tuple(sorted(remarks)))


def _moved_by_holidays(limit: Limit, in_custody: bool | None) -> bool:  # noqa: FBT001 # three states, not a flag
    if limit.holidays is Holidays.BY_CUSTODY:
        return in_custody is False
    return limit.holidays is Holidays.MOVE


def _due_in_hours(run: Run, grants: Granted, spans: Iterable[_Span]) -> Due:
    at, suspended = run.start.time + timedelta(hours=grants.total.hours), False
    for span in spans:
        if span.begin >= at:
            break
        at += span.end - span.begin
        suspended = suspended or span.is_open
    return Due(at, None, Certainty.OFFICIAL, suspended, grants.keys, tuple(sorted(grants.remarks)))


def _last_day(
    start: date, grants: Granted, spans: list[_Span], calendar: WorkingCalendar
) -> tuple[date, Certainty, bool, frozenset[Remark]]:
    """The last day before holidays move it, and whether time that is not counted runs."""
    certainty = Certainty.OFFICIAL

    def end(term: Term) -> date:
        nonlocal certainty
        day = months_later(start, term.months) + timedelta(days=term.days)
        counted = calendar.working_days_later(day, term.working_days)
        certainty = max(certainty, counted.certainty)
        return counted.day

    last, suspended = _without(grants.last_day(end), spans)
    remarks = grants.remarks
    stated, beyond = grants.stated(lambda term: _without(end(term), spans)[0])
    if beyond:
        remarks |= {Remark.BEYOND_MAXIMUM}
    return max(last, stated or last), certainty, suspended, remarks


def _without(last: date, spans: Iterable[_Span]) -> tuple[date, bool]:
    """Moves the last day by the days that are not counted; what begins after the end changes nothing."""
    suspended = False
    for span in spans:
        if day_of(span.begin) > last:
            break
        last += day_of(span.end) - day_of(span.begin)
        suspended = suspended or span.is_open
    return last, suspended


def _spans(
    exclusions: tuple[Exclusion, ...], events: tuple[Event, ...], start: datetime, until: datetime
) -> list[_Span]:
    """The times within the run that are not counted, without overlaps, oldest first."""
    found = sorted(
        (span for exclusion in exclusions for span in _spans_of(exclusion, events, start, until)),
        key=lambda span: (span.begin, span.end),
    )
    merged: list[_Span] = []
    for span in found:
        if merged and span.begin <= merged[-1].end:
            last = merged.pop()
            merged.append(_Span(last.begin, max(last.end, span.end), last.is_open or span.is_open))
        else:
            merged.append(span)
    return merged


def _spans_of(
    exclusion: Exclusion, events: tuple[Event, ...], start: datetime, until: datetime
) -> Iterable[_Span]:
    begin: datetime | None = None
    for event in events:
        if event.time > until:
            break
        if begin is None and picked(exclusion.begins, event):
            begin = event.time
        elif begin is not None and picked(exclusion.ends, event):
            if event.time > start:
                yield _Span(max(begin, start), event.time, is_open=False)
            begin = None
    if begin is not None:
        yield _Span(max(begin, start), until, is_open=True)


def _within(event: Event, start: datetime, until: datetime) -> bool:
    """Whether a decision falls into a run. One of which only the day is known may be of the day on which it starts."""
    since = start
    if event.time.astimezone(CHINA_TIME).time() == time():
        since = datetime.combine(day_of(start), time(), CHINA_TIME)
    return since <= event.time <= until
