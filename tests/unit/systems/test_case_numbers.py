"""The register of case numbers: a case keeps its number, also over a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from xietong_client import SettingsInvalid
from xietong_system_desk.case_numbers import CaseRegister, NumberSeries
from xietong_system_desk.folders import write_json

SERIES = NumberSeries("捕受", "{organ}捕受〔{year}〕{n}号")
LONG = NumberSeries("立案", "A{organ_code}{year}{month:02d}{n:04d}")
NAMES = {"organ": "示样检", "organ_code": "440199000000"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "register.json"
    write_json(path, {"names": NAMES, "year": 2026, "last": {"捕受": 30}})
    return path


def test_a_new_case_gets_the_next_number_and_keeps_it_over_a_restart(path: Path) -> None:
    assert CaseRegister.load(path).assign(SERIES, "case-1") == "示样检捕受〔2026〕31号"
    again = CaseRegister.load(path)
    assert again.assign(SERIES, "case-1") == "示样检捕受〔2026〕31号"
    assert again.assign(SERIES, "case-2") == "示样检捕受〔2026〕32号"


def test_a_number_of_the_series_that_the_case_bears_already_is_kept(path: Path) -> None:
    register = CaseRegister.load(path)
    known = ["A4401990000002026030017", "示样检诉受〔2026〕5号", "示样检捕受〔2025〕7号"]
    assert register.assign(SERIES, "case-1", known) == "示样检捕受〔2025〕7号"
    assert register.assign(SERIES, "case-2") == "示样检捕受〔2026〕31号"


def test_series_count_apart(path: Path) -> None:
    register = CaseRegister.load(path)
    other = NumberSeries("诉受", "{organ}诉受〔{year}〕{n}号")
    assert register.assign(SERIES, "case-1") == "示样检捕受〔2026〕31号"
    assert register.assign(other, "case-1") == "示样检诉受〔2026〕1号"


def test_the_case_of_a_number_is_found(path: Path) -> None:
    register = CaseRegister.load(path)
    number = register.assign(SERIES, "case-1")
    assert register.case_of(number) == "case-1"
    assert register.case_of("示样检捕受〔2026〕99号") == ""


@pytest.mark.parametrize(
    ("series", "number", "expected"),
    [
        (SERIES, "示样检捕受〔2026〕31号", True),
        (SERIES, "他样检捕受〔2026〕31号", False),
        (SERIES, "示样检捕受〔2026〕号", False),
        (LONG, "A4401990000002026030017", True),
        (LONG, "A44019900000020260300", False),
        (NumberSeries("刑初", "({year}){organ}刑初{n}号"), "(2026)示样检刑初88号", True),
        (NumberSeries("刑初", "({year}){organ}刑初{n}号"), "2026示样检刑初88号", False),
    ],
)
def test_a_series_knows_its_numbers(series: NumberSeries, number: str, *, expected: bool) -> None:
    assert series.matches(NAMES, number) is expected


def test_a_register_that_lacks_a_name_says_which(tmp_path: Path) -> None:
    register = CaseRegister.load(tmp_path / "register.json")
    with pytest.raises(SettingsInvalid, match="`organ`"):
        register.check([SERIES])


def test_a_damaged_register_is_not_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "register.json"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(SettingsInvalid, match="backup"):
        CaseRegister.load(path)
