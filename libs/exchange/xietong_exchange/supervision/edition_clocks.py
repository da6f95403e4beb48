"""The clocks of a case whose packages were sent under several editions of the data standard."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from xietong_standard import Edition
from xietong_standard.clocks import ClockState, Event, clock_states

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class EditionClock:
    """How a clock stands by the definition of an edition, and whether a package of that edition started it."""

    edition: Edition
    state: ClockState
    is_own: bool


def edition_clocks(
    newest: Edition,
    others: Iterable[Edition],
    sent_under: Mapping[str, str],
    events: Sequence[Event],
    persons: Collection[str],
    *,
    now: datetime,
) -> Sequence[EditionClock]:
    """How every clock stands: by the edition under which the package was sent that started it.

    The newest edition counts for what did not start, and where the other one does not know the clock or such a start of
    it: doubt warns earlier. `sent_under` gives the edition by package id; one that is not among these counts as newest.
    """
    editions = {edition.id: edition for edition in (newest, *others)}
    found: dict[tuple[str, str], list[EditionClock]] = {}
    for edition in editions.values():
        for state in clock_states(edition.clocks, events, persons, now=now, calendar=edition.calendar):
            sent = editions.get(sent_under.get(state.started_by, ""), newest)
            one = EditionClock(edition, state, is_own=bool(state.started_by) and sent is edition)
            if one.is_own or edition is newest:
                found.setdefault((state.person_id, state.clock_id), []).append(one)
    return [max(some, key=_weight) for some in found.values()]


def _weight(one: EditionClock) -> tuple[bool, datetime]:
    """Of several runs of a clock, each by its own edition, the latest counts."""
    return one.is_own, one.state.started or _NEVER
