"""Checks that clocks and processes of an edition say the same of each other, and that no prohibition is broken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from xietong_standard.catalogue import ClockVerb
from xietong_standard.clocks.events import Moment, Trigger
from xietong_standard.clocks.model import ClockItem, Clocks, Limit
from xietong_standard.clocks.trigger_reader import TriggerReader
from xietong_standard.model import PartyRole, Process
from xietong_standard.source import Entry, Problem

Places = Mapping[str, Entry]


def check_clocks(
    clocks: Clocks, items: Places, processes: Mapping[str, Process], places: Places
) -> list[Problem]:
    """All mistakes between clocks and processes; `items` and `places` know where both stand."""
    effects = {item.id: _effects(clocks, item) for item in clocks.items.values()}
    return [
        *_claims(effects, processes, places),
        *_silences(effects, items, processes),
        *_prohibitions(clocks, items),
    ]


def check_triggers(
    triggers: TriggerReader, processes: Mapping[str, Process], places: Places
) -> list[Problem]:
    """Triggers of unknown processes or of parties without a part in them, and events that nobody knows or uses."""
    return [*_triggers(triggers, processes), *_events(triggers, processes, places)]


_Effects = Mapping[ClockVerb, tuple[Trigger, ...]]


def _effects(clocks: Clocks, item: ClockItem) -> _Effects:
    """What each verb means for an item: the triggers that do it."""
    exclusions = [exclusion for limit in item.limits for exclusion in clocks.exclusions(limit)]
    stops = [*(limit.stops for limit in item.limits), *(lead.stops for lead in item.warning_leads)]
    return {
        ClockVerb.STARTS: tuple(chain(*(limit.starts for limit in item.limits))),
        ClockVerb.RESTARTS: tuple(chain(*(limit.restarts for limit in item.limits))),
        ClockVerb.STOPS: tuple(chain(*stops)),
        ClockVerb.EXTENDS: tuple(chain(*(limit.granted_by for limit in item.limits))),
        ClockVerb.SUSPENDS: tuple(chain(*(exclusion.begins for exclusion in exclusions))),
        ClockVerb.RESUMES: tuple(chain(*(exclusion.ends for exclusion in exclusions))),
    }


def _triggers(reader: TriggerReader, processes: Mapping[str, Process]) -> Iterator[Problem]:
    for trigger, entry in reader.places:
        if trigger.moment is None:
            continue
        process = processes.get(trigger.code)
        if process is None:
            yield entry.problem(f"'{trigger.code}' is not a process of this edition")
        elif trigger.party and not _takes_part(trigger, process):
            yield entry.problem(f"{trigger.party} has no part in '{trigger}'")


def _takes_part(trigger: Trigger, process: Process) -> bool:
    roles: tuple[PartyRole, ...] = process.senders
    if trigger.moment is not Moment.SENT:
        roles = process.receivers.roles
    return any(trigger.party in role.parties for role in roles)


def _events(reader: TriggerReader, processes: Mapping[str, Process], places: Places) -> Iterator[Problem]:
    used = {trigger.code for trigger, _ in reader.places if trigger.moment is None}
    for code, (_, key) in reader.events.items():
        if code not in used:
            yield key.problem(f"no clock and no state uses the event '{code}'")
    for process in processes.values():
        for code in process.supervision.events if process.supervision else ():
            if code not in reader.events:
                yield places[process.code].problem(f"{process.code}: event '{code}' is not in events.yaml")
            elif not reader.events[code][0].told_by:
                yield places[process.code].problem(
                    f"{process.code}: nothing in the manifest tells the event '{code}'; give 'told_by' in events.yaml"
                )


def _claims(
    effects: Mapping[str, _Effects], processes: Mapping[str, Process], places: Places
) -> Iterator[Problem]:
    """What a process says that it does to a clock, and no trigger of the clock bears out."""
    for process in processes.values():
        place = places[process.code]
        for verb, item_ids in (process.clocks or {}).items():
            for item_id in item_ids:
                if item_id not in effects:
                    yield place.problem(f"{process.code}: '{item_id}' is not in clocks.yaml")
                elif not any(_done_by(process, trigger) for trigger in effects[item_id][verb]):
                    yield place.problem(f"{process.code}: clocks.yaml does not say that it {verb} {item_id}")


def _silences(
    effects: Mapping[str, _Effects], items: Places, processes: Mapping[str, Process]
) -> Iterator[Problem]:
    """What a clock says that a package does to it, and the process does not say."""
    for item_id, verbs in effects.items():
        for verb, triggers in verbs.items():
            for code in sorted({trigger.code for trigger in triggers if trigger.moment}):
                process = processes.get(code)
                if process and item_id not in (process.clocks or {}).get(verb, ()):
                    yield items[item_id].problem(f"{code} does not say that it {verb} {item_id}")


def _done_by(process: Process, trigger: Trigger) -> bool:
    if trigger.moment:
        return trigger.code == process.code
    return process.supervision is not None and trigger.code in process.supervision.events


def _prohibitions(clocks: Clocks, items: Places) -> Iterator[Problem]:
    """Limits that restart or pause at an event of which a prohibition says that it must not."""
    for item in clocks.items.values():
        if item.prohibition is None:
            continue
        forbidden = {*item.prohibition.begins, *item.prohibition.ends}
        for limit_id in item.prohibition.within:
            if not forbidden.isdisjoint(_begin_anew(clocks, clocks.limits[limit_id])):
                yield items[item.id].problem(
                    f"{item.id} forbids that '{limit_id}' restarts or pauses at its events"
                )


def _begin_anew(clocks: Clocks, limit: Limit) -> Iterator[Trigger]:
    yield from limit.restarts
    for exclusion in clocks.exclusions(limit):
        yield from exclusion.begins
