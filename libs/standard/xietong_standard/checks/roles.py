"""Whether persons hold the roles that others' entries give them: accused, defended, impartial."""

from __future__ import annotations

from collections.abc import Iterator

from xietong.casefile.v1.measure_pb2 import MeasureKind
from xietong.casefile.v1.person_pb2 import Person, PersonRole
from xietong_standard import identifiers
from xietong_standard.checks.sources import (
    CONTRACT,
    LAWYER_NUMBER,
    court_interpretation,
    procedure_law,
)
from xietong_standard.checks.submission import Submission
from xietong_standard.verdict import Finding, error, warning

CHARGED = error(
    "XT-ROL-01",
    (
        "对人员 {person} 列有罪名，但其身份不是犯罪嫌疑人、被告人、罪犯或单位",
        "person {person} is charged, but is neither suspect, defendant, convict nor organisation",
    ),
    ("请为其添加身份，或更正罪名所指人员", "give the person the role, or correct whom the charge concerns"),
    CONTRACT,
)
UNDER_MEASURE = warning(
    "XT-ROL-02",
    (
        "对人员 {person} 列有强制措施，但其身份不是犯罪嫌疑人、被告人或罪犯",
        "person {person} is under a compulsory measure, but is neither suspect, defendant nor convict",
    ),
    ("请为其添加身份，或更正措施所指人员", "give the person the role, or correct whom the measure concerns"),
    procedure_law("66", "82", "83", provenance="ok"),
)
SENTENCED = error(
    "XT-ROL-03",
    (
        "对人员 {person} 列有判处结果，但其身份不是被告人、罪犯或单位",
        "person {person} is sentenced, but is neither defendant, convict nor organisation",
    ),
    (
        "请为其添加身份，或更正判处结果所指人员",
        "give the person the role, or correct whom the sentence concerns",
    ),
    CONTRACT,
)
REPRESENTS_NOBODY = warning(
    "XT-ROL-04",
    (
        "辩护人或诉讼代理人 {person} 没有列明其委托人",
        "it is not said whom the defender or agent {person} represents",
    ),
    ("请填写被代理人员的编号", "give the ids of those whom he represents"),
    CONTRACT,
)
DEFENDS_OTHERS = warning(
    "XT-ROL-05",
    (
        "辩护人 {person} 所代理的 {other} 不是犯罪嫌疑人、被告人",
        "defender {person} represents {other}, who is not accused",
    ),
    ("请核对；代理被害人等的应为诉讼代理人", "compare it; who represents a victim is an agent"),
    procedure_law("33", "46", provenance="ok"),
)
DEFENDS_SEVERAL = warning(
    "XT-ROL-06",
    (
        "辩护人 {person} 为 {count} 名同案人员辩护",
        "defender {person} defends {count} persons of the same case",
    ),
    (
        "一名辩护人不得为两名以上同案被告人辩护，请核对",
        "one defender must not defend several defendants of a case: compare it",
    ),
    court_interpretation("43", provenance="ok"),
)
TOO_MANY_DEFENDERS = warning(
    "XT-ROL-07",
    (
        "人员 {person} 有 {count} 名辩护人，超过二名",
        "person {person} has {count} defenders, more than two",
    ),
    ("请核对，已解除委托的请移除", "compare it and remove those who no longer act"),
    procedure_law("33", provenance="ok"),
)
NOT_IMPARTIAL = warning(
    "XT-ROL-08",
    (
        "鉴定人或翻译人员 {person} 在本案中另有身份",
        "the expert or interpreter {person} has another role in the case",
    ),
    (
        "当事人、证人、辩护人、诉讼代理人不得兼任，请核对",
        "who is a party, witness, defender or agent must not act as such: compare it",
    ),
    procedure_law("29", "32", provenance="ok"),
)
LICENCE_MISSING = warning(
    "XT-ROL-09",
    (
        "值班律师 {person} 没有填写执业证号",
        "no licence number is given for the duty lawyer {person}",
    ),
    ("请填写律师执业证号", "give the number of the licence"),
    procedure_law("36"),
)
LICENCE_FORM = warning(
    "XT-ROL-10",
    (
        "律师 {person} 的执业证号不是17位（旧证12位）数字",
        "the licence number of lawyer {person} has not 17 digits (12 on old licences)",
    ),
    ("请与执业证核对", "compare it with the licence"),
    LAWYER_NUMBER,
)
RULES = (
    CHARGED,
    UNDER_MEASURE,
    SENTENCED,
    REPRESENTS_NOBODY,
    DEFENDS_OTHERS,
    DEFENDS_SEVERAL,
    TOO_MANY_DEFENDERS,
    NOT_IMPARTIAL,
    LICENCE_MISSING,
    LICENCE_FORM,
)

