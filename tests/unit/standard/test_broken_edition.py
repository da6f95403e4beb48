"""A broken edition is refused with file, line and reason; all mistakes at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from xietong_standard import EditionError, load_edition

EDITION = """\
id: "2030.1"
effective_date: "2030-01-01"
status: proposed
laws:
  CPL: {zh: 刑事诉讼法, en: Criminal Procedure Law, version: "2018", read: true}
"""
DOCUMENTS = "提请批准逮捕书: Request for approval of arrest\n"
PROCESSES = """\
stage: {zh: 批捕, en: Arrest review}
processes:
- code: PB-01
  name: {zh: 提请批准逮捕, en: Request for arrest approval}
  priority: 1
  senders: [POLICE]
  receivers: {mode: one_of, parties: [PROCURATORATE]}
  documents:
    required: [提请批准逮捕书]
  fields:
  - {path: "persons[roles=SUSPECT].name", zh: 姓名, en: name}
  basis: {CPL: ["91"]}
  provenance: [src]
- code: PB-02
  name: {zh: 批准逮捕决定, en: Arrest approved}
  priority: 1
  senders: [PROCURATORATE]
  receivers: {mode: one_of, parties: [POLICE]}
  answers: [PB-01]
  basis: {CPL: ["90"]}
  provenance: [src]
