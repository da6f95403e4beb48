"""Whether those whom the law does not leave without counsel or interpreter have one, as far as the package tells."""

from __future__ import annotations

from collections.abc import Iterator

from xietong.casefile.v1.case_pb2 import CaseNumberKind
from xietong.casefile.v1.person_pb2 import Person, PersonRole
from xietong_standard.checks.sources import both, legal_aid_law, procedure_law
from xietong_standard.checks.submission import Submission
from xietong_standard.model import Party
from xietong_standard.verdict import Finding, warning

_REMEDY = (
    "请列明辩护人；没有的，依法通知法律援助机构指派（FY-01）",
    "name the defender; where there is none, ask for one to be appointed (FY-01)",
)
JUVENILE = warning(
    "XT-AID-01",
    (
        "未成年人 {person} 没有辩护人",
        "the minor {person} has no defender",
    ),
    _REMEDY,
    both(procedure_law("278"), legal_aid_law("25")),
)
IMPAIRED = warning(
    "XT-AID-02",
    (
        "人员 {person} 属盲、聋、哑人或者辨认、控制能力受限的人，没有辩护人",
        "person {person} is blind, deaf or mute, or of limited capacity, and has no defender",
    ),
    _REMEDY,
    both(procedure_law("35"), legal_aid_law("25")),
)
GRAVE = warning(
    "XT-AID-03",
    (
        "人员 {person} 被判处无期徒刑或死刑，没有辩护人",
        "person {person} is sentenced to life or death and has no defender",
    ),
    _REMEDY,
    both(procedure_law("35"), legal_aid_law("25")),
)
NO_INTERPRETER = warning(
    "XT-AID-04",
    (
        "人员 {person} 为聋、哑人，没有列明通晓手语的翻译人员",
        "person {person} is deaf or mute, and no interpreter is named",
    ),
    ("请列明参加讯问的翻译人员", "name the interpreter who took part in the interrogation"),
    procedure_law("121", provenance="ok"),
)
RULES = (JUVENILE, IMPAIRED, GRAVE, NO_INTERPRETER)

_CONDITIONS = ("盲", "聋", "哑", "视力", "听力", "言语", "精神", "辨认", "控制")
_DEAF_OR_MUTE = ("聋", "哑", "听力", "言语")
_GRAVE_PENALTIES = frozenset({"无期徒刑", "死刑"})


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on accused persons without counsel; none where the package itself asks for legal aid."""
    manifest, facts = submission.manifest, submission.facts
    if _goes_to_legal_aid(submission):
        return
    for position, sentence in enumerate(manifest.sentences):
        person_id = sentence.person_id
        if sentence.principal_penalty.name in _GRAVE_PENALTIES and not facts.defenders.get(person_id):
            yield GRAVE.at(f"sentences[{position}].person_id", person=person_id)
    if not submission.hands_over_the_case:
        return
    interpreted = any(PersonRole.PERSON_ROLE_INTERPRETER in person.roles for person in manifest.persons)
    for position, person in enumerate(manifest.persons):
        if person.id in facts.accused:
            defended = bool(facts.defenders.get(person.id))
            yield from _accused(f"persons[{position}]", person, defended=defended, interpreted=interpreted)


def _accused(path: str, person: Person, *, defended: bool, interpreted: bool) -> Iterator[Finding]:
    if person.juvenile_at_offence and not defended:
        yield JUVENILE.at(path, person=person.id)
    if not person.conditions:
        return
    conditions = "".join(condition.name for condition in person.conditions)
    if not defended and any(word in conditions for word in _CONDITIONS):
        yield IMPAIRED.at(path, person=person.id)
    if not interpreted and any(word in conditions for word in _DEAF_OR_MUTE):
        yield NO_INTERPRETER.at(path, person=person.id)


def _goes_to_legal_aid(submission: Submission) -> bool:
    process = submission.process
    asked = process is not None and any(Party.JUSTICE in role.parties for role in process.receivers.roles)
    granted = any(
        number.kind == CaseNumberKind.CASE_NUMBER_KIND_LEGAL_AID
        for number in submission.manifest.case.numbers
    )
    return asked or granted
