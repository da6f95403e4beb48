"""Whether court case numbers and document numbers have their forms, and agree with the case that they belong to."""

from __future__ import annotations

from collections.abc import Iterator

from xietong.casefile.v1.case_pb2 import CaseNumberKind
from xietong.casefile.v1.document_pb2 import Document
from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong_standard import identifiers
from xietong_standard.checks.days import day
from xietong_standard.checks.sources import COURT_NUMBER, DATE_RULES, DOCUMENT_FORM
from xietong_standard.checks.submission import Submission
from xietong_standard.verdict import Finding, error, warning

CASE_NUMBER = error(
    "XT-NUM-01",
    ("法院案号“{number}”的形式不正确", "'{number}' is not of the form of a court case number"),
    (
        "请按裁判文书填写，例如(2026)粤01刑初123号",
        "write it as on the court's document, for example (2026)粤01刑初123号",
    ),
    COURT_NUMBER,
)
DOCUMENT_NUMBER = error(
    "XT-NUM-02",
    (
        "《{kind}》的文号“{number}”没有括注的年份和“号”",
        "the number '{number}' of a document ({kind}) has no year in brackets and no 号",
    ),
    (
        "请按文书填写文号，例如示公提捕字〔2026〕12号",
        "write it as on the document, for example 示公提捕字〔2026〕12号",
    ),
    DOCUMENT_FORM,
)
BRACKETS = warning(
    "XT-NUM-03",
    (
        "文号“{number}”的年份没有用六角括号括注",
        "the year in the document number '{number}' does not stand in hexagonal brackets",
    ),
    (
        "请与文书核对；文书上确为其他括号的可继续",
        "compare it with the document; go on if the document has other brackets",
    ),
    DOCUMENT_FORM,
)
NOT_CRIMINAL = warning(
    "XT-NUM-04",
    ("法院案号“{number}”不是刑事案件案号", "the court case number '{number}' is not that of a criminal case"),
    ("请核对案号的类型代字", "compare the characters that tell the kind of case"),
    COURT_NUMBER,
)
OTHER_CASE = warning(
    "XT-NUM-05",
    (
        "判决所列案号“{number}”不在本案的法院案号之中",
        "the judgment's number '{number}' is not among the court case numbers of the case",
    ),
    ("请在案号中补列，或更正判决的案号", "add it to the numbers of the case, or correct the judgment's"),
    COURT_NUMBER,
)
YEAR_AFTER_JUDGMENT = warning(
    "XT-NUM-06",
    (
        "案号“{number}”的年份晚于宣判日期",
        "the year of the case number '{number}' lies after the day of the judgment",
    ),
    ("请核对案号的收案年度和宣判日期", "compare the year of the number and the day of the judgment"),
    COURT_NUMBER,
)
YEAR_OF_ISSUE = warning(
    "XT-NUM-07",
    (
        "文号“{number}”的年份与制作日期的年份不一致",
        "the year of the document number '{number}' differs from that of the date of the document",
    ),
    (
        "请核对文号和制作日期；跨年编号的可继续",
        "compare the number and the date; go on if it was numbered in another year",
    ),
    DATE_RULES,
)
RULES = (CASE_NUMBER, DOCUMENT_NUMBER, BRACKETS, NOT_CRIMINAL, OTHER_CASE, YEAR_AFTER_JUDGMENT, YEAR_OF_ISSUE)

# Kinds of documents that organs number; lists, records, statements and receipts often have no number of this form.
NUMBERED_KINDS = (
    "决定书",
    "通知书",
    "起诉书",
    "起诉意见书",
    "判决书",
    "裁定书",
    "提请批准逮捕书",
    "抗诉书",
    "建议书",
)


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on numbers of cases and documents."""
    manifest = submission.manifest
    known = {
        number.number
        for number in manifest.case.numbers
        if number.kind == CaseNumberKind.CASE_NUMBER_KIND_COURT
    }
    for path, number in _court_numbers(manifest):
        if not identifiers.is_court_case_number(number):
            yield CASE_NUMBER.at(path, number=number)
        elif not identifiers.is_criminal_case_number(number):
            yield NOT_CRIMINAL.at(path, number=number)
    yield from _judgments(manifest, known)
    for position, document in enumerate(manifest.documents):
        if document.number:
            yield from _document(f"documents[{position}].number", document)


def _court_numbers(manifest: Manifest) -> Iterator[tuple[str, str]]:
    for position, number in enumerate(manifest.case.numbers):
        if number.kind == CaseNumberKind.CASE_NUMBER_KIND_COURT and number.number:
            yield f"case.numbers[{position}].number", number.number
    for position, sentence in enumerate(manifest.sentences):
        if sentence.judgment_number:
            yield f"sentences[{position}].judgment_number", sentence.judgment_number


def _judgments(manifest: Manifest, known: set[str]) -> Iterator[Finding]:
    plain = {identifiers.plain(number) for number in known}
    for position, sentence in enumerate(manifest.sentences):
        number = sentence.judgment_number
        path = f"sentences[{position}].judgment_number"
        if number and known and identifiers.plain(number) not in plain:
            yield OTHER_CASE.at(path, number=number)
        year, pronounced = identifiers.year_of(number), day(sentence.pronounced_date)
        if year is not None and pronounced is not None and year > pronounced.year:
            yield YEAR_AFTER_JUDGMENT.at(path, number=number)


def _document(path: str, document: Document) -> Iterator[Finding]:
    number = document.number
    year = identifiers.year_of(number)
    if year is None:
        if document.kind.name.endswith(NUMBERED_KINDS):
            yield DOCUMENT_NUMBER.at(path, number=number, kind=document.kind.name)
        return
    if not (identifiers.has_hexagonal_year(number) or identifiers.is_court_case_number(number)):
        yield BRACKETS.at(path, number=number)
    issued = day(document.issue_date)
    # A judgment bears the number of its case, which is often of an earlier year.
    if issued is not None and issued.year != year and not identifiers.is_court_case_number(number):
        yield YEAR_OF_ISSUE.at(path, number=number)
