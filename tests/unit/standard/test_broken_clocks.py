"""Broken clocks, events and calendars are refused with file, line and reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.standard.test_broken_edition import CLOCKS, write_edition

from xietong_standard import EditionError, load_edition

FIRST_ITEM = CLOCKS[CLOCKS.index("- id: D03") : CLOCKS.index("- id: D05")]
FIRST_LIMIT = FIRST_ITEM[FIRST_ITEM.index("  - key: decision") :]


def line_of(text: str) -> int:
    return CLOCKS[: CLOCKS.index(text)].count("\n") + 1


def refusal(tmp_path: Path, **changes: tuple[str, str]) -> str:
    with pytest.raises(EditionError) as caught:
        load_edition("2030.1", write_edition(tmp_path, **changes))
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("id: D03", "id: 3", 4, "text is expected, not '3'"),
        ("id: D03", "id: X03", 4, "'X03' is no id of a clock"),
        ("kind: limit", "kind: deadline", 5, "'deadline' is not one of: exclusion, limit"),
        ("  kind: limit\n", "", 4, "missing: kind"),
        ("kind: limit", "kind: exclusion", 9, "unknown key 'limits'"),
        ("CPL:", "CPC:", 7, "law 'CPC' is not in edition.yaml"),
        ("provenance: [src]", "provenance: [unsure]", 8, "'unsure' does not say what is"),
        ("key: decision", "key: Decision", 10, "'Decision' is no key"),
        ("7 days", "a week", 12, "'a week' is no length of time"),
        ("7 days", "1 day + 1 hour", 12, "mixes hours"),
        ("starts: [detention]", "starts: []", 13, "D03 starts at no event"),
        ("PB-02 received", "PB-02 arrived", 14, "is no trigger"),
        ("PB-02 received", "PB-09 received", 14, "'PB-09' is not a process of this edition"),
        ("by POLICE", "by COURT", 14, "COURT has no part in 'PB-02 received by COURT'"),
        ("by POLICE", "by PRISON_GUARD", 14, "'PRISON_GUARD' is not one of"),
        (
            "PB-02 received by POLICE",
            "PB-02 sent by POLICE",
            14,
            "POLICE has no part in 'PB-02 sent by POLICE'",
        ),
        ("PB-02 received by POLICE", "escape", 14, "event 'escape' is not in events.yaml"),
        ("when: detained", "when: asleep", 15, "'asleep' is no switch of this edition"),
        ("when: detained", "unless: [asleep]", 15, "'asleep' is no switch of this edition"),
        ("when: detained", "holidays: maybe", 15, "'maybe' is not one of"),
        ("when: detained", "most_runs: 0", 15, "0 is not 1 or more"),
        ("when: detained", "colour: red", 15, "unknown key 'colour'"),
        (
            "when: detained",
            "extensions: [{key: x, by: 1 day, to: 9 days, granted_by: [detention], approver: upper_court}]",
            15,
            "'by' or 'to', not both",
        ),
        (
            "when: detained",
            "extensions: [{key: x, by: 5 hours, granted_by: [detention], approver: upper_court}]",
            15,
            "counts in the units of its limit",
        ),
        (
            "when: detained",
            "extensions: [{key: x, by: 1 day, granted_by: [detention], approver: mayor}]",
            15,
            "'mayor' is not one of",
        ),
        ("[PROCURATORATE]", "[]", 16, "nobody is responsible"),
        ("leads: [1 day]\n", f"leads: [1 day]\n{FIRST_LIMIT}", 18, "'D03.decision' is given twice"),
        (
            "leads: [1 day]\n",
            f"leads: [1 day]\n{FIRST_ITEM}",
            18,
            "clock 'D03' is given twice",
        ),
        ("within: [D03]", "within: [D08]", line_of("  within:"), "'D08' is no limit of this edition"),
        ("of: [D05]", "of: [D05, D05]", line_of("    of:"), "'D05' is listed twice"),
    ],
)
def test_the_mistake_is_named(tmp_path: Path, old: str, new: str, line: int, reason: str) -> None:
    assert f"2030.1/clocks.yaml:{line}: " in (refused := refusal(tmp_path, clocks=(old, new)))
    assert reason in refused


def test_a_prohibited_restart_is_refused(tmp_path: Path) -> None:
    refused = refusal(tmp_path, clocks=("    when: detained\n", "    restarts: [arrest]\n"))
    assert f"2030.1/clocks.yaml:{line_of('- id: D39')}: D39 forbids that 'D03' restarts" in refused


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("detention:", "Detention:", "'Detention' is no code of an event"),
        (", en: detention executed", "", "missing: en"),
        ("DETENTION].start_time", "DETENTION].starting", "has no field 'starting'"),
        ("DETENTION].start_time", "DETENTION].place.name", "is no date of an entry that names a person"),
        (
            "measures[kind=DETENTION].start_time",
            "case.filing_date",
            "is no date of an entry that names a person",
        ),
        ("DETENTION].start_time", "DETENTION].document_number", "is neither a day nor a time"),
        (
            "arrest:",
            "escape: {zh: 脱逃, en: escape}\narrest:",
            "no clock and no state uses the event 'escape'",
        ),
    ],
)
def test_broken_events(tmp_path: Path, old: str, new: str, reason: str) -> None:
    refused = refusal(tmp_path, events=(old, new))
    assert "2030.1/events.yaml:" in refused
    assert reason in refused


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"pb": ("[arrest]", "[escape]")}, "pb.yaml:14: PB-02: event 'escape' is not in events.yaml"),
        (
            {"events": (', told_by: ["measures[kind=ARREST].start_time"]', "")},
            "pb.yaml:14: PB-02: nothing in the manifest tells the event 'arrest'; give 'told_by' in events.yaml",
        ),
        ({"pb": ("stops: [D03]", "stops: [D04, D03]")}, "pb.yaml:14: PB-02: 'D04' is not in clocks.yaml"),
        ({"pb": ("stops: [D03]", "stops: [D03], extends: [D03]")}, "does not say that it extends D03"),
        ({"pb": ("stops: [D03]", "")}, "clocks.yaml:4: PB-02 does not say that it stops D03"),
        (
            {"clocks": ("[PB-02 received by POLICE]", "[detention]")},
            "pb.yaml:14: PB-02: clocks.yaml does not say that it stops D03",
        ),
    ],
)
def test_processes_and_clocks_say_the_same(
    tmp_path: Path, changes: dict[str, tuple[str, str]], reason: str
) -> None:
    assert reason in refusal(tmp_path, **changes)


@pytest.mark.parametrize("name", ["events.yaml", "clocks.yaml", "lifecycle.yaml"])
def test_an_edition_without_them(tmp_path: Path, name: str) -> None:
    root = write_edition(tmp_path)
    (root / "2030.1" / name).unlink()
    with pytest.raises(EditionError, match=rf"2030\.1/{name}:1: the file cannot be read"):
        load_edition("2030.1", root)


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("year: 2030", "year: 2031", 1, "the file is '2030.yaml', it says 2031"),
        ("official: true", "official: false", 5, "list no holidays"),
        ("source: {zh: 通知, en: notice}\n", "", 1, "missing: source"),
        ('"2030-01-01"', '"2029-12-31"', 5, "2029-12-31 does not lie in 2030"),
        ('"2030-01-01"', '"2030-01-32"', 5, "'2030-01-32' is not a date"),
        ('"2030-01-01"', '"2030-01-03"', 5, "ends before it begins"),
        ('["2030-01-05"]', '["2030-01-07"]', 6, "2030-01-07 is no day of a weekend"),
    ],
)
def test_a_broken_calendar(tmp_path: Path, old: str, new: str, line: int, reason: str) -> None:
    refused = refusal(tmp_path, year=(old, new))
    assert f"calendar/2030.yaml:{line}: " in refused
    assert reason in refused


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("    DECIDED:", "    decided:", 4, "'decided' is no code of a state"),
        ("to: DECIDED", "to: NOWHERE", 7, "'NOWHERE' is no state of this region"),
        ("from: [ARREST_REVIEW]", "from: [NOWHERE]", 7, "'NOWHERE' is no state of this region"),
        ("by: [PB-01 sent]", "by: []", 6, "nothing makes this move"),
        ("by: [PB-01 sent]", "by: [PB-77 sent]", 6, "'PB-77' is not a process of this edition"),
        ("by: [PB-01 sent]", "by: [escape]", 6, "event 'escape' is not in events.yaml"),
        ("most_visits: 1", "most_visits: 0", 7, "0 is not 1 or more"),
        ("[ZC-05]", "[ZC-77]", 9, "'ZC-77' is not a process of this edition"),
        (", terminal: true", "", 4, "no move leads out of the state 'DECIDED', which is not terminal"),
        ("to: DECIDED", "to: ARREST_REVIEW", 4, "no move leads to the state 'DECIDED'"),
    ],
)
def test_a_broken_lifecycle(tmp_path: Path, old: str, new: str, line: int, reason: str) -> None:
    refused = refusal(tmp_path, lifecycle=(old, new))
    assert f"2030.1/lifecycle.yaml:{line}: " in refused
    assert reason in refused
