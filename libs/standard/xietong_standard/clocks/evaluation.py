"""Evaluates the clocks of a case: a pure function of the clocks, the events, the time and the calendar."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from xietong_standard.clocks.calendar import WorkingCalendar
from xietong_standard.clocks.due import Due, due_of
from xietong_standard.clocks.events import Event, Trigger, history, picked
from xietong_standard.clocks.extensions import Remark
from xietong_standard.clocks.model import ClockItem, Clocks, Limit, Prohibition, WarningLead
from xietong_standard.clocks.runs import Run, applies, runs_of
from xietong_standard.clocks.states import ClockState, Phase
from xietong_standard.clocks.terms import Term, day_of
from xietong_standard.model import Party

# The switch that tells whether holidays move the end of a limit whose custody goes by the measure.
IN_CUSTODY = "in_custody"

# Warning leads by clock id that replace those of the edition.
Leads = Mapping[str, tuple[Term, ...]]


@dataclass(frozen=True, slots=True)
class _History:
    """What is known of one person, or of the whole case, at a time."""

    clocks: Clocks
    events: tuple[Event, ...]
    person_id: str
    now: datetime
    calendar: WorkingCalendar
    leads: Leads


@dataclass(frozen=True, slots=True)
class _Observed:
    """The latest run of a limit, with its end."""

    limit: Limit
    runs: tuple[Run, ...]
    due: Due

    @property
    def run(self) -> Run:
        return self.runs[-1]


def clock_states(
    clocks: Clocks,
    events: Iterable[Event],
    persons: Collection[str],
    *,
    now: datetime,
    calendar: WorkingCalendar,
    leads: Leads | None = None,
) -> tuple[ClockState, ...]:
    """How every clock of a case stands at `now`: those of the case, then those of each person.

    The order of the events does not matter, nor does it when one is given twice. `leads` replaces warning leads of the
    edition by clock id. `now` needs a time zone.
    """
    known = tuple(events)
    whole = _History(clocks, history(known, now), "", now, calendar, leads or {})
    states = list(_states(whole, per_case=True))
    for person_id in persons:
        one = replace(whole, events=history(known, now, person_id), person_id=person_id)
        states += _states(one, per_case=False)
    return tuple(states)


def _states(past: _History, *, per_case: bool) -> Iterator[ClockState]:
    for item in past.clocks.items.values():
        yield from (_limit(past, item, limit) for limit in item.limits if limit.per_case is per_case)
        if per_case:
            continue
        yield from (_warning_lead(past, item, lead) for lead in item.warning_leads)
        if item.exclusion:
            span = _latest(item.exclusion.begins, item.exclusion.ends, past.events)
            yield _span_state(_blank(past, item), span)
        if item.prohibition:
            yield _prohibition(past, item, item.prohibition)


def _blank(past: _History, item: ClockItem, part: Limit | WarningLead | None = None) -> ClockState:
    return ClockState(
        clock_id=part.id if part else item.id,
        item=item,
        name=part.name if part else item.name,
        person_id=past.person_id,
        responsible=part.responsible if part else (),
    )


def _limit(past: _History, item: ClockItem, limit: Limit) -> ClockState:
    observed = _observe(past, limit)
    if observed is None:
        return _blank(past, item, limit)
    too_many = bool(limit.most_runs) and len(observed.runs) > limit.most_runs
    state = replace(
        _timed(past, _blank(past, item, limit), observed, limit.leads),
        last_day=observed.due.last_day,
        responsible=_responsible(limit, observed.run),
        remarks=observed.due.remarks + ((Remark.MORE_RUNS_THAN_ALLOWED,) if too_many else ()),
    )
    if observed.due.suspended and state.phase in (Phase.RUNNING, Phase.WARNING):
        return replace(state, phase=Phase.SUSPENDED, lead=None)
    return state


def _observe(past: _History, limit: Limit) -> _Observed | None:
    runs = runs_of(limit, past.events, past.clocks.switches)
    if not runs or not applies(limit, runs[-1], past.events, past.clocks.switches):
        return None
    until = runs[-1].until(past.now)
    custody = past.clocks.switches.get(IN_CUSTODY)
    due = due_of(
        limit,
        runs[-1],
        past.events,
        past.clocks.exclusions(limit),
        past.calendar,
        until=until,
        in_custody=custody.value(_until(past.events, until)) if custody else None,
    )
    return _Observed(limit, runs, due)


def _until(events: tuple[Event, ...], moment: datetime) -> tuple[Event, ...]:
    return tuple(event for event in events if event.time <= moment)


def _responsible(limit: Limit, run: Run) -> tuple[Party, ...]:
    took_part = tuple(party for party in limit.responsible if party == run.start.party)
    return took_part or limit.responsible


def _timed(
    past: _History,
    state: ClockState,
    observed: _Observed,
    leads: tuple[Term, ...],
    *,
    due: datetime | None = None,
    ended: datetime | None = None,
) -> ClockState:
    """The state with its times and phase. `due` and `ended` default to those of the observed limit."""
    at = due or observed.due.at
    stopped = observed.run.stopped
    ended = ended or (stopped.time if stopped else None)
    phase, lead = Phase.RUNNING, None
    leads = past.leads.get(state.clock_id, leads)
    if ended:
        phase = Phase.ENDED
    elif past.now >= at:
        phase = Phase.PASSED
    elif reached := [lead for lead in leads if past.now >= lead.before(at)]:
        phase, lead = Phase.WARNING, max(reached, key=lambda one: one.before(at))
    return replace(
        state,
        phase=phase,
        started=observed.run.start.time,
        started_by=observed.run.start.package_id,
        due=at,
        ended=ended,
        lead=lead,
        warns=min((one.before(at) for one in leads), default=None),
        runs=len(observed.runs),
        extended=observed.due.extended,
        certainty=observed.due.certainty,
    )


def _warning_lead(past: _History, item: ClockItem, lead: WarningLead) -> ClockState:
    state = _blank(past, item, lead)
    observed = [
        one for one in _observe_all(past, lead.of) if not lead.extended or lead.extended in one.due.extended
    ]
    if not observed:
        return state
    latest = max(observed, key=lambda one: (one.run.stopped is None, one.run.start.time))
    if lead.extendable and _fully_extended(latest):
        return state
    due = lead.before.before(latest.due.at)
    ended = _done(past, lead, latest)
    timed = _timed(past, state, latest, lead.leads, due=due, ended=ended)
    return replace(timed, last_day=day_of(due - timedelta(microseconds=1)) if latest.due.last_day else None)


def _observe_all(past: _History, limit_ids: Iterable[str]) -> list[_Observed]:
    found = (_observe(past, past.clocks.limits[limit_id]) for limit_id in limit_ids)
    return [observed for observed in found if observed]


def _fully_extended(observed: _Observed) -> bool:
    """Whether every extension of a fixed length was granted."""
    fixed = (extension for extension in observed.limit.extensions if extension.by or extension.to)
    return all(extension.key in observed.due.extended for extension in fixed)


def _done(past: _History, lead: WarningLead, observed: _Observed) -> datetime | None:
    """When the duty was done for the present end: what came before the last extension concerned an earlier one."""
    start = observed.run.start.time
    since = max(
        (event.time for event in past.events if picked(observed.limit.granted_by, event)), default=start
    )
    done = [
        event.time for event in past.events if picked(lead.stops, event) and event.time >= max(start, since)
    ]
    return min(done, default=None)


def _prohibition(past: _History, item: ClockItem, prohibition: Prohibition) -> ClockState:
    state = replace(_blank(past, item), responsible=prohibition.responsible)
    begun, ended = _latest(prohibition.begins, prohibition.ends, past.events)
    observed = _observe_all(past, prohibition.within)
    if begun is None or not observed:
        return state
    first = min(observed, key=lambda one: one.due.at)
    timed = _timed(past, state, first, prohibition.leads, ended=ended)
    return replace(timed, started=begun, started_by="", last_day=first.due.last_day)


def _span_state(state: ClockState, span: tuple[datetime | None, datetime | None]) -> ClockState:
    begun, ended = span
    if begun is None:
        return state
    return replace(state, phase=Phase.ENDED if ended else Phase.RUNNING, started=begun, ended=ended)


def _latest(
    begins: tuple[Trigger, ...], ends: tuple[Trigger, ...], events: tuple[Event, ...]
) -> tuple[datetime | None, datetime | None]:
    """Begin and end of the latest span between two kinds of events."""
    begun: datetime | None = None
    ended: datetime | None = None
    for event in events:
        if picked(begins, event) and (begun is None or ended is not None):
            begun, ended = event.time, None
        elif picked(ends, event) and begun is not None and ended is None:
            ended = event.time
    return begun, ended
