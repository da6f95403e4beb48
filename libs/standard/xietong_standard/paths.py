"""The path language in which the data standard names fields of the manifest.

A path is checked against the contract when the edition is loaded, so that a misspelt field stops the
service at start and not the first package that needs it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

_SEGMENT = re.compile(r"(?P<names>[a-z0-9_]+(?:\|[a-z0-9_]+)*)(?P<filters>(?:\[[^\[\]]*\])*)")
_FILTER = re.compile(r"\[(?P<key>[a-z0-9_]+(?:\.[a-z0-9_]+)*)(?P<operator>!?=)(?P<values>[^\[\]]*)\]")
_PERSON_FIELDS = ("person_id", "person_ids")
# Editions repeat their paths from process to process; one names some 400.
_MOST_PATHS_IN_MEMORY = 4096


class PathError(ValueError):
    """A path is not well formed or names something that the contract does not have."""


@dataclass(frozen=True, slots=True)
class Filter:
    """`[key=A|B]` admits an entry whose key has one of the values, `[key!=A|B]` one that has none.

    `single` says that the key is one field with one value, the usual case, which is asked for every entry.
    """

    key: tuple[str, ...]
    negated: bool
    values: frozenset[str | int]
    single: bool

    def admits(self, entry: Message) -> bool:
        """Whether the entry passes."""
        if self.single:
            return (getattr(entry, self.key[0]) in self.values) is not self.negated
        return self.values.isdisjoint(_values_at(entry, self.key)) is self.negated


@dataclass(frozen=True, slots=True)
class Segment:
    """One step of a path: a field, or several of which one is enough, and the filters on its entries."""

    text: str
    names: tuple[str, ...]
    filters: tuple[Filter, ...]

    def entries(self, message: Message) -> Iterator[tuple[int, Any]]:
        """The entries of a repeated field that pass all filters, with their position."""
        for position, entry in enumerate(getattr(message, self.names[0])):
            for condition in self.filters:
                if not condition.admits(entry):
                    break
            else:
                yield position, entry

    def is_given(self, message: Message) -> bool:
        """Whether one of the fields has a value; for a filtered field, whether an entry passes."""
        if self.filters:
            return next(self.entries(message), None) is not None
        return any(_has_value(message, name) for name in self.names)


@dataclass(frozen=True, slots=True)
class FieldPath:
    """A path into the manifest.

    Grammar: `path = segment *("." segment)`, `segment = name *("|" name) *filter`,
    `filter = "[" name *("." name) ("=" | "!=") value *("|" value) "]"`.
    Names are those of the contract; values of enums are written without their prefix (`SUSPECT`); an empty
    value stands for 'not given'. Several names are allowed in the last segment, where one of them is enough;
    filters only on repeated messages.

    Meaning: `persons[roles=SUSPECT]` asks for at least one suspect, `persons[roles=SUSPECT].name` for a name
    of every suspect that there is. A blank text, the zero of a number or enum and an empty list count as not
    given.
    """

    text: str
    segments: tuple[Segment, ...]

    @classmethod
    @lru_cache(maxsize=_MOST_PATHS_IN_MEMORY)
    def parse(cls, text: str, root: Descriptor, *, required: bool = True) -> FieldPath:
        """Reads a path and checks it against the message type. Raises PathError.

        A `required` path must not end at a plain true-or-false, which can't be missing.
        """
        return cls(text, tuple(_resolve(list(_split(text)), root, required=required)))

    def names_persons(self, root: Descriptor) -> bool:
        """Whether the entries of the first field name persons, so that the path can be asked per person."""
        field = root.fields_by_name[self.segments[0].names[0]]
        if not field.is_repeated or field.message_type is None:
            return False
        return any(name in field.message_type.fields_by_name for name in _PERSON_FIELDS)

    def values(self, message: Message) -> Iterator[tuple[str, Message, str]]:
        """Each value of text that is given: its concrete path, the message that holds it, and the value."""
        return _values(message, self.segments, "")

    def missing(self, message: Message) -> Iterator[str]:
        """The concrete path of each place where the value is not given."""
        return _missing(message, self.segments, "")

    def missing_for(self, message: Message, person_ids: Collection[str]) -> Iterator[tuple[str, str]]:
        """Person id and concrete path where one of the persons lacks an entry, or the entry lacks the value.

        An entry that names nobody concerns everybody.
        """
        first, rest = self.segments[0], self.segments[1:]
        lacking = dict.fromkeys(person_ids)
        concerned = frozenset(person_ids)
        for position, entry in first.entries(message):
            named = _persons_of(entry)
            if named and concerned.isdisjoint(named):
                continue
            if not named:
                lacking.clear()
            for person_id in named:
                lacking.pop(person_id, None)
            owner = next((person_id for person_id in named if person_id in concerned), "")
            for path in _missing(entry, rest, f"{first.names[0]}[{position}].") if rest else ():
                yield owner, path
        tail = "".join(f".{segment.text}" for segment in rest)
        for person_id in lacking:
            yield person_id, f"{first.text}[person_id={person_id}]{tail}"


def _split(text: str) -> Iterator[re.Match[str]]:
    """The segments of a path, each with its `names` and `filters` still as text."""
    position = 0
    while match := _SEGMENT.match(text, position):
        yield match
        position = match.end()
        if position == len(text):
            return
        if text[position] != ".":
            break
        position += 1
    raise PathError(f"path '{text}' cannot be read at character {position + 1}")


def _resolve(parts: Sequence[re.Match[str]], root: Descriptor, *, required: bool) -> Iterator[Segment]:
    current: Descriptor | None = root
    for index, part in enumerate(parts):
        if current is None:
            raise PathError(f"'{parts[index - 1].group()}' has no fields below it")
        names = tuple(part["names"].split("|"))
        last = index == len(parts) - 1
        if len(names) > 1 and (not last or part["filters"]):
            raise PathError(
                f"alternatives are allowed only in an unfiltered last segment, not in '{part.group()}'"
            )
        fields = [_field(current, name) for name in names]
        if last and required and any(_is_plain_bool(field) for field in fields):
            raise PathError(f"'{part.group()}' is true or false and cannot be missing")
        yield Segment(part.group(), names, tuple(_resolve_filters(part["filters"], fields[0])))
        current = fields[0].message_type


def _resolve_filters(text: str, field: FieldDescriptor) -> Iterator[Filter]:
    if text and (not field.is_repeated or field.message_type is None):
        raise PathError(f"'{field.name}{text}' is filtered but '{field.name}' is not a list of messages")
    position = 0
    while position < len(text):
        match = _FILTER.match(text, position)
        if match is None:
            raise PathError(f"filter '{text[position:]}' is not of the form [field=VALUE]")
        key = tuple(match["key"].split("."))
        values = _resolve_values(match["values"].split("|"), key, field)
        single = len(key) == 1 and not _is_repeated(field.message_type, key[0])
        yield Filter(key, match["operator"] == "!=", values, single)
        position = match.end()


def _resolve_values(
    values: Sequence[str], key: Sequence[str], field: FieldDescriptor
) -> frozenset[str | int]:
    """The values as the key's field holds them: text as it is, enums by their numbers."""
    for name in key:
        if field.message_type is None:
            raise PathError(f"'{'.'.join(key)}' goes below a plain field")
        field = _field(field.message_type, name)
    if field.enum_type is not None:
        return frozenset(_enum_number(field.enum_type, value) for value in values)
    if field.cpp_type != FieldDescriptor.CPPTYPE_STRING:
        raise PathError(f"'{'.'.join(key)}' is neither text nor an enum and cannot be filtered by")
    return frozenset(values)


