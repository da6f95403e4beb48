"""The field rules of the contract (protovalidate), applied to a message and said in both languages.

Node and data standard both tell people which rule a field breaks; the validator and the sentences are here once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import protovalidate
from google.protobuf.message import Message

from xietong_standard.text import Text

# The validator compiles the constraints once; it holds no state of a message.
_VALIDATOR: Final = protovalidate.Validator()

# By rule id, those of numbers by its last word. `{limit}` is the rule's value, `{last}` the last word of the English
# sentence: of a range, protovalidate gives the lower bound alone as a value.
CHINESE: Final = MappingProxyType(
    {
        "required": "必须填写",
        "string.min_len": "不得少于 {limit} 个字符",
        "string.max_len": "不得超过 {limit} 个字符",
        "string.max_bytes": "按 UTF-8 编码不得超过 {limit} 字节",
        "string.pattern": "应符合格式 {limit}",
        "string.uuid": "应为有效的 UUID",
        "string.uuid_empty": "不得为空，应为有效的 UUID",
        "bytes.len": "应为 {limit} 字节",
        "bytes.min_len": "不得少于 {limit} 字节",
        "bytes.max_len": "不得超过 {limit} 字节",
        "enum.defined_only": "应为接口规范列出的取值",
        "enum.not_in": "必须选定取值，不得为 {limit}",
        "enum.in": "应为接口规范对此字段列出的取值",
        "repeated.min_items": "不得少于 {limit} 项",
        "repeated.max_items": "不得超过 {limit} 项",
        "repeated.unique": "不得有重复项",
        "gt": "应大于 {limit}",
        "gte": "不得小于 {limit}",
        "lte": "不得大于 {limit}",
        "gte_lte": "应在 {limit} 至 {last} 之间",
        "part.name.characters": "不得含有 / 或 \\、控制字符、行分隔符及改变书写方向的字符",
        "part.name.plain": "不得为“.”或“..”，首尾不得有空格",
    }
)
_PROCESS: Final = Text(zh="应为流程代码，例如 PB-01", en="must be a process code such as PB-01")
# Regular expressions of the contract, for people who do not read them.
PATTERNS: Final = MappingProxyType(
    {
        r"^[^\x00-\x1f\x7f]*$": Text(
            zh="不得含有控制字符，例如换行和制表符",
            en="must not hold control characters such as line breaks and tabs",
        ),
        r"^[0-9]{4}\.[0-9]{1,3}$": Text(
            zh="应为数据标准版本号，例如 2026.2", en="must be an edition of the data standard such as 2026.2"
        ),
        r"^[^\x00-\x09\x0b-\x1f\x7f]*$": Text(
            zh="不得含有换行以外的控制字符", en="must not hold control characters but line breaks"
        ),
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$": Text(
            zh="必填，且应为日期，例如 2026-03-13（半角数字）",
            en="must be given, a date such as 2026-03-13 (half-width digits)",
        ),
        r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$": Text(
            zh="应为日期，例如 2026-03-13（半角数字）",
            en="must be a date such as 2026-03-13 (half-width digits)",
        ),
        r"^(P([0-9]{1,2}Y)?([0-9]{1,2}M)?([0-9]{1,3}D)?)?$": Text(
            zh="应为期限，例如 P1Y6M（一年六个月）",
            en="must be a term such as P1Y6M (one year and six months)",
        ),
        r"^(P([0-9]{1,2}M)?([0-9]{1,3}D)?(T[0-9]{1,4}H)?)?$": Text(
            zh="应为期限，例如 P1M（一个月）、P15D（十五日）",
            en="must be a term such as P1M (one month) or P15D (15 days)",
        ),
        r"^([0-9]{1,18}(\.[0-9]{1,6})?)?$": Text(
            zh="应为数字，例如 1280.50（半角数字）", en="must be a number such as 1280.50 (half-width digits)"
        ),
        r"^([0-9a-f]{64})?$": Text(
            zh="应为 64 位小写十六进制数字", en="must be 64 lower-case hexadecimal digits"
        ),
        r"^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?$": Text(
            zh="应为小写的 UUID", en="must be a UUID in lower case"
        ),
        r"^(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})?$": Text(
            zh="应为 W3C traceparent", en="must be a W3C traceparent"
        ),
        r"^([A-Z]{2}-[0-9]{2,3})?$": _PROCESS,
        r"^[A-Z]{2}-[0-9]{2,3}$": _PROCESS,
        r"^([A-Z]{3})?$": Text(zh="应为货币代码，例如 CNY", en="must be a currency code such as CNY"),
        r"^[0129]?$": Text(zh="应为 0、1、2 或 9", en="must be 0, 1, 2 or 9"),
        r"^[^A-Z]*$": Text(zh="不得含有大写字母", en="must not hold capital letters"),
    }
)
_UNKNOWN: Final = "不符合接口约束：{message}"


@dataclass(frozen=True, slots=True)
class BrokenConstraint:
    """One field that breaks a rule: `persons[0].name`, protovalidate's id of the rule, and what it demands."""

    path: str
    rule_id: str
    text: Text
    is_empty: bool
    """Whether the field has no value, so that it must be given rather than changed."""


def broken_constraints(message: Message) -> Iterator[BrokenConstraint]:
    """Every field of the message that breaks a rule of the contract."""
    for found in _VALIDATOR.collect_violations(message):
        yield BrokenConstraint(
            path=_path(found), rule_id=found.proto.rule_id, text=_text(found), is_empty=not found.field_value
        )


def _text(found: protovalidate.Violation) -> Text:
    rule_id = found.proto.rule_id
    if rule_id == "string.pattern" and found.rule_value in PATTERNS:
        return PATTERNS[found.rule_value]
    english = found.proto.message or rule_id
    chinese = CHINESE.get(rule_id) or CHINESE.get(rule_id.rpartition(".")[2], _UNKNOWN)
    last = english.rpartition(" ")[2]
    return Text(zh=chinese.format(limit=found.rule_value, last=last, message=english), en=english)


def _path(found: protovalidate.Violation) -> str:
    field = found.proto.field
    steps: list[str] = []
    for element in field.elements if field is not None else ():
        subscript = element.subscript
        steps.append(element.field_name if subscript is None else f"{element.field_name}[{subscript.value}]")
    return ".".join(steps)
