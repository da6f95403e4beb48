"""Whether numbers of persons and organisations are what they claim to be, and agree with what stands beside them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from xietong.casefile.v1.person_pb2 import IdentityDocumentKind, Person, PersonRole
from xietong_standard import identifiers
from xietong_standard.catalogue import CodeTable
from xietong_standard.checks.sources import CREDIT_CODE, CUSTODY_NUMBER, RESIDENT_NUMBER
from xietong_standard.checks.submission import Submission
from xietong_standard.verdict import Finding, error, warning

RESIDENT_FORM = error(
    "XT-IDN-01",
    ("公民身份号码应为17位数字加1位校验码", "a resident identity number has 17 digits and a check character"),
    (
        "请按证件更正；不是公民身份号码的，请改选证件种类",
        "correct it from the document, or choose the kind of document that it is",
    ),
    RESIDENT_NUMBER,
)
RESIDENT_CHECKSUM = error(
    "XT-IDN-02",
    ("公民身份号码的校验码不正确", "the check character of the resident identity number is wrong"),
    ("请核对证件，逐位更正", "compare it with the document, digit by digit"),
    RESIDENT_NUMBER,
)
RESIDENT_DATE = error(
    "XT-IDN-03",
    ("公民身份号码中的出生日期不存在", "the date of birth in the resident identity number does not exist"),
    ("请核对证件，更正第7至14位", "compare it with the document and correct digits 7 to 14"),
    RESIDENT_NUMBER,
)
RESIDENT_DATE_DIFFERS = warning(
    "XT-IDN-04",
    (
        "公民身份号码中的出生日期与所填出生日期不一致",
        "the date of birth in the resident identity number differs from the one that is given",
    ),
    (
        "请核对；年龄经鉴定等另行认定的，请填写出生日期的依据",
        "compare them; where the age was established otherwise, state on what the date of birth rests",
    ),
    RESIDENT_NUMBER,
)
CREDIT_FORM = error(
    "XT-IDN-05",
    (
        "统一社会信用代码应为18位规定字符",
        "a uniform social credit code has 18 characters of the standard's alphabet",
    ),
    ("请按登记证照更正", "correct it from the registration certificate"),
    CREDIT_CODE,
)
CREDIT_CHECKSUM = error(
    "XT-IDN-06",
    ("统一社会信用代码的校验码不正确", "the check character of the uniform social credit code is wrong"),
    ("请核对登记证照，逐位更正", "compare it with the registration certificate, character by character"),
    CREDIT_CODE,
)
SEX_DIFFERS = warning(
    "XT-IDN-07",
    (
        "公民身份号码第17位表示的性别与所填性别不一致",
        "the sex that digit 17 of the resident identity number tells differs from the one that is given",
    ),
    ("请核对证件和性别", "compare the document and the sex"),
    RESIDENT_NUMBER,
)
REGION_UNKNOWN = warning(
    "XT-IDN-08",
    (
        "公民身份号码前两位不是省级行政区划代码",
        "the first two digits of the resident identity number are the code of no province",
    ),
    (
        "请核对证件；外国人永久居留身份证等请改选证件种类",
        "compare it with the document; for a permit of a foreigner choose that kind of document",
    ),
    RESIDENT_NUMBER,
)
SAME_PERSON = error(
    "XT-IDN-09",
    (
        "人员 {person} 与人员 {other} 姓名和证件号码相同，是同一人",
        "persons {person} and {other} have the same name and number: they are one person",
    ),
    (
        "请合并为一个条目，把各身份写在同一条目中",
        "make them one entry that holds all of the roles",
    ),
    RESIDENT_NUMBER,
)
NUMBER_SHARED = warning(
    "XT-IDN-10",
    (
        "人员 {person} 与人员 {other} 姓名不同而证件号码相同",
        "persons {person} and {other} have different names and the same number",
    ),
    (
        "请核对证件；确为同一人的请合并条目，另一姓名写入别名",
        "compare the documents; if it is one person, make it one entry and the other name an alias",
    ),
    RESIDENT_NUMBER,
)
ORGANISATION_AS_RESIDENT = warning(
    "XT-IDN-11",
    (
        "单位 {person} 填写的是公民身份号码",
        "organisation {person} is given with a resident identity number",
    ),
    (
        "请填写统一社会信用代码；法定代表人等自然人请另列条目",
        "give its uniform social credit code, and its representative as a person of his own",
    ),
    CREDIT_CODE,
)
CUSTODY_FORM = warning(
    "XT-IDN-12",
    (
        "人员 {person} 的在押人员编码不是21位数字，或其中的入所日期不存在",
        "the number in custody of person {person} has not 21 digits, or its day of admission does not exist",
    ),
    ("请按看守所系统中的编码更正", "correct it as the detention house's system has it"),
    CUSTODY_NUMBER,
)
RULES = (
    RESIDENT_FORM,
    RESIDENT_CHECKSUM,
    RESIDENT_DATE,
    RESIDENT_DATE_DIFFERS,
    CREDIT_FORM,
    CREDIT_CHECKSUM,
    SEX_DIFFERS,
    REGION_UNKNOWN,
    SAME_PERSON,
    NUMBER_SHARED,
    ORGANISATION_AS_RESIDENT,
    CUSTODY_FORM,
)

# The code table of province-level divisions: the first two digits of GB/T 2260.
_PROVINCES = "province"
_MALE, _FEMALE = "1", "2"


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on numbers. The numbers of persons are not repeated in the texts."""
    provinces = submission.edition.code_tables.get(_PROVINCES)
    holders = defaultdict(list)
    for position, person in enumerate(submission.manifest.persons):
        for index, document in enumerate(person.identity_documents):
            path = f"persons[{position}].identity_documents[{index}].number"
            if not document.number:
                continue
            if document.kind == IdentityDocumentKind.IDENTITY_DOCUMENT_KIND_RESIDENT:
                holders[identifiers.plain(document.number)].append((path, person))
                yield from _resident(path, document.number, person, provinces)
            elif document.kind == IdentityDocumentKind.IDENTITY_DOCUMENT_KIND_SOCIAL_CREDIT_CODE:
                yield from _credit_code(path, document.number)
        if person.custody_number and not identifiers.is_custody_number(person.custody_number):
            yield CUSTODY_FORM.at(f"persons[{position}].custody_number", person=person.id)
    for entries in holders.values():
        yield from _shared(entries)


