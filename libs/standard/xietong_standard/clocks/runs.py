"""From events to the runs of a limit: when it started, what restarted it, and what stopped it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from xietong_standard.clocks.events import Event, Trigger, picked
from xietong_standard.clocks.model import Limit, Switch


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a limit. `stopped` is what ended it or began it anew; None while it runs."""

    start: Event
    stopped: Event | None = None

    def until(self, now: datetime) -> datetime:
        """The end of what counts for this run: when it stopped, or now."""
        return self.stopped.time if self.stopped else now


def runs_of(limit: Limit, events: tuple[Event, ...], switches: Mapping[str, Switch]) -> tuple[Run, ...]:
    """All runs of a limit over its history (`events.history`), oldest first.

    A start while it runs changes nothing: of several reports of a start, the earliest counts. At one moment a stop
    comes before a start when the limit runs, and after it when it doesn't, so that neither hides the other.
    """
    runs: list[Run] = []
    for time, group in groupby(events, key=lambda event: event.time):
        moment = tuple(group)
        stop = _first(limit.stops, moment)
        running = bool(runs) and runs[-1].stopped is None
        if running and stop:
            runs[-1] = replace(runs[-1], stopped=stop)
        if begin := _begin(limit, moment, running=running and stop is None):
            if runs and runs[-1].stopped is None:
                if runs[-1].start.time == time:
                    continue
                runs[-1] = replace(runs[-1], stopped=begin)
            if _may_start(limit, tuple(event for event in events if event.time <= time), switches):
                runs.append(Run(begin))
        if not running and stop and runs and runs[-1].stopped is None:
            runs[-1] = replace(runs[-1], stopped=stop)
    return tuple(runs)


def applies(limit: Limit, run: Run, events: tuple[Event, ...], switches: Mapping[str, Switch]) -> bool:
    """Whether the switch `when` was on at some moment of the run. The events are those up to its end."""
    if not limit.when:
        return True
    switch = switches[limit.when]
    before = tuple(event for event in events if event.time <= run.start.time)
    if switch.value(before):
        return True
    end = run.stopped.time if run.stopped else None
    return any(
        picked(switch.begins, event)
        for event in events
        if event.time > run.start.time and (end is None or event.time <= end)
    )


def _begin(limit: Limit, moment: tuple[Event, ...], *, running: bool) -> Event | None:
    restart = _first(limit.restarts, moment)
    return restart or (None if running else _first(limit.starts, moment))


def _first(triggers: tuple[Trigger, ...], moment: tuple[Event, ...]) -> Event | None:
    return next((event for event in moment if picked(triggers, event)), None)


def _may_start(limit: Limit, events: tuple[Event, ...], switches: Mapping[str, Switch]) -> bool:
    return not any(switches[name].value(events) for name in limit.unless)
