"""Reads what an edition says beside requirements: systems, code tables, and a process's effects and key fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from xietong.exchange.v1.envelope_pb2 import Envelope
from xietong.exchange.v1.evidence_pb2 import EvidenceKind
from xietong_standard.catalogue import (
    BusinessSystem,
    Carrier,
    ClockVerb,
    CodeTable,
    Content,
    Contribution,
    KeyField,
    Round,
    Supervision,
)
from xietong_standard.model import Party
from xietong_standard.source import Entry, read_yaml
from xietong_standard.text import Text
from xietong_standard.vocabulary import (
    PERSON_ROLES,
    Vocabulary,
    items_of,
    read_provenance,
    read_text,
    short_names,
)

CODE_TABLES_FOLDER = "code_tables"

EVIDENCE_KINDS = short_names(EvidenceKind.keys(), "EVIDENCE_KIND_")
ENVELOPE_FIELDS = frozenset(Envelope.DESCRIPTOR.fields_by_name)
# The hub has no business system of its own.
SYSTEM_PARTIES = frozenset(party.value for party in Party) - {Party.HUB.value}

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_VERSION = re.compile(r"[0-9]{4}(?:\.[0-9]{1,3})?")
_CLOCK_ID = re.compile(r"D[0-9]{2}")


def read_systems(entry: Entry) -> dict[str, BusinessSystem]:
    """Reads `systems.yaml`."""
    return {key.text(): _system(_name(key), value) for key, value in entry.pairs()}


def _system(system_id: str, entry: Entry) -> BusinessSystem:
    fields = entry.fields(("party", "zh", "en", "provenance"), ("planned", "note"))
    return BusinessSystem(
        id=system_id,
        party=fields["party"].choice(SYSTEM_PARTIES),
        name=Text(fields["zh"].text(), fields["en"].text()),
        planned=fields["planned"].flag() if "planned" in fields else False,
        provenance=read_provenance(fields["provenance"]),
        note=read_text(fields["note"]) if "note" in fields else None,
    )


def read_code_tables(entry: Entry, root: Path) -> dict[str, CodeTable]:
    """Reads the code tables that an edition names, each in the version that it names."""
    return {key.text(): _code_table(_name(key), value, root) for key, value in entry.pairs()}


def _code_table(table_id: str, version: Entry, root: Path) -> CodeTable:
    folder = root / CODE_TABLES_FOLDER / table_id
    path = folder / f"{_table_version(version)}.yaml"
    if not path.is_file():
        version.fail(f"code table '{table_id}' has no version '{version.text()}'")
    table = _read_table(path, table_id, root)
    later = [file for file in folder.glob("*.yaml") if _order(file.stem) > _order(table.version)]
    codes = {code for file in later for code in _read_table(file, table_id, root).codes}
    return replace(table, later_codes=frozenset(codes - table.codes.keys()))


def _read_table(path: Path, table_id: str, root: Path) -> CodeTable:
    fields = read_yaml(path, root).fields(
        ("id", "version", "name", "source", "provenance", "exhaustive", "codes"), ("standard",)
    )
    for key, wanted in (("id", table_id), ("version", path.stem)):
        if fields[key].text() != wanted:
            fields[key].fail(f"the file is that of '{wanted}', its {key} says '{fields[key].text()}'")
    return CodeTable(
        id=table_id,
        version=path.stem,
        name=read_text(fields["name"]),
        source=read_text(fields["source"]),
        provenance=read_provenance(fields["provenance"]),
        exhaustive=fields["exhaustive"].flag(),
        codes=_codes(fields["codes"]),
        standard=fields["standard"].text() if "standard" in fields else "",
    )


def _order(version: str) -> tuple[int, ...]:
    """Versions in their order; what is no version is older than all."""
    return tuple(int(number) for number in version.split(".")) if _VERSION.fullmatch(version) else ()


def read_external_tables(entry: Entry | None) -> dict[str, Text]:
    """Reads the names of the code tables that others keep: coded values may name them, their codes are not checked."""
    return {key.text(): read_text(value) for key, value in entry.pairs()} if entry else {}


def _codes(entry: Entry) -> Mapping[str, Text]:
    codes: dict[str, Text] = {}
    names: set[str] = set()
    for key, value in entry.pairs():
        text = read_text(value)
        if text.zh in names:
            value.fail(f"'{text.zh}' has two codes")
        names.add(text.zh)
        codes[key.text()] = text
    if not codes:
        entry.fail("the code table has no codes")
    return MappingProxyType(codes)


def read_rounds(entry: Entry | None) -> tuple[tuple[Round, Entry], ...]:
    """Reads the rounds, each with its place."""
    found = []
    for item in items_of(entry):
        fields = item.fields(("processes", "zh", "en"))
        note = Text(fields["zh"].text(), fields["en"].text())
        found.append((Round(fields["processes"].texts(), note), item))
    return tuple(found)


def read_carrier(entry: Entry | None) -> Carrier | None:
    """Reads how the contract carries a technical process."""
    if entry is None:
        return None
    fields = entry.fields((), ("evidence", "envelope"))
    if len(fields) != 1:
        entry.fail("a technical process needs 'evidence' or 'envelope', not both")
    if "evidence" in fields:
        return Carrier(evidence=fields["evidence"].choice(EVIDENCE_KINDS))
    return Carrier(envelope=fields["envelope"].choice(ENVELOPE_FIELDS))


def read_key_field(entry: Entry, vocabulary: Vocabulary) -> KeyField:
    """Reads what the business asks for, and where the manifest has it."""
    fields = entry.fields(("zh", "en", "paths"))
    paths = tuple(vocabulary.path(item, required=False) for item in fields["paths"].items())
    return KeyField(Text(fields["zh"].text(), fields["en"].text()), paths)


def read_contributions(entry: Entry | None, vocabulary: Vocabulary) -> tuple[Contribution, ...]:
    """Reads which system usually brings what."""
    if entry is None:
        return ()
    words = [content.value for content in Content]
    return tuple(
        Contribution(vocabulary.system(key), tuple(Content(item.choice(words)) for item in value.items()))
        for key, value in entry.pairs()
    )


def read_clocks(entry: Entry | None) -> Mapping[ClockVerb, tuple[str, ...]] | None:
    """Reads what a process does to clocks."""
    if entry is None:
        return None
    found = entry.fields((), [verb.value for verb in ClockVerb])
    return MappingProxyType({ClockVerb(key): _clock_ids(value) for key, value in found.items()})


def _clock_ids(entry: Entry) -> tuple[str, ...]:
    for item in entry.items():
        if not _CLOCK_ID.fullmatch(item.text()):
            item.fail(f"'{item.text()}' is not the id of a clock, such as D03")
    return entry.texts()


def read_supervision(entry: Entry | None) -> Supervision | None:
    """Reads what the envelope's supervision part must carry."""
    if entry is None:
        return None
    fields = entry.fields((), ("persons", "events"))
    return Supervision(
        persons=tuple(item.choice(PERSON_ROLES) for item in items_of(fields.get("persons"))),
        events=tuple(_name(item) for item in items_of(fields.get("events"))),
    )


def _name(entry: Entry) -> str:
    if not _NAME.fullmatch(entry.text()):
        entry.fail(f"'{entry.text()}' is not a name of small letters, digits and hyphens")
    return entry.text()


def _table_version(entry: Entry) -> str:
    if not _VERSION.fullmatch(entry.text()):
        entry.fail(f"'{entry.text()}' is not a version such as 2003 or 2026.1")
    return entry.text()
