"""Reads the working-day calendar: `calendar/YEAR.yaml` beside the editions, a file per year."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType

from xietong_standard.clocks.calendar import CalendarYear, WorkingCalendar
from xietong_standard.source import EditionError, Entry, Problem, read_yaml
from xietong_standard.text import Text
from xietong_standard.vocabulary import read_text

CALENDAR_FOLDER = "calendar"

_SATURDAY = 5


def read_calendar(root: Path) -> WorkingCalendar:
    """All years below `root`. Raises EditionError with every mistake by file, line and reason."""
    years: dict[int, CalendarYear] = {}
    problems: list[Problem] = []
    for file in sorted((root / CALENDAR_FOLDER).glob("*.yaml")):
        try:
            year = _read_year(read_yaml(file, root), file.stem)
        except EditionError as error:
            problems += error.problems
        else:
            years[year.year] = year
    if problems:
        raise EditionError(problems)
    return WorkingCalendar(MappingProxyType(years))


def _read_year(entry: Entry, name: str) -> CalendarYear:
    fields = entry.fields(("year", "official", "source", "holidays", "make_up_days"))
    year = fields["year"].integer()
    if str(year) != name:
        fields["year"].fail(f"the file is '{name}.yaml', it says {year}")
    official = fields["official"].flag()
    holidays = {day: name for item in fields["holidays"].items() for day, name in _days(item, year)}
    if not official and holidays:
        fields["holidays"].fail("without the official notice only weekends are off; list no holidays")
    if official and not holidays:
        fields["holidays"].fail("the official notice lists holidays")
    make_up_days = frozenset(_make_up_day(item, year, holidays) for item in fields["make_up_days"].items())
    return CalendarYear(year, official, read_text(fields["source"]), MappingProxyType(holidays), make_up_days)


def _days(entry: Entry, year: int) -> list[tuple[date, Text]]:
    """The days of a holiday with its name: `{zh, en, first, last}`."""
    fields = entry.fields(("zh", "en", "first", "last"))
    first, last = _day(fields["first"], year), _day(fields["last"], year)
    if last < first:
        fields["last"].fail("the holiday ends before it begins")
    name = Text(fields["zh"].text(), fields["en"].text())
    return [(first + timedelta(days=number), name) for number in range((last - first).days + 1)]


def _make_up_day(entry: Entry, year: int, holidays: Collection[date]) -> date:
    day = _day(entry, year)
    if day.weekday() < _SATURDAY or day in holidays:
        entry.fail(f"{day} is no day of a weekend outside the holidays")
    return day


def _day(entry: Entry, year: int) -> date:
    try:
        day = date.fromisoformat(entry.text())
    except ValueError:
        entry.fail(f"'{entry.text()}' is not a date of the form YYYY-MM-DD")
    if day.year != year:
        entry.fail(f"{day} does not lie in {year}")
    return day
