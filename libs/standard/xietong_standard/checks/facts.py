"""What several checks ask of the same manifest, worked out once and only when one of them asks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.casefile.v1.person_pb2 import Person, PersonRole

ACCUSED = frozenset(
    {PersonRole.PERSON_ROLE_SUSPECT, PersonRole.PERSON_ROLE_DEFENDANT, PersonRole.PERSON_ROLE_CONVICT}
)


class Facts:
    """Persons by id and role, and the titles of the papers."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest

    @cached_property
    def persons(self) -> Mapping[str, Person]:
        """Persons by their id; of several with one id, the first."""
        return {person.id: person for person in reversed(self._manifest.persons)}

    @cached_property
    def accused(self) -> frozenset[str]:
        """Ids of suspects, defendants and convicts."""
        return frozenset(
            person.id for person in self._manifest.persons if not ACCUSED.isdisjoint(person.roles)
        )

    @cached_property
    def defenders(self) -> Mapping[str, list[str]]:
        """Ids of the defenders by the id of the person whom they defend."""
        found = defaultdict(list)
        for person in self._manifest.persons:
            if PersonRole.PERSON_ROLE_DEFENDER in person.roles:
                for represented in dict.fromkeys(person.represents_person_ids):
                    found[represented].append(person.id)
        return found

    @cached_property
    def titles(self) -> tuple[tuple[str, str], ...]:
        """Path and title of each document and each item of the dossier's catalogue; untitled ones by their kind."""
        found = [
            (f"documents[{position}].title", document.title or document.kind.name)
            for position, document in enumerate(self._manifest.documents)
        ]
        found += [
            (f"volumes[{position}].items[{index}].title", item.title)
            for position, volume in enumerate(self._manifest.volumes)
            for index, item in enumerate(volume.items)
        ]
        return tuple(found)

    @cached_property
    def transcripts(self) -> str:
        """Titles of all transcripts of interrogations (讯问笔录)."""
        return "\n".join(title for _, title in self.titles if "讯问" in title and "笔录" in title)

    @cached_property
    def has_photographs(self) -> bool:
        """Whether a document or an item of the catalogue is about photographs (照片)."""
        return any("照片" in title for _, title in self.titles)
