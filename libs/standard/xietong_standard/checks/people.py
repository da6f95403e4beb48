"""Whether what is said about a person's identity agrees with itself, and keeps protected persons protected."""

from __future__ import annotations

from collections.abc import Iterator

from xietong.casefile.v1.person_pb2 import IdentityStatus, Person, PersonRole
from xietong_standard.checks.days import day
from xietong_standard.checks.facts import ACCUSED
from xietong_standard.checks.sources import CONTRACT, DATE_RULES, both, procedure_law, procurators_rules
from xietong_standard.checks.submission import Submission
from xietong_standard.verdict import Finding, error, warning

UNKNOWN_YET_NUMBERED = warning(
    "XT-PER-01",
    (
        "人员 {person} 身份不明，却填有证件号码",
        "the identity of person {person} is unknown, yet an identity document is given",
    ),
    (
        "身份已查清的请更正身份状态；证件真伪未定的请写入说明",
        "correct the status if the identity is established; otherwise tell the doubt in words",
    ),
    CONTRACT,
)
NO_PHOTOGRAPH = warning(
    "XT-PER-02",
    (
        "人员 {person} 按编号列明，但没有附照片",
        "person {person} is kept by a number, but there is no photograph",
    ),
    ("请上传照片并在人员中登记", "upload the photograph and name it at the person"),
    procurators_rules("358"),
)
PSEUDONYM_OF_ACCUSED = warning(
    "XT-PER-03",
    (
        "人员 {person} 是被追诉人，却标为化名",
        "person {person} is accused, yet the name is marked as a pseudonym",
    ),
    (
        "化名用于保护证人、鉴定人、被害人；自报姓名请改选身份状态",
        "pseudonyms protect witnesses, experts and victims; for a self-reported name choose that status",
    ),
    procedure_law("64", provenance="ok"),
)
PROTECTION_BROKEN = warning(
    "XT-PER-04",
    (
        "人员 {person} 使用化名，却填有能识别其本人的信息：{path}",
        "person {person} has a pseudonym, yet {path} tells who it is",
    ),
    (
        "请删除该项；真实身份另行书面说明，不随案移送",
        "remove it; the true identity is told in writing apart from the case",
    ),
    both(procedure_law("64", provenance="ok"), procurators_rules("358")),
)
NAME_STANDS_FOR_NONE = warning(
    "XT-PER-05",
    (
        "人员 {person} 的姓名是“不详”一类的代称",
        "the name of person {person} is a word for 'unknown'",
    ),
    (
        "身份不明的请选相应状态并填写编号，附照片",
        "choose the status 'unknown', give a number, and add a photograph",
    ),
    procurators_rules("358"),
)
AGE_IMPLAUSIBLE = warning(
    "XT-PER-06",
    (
        "按出生日期，人员 {person} 在立案时已超过 {years} 岁",
        "by the date of birth, person {person} was older than {years} when the case was filed",
    ),
    ("请核对出生日期的年份", "compare the year of birth"),
    DATE_RULES,
)
ONE_COLLABORATION_ID = error(
    "XT-PER-07",
    (
        "人员 {person} 与人员 {other} 的协同人员编号相同",
        "persons {person} and {other} have the same collaboration person id",
    ),
    (
        "请核对；不同人员不得共用编号，新出现的人员请留空由节点编号",
        "compare them; persons never share an id; leave it empty for a new person, the node gives one",
    ),
    CONTRACT,
)
RULES = (
    UNKNOWN_YET_NUMBERED,
    NO_PHOTOGRAPH,
    PSEUDONYM_OF_ACCUSED,
    PROTECTION_BROKEN,
    NAME_STANDS_FOR_NONE,
    AGE_IMPLAUSIBLE,
    ONE_COLLABORATION_ID,
)

_MOST_YEARS_OF_A_LIFE = 120
_PROTECTED = frozenset(
    {PersonRole.PERSON_ROLE_VICTIM, PersonRole.PERSON_ROLE_WITNESS, PersonRole.PERSON_ROLE_EXPERT}
)
# What tells who a protected person is.
_TELLING = ("identity_documents", "registered_address", "present_address", "workplace", "phone")
_NAMES_FOR_NONE = frozenset({"不详", "未知", "无名氏", "无名", "姓名不详", "身份不明", "不明", "无"})


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on identities."""
    case = submission.manifest.case
    filed = day(case.filing_date) or day(case.offence_date)
    holders: dict[str, str] = {}
    for position, person in enumerate(submission.manifest.persons):
        path = f"persons[{position}]"
        yield from _identity(path, person)
        if person.pseudonym:
            yield from _pseudonym(path, person)
        born = day(person.birth_date) if filed and person.birth_date else None
        if filed and born and filed.year - born.year > _MOST_YEARS_OF_A_LIFE:
            yield AGE_IMPLAUSIBLE.at(f"{path}.birth_date", person=person.id, years=_MOST_YEARS_OF_A_LIFE)
        if shared := person.collaboration_person_id:
            first = holders.setdefault(shared, person.id)
            if first != person.id:
                yield ONE_COLLABORATION_ID.at(
                    f"{path}.collaboration_person_id", person=person.id, other=first
                )


def _identity(path: str, person: Person) -> Iterator[Finding]:
    unknown = person.identity_status == IdentityStatus.IDENTITY_STATUS_UNKNOWN
    if unknown and person.identity_documents:
        yield UNKNOWN_YET_NUMBERED.at(f"{path}.identity_documents", person=person.id)
    if person.number_for_unknown and not person.photo_part:
        yield NO_PHOTOGRAPH.at(f"{path}.photo_part", person=person.id)
    if person.name in _NAMES_FOR_NONE:
        yield NAME_STANDS_FOR_NONE.at(f"{path}.name", person=person.id)


def _pseudonym(path: str, person: Person) -> Iterator[Finding]:
    roles = set(person.roles)
    if roles & ACCUSED and not roles & _PROTECTED:
        yield PSEUDONYM_OF_ACCUSED.at(f"{path}.pseudonym", person=person.id)
        return
    for name in _TELLING:
        if getattr(person, name):
            yield PROTECTION_BROKEN.at(f"{path}.{name}", person=person.id)
