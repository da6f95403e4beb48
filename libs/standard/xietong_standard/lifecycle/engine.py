"""Where each suspect of a case stands: a pure function of the lifecycle and the events.

What happened, happened: an event that makes no sense is noted, and the state follows it all the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from xietong_standard.clocks.events import VOID, Event, Moment, Trigger, history, picked
from xietong_standard.lifecycle.model import Lifecycle, Move, Region


class Sense(StrEnum):
    """Whether a package or event makes sense in a state."""

    FITS = "fits"
    OTHER_STATE = "other_state"
    TOO_OFTEN = "too_often"


@dataclass(frozen=True, slots=True)
class Position:
    """Where a person stands in one region. `state` is empty while nothing is known.

    `by` is what led here, `visits` how often each state was entered.
    """

    state: str = ""
    since: datetime | None = None
    by: str = ""
    visits: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Unexpected:
    """An event that made no sense in the state in which it came."""

    event: Event
    state: str
    sense: Sense


@dataclass(frozen=True, slots=True)
class SuspectState:
    """Where one suspect stands in one case."""

    person_id: str
    procedure: Position = Position()
    measure: Position = Position()
    unexpected: tuple[Unexpected, ...] = ()


def suspect_states(
    lifecycle: Lifecycle, events: Iterable[Event], persons: Collection[str], *, now: datetime
) -> tuple[SuspectState, ...]:
    """Where each person stands at `now`. The order of the events does not matter, nor do repeated ones."""
    moving = (event for event in events if _matters(lifecycle, event))
    known = history((_spread(lifecycle.procedure, event) for event in moving), now)
    apart = _by_person(known, persons)
    return tuple(_follow(lifecycle, person, apart[person]) for person in persons)


def case_summary(states: Iterable[SuspectState]) -> Mapping[str, tuple[str, ...]]:
    """The states of a case: each that occurs, with the persons who stand there. The case itself has none."""
    found: dict[str, tuple[str, ...]] = {}
    for state in states:
        code = state.procedure.state
        found[code] = (*found.get(code, ()), state.person_id)
    return MappingProxyType(found)


def sense_of(region: Region, position: Position, process_code: str) -> Sense:
    """Whether a package of the process, sent now, makes sense. Where nothing is known, everything does."""
    return _step(region, position, Trigger(process_code, Moment.SENT))[1]


def _matters(lifecycle: Lifecycle, event: Event) -> bool:
    """Most events of a case neither move anybody, nor could be out of place, nor undo what did."""
    key = (event.code, event.moment)
    return (
        key in lifecycle.procedure.led_by
        or key in lifecycle.measure.led_by
        or event.moment in VOID
        or (event.moment is Moment.SENT and event.code in lifecycle.procedure.fits)
    )


def _spread(region: Region, event: Event) -> Event:
    """The event as one of everybody, where it moves the whole case (全案审查)."""
    led = region.led_by.get((event.code, event.moment), ())
    whole = any(move.whole_case and picked(move.by, event) for move in led)
    return replace(event, person_id="") if whole else event


def _by_person(events: Iterable[Event], persons: Collection[str]) -> dict[str, list[Event]]:
    """What concerns each person: his own events and those of everybody, in their order."""
    apart: dict[str, list[Event]] = {person: [] for person in persons}
    for event in events:
        if not event.person_id:
            for own in apart.values():
                own.append(event)
        elif event.person_id in apart:
            apart[event.person_id].append(event)
    return apart


def _follow(lifecycle: Lifecycle, person_id: str, events: Iterable[Event]) -> SuspectState:
    procedure, measure = Position(), Position()
    unexpected: list[Unexpected] = []
    for event in events:
        happening = Trigger(event.code, event.moment, event.party)
        move, sense = _step(lifecycle.procedure, procedure, happening)
        if sense is not Sense.FITS:
            unexpected.append(Unexpected(event, procedure.state, sense))
        procedure = _take(procedure, move, event)
        measure = _take(measure, _step(lifecycle.measure, measure, happening)[0], event)
    return SuspectState(person_id, procedure, measure, tuple(unexpected))


def _step(region: Region, position: Position, happening: Trigger) -> tuple[Move | None, Sense]:
    """The move that an event makes, and whether it makes sense here."""
    led = region.led_by.get((happening.code, happening.moment), ())
    moves = [move for move in led if any(_means(trigger, happening) for trigger in move.by)]
    fits = region.fits.get(happening.code) if happening.moment is Moment.SENT else None
    if not moves:
        at_home = fits is None or not position.state or position.state in fits
        return None, Sense.FITS if at_home else Sense.OTHER_STATE
    if not position.state:
        return moves[0], Sense.FITS
    here = [move for move in moves if move.leads_from(position.state)]
    if not here and position.by == happening.code:
        return None, Sense.FITS  # the same again, such as one package for each receiver
    free = [
        move for move in here if not move.most_visits or position.visits.get(move.to, 0) < move.most_visits
    ]
    if free:
        return free[0], Sense.FITS
    if here:
        return here[-1], Sense.TOO_OFTEN
    return (None, Sense.FITS) if fits and position.state in fits else (moves[-1], Sense.OTHER_STATE)


def _means(trigger: Trigger, happening: Trigger) -> bool:
    return (trigger.code, trigger.moment) == (happening.code, happening.moment) and (
        not trigger.party or not happening.party or trigger.party == happening.party
    )


def _take(position: Position, move: Move | None, event: Event) -> Position:
    if move is None:
        return position
    visits = dict(position.visits)
    visits[move.to] = visits.get(move.to, 0) + 1
    return Position(move.to, event.time, event.code, MappingProxyType(visits))
