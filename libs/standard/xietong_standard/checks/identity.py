"""Whether identity numbers, credit codes and court case numbers are what they claim to be."""

from __future__ import annotations

from collections.abc import Iterator

from xietong.casefile.v1.case_pb2 import CaseNumberKind
from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.casefile.v1.person_pb2 import IdentityDocumentKind, Person
from xietong_standard import identifiers
from xietong_standard.checks.submission import Submission
from xietong_standard.verdict import Finding, error, warning

_RESIDENT = "GB 11643-1999"
_CREDIT = "GB 32100-2015"
_CASE_NUMBER = "最高人民法院关于人民法院案件案号的若干规定 (2015)"

RESIDENT_FORM = error(
    "XT-IDN-01",
    ("公民身份号码应为17位数字加1位校验码", "a resident identity number has 17 digits and a check character"),
    (
        "请按证件更正；不是公民身份号码的，请改选证件种类",
        "correct it from the document, or choose the kind of document that it is",
    ),
    _RESIDENT,
)
RESIDENT_CHECKSUM = error(
    "XT-IDN-02",
    ("公民身份号码的校验码不正确", "the check character of the resident identity number is wrong"),
    ("请核对证件，逐位更正", "compare it with the document, digit by digit"),
    _RESIDENT,
)
RESIDENT_DATE = error(
    "XT-IDN-03",
    ("公民身份号码中的出生日期不存在", "the date of birth in the resident identity number does not exist"),
    ("请核对证件，更正第7至14位", "compare it with the document and correct digits 7 to 14"),
    _RESIDENT,
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
    _RESIDENT,
)
CREDIT_FORM = error(
    "XT-IDN-05",
    (
        "统一社会信用代码应为18位规定字符",
        "a uniform social credit code has 18 characters of the standard's alphabet",
    ),
    ("请按登记证照更正", "correct it from the registration certificate"),
    _CREDIT,
)
CREDIT_CHECKSUM = error(
    "XT-IDN-06",
    ("统一社会信用代码的校验码不正确", "the check character of the uniform social credit code is wrong"),
    ("请核对登记证照，逐位更正", "compare it with the registration certificate, character by character"),
    _CREDIT,
)
CASE_NUMBER = error(
    "XT-NUM-01",
    ("法院案号“{number}”的形式不正确", "'{number}' is not of the form of a court case number"),
    (
        "请按裁判文书填写，例如(2026)粤01刑初123号",
        "write it as on the court's document, for example (2026)粤01刑初123号",
    ),
    _CASE_NUMBER,
)
RULES = (
    RESIDENT_FORM,
    RESIDENT_CHECKSUM,
    RESIDENT_DATE,
    RESIDENT_DATE_DIFFERS,
    CREDIT_FORM,
    CREDIT_CHECKSUM,
    CASE_NUMBER,
)


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on numbers. The numbers of persons are not repeated in the texts."""
    manifest = submission.manifest
    for position, person in enumerate(manifest.persons):
        for index, document in enumerate(person.identity_documents):
            path = f"persons[{position}].identity_documents[{index}].number"
            if not document.number:
                continue
            if document.kind == IdentityDocumentKind.IDENTITY_DOCUMENT_KIND_RESIDENT:
                yield from _resident(path, document.number, person)
            elif document.kind == IdentityDocumentKind.IDENTITY_DOCUMENT_KIND_SOCIAL_CREDIT_CODE:
                yield from _credit_code(path, document.number)
    yield from _case_numbers(manifest)


def _resident(path: str, number: str, person: Person) -> Iterator[Finding]:
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


def _credit_code(path: str, code: str) -> Iterator[Finding]:
    if not identifiers.is_credit_code_form(code):
        yield CREDIT_FORM.at(path)
    elif not identifiers.has_credit_checksum(code):
        yield CREDIT_CHECKSUM.at(path)


def _case_numbers(manifest: Manifest) -> Iterator[Finding]:
    numbers = [
        (f"case.numbers[{position}].number", number.number)
        for position, number in enumerate(manifest.case.numbers)
        if number.kind == CaseNumberKind.CASE_NUMBER_KIND_COURT
    ]
    numbers += [
        (f"sentences[{position}].judgment_number", sentence.judgment_number)
        for position, sentence in enumerate(manifest.sentences)
    ]
    for path, number in numbers:
        if number and not identifiers.is_court_case_number(number):
            yield CASE_NUMBER.at(path, number=number)
