"""What is known of a case by the packages and the evidence that passed this node, with the cases between which and it
persons moved: what happened to who came counts here, and who left goes on there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import chain

from xietong.exchange.v1.envelope_pb2 import Envelope, Party, PartyCaseNumber
from xietong_exchange.flow.case_history import CaseHistory, alike
from xietong_exchange.flow.deadlines import Move
from xietong_exchange.flow.store import Transaction
from xietong_exchange.supervision.clock_views import Units
from xietong_standard.clocks import Event
from xietong_standard.lifecycle import CaseRelation, carried_events, continued_in
from xietong_standard.observation import observed_relations

MOST_ORIGINS = 20
"""Cases from which persons came that are read beside a case."""
MOST_TARGETS = 100
"""Cases into which persons went that are read beside a case: a large one may be split into one for each person."""
MOST_NUMBERS = 10
"""Numbers of a case that are told with it."""


@dataclass(frozen=True)
class KnownCase:
    """A case, the cases from which its persons came, and so on, and those into which persons of it went."""

    case_id: str
    histories: Mapping[str, CaseHistory]
    targets: Mapping[str, CaseHistory]

    @classmethod
    async def read(cls, tx: Transaction, case_id: str) -> KnownCase:
        """Read all of them."""
        histories = await _origins(tx, case_id)
        own = (one.move for one in _relations(histories[case_id]) if one.move)
        moves = chain(own, await tx.deadlines.moves(case_id))
        into = dict.fromkeys(to for origin, to in moves if origin == case_id and to not in histories)
        targets = {target: await CaseHistory.read_whole(tx, target) for target in list(into)[:MOST_TARGETS]}
        return cls(case_id, histories, targets)

    @cached_property
    def envelopes(self) -> Mapping[str, Sequence[Envelope]]:
        """By case."""
        read = {**self.histories, **self.targets}
        return {case_id: history.envelopes() for case_id, history in read.items()}

    @cached_property
    def sent_under(self) -> Mapping[str, str]:
        """The edition of each package that counts here."""
        counting = chain.from_iterable(self.envelopes[case_id] for case_id in self.histories)
        return {envelope.package_id: envelope.standard_edition for envelope in counting}

    @cached_property
    def relations(self) -> Sequence[CaseRelation]:
        """All that the envelopes state, but for what a target tells of others; the same may be stated by several."""
        stated = (
            relation
            for case_id, envelopes in self.envelopes.items()
            for envelope in envelopes
            for relation in observed_relations(envelope)
            if case_id in self.histories or self.case_id in (relation.move or ())
        )
        return list(dict.fromkeys(stated))

    @cached_property
    def moves(self) -> Sequence[Move]:
        """Out of the case and into it."""
        moves = (relation.move for relation in self.relations if relation.move)
        return list(dict.fromkeys(move for move in moves if self.case_id in move))

    @cached_property
    def persons(self) -> Collection[str]:
        """Everybody whom the case knows, in the order in which packages named them first."""
        persons: dict[str, None] = {}
        for envelope in reversed(self.envelopes[self.case_id]):
            named = envelope.supervision
            for some in (named.person_ids, *(event.person_ids for event in named.events)):
                persons.update(dict.fromkeys(some))
        for relation in self.relations:
            if relation.move and relation.move[1] == self.case_id:
                persons.update(dict.fromkeys(relation.persons))
        return persons

    @cached_property
    def moved(self) -> Mapping[tuple[str, datetime], Sequence[str]]:
        """Who left the case for another and did not come back, by that case and the time of the move."""
        left: dict[tuple[str, datetime], list[str]] = {}
        leavings = [one for one in self.relations if one.move and one.move[0] == self.case_id]
        leavings.sort(key=lambda one: one.time)
        last = {person: leaving for leaving in leavings for person in leaving.persons}
        for person in self.persons:
            if person in last and continued_in(self.case_id, person, self.relations) != self.case_id:
                left.setdefault((_into(last[person]), last[person].time), []).append(person)
        return left

    def groups(self) -> list[Sequence[str]]:
        """The persons who are in the case, alike ones together."""
        left = set(chain.from_iterable(self.moved.values()))
        everything = [one for case_id in self.histories for one in self.envelopes[case_id]]
        return list(alike(everything, [one for one in self.persons if one not in left]))

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

    def numbers(self, case_id: str) -> Sequence[PartyCaseNumber]:
        """The numbers of one of the cases that its packages tell, those of the latest first."""
        history = self.histories.get(case_id) or self.targets.get(case_id) or CaseHistory()
        told: dict[tuple[Party.ValueType, str], None] = {}
        for envelope in self.envelopes.get(case_id, ()):
            told |= dict.fromkeys((one.party, one.number) for one in envelope.case_numbers)
            stated = history.statements(envelope.package_id)
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


async def _origins(tx: Transaction, case_id: str) -> Mapping[str, CaseHistory]:
    """The case itself, and the cases from which persons came into it, and so on."""
    found: dict[str, CaseHistory] = {}
    waiting = [case_id]
    while waiting and len(found) <= MOST_ORIGINS:
        now = waiting.pop(0)
        found[now] = await CaseHistory.read_whole(tx, now)
        told = (one.move[0] for one in _relations(found[now]) if one.move)
        noted = (origin for origin, into in await tx.deadlines.moves(now) if into == now)
        waiting += [one for one in dict.fromkeys(chain(told, noted)) if one not in {*found, *waiting}]
    return found


def _relations(history: CaseHistory) -> Iterable[CaseRelation]:
    return (relation for envelope in history.envelopes() for relation in observed_relations(envelope))


def _into(leaving: CaseRelation) -> str:
    return leaving.move[1] if leaving.move else leaving.case_id
