"""The closed vocabulary of conditions under which a field, document or volume is required.

An edition may use these words only. Each is a pure function of the manifest, so that the same package
always gets the same verdict; what a manifest does not say cannot be a condition.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from xietong.casefile.v1.case_pb2 import CaseNumberKind, CaseTrait
from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.casefile.v1.measure_pb2 import MeasureKind
from xietong.casefile.v1.person_pb2 import Person, PersonRole
from xietong_standard.text import Text

# Kinds of decision, by the name in `Decision.kind.name`, after which there is no sentence against the person.
WITHOUT_SENTENCE = frozenset({"宣告无罪", "不负刑事责任", "终止审理", "准许撤回起诉"})
# Name of the reason of a refused arrest for want of evidence (存疑不捕), rule 285 of the procuratorates.
EVIDENCE_INSUFFICIENT = "存疑"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition. `persons` gives the ids of those for whom it holds; None when it is about the case."""

    name: str
    text: Text
    case: Callable[[Manifest], bool]
    persons: Callable[[Manifest], Iterator[str]] | None = None

    def holds(self, manifest: Manifest) -> bool:
        """Whether it holds for the case, or for anybody in it."""
        return self.case(manifest)

    def among(self, manifest: Manifest, person_ids: Iterable[str]) -> list[str]:
        """Those of the persons for whom it holds, in their order."""
        if self.persons is None:
            return list(person_ids) if self.case(manifest) else []
        holders = frozenset(self.persons(manifest))
        return [person_id for person_id in person_ids if person_id in holders]


def _of_case(name: str, zh: str, en: str, case: Callable[[Manifest], bool]) -> Condition:
    return Condition(name, Text(zh, en), case)


def _of_persons(name: str, zh: str, en: str, persons: Callable[[Manifest], Iterator[str]]) -> Condition:
    return Condition(name, Text(zh, en), lambda manifest: next(persons(manifest), None) is not None, persons)


def _under(*kinds: MeasureKind.ValueType) -> Callable[[Manifest], Iterator[str]]:
    def persons(manifest: Manifest) -> Iterator[str]:
        return (m.person_id for m in manifest.measures if m.kind in kinds and not m.HasField("end_time"))

    return persons


def _in_role(manifest: Manifest, roles: Collection[PersonRole.ValueType]) -> Iterator[Person]:
    return (person for person in manifest.persons if not set(roles).isdisjoint(person.roles))


def _pleading_guilty(manifest: Manifest) -> Iterator[str]:
    return (person.id for person in manifest.persons if person.pleads_guilty)


def _doubtful(manifest: Manifest) -> Iterator[str]:
    return (d.person_id for d in manifest.decisions if d.reason.name == EVIDENCE_INSUFFICIENT)


def _convicted(manifest: Manifest) -> Iterator[str]:
    free = {d.person_id for d in manifest.decisions if d.kind.name in WITHOUT_SENTENCE}
    accused = _in_role(manifest, (PersonRole.PERSON_ROLE_DEFENDANT, PersonRole.PERSON_ROLE_CONVICT))
    return (person.id for person in accused if person.id not in free and "" not in free)


def _has_defender(manifest: Manifest) -> bool:
    return next(_in_role(manifest, (PersonRole.PERSON_ROLE_DEFENDER,)), None) is not None


_CUSTODY = (
    MeasureKind.MEASURE_KIND_DETENTION,
    MeasureKind.MEASURE_KIND_ARREST,
    MeasureKind.MEASURE_KIND_RETENTION,
)

_ALL = (
    _of_persons("detained", "已被拘留", "is detained", _under(MeasureKind.MEASURE_KIND_DETENTION)),
    _of_persons("in_custody", "在押", "is in custody", _under(*_CUSTODY)),
    _of_persons("pleads_guilty", "认罪认罚", "admits guilt and accepts punishment", _pleading_guilty),
    _of_persons("evidence_insufficient", "存疑不捕", "arrest is refused for want of evidence", _doubtful),
    _of_persons("convicted", "被判有罪", "is convicted", _convicted),
    _of_case("property", "有涉案财物", "property is involved", lambda manifest: bool(manifest.properties)),
    _of_case("defender", "有辩护人", "there is a defender", _has_defender),
    _of_case(
        "civil_action",
        "有附带民事诉讼",
        "a civil action is attached",
        lambda manifest: CaseTrait.CASE_TRAIT_CIVIL_ACTION in manifest.case.traits,
    ),
    _of_case(
        "legal_aid",
        "有法律援助",
        "legal aid is given",
        lambda manifest: any(
            n.kind == CaseNumberKind.CASE_NUMBER_KIND_LEGAL_AID for n in manifest.case.numbers
        ),
    ),
)

CONDITIONS = {condition.name: condition for condition in _ALL}
