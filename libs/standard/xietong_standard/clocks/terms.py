"""Lengths of time as the law counts them, and the two ways to count months: of a term, and of a sentence.

The day on which a term starts is not counted. Dates are those of Asia/Shanghai.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

# China Standard Time, which has had no summer time since 1991.
CHINA_TIME = timezone(timedelta(hours=8), "Asia/Shanghai")

# Interpretation of the Supreme People's Court (2021), art. 202: half a month is always 15 days.
HALF_MONTH_DAYS = 15
_MONTHS_OF_A_YEAR = 12

_PART = re.compile(r"([0-9]{1,4}) (hour|day|working day|half-month|month)s?")
_ISO_LENGTH = re.compile(r"P(?:([0-9]{1,2})M)?(?:([0-9]{1,3})D)?(?:T([0-9]{1,4})H)?")


class TermError(ValueError):
    """A text is no length of time."""


@dataclass(frozen=True, slots=True)
class Term:
    """A length of time: calendar months, then days, then working days; or hours alone."""

    months: int = 0
    days: int = 0
    working_days: int = 0
    hours: int = 0

    @classmethod
    def parse(cls, text: str) -> Term:
        """Reads for example `24 hours`, `7 days`, `1 month + 1 half-month`. Raises TermError."""
        term = cls()
        for part in text.split(" + "):
            found = _PART.fullmatch(part)
            if found is None:
                raise TermError(
                    f"'{text}' is no length of time; write for example '24 hours', '7 days', "
                    "'10 working days', '1 month + 1 half-month'"
                )
            term += _single(int(found[1]), found[2])
        if term.hours and (term.months or term.days or term.working_days):
            raise TermError(f"'{text}' mixes hours with longer units")
        return term

    def __add__(self, other: Term) -> Term:
        return Term(
            self.months + other.months,
            self.days + other.days,
            self.working_days + other.working_days,
            self.hours + other.hours,
        )

    def before(self, moment: datetime) -> datetime:
        """The moment by which this much time is left until `moment`; a month counts as 30 days here."""
        return moment - timedelta(days=self.months * 30 + self.days + self.working_days, hours=self.hours)


def _single(number: int, unit: str) -> Term:
    match unit:
        case "hour":
            return Term(hours=number)
        case "day":
            return Term(days=number)
        case "working day":
            return Term(working_days=number)
        case "half-month":
            return Term(days=number * HALF_MONTH_DAYS)
        case _:
            return Term(months=number)


def read_length(text: str) -> Term | None:
    """The length that an ISO 8601 duration of months and days, or of hours, says; None when it says none."""
    found = _ISO_LENGTH.fullmatch(text)
    if not text or found is None:
        return None
    months, days, hours = (int(number or 0) for number in found.groups())
    term = Term(months=months, days=days, hours=hours)
    return term if bool(months or days) != bool(hours) else None


def read_day(text: str) -> date | None:
    """The day that `YYYY-MM-DD` names; None when there is no such day."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def day_of(moment: datetime) -> date:
    """The day in China on which a moment with a time zone falls."""
    return moment.astimezone(CHINA_TIME).date()


def end_of(day: date) -> datetime:
    """The end of a day in China: the first moment that no longer belongs to it."""
    return datetime(day.year, day.month, day.day, tzinfo=CHINA_TIME) + timedelta(days=1)


def months_later(start: date, months: int) -> date:
    """The last day of a term of whole months (art. 202(1)).

    The same date of the later month; its last day when the start is the last of its month or the date is missing.
    """
    year, month = _month_after(start, months)
    last = monthrange(year, month)[1]
    from_last = start.day == monthrange(start.year, start.month)[1]
    return date(year, month, last if from_last and months else min(start.day, last))


def sentence_end(start: date, *, years: int = 0, months: int = 0, days: int = 0) -> date:
    """The last day of a sentence that starts on `start` (art. 202(2)): the day before the same date.

    `days` are whole days; half a month is 15. Unlike a term, a sentence counts its first day.
    """
    year = start.year + years
    same_date = date(year, start.month, min(start.day, monthrange(year, start.month)[1]))
    return months_later(same_date, months) + timedelta(days=days - 1)


def _month_after(start: date, months: int) -> tuple[int, int]:
    years, month = divmod(start.month - 1 + months, _MONTHS_OF_A_YEAR)
    return start.year + years, month + 1