def _resident(path: str, number: str, person: Person, provinces: CodeTable | None) -> Iterator[Finding]:
    if not identifiers.is_resident_number_form(number):
        yield RESIDENT_FORM.at(path)
        return
    if not identifiers.has_resident_checksum(number):
        yield RESIDENT_CHECKSUM.at(path)
    birth_date = identifiers.resident_birth_date(number)
    if birth_date is None:
        yield RESIDENT_DATE.at(path)
    elif person.birth_date not in ("", birth_date.isoformat()):
        yield RESIDENT_DATE_DIFFERS.at(path)
    sex = _MALE if identifiers.is_male_number(number) else _FEMALE
    if person.sex_code in (_MALE, _FEMALE) and person.sex_code != sex:
        yield SEX_DIFFERS.at(path)
    if provinces is not None and identifiers.plain(number)[:2] not in provinces.codes:
        yield REGION_UNKNOWN.at(path)
    if PersonRole.PERSON_ROLE_ORGANISATION in person.roles:
        yield ORGANISATION_AS_RESIDENT.at(path, person=person.id)


def _credit_code(path: str, code: str) -> Iterator[Finding]:
    if not identifiers.is_credit_code_form(code):
        yield CREDIT_FORM.at(path)
    elif not identifiers.has_credit_checksum(code):
        yield CREDIT_CHECKSUM.at(path)


def _shared(entries: list[tuple[str, Person]]) -> Iterator[Finding]:
    """Each further person with a number is held against the first that has it."""
    _, first = entries[0]
    for path, person in entries[1:]:
        if person.id != first.id:
            rule = SAME_PERSON if person.name == first.name else NUMBER_SHARED
            yield rule.at(path, person=person.id, other=first.id)
