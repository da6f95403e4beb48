"""The constraints that the contract itself puts on a manifest (protovalidate), as findings."""

from __future__ import annotations

from collections.abc import Iterator

from xietong_standard.checks.sources import CONTRACT
from xietong_standard.checks.submission import Submission
from xietong_standard.constraints import BrokenConstraint, broken_constraints
from xietong_standard.verdict import Finding, Rule, error

NOT_GIVEN = error(
    "XT-CTR-01",
    ("“{path}”没有填写", "'{path}' is not given"),
    ("请填写该项", "give it a value"),
    CONTRACT,
)
FORM = error(
    "XT-CTR-02",
    ("“{path}”的格式不正确：{message}", "'{path}' is not of the right form: it {message}"),
    ("请按接口规定的格式填写", "write it in the form that the contract gives"),
    CONTRACT,
)
LENGTH = error(
    "XT-CTR-03",
    ("“{path}”的长度不符合规定：{message}", "the length of '{path}' is not allowed: it {message}"),
    ("请缩短或补足内容", "shorten or complete it"),
    CONTRACT,
)
RANGE = error(
    "XT-CTR-04",
    ("“{path}”的数值超出范围：{message}", "'{path}' is out of range: it {message}"),
    ("请填写范围内的数值", "give a number within the range"),
    CONTRACT,
)
UNKNOWN_VALUE = error(
    "XT-CTR-05",
    ("“{path}”的取值不在规定的代码内", "'{path}' has a value that the contract does not know"),
    ("请选用规定的取值", "choose one of the values of the contract"),
    CONTRACT,
)
COUNT = error(
    "XT-CTR-06",
    ("“{path}”的条目过多：{message}", "'{path}' has too many entries: it {message}"),
    ("请减少条目，或分成几个数据包发送", "remove entries, or send several packages"),
    CONTRACT,
)
REPEATED = error(
    "XT-CTR-07",
    ("“{path}”有重复的条目", "'{path}' has entries that repeat"),
    ("请删除重复的条目", "remove the repeated entries"),
    CONTRACT,
)
OTHER = error(
    "XT-CTR-08",
    (
        "“{path}”不符合接口约束 {constraint}：{message}",
        "'{path}' breaks the contract's constraint {constraint}: {message}",
    ),
    ("请按接口说明更正", "correct it as the contract describes"),
    CONTRACT,
)
DATE_FORM = error(
    "XT-CTR-09",
    ("“{path}”不是规定格式的日期", "'{path}' is not a date of the form YYYY-MM-DD"),
    ("请按“年-月-日”填写，例如 2026-01-31", "write year, month and day, for example 2026-01-31"),
    CONTRACT,
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


def check(submission: Submission) -> Iterator[Finding]:
    """One finding for each violated constraint."""
    for broken in broken_constraints(submission.manifest):
        yield _rule(broken).at(broken.path, message=broken.text, constraint=broken.rule_id)


def _rule(broken: BrokenConstraint) -> Rule:
    constraint = broken.rule_id.rpartition(".")[2]
    if constraint == "min_len" and broken.is_empty:
        return NOT_GIVEN
    if constraint == "pattern" and broken.path.endswith("_date"):
        return DATE_FORM
    return _BY_CONSTRAINT.get(constraint, OTHER)
