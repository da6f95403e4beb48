"""The skeleton of a package: everything that a process asks for, as an ordered tree with blanks to fill in.

It is for the ordinary case: one person of each role who is identified. Blanks count as not given, so a package that is
sent with one of them is told so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong_standard.conditions import Condition
from xietong_standard.labels import VOLUMES
from xietong_standard.model import AudioVideoMode, DocumentRequirement, FieldRequirement, Process
from xietong_standard.paths import FieldPath, Filter, Segment
from xietong_standard.text import Text

_ACCUSED = ("PERSON_ROLE_SUSPECT", "PERSON_ROLE_DEFENDANT", "PERSON_ROLE_CONVICT")
# What the contract wants of an entry beside what the process asks for.
_OWN_FIELDS = {
    "charges": ("person_id", "stage", "offence.name"),
    "measures": ("person_id", "kind"),
    "properties": ("id", "name"),
    "sentences": ("person_id",),
    "decisions": ("person_id",),
    "fields": ("person_id",),
    "numbers": ("number",),
    "identity_documents": ("kind", "number"),
}
_TIME = "google.protobuf.Timestamp"


@dataclass(slots=True)
class Leaf:
    """A value, blank or given, and what is to stand there. `hint` says in which form."""

    value: str = ""
    note: Text | None = None
    hint: Text | None = None


Tree = dict[str, "Node"]
Node = Leaf | Tree | list["Node"]


def skeleton(process: Process) -> Tree:
    """All that the process asks for, in the order of the manifest's fields."""
    builder = _Builder()
    builder.add_files(process)
    requirements = sorted(process.fields, key=lambda field: not _demands_entry(field))
    for field in requirements:
        builder.require(field)
    builder.complete()
    return builder.root


def blanks(node: Node, path: str = "") -> Iterator[tuple[str, Leaf]]:
    """Every blank of a tree with its path, entries counted from 0."""
    if isinstance(node, Leaf):
        if not node.value:
            yield path, node
    elif isinstance(node, list):
        for position, child in enumerate(node):
            yield from blanks(child, f"{path}[{position}]")
    else:
        for name, child in node.items():
            yield from blanks(child, f"{path}.{name}" if path else name)


def _demands_entry(field: FieldRequirement) -> bool:
    """Whether there must be such an entry, and not only a value in every entry that there is."""
    segments = field.path.segments
    return bool(field.each or segments[-1].filters or len(segments) == 1)


def _is_exceptional(segment: Segment) -> bool:
    """Whether the path is about an unidentified person, whom the ordinary case has not."""
    return any(f.key == ("identity_status",) and not f.negated for f in segment.filters)


