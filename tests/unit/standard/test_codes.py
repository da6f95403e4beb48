"""Values against the code tables that their fields name: what is found, how severe it is, and what is let pass."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.unit.standard.packages import package, verdict

from xietong.casefile.v1.case_pb2 import CodedValue
from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong_standard import RULES, Edition

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
        ("PB-03", refusal("存疑", "99", "arrest-refusal"), "XT-COD-03"),
        # Without its table's name, or with another's, a code is not this table's.
        ("PB-03", refusal("存疑", "99", "another table"), ""),
        ("PB-03", refusal("存疑", "99"), ""),
        ("PB-03", refusal("存疑", "", "arrest-refusal"), ""),
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
