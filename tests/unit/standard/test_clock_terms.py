"""Months of a term and of a sentence, working days, and what no calendar knows."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xietong_standard import Edition
from xietong_standard.clocks import CHINA_TIME, Certainty, DayKind, Term, months_later, sentence_end
from xietong_standard.clocks.terms import TermError, day_of, end_of

DAYS = st.dates(date(2000, 1, 1), date(2090, 12, 31))


@pytest.mark.parametrize(
    ("start", "months", "last"),
    [
        ("2026-01-15", 1, "2026-02-15"),
        ("2026-01-31", 1, "2026-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2024-01-30", 1, "2024-02-29"),
        ("2026-01-29", 1, "2026-02-28"),
        ("2024-01-29", 1, "2024-02-29"),
        ("2026-02-28", 1, "2026-03-31"),
        ("2024-02-28", 1, "2024-03-28"),
        ("2024-02-29", 1, "2024-03-31"),
        ("2026-04-30", 1, "2026-05-31"),
        ("2026-03-31", 1, "2026-04-30"),
        ("2025-12-31", 2, "2026-02-28"),
        ("2025-11-30", 3, "2026-02-28"),
        ("2025-06-15", 12, "2026-06-15"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2026-01-31", 0, "2026-01-31"),
    ],
)
def test_months_of_a_term(start: str, months: int, last: str) -> None:
    assert months_later(date.fromisoformat(start), months) == date.fromisoformat(last)


@pytest.mark.parametrize(
    ("start", "years", "months", "days", "last"),
    [
        ("2026-01-15", 0, 1, 0, "2026-02-14"),
        ("2026-01-15", 1, 0, 0, "2027-01-14"),
        ("2026-01-01", 3, 0, 0, "2028-12-31"),
        ("2026-01-31", 0, 1, 0, "2026-02-27"),
        ("2026-02-28", 0, 1, 0, "2026-03-30"),
        ("2024-01-30", 0, 1, 0, "2024-02-28"),
        ("2024-02-29", 1, 0, 0, "2025-02-27"),
        ("2023-02-28", 1, 0, 0, "2024-02-27"),
        ("2026-01-15", 0, 6, 0, "2026-07-14"),
        ("2026-01-15", 0, 0, 15, "2026-01-29"),
        ("2026-01-15", 1, 6, 15, "2027-07-29"),
    ],
)
def test_a_sentence_ends_the_day_before(start: str, years: int, months: int, days: int, last: str) -> None:
    end = sentence_end(date.fromisoformat(start), years=years, months=months, days=days)
    assert end == date.fromisoformat(last)


@given(DAYS, st.integers(1, 120))
def test_the_sentence_rule_is_one_day_shorter_than_the_term(start: date, months: int) -> None:
    assert sentence_end(start, months=months) == months_later(start, months) - timedelta(days=1)


@given(DAYS, st.integers(0, 60), st.integers(1, 60))
def test_more_months_end_later(start: date, months: int, more: int) -> None:
    assert start <= months_later(start, months) < months_later(start, months + more)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("24 hours", Term(hours=24)),
        ("1 day", Term(days=1)),
        ("10 working days", Term(working_days=10)),
        ("1 half-month", Term(days=15)),
        ("1 month + 1 half-month", Term(months=1, days=15)),
    ],
)
def test_lengths_of_time(text: str, term: Term) -> None:
    assert Term.parse(text) == term


@pytest.mark.parametrize(
    "text", ["", "7", "7 weeks", "-1 days", "1 day + 2 hours", "1 month and 1 day", "7  days"]
)
def test_what_is_no_length_of_time(text: str) -> None:
    with pytest.raises(TermError):
        Term.parse(text)


def test_a_day_is_one_of_china() -> None:
    late = datetime.fromisoformat("2026-03-01T17:30:00+00:00")
    assert day_of(late) == date(2026, 3, 2)
    assert end_of(date(2026, 3, 2)) == datetime(2026, 3, 3, tzinfo=CHINA_TIME)


@pytest.mark.parametrize(
    ("day", "first", "certainty"),
    [
        ("2026-02-13", "2026-02-13", Certainty.OFFICIAL),
        ("2026-02-14", "2026-02-14", Certainty.OFFICIAL),  # a Saturday on which people work
        ("2026-02-15", "2026-02-24", Certainty.OFFICIAL),
        ("2026-02-28", "2026-02-28", Certainty.OFFICIAL),
        ("2026-10-01", "2026-10-08", Certainty.OFFICIAL),
        ("2026-10-10", "2026-10-10", Certainty.OFFICIAL),
        ("2026-10-11", "2026-10-12", Certainty.OFFICIAL),
        ("2025-01-28", "2025-02-05", Certainty.OFFICIAL),
        ("2024-02-10", "2024-02-18", Certainty.OFFICIAL),
        ("2027-01-02", "2027-01-04", Certainty.WEEKENDS_ONLY),
        ("2023-10-01", "2023-10-01", Certainty.UNKNOWN_YEAR),
    ],
)
def test_the_first_working_day(edition: Edition, day: str, first: str, certainty: Certainty) -> None:
    counted = edition.calendar.first_working_day(date.fromisoformat(day))
    assert (counted.day.isoformat(), counted.certainty) == (first, certainty)


@pytest.mark.parametrize(
    ("start", "number", "last", "certainty"),
    [
        ("2026-02-12", 1, "2026-02-13", Certainty.OFFICIAL),
        ("2026-02-12", 3, "2026-02-24", Certainty.OFFICIAL),
        ("2026-09-18", 10, "2026-10-09", Certainty.OFFICIAL),
        ("2026-12-31", 2, "2027-01-04", Certainty.WEEKENDS_ONLY),
        ("2027-12-31", 2, "2028-01-02", Certainty.UNKNOWN_YEAR),
    ],
)
def test_working_days(edition: Edition, start: str, number: int, last: str, certainty: Certainty) -> None:
    counted = edition.calendar.working_days_later(date.fromisoformat(start), number)
    assert (counted.day.isoformat(), counted.certainty) == (last, certainty)


def test_a_year_without_data_is_marked_and_not_guessed(edition: Edition) -> None:
    assert edition.calendar.kind(date(2031, 1, 1)) is DayKind.UNKNOWN
    assert edition.calendar.kind(date(2026, 1, 1)) is DayKind.DAY_OFF
    assert edition.calendar.kind(date(2026, 1, 4)) is DayKind.WORKING


def test_each_year_names_its_source(edition: Edition) -> None:
    assert all(year.source.zh and year.source.en for year in edition.calendar.years.values())
    assert {number for number, year in edition.calendar.years.items() if not year.official} == {2027}
