"""Reads dated events and the triggers that name them, for clocks and lifecycle alike, and keeps their places."""

from __future__ import annotations

import re
from collections.abc import Mapping

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong_standard.clocks.events import EventKind, Trigger
from xietong_standard.model import Party
from xietong_standard.paths import FieldPath
from xietong_standard.source import Entry
from xietong_standard.text import Text
from xietong_standard.vocabulary import Vocabulary, items_of

# The hub sends and receives nothing of its own.
TRIGGER_PARTIES = tuple(party.value for party in Party if party is not Party.HUB)

_ENTRY_AND_DATE = 2

_EVENT = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def read_events(entry: Entry, vocabulary: Vocabulary) -> dict[str, tuple[EventKind, Entry]]:
    """Reads the dated events of an edition, each with its place: `{code: {zh, en, told_by, given}}`."""
    events: dict[str, tuple[EventKind, Entry]] = {}
    for key, value in entry.pairs():
        if not _EVENT.fullmatch(key.text()):
            key.fail(f"'{key.text()}' is no code of an event; write small letters, such as 'case-accepted'")
        fields = value.fields(("zh", "en"), ("told_by", "given"))
        kind = EventKind(
            code=key.text(),
            name=Text(fields["zh"].text(), fields["en"].text()),
            told_by=tuple(_dated_path(item, vocabulary) for item in items_of(fields.get("told_by"))),
            given=_given(fields["given"], vocabulary) if "given" in fields else None,
        )
        events[kind.code] = (kind, key)
    return events


def _dated_path(entry: Entry, vocabulary: Vocabulary) -> FieldPath:
    """A path to a date of an entry that may name a person, such as `measures[kind=ARREST].start_time`."""
    path = vocabulary.path(entry, required=True)
    message = Manifest.DESCRIPTOR.fields_by_name[path.segments[0].names[0]].message_type
    fields = message.fields_by_name if message else {}
    leaf = path.segments[-1].names
    if len(path.segments) != _ENTRY_AND_DATE or len(leaf) > 1 or "person_id" not in fields:
        entry.fail(f"'{path.text}' is no date of an entry that names a person")
    if not leaf[0].endswith(("_date", "_time")):
        entry.fail(f"'{path.text}' is neither a day nor a time")
    return path


def _given(entry: Entry, vocabulary: Vocabulary) -> tuple[FieldPath, str]:
    fields = entry.fields(("path", "value"))
    return vocabulary.path(fields["path"], required=True), fields["value"].text()


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
