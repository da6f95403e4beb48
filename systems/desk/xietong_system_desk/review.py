"""What a handler has before him when he checks a package, and what a check is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.casefile.v1.person_pb2 import Person, PersonRole
from xietong.exchange.v1.evidence_pb2 import Reason

ACCUSED = frozenset(
    {PersonRole.PERSON_ROLE_SUSPECT, PersonRole.PERSON_ROLE_DEFENDANT, PersonRole.PERSON_ROLE_CONVICT}
)


@dataclass(frozen=True, slots=True)
class Submission:
    """A received package before the handler.

    Attributes:
        manifest: Its case data.
        files: Its files by name.
        earlier: Case data of the packages of the same case that were accepted before, the oldest first.
        answered: Case data of the own package that it answers, None when it answers none.
    """

    manifest: Manifest
    files: Mapping[str, Path]
    earlier: Sequence[Manifest] = ()
    answered: Manifest | None = None

    @property
    def process(self) -> str:
        """Code of the process."""
        return self.manifest.process_code

    def part_number(self, name: str) -> int:
        """Number of the part with this name, 0 when there is none."""
        return next((part.number for part in self.manifest.parts if part.name == name), 0)

    def part_of_document(self, kind: str) -> int:
        """Number of the part that holds the first document of a kind, 0 when there is none."""
        found = (document.part for document in self.manifest.documents if document.kind.name == kind)
        return self.part_number(next(found, ""))


Check = Callable[[Submission], Iterable[Reason]]
"""Looks at one thing and gives a reason for each field or part for which the package has to be corrected."""


def accused(manifest: Manifest) -> list[Person]:
    """The suspects, defendants and convicts."""
    return [person for person in manifest.persons if ACCUSED.intersection(person.roles)]


def same_person(one: Person, other: Person) -> bool:
    """Whether two packages name the same person: by the id that all parties share, else by name."""
    if one.collaboration_person_id and other.collaboration_person_id:
        return one.collaboration_person_id == other.collaboration_person_id
    return bool(one.name) and one.name == other.name
