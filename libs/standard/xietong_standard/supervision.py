"""Which dated events of a manifest belong into the supervision part of its envelope: what events.yaml tells by path.

Person ids are those of the manifest; whoever seals replaces them by collaboration person ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from xietong.casefile.v1.decision_pb2 import Decision
from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong_standard.clocks.events import EventKind
from xietong_standard.clocks.terms import CHINA_TIME, read_day, read_length
from xietong_standard.model import Edition, Process


@dataclass(frozen=True, slots=True)
class StatedEvent:
    """A dated event that a manifest states, in UTC. `person_id` is empty when it concerns everybody.

    `last_day` (`YYYY-MM-DD`), `length` (ISO 8601) and `approver` are what a decision says of its term, else empty.
    """

    code: str
    time: datetime
    person_id: str
    last_day: str = ""
    length: str = ""
    approver: str = ""


def stated_events(manifest: Manifest, process: Process, edition: Edition) -> tuple[StatedEvent, ...]:
    """The events that the envelope of this process carries, without repetitions. A day is its midnight in China.

    What the manifest does not date is left out, and so is a date that does not exist.
    """
    codes = process.supervision.events if process.supervision else ()
    found = (event for code in codes for event in _stated(manifest, edition.clocks.events[code]))
    return tuple(dict.fromkeys(found))


def _stated(manifest: Manifest, kind: EventKind) -> Iterator[StatedEvent]:
    if kind.given:
        path, wanted = kind.given
        if all(value != wanted for _, _, value in path.values(manifest)):
            return
    for path in kind.told_by:
        entries, leaf = path.segments
        for _, entry in entries.entries(manifest):
            moment = _moment(entry, leaf.names[0])
            if moment:
                yield StatedEvent(kind.code, moment, entry.person_id, *_term(entry))


def _term(entry: Any) -> tuple[str, str, str]:
    """What a decision says of the term that it sets: its last day, its length, who approved it."""
    if not isinstance(entry, Decision):
        return "", "", ""
    last_day = entry.term_end_date if read_day(entry.term_end_date) else ""
    length = entry.term_length if read_length(entry.term_length) else ""
    return last_day, length, entry.approver_level


def _moment(entry: Any, name: str) -> datetime | None:
    value = getattr(entry, name)
    if not isinstance(value, Timestamp):
        return midnight(value)
    try:
        return value.ToDatetime(tzinfo=UTC) if entry.HasField(name) else None
    except (ValueError, OverflowError):  # beyond the years 1 to 9999; the date rules say so
        return None


def midnight(text: str) -> datetime | None:
    """Midnight in China of a day, in UTC; None for a day that does not exist or begins beyond the years of UTC."""
    day = read_day(text)
    try:
        return datetime.combine(day, time(tzinfo=CHINA_TIME)).astimezone(UTC) if day else None
    except OverflowError:
        return None
