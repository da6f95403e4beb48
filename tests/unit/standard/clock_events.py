"""Writes events the way the tables of clocks do: `arrest@2026-01-31`, `PB-01 sent@2026-01-31 10:20`.

After the trigger may stand what a decision says: `+4 days`, `~2026-03-01` (the last day that it states), `/upper_court`
(who granted it), `#p1` (the person), `*k1` (the package).
"""

from __future__ import annotations

import re
from datetime import date, datetime

from xietong_standard import Edition
from xietong_standard.clocks import CHINA_TIME, ClockState, Event, Moment, Term, clock_states

PERSON = "p1"
_EVENT = re.compile(
    r"(?P<code>[A-Z]{2}-[0-9]{2}|[a-z0-9-]+)(?: (?P<moment>[a-z]+)(?: by (?P<party>[A-Z_]+))?)?"
    r"(?:\+(?P<amount>[0-9a-z -]+))?(?:~(?P<until>[0-9-]+))?(?:/(?P<approver>[a-z_]+))?"
    r"(?:#(?P<person>\w*))?(?:\*(?P<package>\w+))?@(?P<time>[0-9: -]+)"
)


def moment(text: str) -> datetime:
    """A time in China; a bare date is its midnight."""
    return datetime.fromisoformat(text).replace(tzinfo=CHINA_TIME)


def event(text: str) -> Event:
    found = _EVENT.fullmatch(text)
    assert found, text
    return Event(
        code=found["code"],
        time=moment(found["time"]),
        moment=Moment(found["moment"]) if found["moment"] else None,
        party=found["party"] or "",
        person_id=found["person"] if found["person"] is not None else PERSON,
        package_id=found["package"] or "",
        until=date.fromisoformat(found["until"]) if found["until"] else None,
        amount=Term.parse(found["amount"]) if found["amount"] else None,
        approver=found["approver"] or "",
    )


def events(text: str) -> list[Event]:
    """Events separated by semicolons."""
    return [event(one.strip()) for one in text.split(";") if one.strip()]


def state_of(edition: Edition, clock_id: str, known: list[Event], now: datetime) -> ClockState:
    """How one clock stands for the person of the tables, or for the case."""
    states = clock_states(edition.clocks, known, [PERSON], now=now, calendar=edition.calendar)
    (state,) = [state for state in states if state.clock_id == clock_id]
    return state
