"""Statutory clocks of a case and its suspects, by the envelopes and the evidence that passed this node.

Nothing is kept: the clocks are evaluated anew whenever somebody asks, as evidence arrives late and out of order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from xietong.exchange.v1.envelope_pb2 import PartyCaseNumber
from xietong.supervision.v1.clock_service_pb2 import Clock, ClockPhase, MovedPersons, PersonClocks
from xietong_exchange.domain.errors import PackageNotFound
from xietong_exchange.domain.evidence import timestamp
from xietong_exchange.flow.deadlines import Move
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.store import Transaction
from xietong_exchange.supervision.clock_views import Units, clock_view, person_view
from xietong_exchange.supervision.edition_clocks import EditionClock, edition_clocks
from xietong_exchange.supervision.known_case import KnownCase
from xietong_standard import Edition
from xietong_standard.clocks.terms import day_of
from xietong_standard.lifecycle import suspect_states

MOST_MOVED = 1_000
"""Persons who left for the same case that are told by their ids."""
MOST_GROUPS = 500
"""Groups of persons who stand alike whose deadlines are kept; a case has a few."""
_GROUPS_AT_ONCE = 100

Phases = Collection[ClockPhase.ValueType]


@dataclass(frozen=True, slots=True)
class Standing:
    """The clocks of a case, of one page of its persons."""

    edition: Edition
    time: datetime
    of_case: Sequence[Clock]
    persons: Sequence[PersonClocks]
    package_count: int
    is_cut: bool
    related: Sequence[str]
    moves: Sequence[Move]
    """Out of this case and into it."""
    moved: Sequence[MovedPersons]
    """Who left the case, on the first page."""
    numbers: Sequence[PartyCaseNumber]
    more: bool


class ClockDesk:
    """Tells supervisors how the clocks of a case stand."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def of_case(self, case_id: str, phases: Phases, *, after: int, limit: int) -> Standing:
        """The clocks of a case, and of its groups of persons after so many.

        Raises:
            PackageNotFound: no package of the case passed here.
        """
        async with self._exchange.store.transaction() as tx:
            case = await KnownCase.read(tx, case_id)
        if not case.histories[case_id].packages:
            raise PackageNotFound(package_id=f"of case {case_id}")
        return await asyncio.to_thread(self._evaluate, case, phases, after, limit)

    async def everybody(self, tx: Transaction, case_id: str, phases: Phases) -> Sequence[Standing]:
        """The clocks of a case and of all its groups of persons, up to `MOST_GROUPS`, a page each."""
        case = await KnownCase.read(tx, case_id)
        return await asyncio.to_thread(lambda: list(self._pages(case, phases)))

    def _pages(self, case: KnownCase, phases: Phases) -> Iterator[Standing]:
        for after in range(0, MOST_GROUPS, _GROUPS_AT_ONCE):
            page = self._evaluate(case, phases, after, _GROUPS_AT_ONCE)
            yield page
            if not page.more:
                return

    def _evaluate(self, case: KnownCase, phases: Phases, after: int, limit: int) -> Standing:
        now = self._exchange.clock()
        rules = self._exchange.rules
        edition = rules.choose("", (), day_of(now))
        groups = case.groups()
        page = {group[0]: group for group in groups[after : after + limit]}
        events, units = case.events(page), case.units()
        used = {*case.sent_under.values()}
        others = [rules.edition(one) for one in rules.editions if one in used]
        states = edition_clocks(edition, others, case.sent_under, events, page, now=now)
        positions = suspect_states(edition.lifecycle, events, page, now=now)

        def shown(person_id: str) -> Iterable[Clock]:
            of_person = (one for one in states if one.state.person_id == person_id)
            return (clock for one in of_person if (clock := _wanted(one, units, phases)) is not None)

        return Standing(
            edition=edition,
            time=now,
            of_case=[] if after else list(shown("")),
            persons=[
                person_view(edition.lifecycle, position, page[position.person_id], shown(position.person_id))
                for position in positions
            ],
            package_count=sum(len(history.packages) for history in case.histories.values()),
            is_cut=any(history.is_cut for history in case.histories.values()),
            related=_related(case.case_id, case.moves),
            moves=case.moves,
            moved=[] if after else _moved(case),
            numbers=case.numbers(case.case_id),
            more=len(groups) > after + limit,
        )


def _related(case_id: str, moves: Sequence[Move]) -> Sequence[str]:
    return list(dict.fromkeys(one for move in moves for one in move if one != case_id))


def _moved(case: KnownCase) -> Sequence[MovedPersons]:
    return [
        MovedPersons(
            person_ids=persons[:MOST_MOVED],
            person_count=len(persons),
            collaboration_case_id=into,
            case_numbers=case.numbers(into),
            move_time=timestamp(time),
        )
        for (into, time), persons in case.moved.items()
    ]


def _wanted(one: EditionClock, units: Units, phases: Phases) -> Clock | None:
    clock = clock_view(one, units)
    return clock if not phases or clock.phase in phases else None