class _Builder:
    def __init__(self) -> None:
        self.root: Tree = {}
        self._made = 0

    def add_files(self, process: Process) -> None:
        for requirement in process.required_documents:
            self._add_document(requirement)
        for number, volume in enumerate(process.required_volumes, start=1):
            label = VOLUMES[volume.kind]
            entry: Tree = {
                "number": Leaf(str(number)),
                "title": Leaf(label.zh, _with_condition(label, volume.condition)),
                "kind": Leaf(f"VOLUME_KIND_{volume.kind}"),
                "parts": [Leaf(self._add_part(f"{label.zh}.pdf", "DOSSIER", "application/pdf"))],
            }
            self._list(self.root, "volumes").append(entry)
        rule = process.audio_video
        if rule.mode in (AudioVideoMode.REQUIRED, AudioVideoMode.USUAL):
            kind = rule.kinds[0] if rule.kinds else "INTERROGATION"
            part = self._add_part("录音录像.mp4", "VIDEO", "video/mp4")
            self._list(self.root, "media").append(
                {"kind": Leaf(f"MEDIA_KIND_{kind}"), "part": Leaf(part), "person_ids": [Leaf("p1")]}
            )

    def _add_document(self, requirement: DocumentRequirement) -> None:
        name = requirement.one_of[0].zh
        entry: Tree = {
            "kind": {"name": Leaf(name, _with_condition(requirement.label, requirement.condition))},
            "part": Leaf(self._add_part(f"{name}.pdf", "DOCUMENT", "application/pdf")),
        }
        if requirement.each:
            entry["person_ids"] = [Leaf("p1")]
        self._list(self.root, "documents").append(entry)

    def _add_part(self, name: str, kind: str, media_type: str) -> str:
        entry: Tree = {
            "name": Leaf(name),
            "kind": Leaf(f"PART_KIND_{kind}"),
            "media_type": Leaf(media_type),
        }
        self._list(self.root, "parts").append(entry)
        return name

    def require(self, field: FieldRequirement) -> None:
        if not any(map(_is_exceptional, field.path.segments)):
            self._place(self.root, Manifest.DESCRIPTOR, field.path.segments, field)

    def _place(
        self, tree: Tree, message: Descriptor, segments: tuple[Segment, ...], field: FieldRequirement
    ) -> None:
        segment, rest = segments[0], segments[1:]
        name = segment.names[0]
        descriptor = message.fields_by_name[name]
        if descriptor.message_type is None or descriptor.message_type.full_name == _TIME:
            _set_leaf(tree, descriptor, field)
        elif not descriptor.is_repeated:
            child = cast("Tree", tree.setdefault(name, {}))
            self._place_below(child, descriptor.message_type, rest, field)
        else:
            for entry in self._entries(tree, descriptor.message_type, segment, field):
                self._place_below(entry, descriptor.message_type, rest, field)

    def _place_below(
        self, entry: Tree, message: Descriptor, rest: tuple[Segment, ...], field: FieldRequirement
    ) -> None:
        if rest:
            self._place(entry, message, rest, field)
        elif "name" in message.fields_by_name and message.name in ("CodedValue", "Organ"):
            _set_leaf(entry, message.fields_by_name["name"], field)

    def _entries(
        self, tree: Tree, message: Descriptor, segment: Segment, field: FieldRequirement
    ) -> list[Tree]:
        """The entries that the segment means; one is made where the field demands it and there is none."""
        name = segment.names[0]
        found = [entry for entry in self._list(tree, name) if _fits(entry, message, segment.filters)]
        if not found and not (_demands_entry(field) or tree is not self.root):
            return []
        if not found:
            found = [self._new_entry(tree, name)]
        for entry in found:
            _impose(entry, message, segment.filters, field.label)
        return found

    def _new_entry(self, tree: Tree, name: str) -> Tree:
        entry: Tree = {}
        if name == "persons":
            self._made += 1
            entry["id"] = Leaf(f"p{self._made}")
        self._list(tree, name).append(entry)
        return entry

    def _list(self, tree: Tree, name: str) -> list[Tree]:
        return cast("list[Tree]", tree.setdefault(name, []))

    def complete(self) -> None:
        """Adds what the contract wants of each entry, and links persons."""
        for name in [name for name, node in self.root.items() if not node]:
            del self.root[name]
        persons = self._list(self.root, "persons")
        if not persons:
            del self.root["persons"]
        accused = next((p for p in persons if _roles(p) & set(_ACCUSED)), persons[0] if persons else None)
        first = cast("Leaf", accused["id"]).value if accused else ""
        for person in persons:
            if not _roles(person):
                person["roles"] = [Leaf("PERSON_ROLE_SUSPECT")]
        counsel = next((p for p in persons if _roles(p) & {"PERSON_ROLE_DEFENDER"}), None)
        links = {"person_id": first, "represents_person_ids": first, "person_ids": first}
        links["appointed_person_id"] = cast("Leaf", counsel["id"]).value if counsel else ""
        _complete(self.root, Manifest.DESCRIPTOR, links)


def _complete(tree: Tree, message: Descriptor, links: dict[str, str]) -> None:
    for name, node in list(tree.items()):
        child = message.fields_by_name[name].message_type
        if name in links:
            tree[name] = [Leaf(links[name])] if isinstance(node, list) else Leaf(links[name])
        elif child is None or isinstance(node, Leaf):
            continue
        for entry in node if isinstance(node, list) else [node]:
            if isinstance(entry, dict):
                for path in _OWN_FIELDS.get(name, ()):
                    _add_own(entry, child, path.split("."), links)
                _complete(entry, cast("Descriptor", child), links)
    _sort(tree, message)


def _sort(tree: Tree, message: Descriptor) -> None:
    """Puts the values into the order of the contract."""
    order = list(message.fields_by_name)
    values = sorted(tree.items(), key=lambda item: order.index(item[0]))
    tree.clear()
    tree.update(values)


def _add_own(entry: Tree, message: Descriptor | None, path: list[str], links: dict[str, str]) -> None:
    for name in path[:-1]:
        entry = cast("Tree", entry.setdefault(name, {}))
    if path[-1] in links and not links[path[-1]]:
        return
    descriptor = cast("Descriptor", message).fields_by_name.get(path[-1])
    entry.setdefault(path[-1], Leaf("", hint=_hint(descriptor) if descriptor else None))


