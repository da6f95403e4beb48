"""Clocks and lifecycle in words: complete in both languages, and right where it is easy to get wrong."""

from __future__ import annotations

import pytest

from xietong_standard import RULES, Edition, Severity
from xietong_standard.clocks import Term
from xietong_standard.labels import PROVENANCE, RULE_GROUPS, SEVERITIES
from xietong_standard.rule_description import describe_clock, describe_region, term_text


def lines_of(edition: Edition, item_id: str, *, zh: bool = False) -> list[str]:
    return [
        line.zh if zh else line.en
        for section in describe_clock(edition.clocks.items[item_id], edition)
        for line in section.lines
    ]


@pytest.mark.parametrize(
    ("item_id", "line"),
    [
        ("D03", "starts: PB-01 Request for arrest approval received by the procuratorate"),
        (
            "D02",
            "extension: time for requesting arrest extended by one to four days, adds: 1 day, at most 4 days",
        ),
        ("D14", "to: 1 month and 15 days"),
        ("D13", "begins anew: converted to ordinary procedure; "),
        ("D13", "not counted: from trial suspended to trial resumed"),
        ("D13", "to the day that the decision states (Supreme People's Court)"),
        ("D10", "at most 2 times, counted over all jurisdictions"),
        ("D07", "7 days before the end of `D05` investigation custody"),
        ("D33", "runs for the case, not for each person"),
        ("D36", "only after it was extended"),
        ("D37", "not counted in: `D05` investigation custody; "),
        ("D39", "must end within: `D08` review for prosecution"),
        ("D29", "last day a holiday: the end stays"),
    ],
)
def test_what_the_page_says(edition: Edition, item_id: str, line: str) -> None:
    assert any(line in said for said in lines_of(edition, item_id)), lines_of(edition, item_id)


def test_every_clock_is_said_in_both_languages(edition: Edition) -> None:
    for item in edition.clocks.items.values():
        sections = describe_clock(item, edition)
        assert len(sections) >= 3
        for section in sections:
            for text in (section.heading, *section.lines):
                assert text.zh.strip()
                assert text.en.strip()
                assert "  " not in text.zh + text.en
        names = [(limit.id, limit.name.en) for limit in item.limits]
        names += [(lead.id, lead.name.en) for lead in item.warning_leads]
        headings = {section.heading.en for section in sections}
        assert {f"`{part_id}` {name}" for part_id, name in names} <= headings


def test_every_way_out_of_a_state_is_said(edition: Edition) -> None:
    region = edition.lifecycle.procedure
    sections = {section.heading.en: section.lines for section in describe_region(region, edition)}
    review = sections["`PROSECUTION_REVIEW` prosecution review"]
    assert [line.en for line in review][:3] == [
        "QS-07 Supplementary transfer sent → prosecution review",
        "QS-02 Return for supplementary investigation sent → first supplementary investigation (once at most)",
        "QS-02 Return for supplementary investigation sent → second supplementary investigation (once at most)",
    ]
    assert any(
        "the whole case" in line.en for line in sections["`APPEAL_WINDOW` period of appeal and protest"]
    )


def test_a_measure_may_begin_in_any_state(edition: Edition) -> None:
    (section,) = describe_region(edition.lifecycle.measure, edition)
    assert len(section.lines) == 5


@pytest.mark.parametrize(
    ("term", "zh", "en"),
    [
        (Term(hours=24), "24小时", "24 hours"),
        (Term(days=1), "1日", "1 day"),
        (Term(months=1, days=15), "1个月又15日", "1 month and 15 days"),
        (Term(working_days=10), "10个工作日", "10 working days"),
    ],
)
def test_lengths_in_words(term: Term, zh: str, en: str) -> None:
    assert (term_text(term).zh, term_text(term).en) == (zh, en)


def test_every_rule_belongs_to_a_group_of_the_page() -> None:
    assert {code.split("-")[1] for code in RULES} == set(RULE_GROUPS)
    assert set(SEVERITIES) == set(Severity)
    assert {rule.provenance for rule in RULES.values()} <= set(PROVENANCE)
