"""Age at the time of the offence, and what the law asks for the sake of minors: warnings, as ages are in dispute."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from xietong.casefile.v1.case_pb2 import CaseTrait
from xietong.casefile.v1.person_pb2 import Person, PersonRole
from xietong_standard.checks.days import day
from xietong_standard.checks.sources import AGE, CONTRACT, criminal_law, procedure_law
from xietong_standard.checks.submission import Submission
from xietong_standard.verdict import Finding, error, warning

FLAGGED_ADULT = warning(
    "XT-JUV-01",
    (
        "人员 {person} 标为作案时未成年，按出生日期当时已满18周岁",
        "person {person} is marked as a minor at the offence, but was 18 by the date of birth",
    ),
    ("请核对出生日期、作案日期和未成年标志", "compare date of birth, date of the offence and the mark"),
    AGE,
)
UNFLAGGED_MINOR = warning(
    "XT-JUV-02",
    (
        "按出生日期，人员 {person} 作案时未满18周岁，但没有标明",
        "by the date of birth, person {person} was under 18 at the offence, but is not marked so",
    ),
    ("请核对日期，并填写未成年标志", "compare the dates and set the mark"),
    AGE,
)
UNDER_12 = warning(
    "XT-JUV-03",
    (
        "按出生日期，人员 {person} 作案时未满12周岁，不负刑事责任",
        "by the date of birth, person {person} was under 12 at the offence and bears no criminal responsibility",
    ),
    ("请核对年龄；依法不追究刑事责任", "compare the age; there is no prosecution"),
    criminal_law("17"),
)
UNDER_14 = warning(
    "XT-JUV-04",
    (
        "按出生日期，人员 {person} 作案时未满14周岁，追诉须经最高人民检察院核准",
        "by the date of birth, person {person} was under 14 at the offence: the Supreme Procuratorate must approve",
    ),
    ("请核对年龄，并附核准文书", "compare the age, and add the approval"),
    criminal_law("17"),
)
UNDER_16 = warning(
    "XT-JUV-05",
    (
        "按出生日期，人员 {person} 作案时未满16周岁，仅对八种犯罪负刑事责任",
        "by the date of birth, person {person} was under 16 at the offence and answers for eight offences only",
    ),
    ("请核对年龄和罪名", "compare the age and the offence"),
    criminal_law("17"),
)
NO_GUARDIAN = warning(
    "XT-JUV-06",
    (
        "未成年人 {person} 没有列明法定代理人",
        "no guardian is named for the minor {person}",
    ),
    (
        "请添加法定代理人并在该人员中引用；无法通知的请列明合适成年人",
        "add the guardian and name him at the person; otherwise the adult who took his place",
    ),
    procedure_law("281", provenance="ok"),
)
TRAIT_MISSING = warning(
    "XT-JUV-07",
    (
        "人员 {person} 为未成年人，案件没有标明“涉未成年人”",
        "person {person} is a minor, but the case is not marked so",
    ),
    ("请在案件特征中勾选涉未成年人", "add the trait to the case"),
    procedure_law("277", provenance="ok"),
)
GUARDIAN_ROLE = warning(
    "XT-JUV-08",
    (
        "人员 {person} 的法定代理人 {guardian} 没有法定代理人身份",
        "{guardian}, the guardian of person {person}, does not have the role of a guardian",
    ),
    ("请为其添加身份，或更正引用", "give him the role, or correct the reference"),
    CONTRACT,
)
OWN_GUARDIAN = error(
    "XT-JUV-09",
    ("人员 {person} 被列为自己的法定代理人", "person {person} is named as his own guardian"),
    ("请更正为法定代理人的编号", "give the guardian's id"),
    CONTRACT,
)
RULES = (
    FLAGGED_ADULT,
    UNFLAGGED_MINOR,
    UNDER_12,
    UNDER_14,
    UNDER_16,
    NO_GUARDIAN,
    TRAIT_MISSING,
    GUARDIAN_ROLE,
    OWN_GUARDIAN,
)

_FULL_AGE = 18
_AGES = ((12, UNDER_12), (14, UNDER_14), (16, UNDER_16))


def age_on(born: date, moment: date) -> int:
    """Full years on a day; a year of life is complete on the day after the birthday."""
    birthday_passed = (moment.month, moment.day) > (born.month, born.day)
    return moment.year - born.year - (0 if birthday_passed else 1)


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on ages; none where a date is unknown."""
    case, accused = submission.manifest.case, submission.facts.accused
    offence = day(case.offence_date)
    marked = CaseTrait.CASE_TRAIT_JUVENILE in case.traits
    for position, person in enumerate(submission.manifest.persons):
        path = f"persons[{position}]"
        born = day(person.birth_date) if offence and person.birth_date else None
        if offence and born and born <= offence:
            yield from _age(path, person, age_on(born, offence), is_accused=person.id in accused)
        if person.juvenile_at_offence and not marked and submission.hands_over_the_case:
            yield TRAIT_MISSING.at("case.traits", person=person.id)
        yield from _guardian(path, person, submission)


def _age(path: str, person: Person, age: int, *, is_accused: bool) -> Iterator[Finding]:
    if person.juvenile_at_offence and age >= _FULL_AGE:
        yield FLAGGED_ADULT.at(f"{path}.juvenile_at_offence", person=person.id)
    if not is_accused:
        return
    if not person.juvenile_at_offence and age < _FULL_AGE:
        yield UNFLAGGED_MINOR.at(f"{path}.juvenile_at_offence", person=person.id)
    rule = next((rule for limit, rule in _AGES if age < limit), None)
    if rule is not None:
        yield rule.at(f"{path}.birth_date", person=person.id)


def _guardian(path: str, person: Person, submission: Submission) -> Iterator[Finding]:
    path = f"{path}.guardian_person_id"
    guardian_id = person.guardian_person_id
    if not guardian_id:
        asked = submission.hands_over_the_case and person.id in submission.facts.accused
        if asked and person.juvenile_at_offence:
            yield NO_GUARDIAN.at(path, person=person.id)
        return
    guardian = submission.facts.persons.get(guardian_id)
    if guardian_id == person.id:
        yield OWN_GUARDIAN.at(path, person=person.id)
    elif guardian is not None and PersonRole.PERSON_ROLE_GUARDIAN not in guardian.roles:
        yield GUARDIAN_ROLE.at(path, person=person.id, guardian=guardian_id)
