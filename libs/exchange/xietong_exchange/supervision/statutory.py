"""Statutory clocks of a case and its suspects, by the envelopes and the evidence that passed this node.

Nothing is kept: the clocks are evaluated anew whenever somebody asks, as evidence arrives late and out of order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from xietong.exchange.v1.envelope_pb2 import Envelope, Party, PartyCaseNumber
from xietong.supervision.v1.clock_service_pb2 import Clock, ClockPhase, PersonClocks
from xietong_exchange.domain.errors import PackageNotFound
from xietong_exchange.flow.case_history import CaseHistory, alike
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.store import Transaction
from xietong_exchange.supervision.clock_views import Units, clock_view, person_view
from xietong_standard import Edition
from xietong_standard.clocks import ClockState, Event, clock_states
from xietong_standard.clocks.terms import day_of
from xietong_standard.lifecycle import CaseRelation, carried_events, continued_in, suspect_states
from xietong_standard.observation import observed_relations

MOST_RELATED = 20
"""Cases from which persons came that are read beside a case."""

MOST_NUMBERS = 10
"""Numbers of a case that are told with it."""
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
    moved_to: Sequence[str]
    """Cases in which persons of this one go on, as its own packages tell."""
    numbers: Sequence[PartyCaseNumber]
    more: bool


@dataclass(frozen=True)
class _Case:
    """What is known of a case, with the cases from which its persons came."""

    case_id: str
    histories: Mapping[str, CaseHistory]

    @cached_property
    def envelopes(self) -> Mapping[str, Sequence[Envelope]]:
        """By case."""
        return {case_id: history.envelopes() for case_id, history in self.histories.items()}

    @cached_property
    def relations(self) -> Sequence[CaseRelation]:
        """All that the envelopes state; the same may be stated by several."""
        stated = (
            relation
            for envelopes in self.envelopes.values()
            for envelope in envelopes
            for relation in observed_relations(envelope)
        )
        return list(dict.fromkeys(stated))

    def groups(self) -> list[Sequence[str]]:
        """The persons of the case, in the order in which packages named them first; alike ones together."""
        persons: dict[str, None] = {}
        for envelope in reversed(self.envelopes[self.case_id]):
            named = envelope.supervision
            for some in (named.person_ids, *(event.person_ids for event in named.events)):
                persons.update(dict.fromkeys(some))
        for relation in self.relations:
            if relation.move and relation.move[1] == self.case_id:
                persons.update(dict.fromkeys(relation.persons))
        here = [one for one in persons if continued_in(self.case_id, one, self.relations) == self.case_id]
        everything = [envelope for envelopes in self.envelopes.values() for envelope in envelopes]
        return list(alike(everything, here))

    def events(self, persons: Collection[str]) -> Sequence[Event]:
        """What happened to the case and these persons, also before they came into it."""
        by_case = {
            case_id: history.events(self.envelopes[case_id], persons)
            for case_id, history in self.histories.items()
        }
        return [
            event
            for event in carried_events(self.case_id, by_case, self.relations)
            if not event.person_id or event.person_id in persons
        ]

    def numbers(self) -> Sequence[PartyCaseNumber]:
        """The numbers of the case itself that its packages tell, those of the latest first."""
        told: dict[tuple[Party.ValueType, str], None] = {}
        for envelope in self.envelopes[self.case_id]:
            told |= dict.fromkeys((one.party, one.number) for one in envelope.case_numbers)
            stated = self.histories[self.case_id].statements(envelope.package_id)
            told |= dict.fromkeys(
                (one.stated_by, one.receiver_case_number) for one in stated if one.receiver_case_number
            )
        return [PartyCaseNumber(party=party, number=number) for party, number in list(told)[:MOST_NUMBERS]]

    def units(self) -> Units:
        """Who sent and received what, and who stated evidence."""
        return Units(
            (envelope, history.statements(envelope.package_id))
            for case_id, history in self.histories.items()
            for envelope in self.envelopes[case_id]
        )


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
            case = _Case(case_id, await _read(tx, case_id))
        if not case.histories[case_id].packages:
            raise PackageNotFound(package_id=f"of case {case_id}")
        return await asyncio.to_thread(self._evaluate, case, phases, after, limit)

    async def everybody(self, tx: Transaction, case_id: str, phases: Phases) -> Sequence[Standing]:
        """The clocks of a case and of all its groups of persons, up to `MOST_GROUPS`, a page each."""
        case = _Case(case_id, await _read(tx, case_id))
        return await asyncio.to_thread(lambda: list(self._pages(case, phases)))

    def _pages(self, case: _Case, phases: Phases) -> Iterator[Standing]:
        for after in range(0, MOST_GROUPS, _GROUPS_AT_ONCE):
            page = self._evaluate(case, phases, after, _GROUPS_AT_ONCE)
            yield page
            if not page.more:
                return

    def _evaluate(self, case: _Case, phases: Phases, after: int, limit: int) -> Standing:
        now = self._exchange.clock()
        edition = self._exchange.rules.choose("", (), day_of(now))
        groups = case.groups()
        page = {group[0]: group for group in groups[after : after + limit]}
        events, units = case.events(page), case.units()
        states = clock_states(edition.clocks, events, page, now=now, calendar=edition.calendar)
        positions = suspect_states(edition.lifecycle, events, page, now=now)

        def shown(person_id: str) -> Iterable[Clock]:
            of_person = (state for state in states if state.person_id == person_id)
            return (clock for state in of_person if (clock := _wanted(state, units, phases)) is not None)

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
            related=_related(case),
            moved_to=[one.move[1] for one in case.relations if one.move and one.move[0] == case.case_id],
            numbers=case.numbers(),
            more=len(groups) > after + limit,
        )


async def _read(tx: Transaction, case_id: str) -> Mapping[str, CaseHistory]:
    """The case itself, and the cases from which persons came into it, and so on."""
    found: dict[str, CaseHistory] = {}
    waiting = [case_id]
    while waiting and len(found) <= MOST_RELATED:
        history = await CaseHistory.read_whole(tx, waiting[0])
        found[waiting.pop(0)] = history
        sources = (
            relation.move[0]
            for envelope in history.envelopes()
            for relation in observed_relations(envelope)
            if relation.move is not None
        )
        known = dict.fromkeys((*sources, *await tx.deadlines.moved_into(next(reversed(found)))))
        waiting += [source for source in known if source not in {*found, *waiting}]
    return found


def _related(case: _Case) -> Sequence[str]:
    moves = [relation.move for relation in case.relations if relation.move and case.case_id in relation.move]
    return list(dict.fromkeys(one for move in moves for one in move if one != case.case_id))


def _wanted(state: ClockState, units: Units, phases: Phases) -> Clock | None:
    clock = clock_view(state, units)
    return clock if not phases or clock.phase in phases else None
