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
code_tables:
  decision-kind: "2030.1"
"""
SYSTEMS = """\
case-handling: {party: POLICE, zh: 办案系统, en: case handling, provenance: [brief]}
prosecution: {party: PROCURATORATE, zh: 检察系统, en: prosecution, provenance: [brief], planned: true}
"""
CODES = """\
id: decision-kind
version: "2030.1"
name: {zh: 决定事项, en: kinds of decisions}
source: {zh: 自编, en: our own}
provenance: [design]
exhaustive: false
codes:
  "01": {zh: 批准逮捕, en: arrest approved}
  "02": {zh: 不批准逮捕, en: arrest refused}
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
  contributions: {prosecution: [DATA, DOCUMENTS]}
  key_fields:
  - {zh: 文号, en: number, paths: ["decisions[kind.name=批准逮捕].document_number"]}
  clocks: {stops: [D03]}
  supervision: {persons: [SUSPECT], events: [arrest]}
  time_limit: {zh: 立即, en: at once}
- code: TY-01
  name: {zh: 技术签收回执, en: Technical receipt}
  priority: 1
  carried_by: {evidence: DELIVERED}
  senders: [ANY]
  receivers: {mode: one_of, parties: [ANY]}
  answers: ["*"]
  basis: {}
  provenance: [brief]
- code: ZC-05
  name: {zh: 延长决定, en: Extension decision}
  priority: 2
  senders: [{party: PROCURATORATE, level: upper}]
  receivers: {mode: all_of, parties: [{one_of: [POLICE, COURT], system: detention, condition: in_custody}]}
  documents:
    required: [{one_of: [提请批准逮捕书], each: [SUSPECT], condition: detained}, {name: 提请批准逮捕书}]
    optional: [提请批准逮捕书]
  volumes: {required: [DOCUMENTS, {kind: EVIDENCE, condition: property}], optional: [COURT]}
  audio_video: {mode: usual, kinds: [HEARING]}
  fields:
  - {path: charges.offence.name, zh: 罪名, en: offence, each: [SUSPECT], condition: in_custody, table: decision-kind}
  basis: {CPL: []}
  provenance: [unsure]
  unsure:
  - {item: basis, zh: 条文待核, en: the article is to be confirmed}
"""
EVENTS = """\
detention: {zh: 拘留执行, en: detention executed, told_by: ["measures[kind=DETENTION].start_time"]}
arrest: {zh: 逮捕执行, en: arrest executed, told_by: ["measures[kind=ARREST].start_time"]}
evaluation: {zh: 鉴定开始, en: evaluation begun, given: {path: case.name, value: 鉴定}}
evaluated: {zh: 鉴定结束, en: evaluation ended}
"""
CLOCKS = """\
switches:
  detained: {begins: [detention], ends: [arrest]}
clocks:
- id: D03
  kind: limit
  name: {zh: 审查逮捕, en: arrest decision}
  basis: {CPL: ["91"]}
  provenance: [src]
  limits:
  - key: decision
    name: {zh: 审查逮捕, en: arrest decision}
    term: 7 days
    starts: [detention]
    stops: [PB-02 received by POLICE]
    when: detained
    responsible: [PROCURATORATE]
    leads: [1 day]
- id: D05
  kind: limit
  name: {zh: 侦查羁押, en: investigation custody}
  basis: {CPL: []}
  provenance: [unsure]
  unsure:
  - {item: basis, zh: 条文待核, en: the article is to be confirmed}
  limits:
  - key: custody
    name: {zh: 侦查羁押, en: investigation custody}
    term: 2 months
    starts: [arrest]
    stops: []
    restarts: [evaluated]
    extensions:
    - {key: first, by: 1 month, at_most: 2 months, granted_by: [detention], approver: upper_court, times: 2}
    - {key: second, to: 1 month + 1 half-month, granted_by: [arrest], approver: upper_court}
    excludes:
    - {begins: [detention], ends: [arrest]}
    holidays: by_custody
    unless: [detained]
    most_runs: 2
    per_case: true
    responsible: [POLICE, COURT]
    leads: [7 days, 3 days]
