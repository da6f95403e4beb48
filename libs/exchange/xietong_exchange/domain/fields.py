"""The field rules of the contract (protovalidate) as violations with a path that a programmer recognises."""

from __future__ import annotations

import protovalidate
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from xietong_exchange.domain.errors import Violation

_VALIDATOR = protovalidate.Validator()
# What google.protobuf.Timestamp allows, the years 1 to 9999; protovalidate leaves that to the readers.
_SECONDS = range(-62_135_596_800, 253_402_300_800)
_NANOSECONDS = range(1_000_000_000)


def field_violations(message: Message) -> tuple[Violation, ...]:
    """Every field of the message that breaks a rule of the contract; empty when none does."""
    return tuple(_violation(found) for found in _VALIDATOR.collect_violations(message))


def is_time(moment: Timestamp) -> bool:
    """Whether a timestamp is one that every language can read."""
    return moment.seconds in _SECONDS and moment.nanos in _NANOSECONDS


def _violation(found: protovalidate.Violation) -> Violation:
    proto = found.proto
    text = proto.message or proto.rule_id
    return Violation(
        path=_path(proto.field), rule=proto.rule_id, text_en=text, text_zh=f"不符合字段规则：{text}"
    )


def _path(field: object) -> str:
    """`parts[0].name` for the elements of a protovalidate field path."""
    steps: list[str] = []
    for element in getattr(field, "elements", None) or ():
        subscript = element.subscript
        steps.append(element.field_name if subscript is None else f"{element.field_name}[{subscript.value}]")
    return ".".join(steps)
