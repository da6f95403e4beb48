"""A template that is filled in passes the check of its process; a blank that is left is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.exchange.v1.envelope_pb2 import Party as ContractParty
from xietong_client.case_folder import CaseFolder
from xietong_client.template import write_template
from xietong_client.yaml_source import CaseFolderInvalid
from xietong_standard import Edition, Endpoint, Process, Verdict, load_edition, validate

EDITION = load_edition("2026.1")
PACKAGES = [process for process in EDITION.processes.values() if not process.technical]

# The example of GB 11643-1999 itself, with the birth date and sex that it holds; forms that rules check.
VALUES = {
    "birth_date": "1949-12-31",
    "sex_code": "2",
    "identity_documents.number": "11010519491231002X",
    "numbers.number": "(2026)粤0103刑初123号",
    "judgment_number": "(2026)粤0103刑初123号",
    "principal_term": "P1Y",
    "quantity": "1",
}


def plausible(field: FieldDescriptor, above: str) -> Any:
    """A value that the contract and the rules take."""
    for name in (f"{above}.{field.name}", field.name):
        if name in VALUES:
            return VALUES[name]
    if field.message_type is not None:
        return "2026-03-13T09:30:00+08:00"
    if field.enum_type is not None:
        return field.enum_type.values[1].name
    if field.name.endswith("_date"):
        return "2026-03-13"
    return "示例" if field.cpp_type == FieldDescriptor.CPPTYPE_STRING else "1"


def fill(tree: Any, message: Descriptor, above: str = "") -> Any:
    """The tree with something plausible in every blank."""
    for name, node in tree.items():
        field = message.fields_by_name[name]
        nodes = node if isinstance(node, list) else [node]
        filled = [
            fill(child, field.message_type, name)
            if isinstance(child, dict) and field.message_type is not None
            else child or plausible(field, above)
            for child in nodes
        ]
        tree[name] = filled if isinstance(node, list) else filled[0]
    return tree


def complete_folder(folder: Path) -> None:
    """Does what the comments of the template ask for."""
    package = folder / "package.yaml"
    text = package.read_text(encoding="utf-8")
    for name, value in (("classification", "UNCLASSIFIED"), ("organ_code", "440199000000")):
        text = re.sub(rf'{name}: ""', f'{name}: "{value}"', text)
    package.write_text(
        text.replace('case_number: ""', 'case_number: "A1"').replace('ref: ""', 'ref: "P-1"'), "utf-8"
    )
    for contribution in yaml.safe_load(text)["contributions"]:
        data = folder / contribution["data"]
        tree = fill(yaml.safe_load(data.read_text(encoding="utf-8")), Manifest.DESCRIPTOR)
        data.write_text(yaml.safe_dump(tree, allow_unicode=True, sort_keys=False), encoding="utf-8")
        for part in tree.get("parts", ()):
            (folder / contribution["files"] / part["name"]).write_bytes(b"content")


def use_code_tables(manifest: Manifest, process: Process) -> None:
    """Takes from each code table a value that is in it, and a document number that is one."""
    for field in process.fields:
        for path, holder, value in field.path.values(manifest) if field.table else ():
            leaf = path.rpartition(".")[2]
            if value == "示例" and field.table is not None:
                setattr(holder, leaf, min(field.table.names()))
    for document in manifest.documents:
        document.number = document.number and "示字〔2026〕1号"


def merged(folder: CaseFolder) -> Manifest:
    manifest = Manifest()
    for contribution in folder.contributions:
        assert contribution.fragment is not None
        manifest.MergeFrom(contribution.fragment)
    return manifest


def verdict(folder: CaseFolder, manifest: Manifest, process: Process) -> Verdict:
    names = [
        ContractParty.Name(party).removeprefix("PARTY_")
        for party in (folder.sender, folder.receivers[0].party)
    ]
    sender, receiver = (Endpoint(name) for name in names)
    return validate(manifest, process.code, EDITION, sender=sender, receiver=receiver)


@pytest.fixture
def edition() -> Edition:
    return EDITION


@pytest.mark.parametrize("process", PACKAGES, ids=lambda process: process.code)
def test_a_template_that_is_filled_in_passes(edition: Edition, tmp_path: Path, process: Process) -> None:
    folder = tmp_path / process.code
    write_template(process, edition, folder)
    with pytest.raises(CaseFolderInvalid):
        CaseFolder.load(folder)
    complete_folder(folder)
    loaded = CaseFolder.load(folder)
    manifest = merged(loaded)
    use_code_tables(manifest, process)
    assert loaded.key.process_code == process.code
    assert verdict(loaded, manifest, process).errors == ()


def blanks(tree: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of every blank in case data as it was written."""
    for key in tree if isinstance(tree, dict) else range(len(tree)):
        if isinstance(tree[key], dict | list):
            yield from blanks(tree[key], (*place, key))
        elif not tree[key]:
            yield (*place, key)


def findings_with_a_blank(folder: Path, data: Path, place: tuple[Any, ...], process: Process) -> str:
    """What is told when this one blank is left."""
    full = data.read_text(encoding="utf-8")
    tree = yaml.safe_load(full)
    node = tree
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = ""
    data.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    try:
        loaded = CaseFolder.load(folder)
        return " ".join(finding.path for finding in verdict(loaded, merged(loaded), process).errors)
    except CaseFolderInvalid as error:
        return str(error)
    finally:
        data.write_text(full, encoding="utf-8")


@pytest.mark.parametrize("code", ["PB-01", "SP-19", "CW-01", "HY-02", "PB-12"])
def test_every_blank_that_is_left_is_named(edition: Edition, tmp_path: Path, code: str) -> None:
    process = edition.process(code)
    folder = tmp_path / code
    written = {
        path: list(blanks(yaml.safe_load(path.read_text(encoding="utf-8"))))
        for path in write_template(process, edition, folder)[1:]
    }
    complete_folder(folder)
    assert any(written.values())
    for data, places in written.items():
        for place in places:
            told = findings_with_a_blank(folder, data, place, process)
            named = [key for key in place if isinstance(key, str)]
            assert named[-1] in told or named[-2] in told, (place, told)


def test_each_system_gets_a_file_of_its_own(edition: Edition, tmp_path: Path) -> None:
    files = write_template(edition.process("PB-01"), edition, tmp_path / "PB-01")
    assert [path.name for path in files] == ["package.yaml", "case.yaml", "dossier.yaml"]
    package = yaml.safe_load(files[0].read_text(encoding="utf-8"))
    assert [item["system"] for item in package["contributions"]] == ["case-handling", "evidence-archive"]
    dossier = yaml.safe_load(files[2].read_text(encoding="utf-8"))
    assert sorted(dossier) == ["parts", "volumes"]
    assert (tmp_path / "PB-01/dossier").is_dir()


def test_nothing_is_overwritten(edition: Edition, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(CaseFolderInvalid, match="is not empty"):
        write_template(edition.process("PB-01"), edition, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
