"""Whether values come from the code tables (代码表) that their fields name, and code and name belong together.

A field of the data standard has its table by the edition. Beyond that, every coded value of the manifest is held
against the table that it names itself; where coded values are is found in the contract's descriptors, once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from xietong.casefile.v1.case_pb2 import CodedValue
from xietong_standard.catalogue import CodeTable
from xietong_standard.checks.sources import CONTRACT, STANDARD, Source
from xietong_standard.checks.submission import Submission
from xietong_standard.model import Edition, FieldRequirement
from xietong_standard.verdict import Finding, error, warning

NOT_IN_TABLE = error(
    "XT-COD-01",
    (
        "“{value}”不在代码表“{table}”中，可填：{known}",
        "'{value}' is not in the code table '{table}'; it has: {known}",
    ),
    ("请按代码表填写“{label}”({path})", "give '{label}' ({path}) as the code table has it"),
    STANDARD,
)
UNUSUAL = warning(
    "XT-COD-02",
    (
        "“{value}”不在代码表“{table}”所列之中：{known}",
        "'{value}' is not among those that the code table '{table}' lists: {known}",
    ),
    (
        "请核对“{label}”({path})；确有其他情形的可继续",
        "check '{label}' ({path}); go on if it is another case",
    ),
    STANDARD,
)
CODE_AND_NAME = error(
    "XT-COD-03",
    (
        "代码“{code}”与名称“{value}”在代码表“{table}”中不对应",
        "code '{code}' and name '{value}' do not belong together in the code table '{table}'",
    ),
    ("请更正代码或名称（{path}）", "correct the code or the name ({path})"),
    STANDARD,
)
UNKNOWN_TABLE = warning(
    "XT-COD-04",
    (
        "“{path}”注明的代码表“{table}”不在数据标准中",
        "the data standard does not know the code table '{table}' that '{path}' names",
    ),
    (
        "请填写数据标准中的代码表标识；没有代码表的请留空",
        "give the table's id in the data standard, or leave it empty",
    ),
    STANDARD,
)
UNKNOWN_CODE = error(
    "XT-COD-05",
    ("代码表“{table}”没有代码“{code}”", "the code table '{table}' has no code '{code}'"),
    ("请按代码表填写（{path}）", "give a code of the table ({path})"),
    STANDARD,
)
CODE_BEYOND = warning(
    "XT-COD-06",
    (
        "代码“{code}”不在代码表“{table}”所列之中",
        "code '{code}' is not among those that the code table '{table}' lists",
    ),
    (
        "请核对代码（{path}）；该表未收全，确有的可继续",
        "check it ({path}); the table is not complete, go on if it is right",
    ),
    STANDARD,
)
LATER_VERSION = warning(
    "XT-COD-07",
    (
        "代码“{code}”属于代码表“{table}”的新版本，本版数据标准使用 {version} 版",
        "code '{code}' is of a later version of the code table '{table}'; this edition uses {version}",
    ),
    (
        "请改用本版代码，或改用新版数据标准发送",
        "use a code of this version, or send under the edition that has the later one",
    ),
    STANDARD,
)
NO_NAME = warning(
    "XT-COD-08",
    (
        "“{path}”只有代码，没有名称",
        "'{path}' has a code and no name",
    ),
    (
        "请一并填写名称，便于没有该代码表的系统识别",
        "give the name, too, for readers who do not have the table",
    ),
    CONTRACT,
)
REGION = warning(
    "XT-COD-09",
    (
        "“{path}”的行政区划代码“{code}”不是6位数字，或其省级代码不存在",
        "the region code '{code}' in '{path}' has not six digits, or its province does not exist",
    ),
    ("请按 GB/T 2260 填写", "give it as GB/T 2260 has it"),
    Source("GB/T 2260-2007", "ok"),
)
OTHER_NAME = warning(
    "XT-COD-10",
    (
        "代码“{code}”在代码表“{table}”中的名称是“{right}”，现为“{value}”",
        "the code table '{table}' calls code '{code}' '{right}', not '{value}'",
    ),
    ("请核对名称（{path}）", "compare the name ({path})"),
    STANDARD,
)
RULES = (
    NOT_IN_TABLE,
    UNUSUAL,
    CODE_AND_NAME,
    UNKNOWN_TABLE,
    UNKNOWN_CODE,
    CODE_BEYOND,
    LATER_VERSION,
    NO_NAME,
    REGION,
    OTHER_NAME,
)

_REGIONS = "GB/T 2260"
_REGION_FORM = re.compile(r"[0-9]{6}")
_PROVINCES = "province"


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on values of fields whose code table the edition has, and on what coded values say of themselves."""
    process = submission.process
    for field in process.fields if process else ():
        if field.table is not None:
            yield from _field(submission, field, field.table)
    tables = _by_name(submission.edition)
    for path, value in _coded_values(submission.manifest, ""):
        if value.table:
            yield from _coded(path, value, submission.edition, tables)
        if value.code and not value.name:
            yield NO_NAME.at(path)


