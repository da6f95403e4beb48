"""Reads YAML into a message of the contract, field by field, by the type that the contract gives.

The names are those of the contract (protobuf's JSON mapping with snake_case). As the type comes from the
contract, not from YAML's guess, `number: 0012` stays text and a date needs no quotes.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from xietong_client.yaml_source import Entry

_INTEGER = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)
_INTEGER_TYPES = frozenset(
    {
        FieldDescriptor.CPPTYPE_INT32,
        FieldDescriptor.CPPTYPE_INT64,
        FieldDescriptor.CPPTYPE_UINT32,
        FieldDescriptor.CPPTYPE_UINT64,
    }
)
_FLOAT_TYPES = frozenset({FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE})


def read_message(entry: Entry, message: Message) -> None:
    """Fills `message` from a mapping; what is wrong is noted with the entry."""
    fields = message.DESCRIPTOR.fields_by_name
    for name, value in entry.fields().items():
        descriptor = fields.get(name)
        if descriptor is None:
            value.unknown(name, list(fields))
        elif not value.is_null:
            _read_field(value, message, cast("FieldDescriptor", descriptor))


def _read_field(entry: Entry, message: Message, descriptor: FieldDescriptor) -> None:
    if not descriptor.is_repeated:
        _read_single(entry, message, descriptor)
        return
    target = getattr(message, descriptor.name)
    for item in entry.items():
        if descriptor.message_type is not None:
            _fill(item, target.add())
            continue
        value = _scalar(item, descriptor)
        if value is not None:
            _assign(item, partial(target.append, value))


def _read_single(entry: Entry, message: Message, descriptor: FieldDescriptor) -> None:
    if descriptor.message_type is not None:
        child = getattr(message, descriptor.name)
        child.SetInParent()
        _fill(entry, child)
        return
    value = _scalar(entry, descriptor)
    if value is not None:
        _assign(entry, partial(setattr, message, descriptor.name, value))


def _fill(entry: Entry, message: Message) -> None:
    if isinstance(message, Timestamp | Duration):
        _read_well_known(entry, message)
    else:
        read_message(entry, message)


def _read_well_known(entry: Entry, message: Timestamp | Duration) -> None:
    try:
        message.FromJsonString(entry.text())
    except ValueError:
        example = "2026-03-13T09:30:00+08:00" if isinstance(message, Timestamp) else "90s"
        entry.problem(f"格式不对，例如 {example}。", f"has the wrong form; an example: {example}.")


def _scalar(entry: Entry, descriptor: FieldDescriptor) -> Any:
    """The value for a field that is no message; None when it was wrong."""
    if descriptor.enum_type is not None:
        return _enum(entry, descriptor.enum_type)
    if descriptor.cpp_type in _INTEGER_TYPES:
        return _integer(entry)
    if descriptor.cpp_type in _FLOAT_TYPES:
        return _float(entry)
    if descriptor.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return _flag(entry)
    return _bytes(entry) if descriptor.type == FieldDescriptor.TYPE_BYTES else entry.text()


def _enum(entry: Entry, descriptor: EnumDescriptor) -> int | None:
    written = entry.text()
    names = [value.name for value in descriptor.values if value.number != 0]
    if written in names:
        return int(descriptor.values_by_name[written].number)
    entry.unknown(written, names)
    return None


def _integer(entry: Entry) -> int | None:
    written = entry.text()
    if _INTEGER.fullmatch(written):
        return int(written)
    entry.problem(f"“{written[:40]}”不是整数。", f"`{written[:40]}` is not a whole number.")
    return None


def _float(entry: Entry) -> float | None:
    try:
        return float(entry.text())
    except ValueError:
        entry.problem("应为数字。", "must be a number.")
        return None


def _flag(entry: Entry) -> bool | None:
    written = entry.text()
    if written in ("true", "false"):
        return written == "true"
    entry.problem("应为 true 或 false。", "must be true or false.")
    return None


def _bytes(entry: Entry) -> bytes | None:
    try:
        return base64.b64decode(entry.text(), validate=True)
    except binascii.Error:
        entry.problem("应为 Base64。", "must be Base64.")
        return None


def _assign(entry: Entry, assign: Callable[[], None]) -> None:
    try:
        assign()
    except ValueError:  # beyond the type's range, or text with half a surrogate pair
        entry.problem("值超出该字段允许的范围。", "is beyond what this field can hold.")
