"""The constraints that the contract itself puts on a manifest (protovalidate), as findings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from protovalidate import Validator, Violation

from xietong_standard.checks.submission import Submission
from xietong_standard.verdict import Finding, Rule, error

_BASIS = "xietong.casefile.v1"

NOT_GIVEN = error(
    "XT-CTR-01",
    ("“{path}”没有填写", "'{path}' is not given"),
    ("请填写该项", "give it a value"),
    _BASIS,
)
FORM = error(
    "XT-CTR-02",
    ("“{path}”的格式不正确", "'{path}' is not of the right form: it {message}"),
    ("请按接口规定的格式填写：{limit}", "write it in the form that the contract gives: {limit}"),
    _BASIS,
)
LENGTH = error(
    "XT-CTR-03",
    ("“{path}”的长度不符合规定(界限 {limit})", "the length of '{path}' is not allowed: it {message}"),
    ("请缩短或补足内容", "shorten or complete it"),
    _BASIS,
)
RANGE = error(
    "XT-CTR-04",
    ("“{path}”的数值超出范围(界限 {limit})", "'{path}' is out of range: it {message}"),
    ("请填写范围内的数值", "give a number within the range"),
    _BASIS,
)
UNKNOWN_VALUE = error(
    "XT-CTR-05",
    ("“{path}”的取值不在规定的代码内", "'{path}' has a value that the contract does not know"),
    ("请选用规定的取值", "choose one of the values of the contract"),
    _BASIS,
)
COUNT = error(
    "XT-CTR-06",
    ("“{path}”的条目数超过上限 {limit}", "'{path}' has too many entries: at most {limit} are allowed"),
    ("请减少条目，或分成几个数据包发送", "remove entries, or send several packages"),
    _BASIS,
)
REPEATED = error(
    "XT-CTR-07",
    ("“{path}”有重复的条目", "'{path}' has entries that repeat"),
    ("请删除重复的条目", "remove the repeated entries"),
    _BASIS,
)
OTHER = error(
    "XT-CTR-08",
    (
        "“{path}”不符合接口约束 {constraint}",
        "'{path}' breaks the contract's constraint {constraint}: {message}",
    ),
    ("请按接口说明更正", "correct it as the contract describes"),
    _BASIS,
)
DATE_FORM = error(
    "XT-CTR-09",
    ("“{path}”不是规定格式的日期", "'{path}' is not a date of the form YYYY-MM-DD"),
    ("请按“年-月-日”填写，例如 2026-01-31", "write year, month and day, for example 2026-01-31"),
    _BASIS,
)
RULES = (NOT_GIVEN, FORM, LENGTH, RANGE, UNKNOWN_VALUE, COUNT, REPEATED, OTHER, DATE_FORM)

# Last word of protovalidate's rule id, for example `string.max_len`.
_BY_CONSTRAINT = {
    "required": NOT_GIVEN,
    "min_items": NOT_GIVEN,
    "not_in": NOT_GIVEN,
    "pattern": FORM,
    "min_len": LENGTH,
    "max_len": LENGTH,
    "max_bytes": LENGTH,
    "lte": RANGE,
    "gte": RANGE,
    "gte_lte": RANGE,
    "defined_only": UNKNOWN_VALUE,
    "max_items": COUNT,
    "unique": REPEATED,
}

# The validator compiles the constraints once; it holds no state of a message.
_VALIDATOR = Validator()


def check(submission: Submission) -> Iterator[Finding]:
    """One finding for each violated constraint."""
    for violation in _VALIDATOR.collect_violations(submission.manifest):
        constraint = violation.proto.rule_id
        yield _rule(violation).at(
            path_text(violation.proto.field),
            message=violation.proto.message,
            limit=str(violation.rule_value),
            constraint=constraint,
        )


def _rule(violation: Violation) -> Rule:
    constraint = violation.proto.rule_id.rsplit(".", 1)[-1]
    if constraint == "min_len" and not violation.field_value:
        return NOT_GIVEN
    if constraint == "pattern" and path_text(violation.proto.field).endswith("_date"):
        return DATE_FORM
    return _BY_CONSTRAINT.get(constraint, OTHER)


def path_text(path: Any) -> str:
    """A protovalidate field path in the manner of all findings: `persons[0].name`."""
    elements = path.elements if path is not None else []
    return ".".join(element.field_name + _subscript(element) for element in elements)


def _subscript(element: Any) -> str:
    subscript = element.subscript
    return f"[{subscript.value}]" if subscript is not None else ""
