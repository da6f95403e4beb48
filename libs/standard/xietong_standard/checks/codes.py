"""Whether values come from the code tables (代码表) that their fields name, and code and name belong together."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.message import Message

from xietong.casefile.v1.case_pb2 import CodedValue
from xietong_standard.catalogue import CodeTable
from xietong_standard.checks.submission import Submission
from xietong_standard.model import FieldRequirement
from xietong_standard.verdict import Finding, error, warning

_BASIS = "数据标准 / data standard"

NOT_IN_TABLE = error(
    "XT-COD-01",
    (
        "“{value}”不在代码表“{table}”中，可填：{known}",
        "'{value}' is not in the code table '{table}'; it has: {known}",
    ),
    ("请按代码表填写“{label}”({path})", "give '{label}' ({path}) as the code table has it"),
    _BASIS,
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
    _BASIS,
)
CODE_AND_NAME = error(
    "XT-COD-03",
    (
        "代码“{code}”与名称“{value}”在代码表“{table}”中不对应",
        "code '{code}' and name '{value}' do not belong together in the code table '{table}'",
    ),
    ("请更正代码或名称（{path}）", "correct the code or the name ({path})"),
    _BASIS,
)
RULES = (NOT_IN_TABLE, UNUSUAL, CODE_AND_NAME)


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on values of fields whose code table the edition has; a code is judged where it names that table."""
    process = submission.process
    for field in process.fields if process else ():
        if field.table is not None:
            yield from _field(submission, field, field.table)


def _field(submission: Submission, field: FieldRequirement, table: CodeTable) -> Iterator[Finding]:
    names = table.names()
    for path, holder, value in field.path.values(submission.manifest):
        if value not in names and not (_is_bare_code(holder) and value in table.codes):
            rule = NOT_IN_TABLE if table.exhaustive else UNUSUAL
            known = "、".join(text.zh for text in table.codes.values())
            yield rule.at(path, label=field.label, value=value, table=table.name, known=known)
        elif isinstance(holder, CodedValue) and holder.table == table.id and not _belongs(holder, table):
            yield CODE_AND_NAME.at(path, code=holder.code, value=value, table=table.name)


def _is_bare_code(holder: Message) -> bool:
    """Whether the field is a plain one, such as `sex_code`, which holds the code itself."""
    return not isinstance(holder, CodedValue)


def _belongs(value: CodedValue, table: CodeTable) -> bool:
    return not value.code or (value.code in table.codes and table.codes[value.code].zh == value.name)