- id: D07
  kind: warning_lead
  name: {zh: 提前提示, en: early warning}
  basis: {CPL: ["91"]}
  provenance: [src]
  leads:
  - key: warning
    name: {zh: 提前提示, en: early warning}
    of: [D05]
    before: 7 days
    extended: first
    extendable: true
    stops: [arrest]
    responsible: [POLICE]
    leads: [1 day]
- id: D37
  kind: exclusion
  name: {zh: 鉴定期间, en: time of an evaluation}
  basis: {CPL: ["91"]}
  provenance: [src]
  begins: [evaluation]
  ends: [evaluated]
  excluded_from: [D03, D05]
- id: D39
  kind: prohibition
  name: {zh: 不重新计算, en: no restart}
  basis: {CPL: ["91"]}
  provenance: [src]
  begins: [arrest]
  ends: []
  within: [D03]
  responsible: [PROCURATORATE]
  leads: [1 day]
"""
LIFECYCLE = """\
procedure:
  states:
    ARREST_REVIEW: {zh: 审查逮捕, en: arrest review}
    DECIDED: {zh: 已决定, en: decided, terminal: true}
  moves:
  - {from: [], to: ARREST_REVIEW, by: [PB-01 sent], basis: {CPL: ["91"]}}
  - {from: [ARREST_REVIEW], to: DECIDED, by: [PB-02 sent], most_visits: 1, whole_case: true}
  fits:
  - {processes: [ZC-05], states: [ARREST_REVIEW]}
measure:
  states:
    DETAINED: {zh: 拘留, en: detained}
  moves:
  - {from: ["*"], to: DETAINED, by: [detention]}