def _field(submission: Submission, field: FieldRequirement, table: CodeTable) -> Iterator[Finding]:
    names = table.names()
    for path, holder, value in field.path.values(submission.manifest):
        is_bare_code = not isinstance(holder, CodedValue)  # a plain field such as `sex_code`
        if value not in names and not (is_bare_code and value in table.codes):
            rule = NOT_IN_TABLE if table.exhaustive else UNUSUAL
            known = "、".join(text.zh for text in table.codes.values())
            yield rule.at(path, label=field.label, value=value, table=table.name, known=known)


def _by_name(edition: Edition) -> Mapping[str, CodeTable]:
    """Tables by the names that coded values give them: their ids, and the standards that they come from."""
    tables = edition.code_tables.values()
    return {table.id: table for table in tables} | {t.standard: t for t in tables if t.standard}


def _coded(
    path: str, value: CodedValue, edition: Edition, tables: Mapping[str, CodeTable]
) -> Iterator[Finding]:
    table = tables.get(value.table)
    if table is None:
        if value.table == _REGIONS:
            yield from _region(path, value, tables.get(_PROVINCES))
        elif value.table not in edition.external_code_tables:
            yield UNKNOWN_TABLE.at(f"{path}.table", table=value.table)
    elif value.code and value.code not in table.codes:
        if value.code in table.later_codes:
            yield LATER_VERSION.at(path, code=value.code, table=table.name, version=table.version)
        else:
            rule = UNKNOWN_CODE if table.exhaustive else CODE_BEYOND
            yield rule.at(path, code=value.code, table=table.name)
    elif value.code and value.name and value.name != (right := table.codes[value.code].zh):
        rule = CODE_AND_NAME if value.name in table.names() else OTHER_NAME
        yield rule.at(path, code=value.code, value=value.name, table=table.name, right=right)


def _region(path: str, value: CodedValue, provinces: CodeTable | None) -> Iterator[Finding]:
    if not value.code:
        return
    known = provinces is None or value.code[:2] in provinces.codes
    if not (_REGION_FORM.fullmatch(value.code) and known):
        yield REGION.at(f"{path}.code", code=value.code)


def _coded_values(message: Message, prefix: str) -> Iterator[tuple[str, CodedValue]]:
    """Every coded value that says something of itself, a table or a bare code, with its path."""
    for name, repeated, coded in _ways(message.DESCRIPTOR):
        if repeated:
            for index, entry in enumerate(getattr(message, name)):
                if not coded:
                    yield from _coded_values(entry, f"{prefix}{name}[{index}].")
                elif _tells(entry):
                    yield f"{prefix}{name}[{index}]", entry
        elif message.HasField(name):
            entry = getattr(message, name)
            if not coded:
                yield from _coded_values(entry, f"{prefix}{name}.")
            elif _tells(entry):
                yield f"{prefix}{name}", entry


def _tells(value: CodedValue) -> bool:
    return bool(value.table or (value.code and not value.name))


@cache
def _ways(descriptor: Descriptor) -> tuple[tuple[str, bool, bool], ...]:
    """The fields of a message that are coded values or lead to some: name, whether repeated, whether coded itself."""
    ways = []
    for field in descriptor.fields:
        if field.message_type is not None:
            coded = field.message_type == CodedValue.DESCRIPTOR
            if coded or _ways(field.message_type):
                ways.append((field.name, bool(field.is_repeated), coded))
    return tuple(ways)