def _enum_number(enum: EnumDescriptor, name: str) -> int:
    prefix = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
    value = enum.values_by_name.get(prefix + name)
    if value is None:
        raise PathError(f"'{name}' is not a value of {enum.full_name}")
    return value.number


def _field(message: Descriptor, name: str) -> FieldDescriptor:
    field = message.fields_by_name.get(name)
    if field is None:
        raise PathError(f"{message.full_name} has no field '{name}'")
    return field


def _is_plain_bool(field: FieldDescriptor) -> bool:
    return bool(
        field.cpp_type == FieldDescriptor.CPPTYPE_BOOL and not field.has_presence and not field.is_repeated
    )


def _has_value(message: Message, name: str) -> bool:
    if _has_presence(message.DESCRIPTOR, name):
        return message.HasField(name)
    value = getattr(message, name)
    return bool(value.strip() if isinstance(value, str) else value)


# Asked for every entry of a large manifest; the contract has some hundred fields.
@cache
def _is_repeated(descriptor: Descriptor, name: str) -> bool:
    return bool(descriptor.fields_by_name[name].is_repeated)


@cache
def _has_presence(descriptor: Descriptor, name: str) -> bool:
    field = descriptor.fields_by_name[name]
    return bool(field.has_presence and not field.is_repeated)


def _missing(message: Message, segments: Sequence[Segment], prefix: str) -> Iterator[str]:
    segment, rest = segments[0], segments[1:]
    if not rest:
        if not segment.is_given(message):
            yield prefix + segment.text
        return
    name = segment.names[0]
    if not _is_repeated(message.DESCRIPTOR, name):
        yield from _missing(getattr(message, name), rest, f"{prefix}{name}.")
        return
    for position, entry in segment.entries(message):
        yield from _missing(entry, rest, f"{prefix}{name}[{position}].")


def _values(message: Message, segments: Sequence[Segment], prefix: str) -> Iterator[tuple[str, Message, str]]:
    segment, rest = segments[0], segments[1:]
    if not rest:
        for name in segment.names:
            value = getattr(message, name)
            if isinstance(value, str) and value.strip():
                yield prefix + name, message, value
        return
    name = segment.names[0]
    if not _is_repeated(message.DESCRIPTOR, name):
        yield from _values(getattr(message, name), rest, f"{prefix}{name}.")
        return
    for position, entry in segment.entries(message):
        yield from _values(entry, rest, f"{prefix}{name}[{position}].")


def _values_at(message: Message, key: Sequence[str]) -> Sequence[Any]:
    value = getattr(message, key[0])
    values = value if _is_repeated(message.DESCRIPTOR, key[0]) else (value,)
    if len(key) == 1:
        return values
    return [found for child in values for found in _values_at(child, key[1:])]


def _persons_of(entry: Any) -> list[str]:
    """The person ids that an entry names, in its order; `person_id` and `person_ids` alike."""
    fields = entry.DESCRIPTOR.fields_by_name
    if "person_id" in fields:
        return [entry.person_id] if entry.person_id else []
    return list(entry.person_ids)
