"""Values against the code tables that their fields name: what is found, how severe it is, and what is let pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.standard.packages import package, verdict
from tests.unit.standard.test_broken_edition import write_edition

from xietong.casefile.v1.case_pb2 import CodedValue
from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong_standard import RULES, Edition, load_edition, unsure_points

Change = Callable[[Manifest], object]


def refusal(name: str, code: str = "", table: str = "") -> Change:
    """The reason of each refused arrest."""

    def change(manifest: Manifest) -> None:
        for decision in manifest.decisions:
            if decision.kind.name == "不批准逮捕":
                decision.reason.CopyFrom(CodedValue(name=name, code=code, table=table))

    return change


def procedure(name: str) -> Change:
    """The procedure that an indictment proposes."""
    return lambda manifest: manifest.case.procedure.CopyFrom(CodedValue(name=name))


def sex(code: str) -> Change:
    """The sex of the first person: a plain field, which holds the code itself."""
    return lambda manifest: setattr(manifest.persons[0], "sex_code", code)


def ethnic_group(name: str, code: str, table: str) -> Change:
    """The ethnic group of the first person."""
    value = CodedValue(name=name, code=code, table=table)
    return lambda manifest: manifest.persons[0].ethnic_group.CopyFrom(value)


def region(code: str) -> Change:
    """The region of the offence."""
    value = CodedValue(name="示例区", code=code, table="GB/T 2260")
    return lambda manifest: manifest.case.offence_region.CopyFrom(value)


@pytest.mark.parametrize(
    ("process", "change", "rule"),
    [
        ("PB-03", refusal("不构罪"), ""),
        ("PB-03", refusal("不构罪。"), "XT-COD-01"),
        ("PB-01", sex("9"), ""),
        ("PB-01", sex("3"), "XT-COD-01"),
        ("SP-01", procedure("速裁程序"), ""),
        ("SP-01", procedure("普通程序简化审"), "XT-COD-02"),
        ("PB-03", refusal("存疑", "02", "arrest-refusal"), ""),
        ("PB-03", refusal("存疑", "01", "arrest-refusal"), "XT-COD-03"),
        ("PB-03", refusal("存疑", "99", "arrest-refusal"), "XT-COD-05"),
        ("PB-03", refusal("存疑", "99", "another table"), "XT-COD-04"),
        # Without its table's name, a code is not this table's.
        ("PB-03", refusal("存疑", "99"), ""),
        ("PB-03", refusal("存疑", "", "arrest-refusal"), ""),
        # Any coded value says which table it is of, wherever it stands; a standard's name will do.
        ("PB-01", ethnic_group("汉族", "01", "GB/T 3304"), ""),
        ("PB-01", ethnic_group("汉", "01", "GB/T 3304"), "XT-COD-10"),
        ("PB-01", ethnic_group("回族", "01", "ethnic-group"), "XT-COD-03"),
        ("PB-01", ethnic_group("示例族", "60", "ethnic-group"), "XT-COD-06"),
        ("PB-01", ethnic_group("", "01", "GB/T 3304"), "XT-COD-08"),
        ("PB-01", ethnic_group("示例", "7-7", "GB/T 4658"), ""),
        ("PB-01", region("440103"), ""),
        ("PB-01", region("4401"), "XT-COD-09"),
        ("PB-01", region("990000"), "XT-COD-09"),
        ("PB-01", region(""), ""),
    ],
)
def test_a_value_is_judged_by_its_code_table(
    edition: Edition, process: str, change: Change, rule: str
) -> None:
    manifest = package(edition.process(process))
    change(manifest)
    found = [f for f in verdict(edition, process, manifest).findings if f.rule.startswith("XT-COD")]
    assert {finding.rule for finding in found} == {rule} - {""}
    for finding in found:
        assert finding.severity is RULES[rule].severity
        assert all((finding.zh, finding.en, finding.remedy_zh, finding.remedy_en, finding.basis))
        assert "{" not in finding.zh + finding.en + finding.remedy_zh + finding.remedy_en
        assert finding.path


def test_a_code_of_a_later_version_of_the_table_is_told_apart(edition: Edition) -> None:
    table = replace(edition.code_tables["arrest-refusal"], later_codes=frozenset({"04"}))
    older = replace(edition, code_tables={**edition.code_tables, table.id: table})
    manifest = package(edition.process("PB-03"))
    refusal("存疑", "04", table.id)(manifest)
    found = [f for f in verdict(older, "PB-03", manifest).findings if f.rule.startswith("XT-COD")]
    assert [finding.rule for finding in found] == ["XT-COD-07"]
    assert "2026.1" in found[0].zh


def test_coded_values_are_found_at_any_depth(edition: Edition) -> None:
    manifest = package(edition.process("PB-01"))
    manifest.persons[0].conditions.add(name="示例", table="no such table")
    manifest.volumes[0].items[0].kind.CopyFrom(CodedValue(name="笔录", table="no such table"))
    paths = [f.path for f in verdict(edition, "PB-01", manifest).findings if f.rule == "XT-COD-04"]
    assert paths == ["persons[0].conditions[0].table", "volumes[0].items[0].kind.table"]


def test_tables_are_versioned_apart_from_the_edition(tmp_path: Path) -> None:
    write_edition(tmp_path)
    edition_file = tmp_path / "2030.1/edition.yaml"
    external = "external_code_tables:\n  GB/T 2260: {zh: 行政区划代码, en: regions}\n"
    edition_file.write_text(edition_file.read_text("utf-8") + external, "utf-8")
    folder = tmp_path / "code_tables/decision-kind"
    table = (
        (folder / "2030.1.yaml").read_text("utf-8").replace("provenance:", "standard: GB/T 1\nprovenance:")
    )
    (folder / "2030.1.yaml").write_text(table, "utf-8")
    newer = table.replace('"2030.1"', '"2030.10"') + '  "03": {zh: 受理, en: acceptance}\n'
    (folder / "2030.10.yaml").write_text(newer, "utf-8")
    (folder / "2029.yaml").write_text(newer.replace('"2030.10"', '"2029"').replace('"03"', '"04"'), "utf-8")
    read = load_edition("2030.1", tmp_path)
    table_read = read.code_tables["decision-kind"]
    assert (table_read.version, table_read.standard) == ("2030.1", "GB/T 1")
    assert table_read.later_codes == {"03"}
    assert set(read.external_code_tables) == {"GB/T 2260"}


def test_what_is_unsure_of_a_table_is_told_to_the_authority(edition: Edition) -> None:
    unsure = {table.id for table in edition.code_tables.values() if "unsure" in table.provenance}
    assert {"offence", "custody-transfer-case"} <= unsure
    assert {f"code table {name}" for name in unsure} <= {item for item, _ in unsure_points(edition)}
