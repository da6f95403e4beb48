"""Numbers of national form, with the examples of the standards themselves."""

from __future__ import annotations

from datetime import date

import pytest

from xietong_standard import identifiers
from xietong_standard.numerals import article_text

RESIDENT = "11010519491231002X"
CREDIT = "91350100M000100Y43"


@pytest.mark.parametrize(
    "number", [RESIDENT, RESIDENT.lower(), "１１０１０５１９４９１２３１００２Ｘ", f" {RESIDENT} "]
)
def test_the_example_of_gb_11643_is_right(number: str) -> None:
    assert identifiers.is_resident_number_form(number)
    assert identifiers.has_resident_checksum(number)
    assert identifiers.resident_birth_date(number) == date(1949, 12, 31)


@pytest.mark.parametrize("position", range(17))
def test_every_changed_digit_of_a_resident_number_shows(position: int) -> None:
    changed = str((int(RESIDENT[position]) + 1) % 10)
    assert not identifiers.has_resident_checksum(RESIDENT[:position] + changed + RESIDENT[position + 1 :])


@pytest.mark.parametrize("number", ["", "110105491231002", RESIDENT[:-1], RESIDENT + "1", "A" + RESIDENT[1:]])
def test_other_forms_are_no_resident_number(number: str) -> None:
    assert not identifiers.is_resident_number_form(number)


def test_a_resident_number_with_an_impossible_date() -> None:
    assert identifiers.resident_birth_date("110105194902300028") is None


def test_the_example_of_gb_32100_is_right() -> None:
    assert identifiers.is_credit_code_form(CREDIT)
    assert identifiers.has_credit_checksum(CREDIT)


@pytest.mark.parametrize("position", range(2, 8))
def test_every_changed_digit_of_a_credit_code_shows(position: int) -> None:
    changed = str((int(CREDIT[position]) + 1) % 10)
    assert not identifiers.has_credit_checksum(CREDIT[:position] + changed + CREDIT[position + 1 :])


@pytest.mark.parametrize("code", ["", CREDIT[:-1], CREDIT.replace("M", "I"), CREDIT.replace("3501", "35A1")])
def test_other_forms_are_no_credit_code(code: str) -> None:
    assert not identifiers.is_credit_code_form(code)


@pytest.mark.parametrize(
    "number",
    [
        "(2026)粤01刑初123号",
        "（2026）粤0103刑初123号",
        "(2026)粤刑终7号",
        "(2026)最高法刑核12345678号",
        "(2026)粤01刑更9号之一",
        "（２０２６）粤01刑初123号",
        "(2014)穗中法刑一初字第12号",
    ],
)
def test_forms_of_court_case_numbers(number: str) -> None:
    assert identifiers.is_court_case_number(number)


@pytest.mark.parametrize(
    "number",
    [
        "",
        "2026粤01刑初123号",
        "(2026)粤01刑初123",
        "(2026)粤01刑初号",
        "(26)粤01刑初123号",
        "(2026)粤01刑初0号",
        "〔2026〕12号",
    ],
)
def test_what_is_no_court_case_number(number: str) -> None:
    assert not identifiers.is_court_case_number(number)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("17", "第十七条"),
        ("20", "第二十条"),
        ("110", "第一百一十条"),
        ("205", "第二百零五条"),
        ("264", "第二百六十四条"),
        ("300", "第三百条"),
        ("133-1", "第一百三十三条之一"),
    ],
)
def test_articles_are_cited_in_chinese_numerals(code: str, text: str) -> None:
    assert article_text(code) == text


@pytest.mark.parametrize(
    ("number", "year"),
    [
        ("示公提捕字〔2026〕12号", 2026),
        ("示公（样）拘字[2026]00088号", 2026),
        ("示样援〔2026〕刑指77号", 2026),
        ("（2026）粤0199刑初88号之一", 2026),
        ("示公提捕字2026-12号", None),
        ("示公提捕字〔26〕12号", None),
        ("示公提捕字〔2026〕号", None),
    ],
)
def test_the_year_of_a_document_number(number: str, year: int | None) -> None:
    assert identifiers.year_of(number) == year
