"""Working days of China as data: one file per year, because each year's holidays are announced by a notice.

What no file covers is marked, never guessed: every answer says how certain it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum, StrEnum

from xietong_standard.text import Text

_SATURDAY = 5


class DayKind(StrEnum):
    """What a day is to the calendar."""

    WORKING = "working"
    DAY_OFF = "day_off"
    UNKNOWN = "unknown"


class Certainty(IntEnum):
    """How certain an answer of the calendar is; the least certain day on the way decides."""

    OFFICIAL = 0
    WEEKENDS_ONLY = 1
    UNKNOWN_YEAR = 2


@dataclass(frozen=True, slots=True)
class CalendarYear:
    """One year: holidays (节假日) with their names, and the days of weekends on which people work instead (调休).

    `official` is false when the year's notice is not known: then only weekends are off.
    """

    year: int
    official: bool
    source: Text
    holidays: Mapping[date, Text]
    make_up_days: frozenset[date]

    def is_off(self, day: date) -> bool:
        """Whether nobody works on this day of the year."""
        return day in self.holidays or (day.weekday() >= _SATURDAY and day not in self.make_up_days)


@dataclass(frozen=True, slots=True)
class CountedDay:
    """A day to which the calendar led, and how certain that is."""

    day: date
    certainty: Certainty


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """The years for which there is data."""

    years: Mapping[int, CalendarYear]

    def kind(self, day: date) -> DayKind:
        """What this day is; `UNKNOWN` for a year without data."""
        year = self.years.get(day.year)
        if year is None:
            return DayKind.UNKNOWN
        return DayKind.DAY_OFF if year.is_off(day) else DayKind.WORKING

    def certainty(self, day: date) -> Certainty:
        """How certain the answer for this day is."""
        year = self.years.get(day.year)
        if year is None:
            return Certainty.UNKNOWN_YEAR
        return Certainty.OFFICIAL if year.official else Certainty.WEEKENDS_ONLY

    def first_working_day(self, day: date) -> CountedDay:
        """The day itself or the first working day after it; it stops at a day of an unknown year."""
        certainty = self.certainty(day)
        while self.kind(day) is DayKind.DAY_OFF:
            day += timedelta(days=1)
            certainty = max(certainty, self.certainty(day))
        return CountedDay(day, certainty)

    def working_days_later(self, start: date, number: int) -> CountedDay:
        """The last of `number` working days after `start`; a day of an unknown year counts as one."""
        day, certainty = start, Certainty.OFFICIAL
        while number > 0:
            day += timedelta(days=1)
            certainty = max(certainty, self.certainty(day))
            number -= self.kind(day) is not DayKind.DAY_OFF
        return CountedDay(day, certainty)
