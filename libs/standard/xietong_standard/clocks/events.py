"""What clocks and the lifecycle see: dated events of a case, and the triggers that pick some of them.

An event is either the moment of a package (PB-01 received), which evidence tells, or a dated event (`arrest`), which
the envelope's supervision part carries.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from xietong_standard.clocks.terms import Term
from xietong_standard.paths import FieldPath
from xietong_standard.text import Text


class Moment(StrEnum):
    """Moments of a package that count: what evidence of which kind states."""

    SENT = "sent"
    RECEIVED = "received"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


# The order in which they happen.
_MOMENTS = tuple(Moment)

# A package that came to nothing starts and stops nothing.
VOID = {Moment.RETURNED, Moment.REJECTED, Moment.WITHDRAWN}

_TRIGGER = re.compile(
    r"(?P<process>[A-Z]{2}-[0-9]{2}) (?P<moment>sent|received|accepted)(?: by (?P<party>[A-Z_]+))?"
    r"|(?P<event>[a-z0-9]+(?:-[a-z0-9]+)*)"
)


@dataclass(frozen=True, slots=True)
class EventKind:
    """A dated event of the standard; the processes say in whose envelope it stands.

    `told_by` are the dates of the manifest that tell it, `given` a path and the value that it needs for that.
    """

    code: str
    name: Text
    told_by: tuple[FieldPath, ...] = ()
    given: tuple[FieldPath, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a case, or to one person of it when `person_id` is given.

    `code` is a process with its `moment`, or a dated event. `party` sent or received the package. `until` is the last
    day that a decision states, `amount` the length that it grants, `approver` who granted it. `time` needs a time zone.
    """

    code: str
    time: datetime
    moment: Moment | None = None
    party: str = ""
    person_id: str = ""
    package_id: str = ""
    until: date | None = None
    amount: Term | None = None
    approver: str = ""

    def __post_init__(self) -> None:
        if self.time.tzinfo is None:
            raise ValueError(f"the time of event '{self.code}' has no time zone; give one, such as +08:00")


@dataclass(frozen=True, slots=True)
class Trigger:
    """Picks events: a dated event, or a moment of a process, at one party or at any."""

    code: str
    moment: Moment | None = None
    party: str = ""

    @classmethod
    def parse(cls, text: str) -> Trigger:
        """Reads `arrest`, `PB-01 sent` or `PB-01 received by PROCURATORATE`. Raises ValueError."""
        found = _TRIGGER.fullmatch(text)
        if found is None:
            raise ValueError(
                f"'{text}' is no trigger; write an event such as 'arrest', or 'PB-01 sent', "
                "'PB-01 received by PROCURATORATE'"
            )
        if found["event"]:
            return cls(found["event"])
        return cls(found["process"], Moment(found["moment"]), found["party"] or "")

    def picks(self, event: Event) -> bool:
        """Whether the event is one of those meant."""
        return (
            event.code == self.code
            and event.moment is self.moment
            and (not self.party or event.party == self.party)
        )

    def __str__(self) -> str:
        at_party = f" by {self.party}" if self.party else ""
        return f"{self.code} {self.moment}{at_party}" if self.moment else self.code


def picked(triggers: Iterable[Trigger], event: Event) -> bool:
    """Whether any of the triggers picks the event."""
    return any(trigger.picks(event) for trigger in triggers)


def history(events: Iterable[Event], now: datetime, person_id: str | None = None) -> tuple[Event, ...]:
    """The events that count at `now`, oldest first, whatever order they came in.

    With a person, only what concerns that person or everybody. Moments of packages that were returned, rejected or
    withdrawn are left out: the corrected package counts instead. Dated events stay, they happened all the same.
    """
    known = [event for event in set(events) if event.time <= now]
    void = {event.package_id for event in known if event.moment in VOID and event.package_id}
    counting = [
        event
        for event in known
        if (person_id is None or event.person_id in ("", person_id))
        and not (event.moment and (event.moment in VOID or event.package_id in void))
    ]
    return tuple(sorted(counting, key=_order))


def _order(event: Event) -> tuple[datetime, str, int, str, str, str]:
    moment = _MOMENTS.index(event.moment) if event.moment else 0
    return (event.time, event.code, moment, event.party, event.person_id, event.package_id)
