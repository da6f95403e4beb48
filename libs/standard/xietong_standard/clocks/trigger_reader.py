"""Reads dated events and the triggers that name them, for clocks and lifecycle alike, and keeps their places."""

from __future__ import annotations

import re
from collections.abc import Mapping

from xietong_standard.clocks.events import EventKind, Trigger
from xietong_standard.model import Party
from xietong_standard.source import Entry
from xietong_standard.vocabulary import items_of, read_text

# The hub sends and receives nothing of its own.
TRIGGER_PARTIES = tuple(party.value for party in Party if party is not Party.HUB)

_EVENT = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def read_events(entry: Entry) -> dict[str, tuple[EventKind, Entry]]:
    """Reads the dated events of an edition, each with its place: `{code: {zh, en}}`."""
    events: dict[str, tuple[EventKind, Entry]] = {}
    for key, value in entry.pairs():
        if not _EVENT.fullmatch(key.text()):
            key.fail(f"'{key.text()}' is no code of an event; write small letters, such as 'case-accepted'")
        events[key.text()] = (EventKind(key.text(), read_text(value)), key)
    return events


class TriggerReader:
    """Reads triggers that name the given events; `places` keeps each with where it stands."""

    def __init__(self, events: Mapping[str, tuple[EventKind, Entry]]) -> None:
        self.events = events
        self.places: list[tuple[Trigger, Entry]] = []

    def read(self, entry: Entry | None) -> tuple[Trigger, ...]:
        """Reads a list of triggers that may be left out."""
        return tuple(self._trigger(item) for item in items_of(entry))

    def _trigger(self, entry: Entry) -> Trigger:
        try:
            trigger = Trigger.parse(entry.text())
        except ValueError as error:
            entry.fail(str(error))
        if trigger.moment is None and trigger.code not in self.events:
            entry.fail(f"event '{trigger.code}' is not in events.yaml")
        if trigger.party and trigger.party not in TRIGGER_PARTIES:
            entry.fail(f"'{trigger.party}' is not one of: {', '.join(TRIGGER_PARTIES)}")
        self.places.append((trigger, entry))
        return trigger