_MOST_DEFENDERS = 2
_REPRESENTATIVES = frozenset({PersonRole.PERSON_ROLE_DEFENDER, PersonRole.PERSON_ROLE_AGENT})
_IMPARTIAL = frozenset({PersonRole.PERSON_ROLE_EXPERT, PersonRole.PERSON_ROLE_INTERPRETER})
_ORGANISATION = PersonRole.PERSON_ROLE_ORGANISATION
_DEFENDER = PersonRole.PERSON_ROLE_DEFENDER
_DUTY_LAWYER = PersonRole.PERSON_ROLE_DUTY_LAWYER
_SENTENCED = frozenset(
    {PersonRole.PERSON_ROLE_DEFENDANT, PersonRole.PERSON_ROLE_CONVICT, PersonRole.PERSON_ROLE_ORGANISATION}
)
# Free or kept by a supervisory commission, before there is a criminal case.
_FOR_ANYBODY = frozenset({MeasureKind.MEASURE_KIND_RELEASE, MeasureKind.MEASURE_KIND_RETENTION})


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on roles; ids that lead to nobody are another check's."""
    yield from _accused(submission)
    for position, person in enumerate(submission.manifest.persons):
        path = f"persons[{position}]"
        roles = frozenset(person.roles)
        if roles & _REPRESENTATIVES:
            yield from _represents(path, person, submission)
        if roles & _IMPARTIAL and roles - _IMPARTIAL:
            yield NOT_IMPARTIAL.at(f"{path}.roles", person=person.id)
        yield from _licence(path, person)
    for person_id, defenders in submission.facts.defenders.items():
        if len(defenders) > _MOST_DEFENDERS:
            yield TOO_MANY_DEFENDERS.at("persons", person=person_id, count=len(defenders))


def _accused(submission: Submission) -> Iterator[Finding]:
    manifest, persons, accused = submission.manifest, submission.facts.persons, submission.facts.accused
    for position, charge in enumerate(manifest.charges):
        charged = persons.get(charge.person_id)
        if charged is not None and charged.id not in accused and _ORGANISATION not in charged.roles:
            yield CHARGED.at(f"charges[{position}].person_id", person=charged.id)
    for position, measure in enumerate(manifest.measures):
        held = persons.get(measure.person_id)
        if held is not None and held.id not in accused and measure.kind not in _FOR_ANYBODY:
            yield UNDER_MEASURE.at(f"measures[{position}].person_id", person=held.id)
    for position, sentence in enumerate(manifest.sentences):
        sentenced = persons.get(sentence.person_id)
        if sentenced is not None and _SENTENCED.isdisjoint(sentenced.roles):
            yield SENTENCED.at(f"sentences[{position}].person_id", person=sentenced.id)


def _represents(path: str, person: Person, submission: Submission) -> Iterator[Finding]:
    path = f"{path}.represents_person_ids"
    represented = dict.fromkeys(person.represents_person_ids)
    if not represented:
        yield REPRESENTS_NOBODY.at(path, person=person.id)
    if _DEFENDER not in person.roles:
        return
    facts = submission.facts
    defended = [person_id for person_id in represented if person_id in facts.accused]
    if len(defended) > 1 and _DUTY_LAWYER not in person.roles:
        yield DEFENDS_SEVERAL.at(path, person=person.id, count=len(defended))
    if PersonRole.PERSON_ROLE_AGENT in person.roles:
        return
    for index, person_id in enumerate(person.represents_person_ids):
        other = facts.persons.get(person_id)
        if other is not None and person_id not in facts.accused and _ORGANISATION not in other.roles:
            yield DEFENDS_OTHERS.at(f"{path}[{index}]", person=person.id, other=person_id)


def _licence(path: str, person: Person) -> Iterator[Finding]:
    path = f"{path}.licence_number"
    if not person.licence_number:
        if _DUTY_LAWYER in person.roles:
            yield LICENCE_MISSING.at(path, person=person.id)
        return
    # A defender need not be a lawyer, and an expert's licence has a form of its own.
    is_lawyer = _DUTY_LAWYER in person.roles or (_DEFENDER in person.roles and person.law_firm)
    if is_lawyer and not identifiers.is_lawyer_number(person.licence_number):
        yield LICENCE_FORM.at(path, person=person.id)
