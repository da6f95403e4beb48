"""Days of the manifest: dates as text and instants, read as days in China; what is no day is None."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from google.protobuf.timestamp_pb2 import Timestamp

from xietong_standard.clocks.terms import months_later

# What google.protobuf.Timestamp allows; most languages fail to convert anything beyond.
SECONDS = range(-62_135_596_800, 253_402_300_800)
NANOSECONDS = range(1_000_000_000)
_CHINA_OFFSET_SECONDS = 8 * 3600
_SECONDS_PER_DAY = 86_400
_DAY_OF_1970 = date(1970, 1, 1).toordinal()
# No term of the law is longer than so many years.
_YEARS_LEFT = 50
# A manifest repeats its dates; a large one has some hundreds.
_MOST_DAYS_IN_MEMORY = 8192

# Seconds since 1970 and nanoseconds.
Instant = tuple[int, int]


@lru_cache(maxsize=_MOST_DAYS_IN_MEMORY)
def day(value: str) -> date | None:
    """The day that a text such as `2026-01-31` names."""
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def is_before(earlier: str, later: str) -> bool:
    """Whether both are days and the first lies before the second."""
    if not (earlier and later):
        return False
    first, second = day(earlier), day(later)
    return first is not None and second is not None and first < second


def instant(time: Timestamp) -> Instant:
    """A time as a pair that can be compared, whatever it holds."""
    return time.seconds, time.nanos


def exceeds(start: date, end: date, months: int) -> bool:
    """Whether a term is longer than so many months; never near the end of the calendar, where months can't be added."""
    return start.year < date.max.year - _YEARS_LEFT and end > months_later(start, months)


def day_in_china(time: Timestamp) -> date | None:
    """The day in China on which an instant falls."""
    ordinal = _DAY_OF_1970 + (time.seconds + _CHINA_OFFSET_SECONDS) // _SECONDS_PER_DAY
    return date.fromordinal(ordinal) if date.min.toordinal() <= ordinal <= date.max.toordinal() else None
