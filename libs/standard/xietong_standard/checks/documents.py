"""Whether documents say what a receiver looks for first: kind, number, date, seal, a file to open."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from xietong.casefile.v1.document_pb2 import Document
from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong_standard.checks.numbers import NUMBERED_KINDS
from xietong_standard.checks.sources import CONTRACT, DOCUMENT_FORM, FIXED_LAYOUT, STANDARD, procurators_rules
from xietong_standard.checks.submission import Submission
from xietong_standard.verdict import Finding, warning

UNKNOWN_KIND = warning(
    "XT-DOC-03",
    (
        "文书种类“{kind}”不在数据标准所列文书之中",
        "the data standard does not list documents of the kind '{kind}'",
    ),
    (
        "请按数据标准的名称填写；确为其他文书的可继续",
        "use the standard's name; go on if it is another document",
    ),
    STANDARD,
)
NO_DATE = warning(
    "XT-DOC-04",
    ("文书《{kind}》没有填写制作日期", "no date is given for the document ({kind})"),
    ("请按文书填写落款日期", "give the date that the document bears"),
    DOCUMENT_FORM,
)
NO_NUMBER = warning(
    "XT-DOC-05",
    ("文书《{kind}》没有填写文号", "no number is given for the document ({kind})"),
    ("请按文书填写文号", "give the number that the document bears"),
    DOCUMENT_FORM,
)
NUMBER_TWICE = warning(
    "XT-DOC-06",
    (
        "《{kind}》“{number}”在清单中出现两次，文件不同",
        "the document {number} ({kind}) is listed twice, with different files",
    ),
    (
        "请删除重复的文书；分别送达多人的，可合并适用对象",
        "remove one; where it concerns several persons, name them at one entry",
    ),
    CONTRACT,
)
NO_SEAL = warning(
    "XT-DOC-07",
    (
        "文书《{kind}》没有填写印章数，接收方无法核对印章是否完整显示",
        "the number of seals of the document ({kind}) is not given: the receiver can't tell whether one is missing",
    ),
    ("请填写文书上的印章数", "give the number of seals on the document"),
    CONTRACT,
)
FILE_TWICE = warning(
    "XT-DOC-08",
    (
        "文件“{part}”同时登记为《{kind}》和《{other}》",
        "file '{part}' is entered as {kind} and as {other}",
    ),
    ("请为每份文书上传各自的文件", "upload a file of its own for each document"),
    CONTRACT,
)
NOT_FIXED = warning(
    "XT-DOC-09",
    (
        "文书《{kind}》的文件“{part}”不是版式文件",
        "the file '{part}' of the document ({kind}) has no fixed layout",
    ),
    (
        "请转换为 OFD 或 PDF，纸质文书请扫描为 PDF 或图片",
        "convert it to OFD or PDF; scan paper to PDF or images",
    ),
    FIXED_LAYOUT,
)
OTHER_NAME = warning(
    "XT-DOC-10",
    (
        "“{path}”题名中的姓名不是案件中任何人的姓名、别名或编号",
        "the name in '{path}' is not the name, alias or number of anybody in the case",
    ),
    (
        "请核对题名和人员；曾用名、绰号、自报姓名请写入人员的别名",
        "compare title and persons; former, other and self-reported names belong to the person's other names",
    ),
    procurators_rules("358"),
)
RULES = (
    UNKNOWN_KIND,
    NO_DATE,
    NO_NUMBER,
    NUMBER_TWICE,
    NO_SEAL,
    FILE_TWICE,
    NOT_FIXED,
    OTHER_NAME,
)

_EDITABLE = (
    ".doc",
    ".docx",
    ".wps",
    ".rtf",
    ".txt",
    ".odt",
    ".xls",
    ".xlsx",
    ".et",
    ".ppt",
    ".pptx",
    ".html",
)
# A role, a name, and a record of what this person said: 犯罪嫌疑人张某某第一次讯问笔录. Where no name follows the
# role (被害人陈述, 犯罪嫌疑人第一次讯问, 证人家属), there is none to compare.
_NAMED_RECORD = re.compile(
    r"(?:犯罪嫌疑人|被告人|被害人|证人)(?!供述|陈述|证言|讯问|询问|辨认|辩解|第|及|和|或|与|的|等|家属|亲属|近亲属|权利|诉讼)"
    r"(?P<name>[^（(，,、：:的]{2,40}?)(?:的)?"
    r"(?:第[0-9一二三四五六七八九十]+次)?(?:讯问|询问|陈述|证言|供述|辨认|辩解)"
)

# The same with the name behind it: 讯问笔录（张某某，第一次）.
_RECORD_OF = re.compile(r"(?:讯问|询问|辨认)笔录[（(](?!第)(?P<name>[^）)，,、：:]{2,40})")


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on documents, and on names in the titles of the dossier's catalogue."""
    manifest = submission.manifest
    kinds = submission.edition.document_kinds
    numbers: dict[tuple[str, str], str] = {}
    files: dict[str, str] = {}
    for position, document in enumerate(manifest.documents):
        path, kind = f"documents[{position}]", document.kind.name
        if kind and unicodedata.normalize("NFKC", kind).strip() not in kinds and kind not in kinds:
            yield UNKNOWN_KIND.at(f"{path}.kind.name", kind=kind)
        if kind.endswith(NUMBERED_KINDS):
            yield from _official(path, document)
        if document.number and numbers.setdefault((kind, document.number), document.part) != document.part:
            yield NUMBER_TWICE.at(f"{path}.number", kind=kind, number=document.number)
        if document.part and files.setdefault(document.part, kind) != kind:
            yield FILE_TWICE.at(f"{path}.part", part=document.part, kind=kind, other=files[document.part])
        if document.part.lower().endswith(_EDITABLE):
            yield NOT_FIXED.at(f"{path}.part", kind=kind, part=document.part)
    yield from _names(submission)


def _official(path: str, document: Document) -> Iterator[Finding]:
    kind = document.kind.name
    if not document.issue_date:
        yield NO_DATE.at(f"{path}.issue_date", kind=kind)
    if not document.number:
        yield NO_NUMBER.at(f"{path}.number", kind=kind)
    if not document.seal_count:
        yield NO_SEAL.at(f"{path}.seal_count", kind=kind)


def _names(submission: Submission) -> Iterator[Finding]:
    known: frozenset[str] | None = None
    for path, title in submission.facts.titles:
        for found in (*_NAMED_RECORD.finditer(title), *_RECORD_OF.finditer(title)):
            known = known if known is not None else _known_names(submission.manifest)
            if _plain(found["name"]) not in known:
                yield OTHER_NAME.at(path)


def _known_names(manifest: Manifest) -> frozenset[str]:
    names = (
        name
        for person in manifest.persons
        for name in (person.name, *person.other_names, person.number_for_unknown)
    )
    return frozenset(_plain(name) for name in names if name)


def _plain(name: str) -> str:
    """A name without regard to width and to the dots that separate its parts."""
    return re.sub(r"[\s·•．.・‧]", "", unicodedata.normalize("NFKC", name))
