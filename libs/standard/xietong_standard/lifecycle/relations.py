"""How cases relate: merging (并案) and splitting (分案) never rewrite history, and every party keeps its own numbers.

A suspect moves by leaving one case and going on in another; what happened before goes along, so that clocks and
counts carry over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from xietong_standard.clocks.events import Event


class RelationKind(StrEnum):
    """Kinds of relations between two cases. Only merging and splitting move suspects."""

    MERGED_INTO = "merged_into"
    SPLIT_FROM = "split_from"
    RELATED = "related"
    SAME_INCIDENT = "same_incident"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRelation:
    """`case_id` was merged into, split from, or is related to `other_id`; both are collaboration case ids.

    `persons` are those who move: out of `case_id` when it is merged, into it when it is split off. `decided_by` is an
    organ's code, `document` the number of the decision.
    """

    kind: RelationKind
    case_id: str
    other_id: str
    time: datetime
    persons: tuple[str, ...] = ()
    decided_by: str = ""
    document: str = ""

    def __post_init__(self) -> None:
        if self.case_id == self.other_id:
            raise ValueError(f"case '{self.case_id}' cannot be related to itself")

    @property
    def move(self) -> tuple[str, str] | None:
        """From which case into which the persons move; None where nobody does."""
        if self.kind is RelationKind.MERGED_INTO:
            return self.case_id, self.other_id
        if self.kind is RelationKind.SPLIT_FROM:
            return self.other_id, self.case_id
        return None


Events = Mapping[str, Iterable[Event]]


def carried_events(case_id: str, events: Events, relations: Iterable[CaseRelation]) -> tuple[Event, ...]:
    """The events of a case and, of each person who came from another, what happened there before the move.

    `events` and the result are by collaboration case id. An event of everybody there becomes one of that person here.
    """
    known = tuple(relations)
    own = list(events.get(case_id, ()))
    for relation in known:
        if relation.move and relation.move[1] == case_id:
            before = _before(relation, events, known)
            own += [one for event in before for one in _of_persons(event, relation.persons)]
    return tuple(own)


def _before(relation: CaseRelation, events: Events, known: tuple[CaseRelation, ...]) -> Iterable[Event]:
    """What happened in the case that the persons left, itself with what was carried into it, before the move."""
    source = relation.move[0] if relation.move else ""
    earlier = tuple(other for other in known if other.time < relation.time)
    return (event for event in carried_events(source, events, earlier) if event.time <= relation.time)


def _of_persons(event: Event, persons: tuple[str, ...]) -> Iterable[Event]:
    if event.person_id:
        return [event] if event.person_id in persons else []
    return [replace(event, person_id=person) for person in persons]


def continued_in(case_id: str, person_id: str, relations: Iterable[CaseRelation]) -> str:
    """The case in which the person goes on; the case itself while nobody has moved the person on."""
    for relation in sorted(relations, key=lambda one: one.time):
        if relation.move and relation.move[0] == case_id and person_id in relation.persons:
            case_id = relation.move[1]
    return case_id


@dataclass(frozen=True)
class CaseNumbers:
    """The numbers under which each party keeps its cases; a case may have several, and a number several cases."""

    _known: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def with_number(self, case_id: str, party: str, number: str) -> CaseNumbers:
        """With a number more; telling it again changes nothing."""
        key = (party, number)
        cases = self._known.get(key, ())
        if case_id in cases:
            return self
        return CaseNumbers(MappingProxyType({**self._known, key: (*cases, case_id)}))

    def numbers(self, case_id: str) -> Mapping[str, tuple[str, ...]]:
        """The numbers of a case by party, in the order in which they became known."""
        found: dict[str, tuple[str, ...]] = {}
        for (party, number), cases in self._known.items():
            if case_id in cases:
                found[party] = (*found.get(party, ()), number)
        return MappingProxyType(found)

    def cases(self, party: str, number: str) -> tuple[str, ...]:
        """The collaboration cases that a party keeps under this number."""
        return self._known.get((party, number), ())
