"""What the catalogue says beside requirements: completeness that is computed, code tables, effects, systems."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xietong_standard import Edition, gaps, statistics, unsure_points
from xietong_standard.catalogue import ClockVerb, Content, KeyField, Supervision
from xietong_standard.model import Process
from xietong_standard.text import Text


def test_every_process_is_complete(edition: Edition) -> None:
    assert {code: gaps(process) for code, process in edition.processes.items() if gaps(process)} == {}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("required_documents", (), "no required document"),
        ("fields", (), "no required field"),
        ("contributions", (), "which system"),
        ("clocks", None, "to clocks"),
        ("supervision", None, "supervision part"),
        ("time_limit", None, "time limit"),
        ("basis", (), "no legal basis"),
        ("key_fields", (KeyField(Text("印章", "seal"), ()),), "no place for 'seal'"),
    ],
)
def test_what_a_process_does_not_say_makes_it_incomplete(
    edition: Edition, name: str, value: object, words: str
) -> None:
    changed = replace(edition.process("PB-02"), **{name: value})  # type: ignore[arg-type] # one of its fields
    found = gaps(changed)
    assert len(found) == 1
    assert words in found[0].en
    assert found[0].zh


def test_nothing_is_not_the_same_as_not_said(edition: Edition) -> None:
    process = replace(edition.process("PB-02"), clocks={}, supervision=Supervision())
    assert gaps(process) == ()


def test_a_technical_process_names_what_carries_it(edition: Edition) -> None:
    carried = {code: process.carrier for code, process in edition.processes.items() if process.carrier}
    assert {code: carrier.evidence or carrier.envelope for code, carrier in carried.items()} == {
        "TY-01": "DELIVERED",
        "TY-02": "ACCEPTED",
        "TY-03": "RETURNED",
        "TY-04": "corrects_package_id",
        "TY-05": "WITHDRAWN",
    }
    assert all(not edition.process(code).required_documents for code in carried)


def test_statistics_count_what_is_there(edition: Edition) -> None:
    counts = statistics(edition)
    assert (counts.processes, counts.first_release, counts.technical) == (136, 58, 5)
    assert counts.first_release_complete == 58
    assert counts.code_tables == len(edition.code_tables)
    assert counts.unsure == len(unsure_points(edition)) > len(edition.unsure)
    broken = dict(edition.processes)
    broken["PB-01"] = replace(broken["PB-01"], time_limit=None)
    changed = statistics(replace(edition, processes=broken))
    assert (changed.complete, changed.first_release_complete) == (counts.complete - 1, 57)


def test_key_fields_lead_into_the_manifest(edition: Edition) -> None:
    paths = {key.name.zh: [path.text for path in key.paths] for key in edition.process("PB-01").key_fields}
    assert paths["罪名"] == ["charges[stage=ARREST_REQUEST].offence.name"]
    assert paths["未成年标志"] == ["persons[roles=SUSPECT].juvenile_at_offence"]


def test_what_a_process_does_to_clocks(edition: Edition) -> None:
    def clocks(code: str) -> dict[str, tuple[str, ...]]:
        return {verb.value: ids for verb, ids in (edition.process(code).clocks or {}).items()}

    assert clocks("PB-01") == {"starts": ("D03", "D04"), "stops": ("D02",)}
    assert clocks("QS-03") == {"stops": ("D10",), "restarts": ("D08", "D09")}
    assert clocks("SP-22")["suspends"] == clocks("SP-23")["resumes"] == ("D20",)
    assert clocks("ZC-05") == {ClockVerb.EXTENDS: ("D05", "D06")}


def test_both_systems_of_the_police_contribute(edition: Edition) -> None:
    contributions = {c.system.id: c.contents for c in edition.process("PB-01").contributions}
    assert contributions == {
        "case-handling": (Content.DATA, Content.DOCUMENTS),
        "evidence-archive": (Content.VOLUMES, Content.MEDIA),
    }


def test_code_tables_are_told_with_source_and_version(edition: Edition) -> None:
    sex = edition.code_tables["sex"]
    assert (sex.version, sex.exhaustive) == ("2003", True)
    assert {code: text.zh for code, text in sex.codes.items()}["9"] == "未说明的性别"
    for table in edition.code_tables.values():
        assert all((table.source.zh, table.source.en, table.provenance))
        # A table that does not come from a law or standard must not refuse other values.
        assert not table.exhaustive or table.provenance != ("design",)


def test_only_rounds_that_the_law_knows_go_in_a_circle(edition: Edition) -> None:
    assert [round_.processes for round_ in edition.rounds] == [("QS-02", "QS-03")]


def texts_of(process: Process) -> list[Text | None]:
    return [
        process.name,
        process.stage,
        process.time_limit,
        *(key.name for key in process.key_fields),
        *(field.label for field in process.fields),
        *(point.note for point in process.unsure),
    ]


def test_english_texts_hold_no_chinese_and_chinese_ones_some(edition: Edition) -> None:
    for process in edition.processes.values():
        for text in filter(None, texts_of(process)):
            assert not any("一" <= character <= "鿿" for character in text.en), (process.code, text.en)
            assert any("一" <= character <= "鿿" for character in text.zh), (process.code, text.zh)