unsure:
- {item: PB-02, zh: 待核, en: to be confirmed}
"""
YEAR = """\
year: 2030
official: true
source: {zh: 通知, en: notice}
holidays:
- {zh: 元旦, en: New Year's Day, first: "2030-01-01", last: "2030-01-02"}
make_up_days: ["2030-01-05"]
"""
FILES = {
    "2030.1/events.yaml": EVENTS,
    "2030.1/clocks.yaml": CLOCKS,
    "2030.1/lifecycle.yaml": LIFECYCLE,
    "calendar/2030.yaml": YEAR,
    "2030.1/edition.yaml": EDITION,
    "2030.1/documents.yaml": DOCUMENTS,
    "2030.1/systems.yaml": SYSTEMS,
    "2030.1/processes/pb.yaml": PROCESSES,
    "code_tables/decision-kind/2030.1.yaml": CODES,
}
# The file that a change is about, by the short name that the tests use.
PLACES = {
    "events": "2030.1/events.yaml",
    "clocks": "2030.1/clocks.yaml",
    "lifecycle": "2030.1/lifecycle.yaml",
    "year": "calendar/2030.yaml",
    "edition": "2030.1/edition.yaml",
    "documents": "2030.1/documents.yaml",
    "systems": "2030.1/systems.yaml",
    "pb": "2030.1/processes/pb.yaml",
    "codes": "code_tables/decision-kind/2030.1.yaml",
}


# File, what is replaced by what, and the line and reason that are told.
MISTAKES: list[tuple[str, str, str, int, str]] = [
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
    (
        "pb",
        'basis: {CPL: ["91"]}',
        'answers: [PB-02]\n  basis: {CPL: ["91"]}',
        3,
        "answer each other in a circle",
    ),
    (
        "edition",
        'decision-kind: "2030.1"',
        'decision-kind: "2030.1"\nrounds:\n- {processes: [PB-01, PB-02], zh: 往复, en: in turn}',
        9,
        "PB-01, PB-02 do not answer each other in turn",
    ),
    ("edition", "decision-kind:", "Decision:", 7, "'Decision' is not a name of small letters"),
    (
        "edition",
        'kind: "2030.1"',
        'kind: "2031.1"',
        7,
        "code table 'decision-kind' has no version '2031.1'",
    ),
    ("edition", 'kind: "2030.1"', 'kind: "../2030.1"', 7, "'../2030.1' is not a version"),
    ("codes", "id: decision-kind", "id: decisions", 1, "its id says 'decisions'"),
    ("codes", 'version: "2030.1"', 'version: "2030.2"', 2, "its version says '2030.2'"),
    ("codes", ", en: kinds of decisions", "", 3, "missing: en"),
    ("codes", "exhaustive: false", "exhaustive: perhaps", 6, "'true' or 'false'"),
    ("codes", '"02": {zh: 不批准逮捕', '"02": {zh: 批准逮捕', 9, "'批准逮捕' has two codes"),
    ("codes", '"02": {zh', '"01": {zh', 9, "'01' is given twice"),
    ("systems", "party: POLICE", "party: HUB", 1, "'HUB' is not one of"),
    ("systems", "planned: true", "planned: soon", 2, "'true' or 'false'"),
    ("systems", "prosecution:", "Prosecution:", 2, "is not a name of small letters"),
    ("pb", "prosecution: [DATA", "trial: [DATA", 22, "system 'trial' is not in systems.yaml"),
    ("pb", "[DATA, DOCUMENTS]", "[DATA, PAPER]", 22, "'PAPER' is not one of"),
    ("pb", "[DATA, DOCUMENTS]", "[DOCUMENTS]", 14, "no system of PROCURATORATE contributes DATA"),
    ("pb", "prosecution: [DATA", "case-handling: [DATA", 14, "contributes, but POLICE does not send"),
    ("pb", "name=批准逮捕]", "name=批准拘留]", 24, "'批准拘留' is not in code table decision-kind"),
    (
        "pb",
        "decisions[kind.name=批准逮捕].document_number",
        "documents[kind.name=拘留证].number",
        24,
        "'拘留证' is not in documents.yaml",
    ),
    ("pb", "en: number, paths", "paths", 24, "missing: en"),
    ("pb", "stops: [D03]", "ends: [D03]", 25, "unknown key 'ends'"),
    ("pb", "stops: [D03]", "stops: [D3]", 25, "'D3' is not the id of a clock"),
    ("pb", "stops: [D03]", "stops: [D03, D03]", 25, "'D03' is listed twice"),
    ("pb", "persons: [SUSPECT]", "persons: [THIEF]", 26, "'THIEF' is not one of"),
    ("pb", "events: [arrest]", "events: [Arrest]", 26, "is not a name of small letters"),
    ("pb", "time_limit: {zh: 立即, en: at once}", "time_limit: 立即", 27, "a mapping is expected"),
    ("pb", "evidence: DELIVERED", "evidence: ARRIVED", 31, "'ARRIVED' is not one of"),
    ("pb", "evidence: DELIVERED", "envelope: seal", 31, "'seal' is not one of"),
    ("pb", "{evidence: DELIVERED}", "{}", 31, "needs 'evidence' or 'envelope'"),
]


def write_edition(root: Path, **changes: tuple[str, str]) -> Path:
    """Writes the small edition above; a change replaces one piece of text in a file."""
    for name, text in FILES.items():
        old, new = next((change for key, change in changes.items() if PLACES[key] == name), ("", ""))
        assert old in text
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text.replace(old, new, 1) if old else text, encoding="utf-8")
    return root


def test_the_small_edition_itself_is_right(tmp_path: Path) -> None:
    assert sorted(load_edition("2030.1", write_edition(tmp_path)).processes) == [
        "PB-01",
        "PB-02",
        "TY-01",
        "ZC-05",
    ]


@pytest.mark.parametrize(("file", "old", "new", "line", "reason"), MISTAKES)
def test_a_mistake_is_named_by_file_line_and_reason(
    tmp_path: Path, file: str, old: str, new: str, line: int, reason: str
) -> None:
    with pytest.raises(EditionError) as caught:
        load_edition("2030.1", write_edition(tmp_path, **{file: (old, new)}))
    problem = caught.value.problems[0]
    assert (problem.file, problem.line) == (PLACES[file], line)
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
