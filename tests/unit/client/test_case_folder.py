"""A case folder is read whole, and every mistake is shown at once with file, line, field and remedy."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from tests.unit.client.folders import CASE_DATA, PACKAGE, write_folder

from xietong.casefile.v1.manifest_pb2 import PartKind
from xietong.casefile.v1.media_pb2 import MediaKind
from xietong.exchange.v1.envelope_pb2 import Address, Classification, Party
from xietong_client import CaseFolder, CaseFolderInvalid, Language, Problem

FILE = "提请批准逮捕书.pdf"


def problems_of(folder: Path) -> tuple[Problem, ...]:
    with pytest.raises(CaseFolderInvalid) as caught:
        CaseFolder.load(folder)
    return caught.value.problems


def only_problem(folder: Path) -> Problem:
    [problem] = problems_of(folder)
    assert problem.text.zh
    assert problem.text.en
    return problem


def test_a_good_folder_is_read(tmp_path: Path) -> None:
    case = CaseFolder.load(write_folder(tmp_path))
    assert (case.sender, case.receivers) == (
        Party.PARTY_POLICE,
        (Address(party=Party.PARTY_PROCURATORATE),),
    )
    assert (case.key.process_code, case.edition) == ("PB-01", "2026.1")
    assert case.key.case_number == "A４４０１99〔２０２６〕１号"  # full-width digits stay as they are
    assert case.classification == Classification.CLASSIFICATION_UNCLASSIFIED
    [contribution] = case.contributions
    assert contribution.fragment is not None
    assert contribution.fragment.persons[0].name == "样本·某"
    assert contribution.fragment.parts[0].kind == PartKind.PART_KIND_DOCUMENT
    assert contribution.files == {FILE: case.path / "documents" / FILE}


def test_an_address_may_name_organ_and_system(tmp_path: Path) -> None:
    package = PACKAGE.replace(
        "to: [procuratorate]",
        "to:\n  - {party: procuratorate, organ_code: 440199100000, system: prosecution}\n  - court",
    )
    case = CaseFolder.load(write_folder(tmp_path, package))
    assert case.receivers == (
        Address(party=Party.PARTY_PROCURATORATE, organ_code="440199100000", system="prosecution"),
        Address(party=Party.PARTY_COURT),
    )


def test_values_take_the_type_of_the_contract_not_yamls_guess(tmp_path: Path) -> None:
    data = CASE_DATA + (
        "media:\n"
        "  - kind: MEDIA_KIND_INTERROGATION\n"
        "    title: 0012\n"
        "    part: yes\n"
        "    duration_ms: 65000\n"
        "    start_time: 2026-03-13T09:30:00+08:00\n"
        "documents:\n"
        "  - {kind: {name: 讯问笔录}, part: x.pdf, scanned: true, issue_date: 2026-03-13}\n"
    )
    [contribution] = CaseFolder.load(write_folder(tmp_path, data=data)).contributions
    assert contribution.fragment is not None
    [media], [document] = contribution.fragment.media, contribution.fragment.documents
    assert (media.kind, media.title, media.part) == (MediaKind.MEDIA_KIND_INTERROGATION, "0012", "yes")
    assert (media.duration_ms, media.start_time.seconds) == (65000, 1773365400)
    assert (document.scanned, document.issue_date) == (True, "2026-03-13")


@pytest.mark.parametrize(
    ("wrong", "line", "field", "words"),
    [
        ("pers0ns: []", 1, "pers0ns", "did you mean `persons`?"),
        ("persons: {id: p1}", 1, "persons", "must be a list"),
        ("case: [1]", 1, "case", "must be a mapping"),
        ("case:\n  name: {a: b}", 2, "case.name", "single value"),
        ("case:\n  name: a\n  name: b", 3, "case.name", "given twice"),
        ("media:\n- kind: INTERROGATION", 2, "media[0].kind", "`MEDIA_KIND_INTERROGATION`"),
        ("media:\n- kind: MEDIA_KIND_UNSPECIFIED", 2, "media[0].kind", "not known"),
        ("media:\n- duration_ms: 1.5", 2, "media[0].duration_ms", "whole number"),
        ("media:\n- duration_ms: -1", 2, "media[0].duration_ms", "beyond"),
        ("media:\n- start_time: 2026-03-13 09:30", 2, "media[0].start_time", "2026-03-13T09:30:00+08:00"),
        ("documents:\n- scanned: yes", 2, "documents[0].scanned", "true or false"),
    ],
)
def test_wrong_case_data_is_shown_where_it_stands(
    tmp_path: Path, wrong: str, line: int, field: str, words: str
) -> None:
    package = PACKAGE.replace("    files: documents/\n", "")
    problem = only_problem(write_folder(tmp_path, package, wrong + "\n"))
    assert (problem.file, problem.line, problem.field) == ("case-data.yaml", line, field)
    assert words in problem.text.en


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("process: PB-01\n", "", 1, "`process` is missing"),
        ("from: police", "from: polices", 3, "did you mean `police`?"),
        ("classification: UNCLASSIFIED", "classification: SECRET", 7, "UNCLASSIFIED, CLASSIFIED"),
        ('organ_code: "440199000000"\ncase', "organ_code:\ncase", 1, "`organ_code` is missing"),
        ("edition:", "editoin:", 2, "did you mean `edition`?"),
        ("data: case-data.yaml", "data: ../case-data.yaml", 12, "inside the case folder"),
        ("data: case-data.yaml", "data: /etc/hostname", 12, "inside the case folder"),
        ("files: documents/", "files: papers/", 13, "no such folder"),
        ("handler_ref", "handler", 8, "handler_ref"),
    ],
)
def test_a_wrong_package_file_is_shown_where_it_stands(
    tmp_path: Path, old: str, new: str, line: int, words: str
) -> None:
    found = problems_of(write_folder(tmp_path, PACKAGE.replace(old, new)))
    assert (found[0].file, found[0].line) == ("package.yaml", line)
    assert words in found[0].text.en


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    package = PACKAGE.replace("from: police", "from: nobody").replace("PB-01\n", "PB-01\ncolour: red\n")
    data = CASE_DATA.replace("filing_date", "filed") + "charges: none\n"
    found = problems_of(write_folder(tmp_path, package, data))
    assert {problem.field for problem in found} == {"from", "colour", "case.filed", "charges"}


@pytest.mark.parametrize(
    "name", ["a/b.pdf", "a\\b.pdf", "..", '"a\\tb.pdf"', '" a.pdf"', '"a.pdf "', "x" * 5000, "案" * 100, '""']
)
def test_a_part_name_that_the_contract_refuses_is_shown(tmp_path: Path, name: str) -> None:
    data = CASE_DATA.replace(FILE, name)
    found = problems_of(write_folder(tmp_path, data=data))
    named = [problem for problem in found if problem.field == "parts[0].name"]
    assert len(named) == 1
    assert named[0].line == 8
    assert "is not valid" in named[0].text.en
    assert len(named[0].text.zh) < 300


def test_a_listed_file_that_is_missing_is_shown(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    (folder / "documents" / FILE).unlink()
    problem = only_problem(folder)
    assert (problem.file, problem.line, problem.field) == ("case-data.yaml", 8, "parts[0].name")
    assert FILE in problem.text.zh


@pytest.mark.parametrize("link", ["documents", f"documents/{FILE}", "case-data.yaml"])
def test_a_link_that_leads_out_of_the_folder_is_shown(tmp_path: Path, link: str) -> None:
    folder = write_folder(tmp_path)
    (folder / link).rename(tmp_path / "outside")
    (folder / link).symlink_to(tmp_path / "outside")
    named = [problem for problem in problems_of(folder) if "leads out" in problem.text.en]
    assert [problem.file for problem in named] == ["package.yaml"]
    assert Path(link).name in named[0].text.zh


def test_a_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    (folder / "documents" / FILE).rename(folder / "original.pdf")
    (folder / "documents" / FILE).symlink_to("../original.pdf")
    assert FILE in CaseFolder.load(folder).contributions[0].files


def test_a_file_that_would_silently_stay_behind_is_shown(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    (folder / "documents" / "遗漏.pdf").write_bytes(b"x")
    (folder / "documents" / ".hidden").write_bytes(b"x")
    (folder / "documents" / "Thumbs.db").write_bytes(b"x")
    assert "遗漏.pdf" in only_problem(folder).text.zh


def test_two_contributions_may_share_a_folder_but_no_file(tmp_path: Path) -> None:
    second = (
        PACKAGE + "  - {system: evidence-archive, name: dossier, data: dossier.yaml, files: documents/}\n"
    )
    folder = write_folder(tmp_path, second)
    (folder / "documents" / "卷宗.pdf").write_bytes(b"x")
    (folder / "dossier.yaml").write_text(
        "parts: [{name: 卷宗.pdf, kind: PART_KIND_DOSSIER}]", encoding="utf-8"
    )
    assert [sorted(c.files) for c in CaseFolder.load(folder).contributions] == [[FILE], ["卷宗.pdf"]]
    (folder / "dossier.yaml").write_text(CASE_DATA, encoding="utf-8")
    assert any("used by case-data" in problem.text.en for problem in problems_of(folder))


def test_names_in_another_normalisation_form_match(tmp_path: Path) -> None:
    name = "Ékin·é.pdf"
    folder = write_folder(tmp_path, data=CASE_DATA.replace(FILE, unicodedata.normalize("NFC", name)))
    (folder / "documents" / FILE).rename(folder / "documents" / unicodedata.normalize("NFD", name))
    [contribution] = CaseFolder.load(folder).contributions
    assert list(contribution.files) == [unicodedata.normalize("NFC", name)]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (CASE_DATA.encode("gb18030"), "GB18030"),
        (CASE_DATA.encode("utf-16"), "UTF-16"),
        (b"case: \xff\xff\xff\n", "not UTF-8"),
    ],
)
def test_another_encoding_is_explained(tmp_path: Path, raw: bytes, words: str) -> None:
    folder = write_folder(tmp_path)
    (folder / "case-data.yaml").write_bytes(raw)
    problem = next(p for p in problems_of(folder) if p.file == "case-data.yaml")
    assert words in problem.text.en


def test_a_byte_order_mark_is_fine(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    (folder / "case-data.yaml").write_bytes(b"\xef\xbb\xbf" + CASE_DATA.encode())
    assert CaseFolder.load(folder).contributions[0].fragment is not None


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("case: [\n", 2, "not valid YAML"),
        ("case:\n\tname: x\n", 2, "not valid YAML"),
        ("", 0, "empty"),
        ("case: \x00\n", 0, "not valid YAML"),
        ("a: &x [1, 1]\nb: [*x, *x]\n", 2, "aliases"),
        ("a: &x 1\nb: *x\n", 2, "aliases"),
        ("case: " + "[" * 50_000, 1, "levels deep"),
        ("".join(f"{' ' * level}a:\n" for level in range(3_000)), 51, "levels deep"),
    ],
)
def test_what_is_no_yaml_is_explained(tmp_path: Path, text: str, line: int, words: str) -> None:
    folder = write_folder(tmp_path)
    (folder / "case-data.yaml").write_text(text, encoding="utf-8")
    problem = next(p for p in problems_of(folder) if p.file == "case-data.yaml")
    assert problem.line == line
    assert words in problem.text.en


def test_a_folder_without_package_file_is_explained(tmp_path: Path) -> None:
    problem = only_problem(tmp_path)
    assert problem.file == "package.yaml"
    assert "No such file" in problem.text.en


def test_a_problem_is_one_line_in_each_language(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, PACKAGE.replace("from: police", "from: nobody"))
    with pytest.raises(CaseFolderInvalid) as caught:
        CaseFolder.load(folder)
    first, second = caught.value.describe(Language.ZH).splitlines()
    assert first.startswith("CASE_FOLDER_INVALID: 案件文件夹")
    assert second.startswith("  package.yaml:3: from 不认识")
    assert "package.yaml:3: from `nobody` is not known" in str(caught.value)


EXAMPLES = sorted(path.parent for path in (Path(__file__).parents[3] / "examples").glob("*/package.yaml"))


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_read(folder: Path) -> None:
    case = CaseFolder.load(folder)
    assert case.key.process_code in folder.name
    assert all(contribution.fragment is not None for contribution in case.contributions)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 11