"""
FILES = {"edition.yaml": EDITION, "documents.yaml": DOCUMENTS, "processes/pb.yaml": PROCESSES}


def write_edition(root: Path, **changes: tuple[str, str]) -> Path:
    """Writes the small edition above; a change replaces one piece of text in a file."""
    folder = root / "2030.1"
    (folder / "processes").mkdir(parents=True)
    for name, text in FILES.items():
        old, new = changes.get(name.split("/")[-1].removesuffix(".yaml"), ("", ""))
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1) if old else text, encoding="utf-8")
    return root


def test_the_small_edition_itself_is_right(tmp_path: Path) -> None:
    assert sorted(load_edition("2030.1", write_edition(tmp_path)).processes) == ["PB-01", "PB-02"]


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "reason"),
    [
        ("edition", '"2030.1"', '"2030.2"', 1, "the folder is '2030.1'"),
        ("edition", '"2030.1"', "2030.1", 1, "text is expected, not '2030.1'"),
        ("edition", '"2030-01-01"', '"2030-02-30"', 2, "'2030-02-30' is not a date"),
        ("edition", "proposed", "ready", 3, "'ready' is not one of: in_force"),
        ("edition", "read: true", "read: maybe", 5, "'true' or 'false'"),
        ("edition", "laws:", "law:", 4, "unknown key 'law'"),
        ("edition", "CPL: {", "CPL: }", 5, "not YAML"),
        ("documents", "提请批准逮捕书: Request for approval of arrest", "", 1, "the file is empty"),
        ("documents", "Request for approval of arrest", "''", 1, "the text is empty"),
        ("pb", "stage: {zh: 批捕, en: Arrest review}", "stage: {zh: 批捕}", 1, "missing: en"),
        ("pb", "code: PB-01", "code: PB1", 3, "'PB1' is not a process code"),
        ("pb", "  priority: 1\n", "", 3, "missing: priority"),
        ("pb", "priority: 1", "priority: 4", 5, "the priority is 4"),
        ("pb", "priority: 1", "priority: high", 5, "a whole number is expected, not 'high'"),
        ("pb", "senders: [POLICE]", "senders: [PROC]", 6, "'PROC' is not one of"),
        ("pb", "senders: [POLICE]", "senders: [HUB]", 6, "'HUB' is not one of"),
        ("pb", "senders: [POLICE]", "senders: [{system: detention}]", 6, "'party' or 'one_of'"),
        ("pb", "senders: [POLICE]", "senders: POLICE", 6, "a list is expected, not 'POLICE'"),
        ("pb", "senders: [POLICE]", "senders: []", 3, "PB-01: it has no sender"),
        ("pb", "mode: one_of", "mode: some_of", 7, "'some_of' is not one of: all_of, one_of"),
        ("pb", "[提请批准逮捕书]", "[拘留证]", 9, "document kind '拘留证' is not in documents.yaml"),
        ("pb", "[提请批准逮捕书]", "[{each: [SUSPECT]}]", 9, "'name' or 'one_of'"),
        ("pb", "persons[roles=SUSPECT].name", "persons[roles=SUSPECT].nam", 11, "has no field 'nam'"),
        ("pb", "persons[roles=SUSPECT].name", "persons[roles=THIEF].name", 11, "'THIEF' is not a value of"),
        ("pb", "persons[roles=SUSPECT].name", "persons[roles].name", 11, "is not of the form [field=VALUE]"),
        ("pb", "persons[roles=SUSPECT].name", "persons..name", 11, "cannot be read at character 9"),
        ("pb", "persons[roles=SUSPECT].name", "case.name.first", 11, "'name' has no fields below it"),
        ("pb", "persons[roles=SUSPECT].name", "case[name=x]", 11, "is not a list of messages"),
        ("pb", "persons[roles=SUSPECT].name", "persons[name.x=y]", 11, "goes below a plain field"),
        ("pb", "persons[roles=SUSPECT].name", "case|parts.name", 11, "alternatives are allowed only"),
        ("pb", "persons[roles=SUSPECT].name", "persons.pleads_guilty", 11, "cannot be missing"),
        (
            "pb",
            "en: name}",
            "en: name, each: [SUSPECT]}",
            11,
            "'each' needs a path whose entries name a person",
        ),
        ("pb", "en: name}", "en: name, condition: tall}", 11, "'tall' is not one of"),
        ("pb", 'CPL: ["91"]', 'CPC: ["91"]', 12, "law 'CPC' is not in edition.yaml"),
        ("pb", 'CPL: ["91"]', 'CPL: ["91", "91"]', 12, "'91' is listed twice"),
        ("pb", "provenance: [src]", "provenance: [hearsay]", 13, "'hearsay' is not one of"),
        ("pb", "provenance: [src]", "provenance: [unsure]", 3, "'unsure' does not say what is"),
        ("pb", "  provenance: [src]", "  code: PB-01\n  provenance: [src]", 13, "'code' is given twice"),
        (
            "pb",
            "code: PB-02",
            "code: PB-01",
            14,
            "process 'PB-01' is already in 2030.1/processes/pb.yaml, line 3",
        ),
        ("pb", "answers: [PB-01]", "answers: [PB-09]", 14, "PB-02: it answers 'PB-09'"),
        ("pb", "answers: [PB-01]", "answers: [PB-02]", 14, "PB-02: it answers itself"),
        ("pb", "answers: [PB-01]", 'answers: ["*"]', 14, "only a technical process may answer any process"),
    ],
)
def test_a_mistake_is_named_by_file_line_and_reason(
    tmp_path: Path, file: str, old: str, new: str, line: int, reason: str
) -> None:
    with pytest.raises(EditionError) as caught:
        load_edition("2030.1", write_edition(tmp_path, **{file: (old, new)}))
    problem = caught.value.problems[0]
    folder = "2030.1/processes" if file == "pb" else "2030.1"
    assert (problem.file, problem.line) == (f"{folder}/{file}.yaml", line)
    assert reason in problem.reason
    assert str(problem) in str(caught.value)


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    root = write_edition(tmp_path, pb=("priority: 1", "priority: 9"))
    file = root / "2030.1/processes/pb.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("[POLICE]}", "[NOBODY]}"), encoding="utf-8")
    with pytest.raises(EditionError) as caught:
        load_edition("2030.1", root)
    assert [problem.line for problem in caught.value.problems] == [5, 18]


def test_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    root = write_edition(tmp_path)
    (root / "2030.1/documents.yaml").write_bytes("拘留证: x".encode("gbk"))
    with pytest.raises(EditionError, match=r"2030\.1/documents\.yaml:1: the file is not UTF-8"):
        load_edition("2030.1", root)


def test_an_edition_without_processes(tmp_path: Path) -> None:
    root = write_edition(tmp_path)
    (root / "2030.1/processes/pb.yaml").unlink()
    with pytest.raises(EditionError, match="the edition has no processes"):
        load_edition("2030.1", root)


@pytest.mark.parametrize("edition_id", ["2031.1", "../2030.1", "", "2030.1/processes"])
def test_an_edition_that_is_not_installed(tmp_path: Path, edition_id: str) -> None:
    with pytest.raises(EditionError, match=r"there is no edition .* installed: 2030\.1"):
        load_edition(edition_id, write_edition(tmp_path))
