"""The JSON Schema of the files and the reader that services use refuse the same: neither may drift from the other."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from tests.unit.standard.test_broken_edition import FILES, MISTAKES, PLACES, write_edition

from xietong_standard import EDITIONS_FOLDER, EditionError, EditionStatus, load_edition
from xietong_standard.catalogue import ClockVerb, Content
from xietong_standard.catalogue_reader import ENVELOPE_FIELDS, EVIDENCE_KINDS, SYSTEM_PARTIES
from xietong_standard.clocks.model import ClockKind, Holidays
from xietong_standard.clocks.reader import APPROVERS
from xietong_standard.clocks.trigger_reader import TRIGGER_PARTIES
from xietong_standard.conditions import CONDITIONS
from xietong_standard.model import AudioVideoMode, ReceiverMode
from xietong_standard.process_reader import MEDIA_KINDS, ROLES, VOLUME_KINDS
from xietong_standard.vocabulary import PERSON_ROLES, PROVENANCE

SCHEMA = json.loads((EDITIONS_FOLDER / "schema.json").read_text(encoding="utf-8"))
DEFINITIONS = SCHEMA["$defs"]

# What only the reader can see: references, other files, the syntax of paths, keys given twice, dates that don't exist.
BEYOND = (
    "is not in documents.yaml",
    "is not in edition.yaml",
    "is not in systems.yaml",
    "is not in code table",
    "has no version",
    "the folder is",
    "its id says",
    "its version says",
    "is not a date",
    "has two codes",
    "is given twice",
    "nothing in the manifest tells",
    "not YAML",
    "the file is empty",
    "path 'persons",
    "has no field",
    "is not a value of",
    "has no fields below it",
    "is not a list of messages",
    "is not of the form [field=VALUE]",
    "cannot be read at",
    "goes below a plain field",
    "alternatives are allowed only",
    "cannot be missing",
    "'each' needs a path",
    "is already in",
    "it answers",
    "only a technical process may",
    "answer each other",
    "does not say what is",
    "contributes",
    "is not in clocks.yaml",
    "is not in events.yaml",
    "is not a process of this edition",
    "does not say that it",
    "has no part in",
    "uses the event",
    "carries",
    "the edition has no processes",
    "is no limit of this edition",
    "is no switch of this edition",
    "is no state of this region",
    "does not say that",
    "forbids that",
    "mixes hours",
    "counts in the units",
    "no move leads",
    "the file is '",
    "does not lie in",
    "ends before it begins",
    "is no day of a weekend",
    "the official notice",
    "is no date of an entry",
    "is neither a day nor a time",
)


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": DEFINITIONS})


def definition_of(path: Path) -> str:
    if path.parent.name == "processes":
        return "processes"
    if path.parent.name == "calendar":
        return "calendarYear"
    return "codeTable" if path.parent.parent.name == "code_tables" else path.stem


def refused(path: Path) -> bool:
    """Whether the schema refuses the file."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return not validator(definition_of(path)).is_valid(content)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(EDITIONS_FOLDER.rglob("*.yaml")) if definition_of(path) in DEFINITIONS],
    ids=lambda path: path.relative_to(EDITIONS_FOLDER).as_posix(),
)
def test_every_published_file_has_its_form(path: Path) -> None:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    errors = validator(definition_of(path)).iter_errors(content)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("placeName", ROLES),
        ("systemParty", SYSTEM_PARTIES),
        ("provenance", PROVENANCE),
        ("condition", CONDITIONS),
        ("volumeKind", VOLUME_KINDS),
        ("mediaKind", MEDIA_KINDS),
        ("personRole", PERSON_ROLES),
        ("audioVideoMode", [mode.value for mode in AudioVideoMode]),
        ("content", [content.value for content in Content]),
        ("evidenceKind", EVIDENCE_KINDS),
        ("envelopeField", ENVELOPE_FIELDS),
        ("triggerParty", TRIGGER_PARTIES),
        ("approver", APPROVERS),
        ("holidays", [*Holidays]),
    ],
)
def test_vocabularies_are_those_of_the_reader(name: str, words: Collection[str]) -> None:
    assert DEFINITIONS[name]["enum"] == sorted(words)


def test_vocabularies_inside_definitions() -> None:
    process = DEFINITIONS["process"]["properties"]
    assert process["receivers"]["properties"]["mode"]["enum"] == sorted(mode.value for mode in ReceiverMode)
    assert set(process["clocks"]["properties"]) == {verb.value for verb in ClockVerb}
    kinds = {kind["properties"]["kind"]["const"] for kind in DEFINITIONS["clock"]["anyOf"]}
    assert kinds == {kind.value for kind in ClockKind}
    assert DEFINITIONS["edition"]["properties"]["status"]["enum"] == sorted(s.value for s in EditionStatus)


@pytest.mark.parametrize(("file", "old", "new", "line", "reason"), MISTAKES)
def test_the_schema_refuses_what_the_reader_refuses(
    tmp_path: Path, file: str, old: str, new: str, line: int, reason: str
) -> None:
    path = write_edition(tmp_path, **{file: (old, new)}) / PLACES[file]
    with pytest.raises(EditionError) as caught:
        load_edition("2030.1", tmp_path)
    told = caught.value.problems[0].reason
    if definition_of(path) in DEFINITIONS and not any(words in told for words in BEYOND):
        assert refused(path), told


Change = Callable[[Any, Any], object]


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of the tree with each of its keys or positions."""
    for key in node if isinstance(node, dict) else range(len(node)):
        yield node, key
        if isinstance(node[key], dict | list):
            yield from _places(node[key])


def _put(value: object) -> Change:
    return lambda node, key: node.__setitem__(key, copy.deepcopy(value))


def _add_key(node: Any, key: Any) -> None:
    if isinstance(node[key], dict):
        node[key]["surprise"] = "x"


CHANGES: dict[str, Change] = {
    "taken away": lambda node, key: node.__delitem__(key),
    "a key more": _add_key,
    "blank": _put(" "),
    "a number": _put(7),
    "true": _put(True),
    "a word": _put("surprise"),
    "a list": _put(["surprise"]),
    "nothing": _put(None),
    "an empty list": _put([]),
    "a mapping": _put({"zh": "字", "en": "word"}),
}


def _changed(text: str, change: Change) -> Iterator[Any]:
    original = yaml.safe_load(text)
    for position in range(len(list(_places(original)))):
        tree = copy.deepcopy(original)
        node, key = list(_places(tree))[position]
        change(node, key)
        yield tree


def _reader_refuses(root: Path) -> str:
    """The reason for which the reader refuses the edition; empty when it does not."""
    try:
        load_edition.__wrapped__("2030.1", root)  # without its memory of this root
    except EditionError as error:
        return error.problems[0].reason
    return ""


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("name", [name for name in FILES if definition_of(Path(name)) in DEFINITIONS])
def test_they_agree_on_every_change_of_the_small_edition(tmp_path: Path, name: str, kind: str) -> None:
    path = write_edition(tmp_path) / name
    judges = validator(definition_of(path))
    for tree in _changed(FILES[name], CHANGES[kind]):
        path.write_text(json.dumps(tree, ensure_ascii=False), encoding="utf-8")  # which is YAML too
        reason = _reader_refuses(tmp_path)
        valid = judges.is_valid(tree)
        agreed = bool(reason) if not valid else not reason or any(words in reason for words in BEYOND)
        assert agreed, (valid, reason, tree)