def _roles(person: Tree) -> set[str]:
    return {cast("Leaf", role).value for role in cast("list[Node]", person.get("roles", []))}


def _set_leaf(tree: Tree, descriptor: FieldDescriptor, field: FieldRequirement) -> None:
    label = _with_condition(field.label, field.condition)
    hint = _hint(descriptor)
    if field.table is not None:
        is_code = descriptor.name.endswith("_code")
        allowed = field.table.codes if is_code else [text.zh for text in field.table.codes.values()]
        hint = Text("可填：" + "、".join(allowed), "one of the table " + field.table.name.en)
    leaf = Leaf("", label, hint)
    if descriptor.is_repeated:
        tree.setdefault(descriptor.name, [leaf])
    else:
        tree.setdefault(descriptor.name, leaf)


def _hint(descriptor: FieldDescriptor) -> Text | None:
    """The form of a value, where it is not plain text."""
    if descriptor.message_type is not None:
        return Text("例如 2026-03-13T09:30:00+08:00", "for example 2026-03-13T09:30:00+08:00")
    if descriptor.enum_type is not None:
        names = "、".join(value.name for value in descriptor.enum_type.values if value.number)
        return Text(f"取值：{names}", "one of these")
    if descriptor.name.endswith("_date"):
        return Text("年-月-日", "YYYY-MM-DD")
    if descriptor.cpp_type != FieldDescriptor.CPPTYPE_STRING:
        return Text("整数", "a whole number")
    return None


def _with_condition(label: Text, condition: Condition | None) -> Text:
    if condition is None:
        return label
    return Text(
        f"{label.zh}（{condition.text.zh}时必备，否则删去）",
        f"{label.en} (when someone {condition.text.en}; otherwise take it out)"
        if condition.persons
        else f"{label.en} (when {condition.text.en}; otherwise take it out)",
    )


def _fits(entry: Tree, message: Descriptor, filters: Iterable[Filter]) -> bool:
    """Whether the entry is meant by the filters, or may be once blank values are set."""
    for condition in filters:
        given = _values_at(entry, condition.key)
        wanted = _names(message, condition)
        if condition.negated and not wanted.isdisjoint(given):
            return False
        if not condition.negated and given and wanted.isdisjoint(given):
            return False
    return True


def _values_at(entry: Tree, key: tuple[str, ...]) -> set[str]:
    node: Node | None = entry
    for name in key:
        node = node.get(name) if isinstance(node, dict) else None
    leaves = node if isinstance(node, list) else [node]
    return {leaf.value for leaf in leaves if isinstance(leaf, Leaf) and leaf.value}


def _impose(entry: Tree, message: Descriptor, filters: Iterable[Filter], label: Text) -> None:
    for condition in filters:
        if condition.negated or _values_at(entry, condition.key):
            continue
        names = sorted(_names(message, condition), key=lambda name: (name not in _ACCUSED, name))
        if not names[0]:  # 'not given' is what the filter wants
            continue
        target = entry
        for name in condition.key[:-1]:
            target = cast("Tree", target.setdefault(name, {}))
        last = condition.key[-1]
        repeated = len(condition.key) == 1 and message.fields_by_name[last].is_repeated
        hint = Text("或 " + "、".join(names[1:]), "or another of these") if names[1:] else None
        leaf = Leaf(names[0], label, hint)
        target[last] = [leaf] if repeated else leaf


def _enum_of(message: Descriptor, key: tuple[str, ...]) -> EnumDescriptor | None:
    field = message.fields_by_name[key[0]]
    for name in key[1:]:
        field = cast("Descriptor", field.message_type).fields_by_name[name]
    return field.enum_type


def _names(message: Descriptor, condition: Filter) -> set[str]:
    enum = _enum_of(message, condition.key)
    return {enum.values_by_number[value].name if enum else value for value in condition.values}  # type: ignore[index,misc] # numbers where there is an enum


def carried_when_given(process: Process) -> Iterator[tuple[Text, FieldPath]]:
    """What the business asks for that is not required: it travels when there is any."""
    required = {field.path.text for field in process.fields}
    for key in process.key_fields:
        for path in key.paths:
            if path.text not in required:
                yield key.name, path
