"""Whether a sentence is one that the Criminal Law knows, and its dates are as long as its term."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from types import MappingProxyType
from typing import NamedTuple

from xietong.casefile.v1.decision_pb2 import Sentence
from xietong_standard.checks.days import day
from xietong_standard.checks.sources import CONTRACT, court_interpretation, criminal_law
from xietong_standard.checks.submission import Submission
from xietong_standard.clocks.terms import sentence_end
from xietong_standard.verdict import Finding, warning

OUT_OF_RANGE = warning(
    "XT-SEN-01",
    (
        "人员 {person} 的“{penalty}”刑期 {term} 不在法定幅度之内",
        "the term {term} of person {person} is not one that '{penalty}' can have",
    ),
    ("请核对刑种和刑期", "compare the penalty and its term"),
    criminal_law("38", "42", "45", "69"),
)
TERM_OF_NONE = warning(
    "XT-SEN-02",
    (
        "人员 {person} 被判处“{penalty}”，不应有刑期",
        "person {person} is sentenced to '{penalty}', which has no term",
    ),
    ("请删除刑期，或更正刑种", "remove the term, or correct the penalty"),
    criminal_law("33", "46", "48"),
)
NO_TERM = warning(
    "XT-SEN-03",
    (
        "人员 {person} 被判处“{penalty}”，没有填写刑期",
        "person {person} is sentenced to '{penalty}', and no term is given",
    ),
    ("请填写刑期，例如 P1Y6M", "give the term, for example P1Y6M"),
    criminal_law("38", "42", "45"),
)
NO_PROBATION = warning(
    "XT-SEN-04",
    (
        "人员 {person} 的“{penalty}”不在可宣告缓刑之列（拘役、三年以下有期徒刑）",
        "'{penalty}' of person {person} can't be suspended: that is for detention and up to three years",
    ),
    ("请核对刑种、刑期和缓刑考验期", "compare penalty, term and probation"),
    criminal_law("72"),
)
PROBATION = warning(
    "XT-SEN-05",
    (
        "人员 {person} 的缓刑考验期 {term} 不在法定幅度之内",
        "the probation {term} of person {person} is not within the range of the law",
    ),
    ("请核对原判刑期和考验期", "compare the term of the sentence and the probation"),
    criminal_law("73"),
)
DATES = warning(
    "XT-SEN-06",
    (
        "人员 {person} 的刑期起止日期与刑期 {term} 不符",
        "the first and last day of the sentence of person {person} do not make {term}",
    ),
    (
        "请核对起止日期和折抵日数；刑期止日为对应日的前一日",
        "compare the dates and the days deducted; a sentence ends on the day before the same date",
    ),
    court_interpretation("202"),
)
DEATH_OF_MINOR = warning(
    "XT-SEN-07",
    (
        "人员 {person} 标为作案时未成年，不适用死刑",
        "person {person} is marked as a minor at the offence, to whom the death penalty does not apply",
    ),
    ("请核对刑种和未成年标志", "compare the penalty and the mark"),
    criminal_law("49"),
)
SENTENCED_TWICE = warning(
    "XT-SEN-08",
    (
        "人员 {person} 在判决“{number}”中有两条判处结果",
        "person {person} has two sentences in the judgment '{number}'",
    ),
    ("请合并为决定执行的刑罚", "give the one that is to be executed"),
    CONTRACT,
)
ACQUITTED = warning(
    "XT-SEN-09",
    (
        "人员 {person} 列有“{decision}”，又列有主刑",
        "person {person} has both '{decision}' and a principal penalty",
    ),
    ("请删除其中一项", "remove one of them"),
    CONTRACT,
)
RULES = (
    OUT_OF_RANGE,
    TERM_OF_NONE,
    NO_TERM,
    NO_PROBATION,
    PROBATION,
    DATES,
    DEATH_OF_MINOR,
    SENTENCED_TWICE,
    ACQUITTED,
)

_DURATION = re.compile(r"P(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)D)?")
_DAYS_PER_YEAR, _DAYS_PER_MONTH = 366, 31
_DETENTION, _IMPRISONMENT = "拘役", "有期徒刑"
_DEATH = "死刑"
_ACQUITTALS = frozenset({"宣告无罪", "不负刑事责任"})
_WITHOUT_TERM = frozenset({"无期徒刑", _DEATH})


class _Range(NamedTuple):
    """Shortest and longest term in months, several offences taken together (art. 69)."""

    least: int
    most: int


_RANGES = MappingProxyType({"管制": _Range(3, 36), _DETENTION: _Range(1, 12), _IMPRISONMENT: _Range(6, 300)})
_MOST_MONTHS_SUSPENDED = 36
# Shortest and longest probation; it is never shorter than the sentence (art. 73).
_PROBATIONS = MappingProxyType({_DETENTION: _Range(2, 12), _IMPRISONMENT: _Range(12, 60)})


class _Length(NamedTuple):
    years: int
    months: int
    days: int

    @property
    def whole_months(self) -> int:
        return self.years * 12 + self.months

    def is_within(self, span: _Range) -> bool:
        """Whether it lies within; days count as part of a month."""
        return self.whole_months >= span.least and (self.whole_months, self.days) <= (span.most, 0)


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on sentences."""
    manifest, persons = submission.manifest, submission.facts.persons
    freed = {d.person_id: d.kind.name for d in manifest.decisions if d.kind.name in _ACQUITTALS}
    seen: set[tuple[str, str]] = set()
    for position, sentence in enumerate(manifest.sentences):
        path, person_id = f"sentences[{position}]", sentence.person_id
        penalty = sentence.principal_penalty.name
        key = (person_id, sentence.judgment_number)
        if sentence.judgment_number and key in seen:
            yield SENTENCED_TWICE.at(path, person=person_id, number=sentence.judgment_number)
        seen.add(key)
        if penalty and person_id in freed:
            yield ACQUITTED.at(f"{path}.principal_penalty", person=person_id, decision=freed[person_id])
        person = persons.get(person_id)
        if penalty == _DEATH and person is not None and person.juvenile_at_offence:
            yield DEATH_OF_MINOR.at(f"{path}.principal_penalty", person=person_id)
        yield from _term(path, penalty, sentence)
        yield from _suspension(path, penalty, sentence)
        if _differs(sentence):
            yield DATES.at(f"{path}.term_end_date", person=person_id, term=sentence.principal_term)


def _term(path: str, penalty: str, sentence: Sentence) -> Iterator[Finding]:
    path = f"{path}.principal_term"
    values = {"person": sentence.person_id, "penalty": penalty}
    length = _length(sentence.principal_term)
    if length is None:
        if penalty in _RANGES and not sentence.principal_term:
            yield NO_TERM.at(path, **values)
    elif penalty in _WITHOUT_TERM:
        yield TERM_OF_NONE.at(path, **values)
    elif penalty in _RANGES and not length.is_within(_RANGES[penalty]):
        yield OUT_OF_RANGE.at(path, term=sentence.principal_term, **values)


def _suspension(path: str, penalty: str, sentence: Sentence) -> Iterator[Finding]:
    path = f"{path}.probation_term"
    probation, term = _length(sentence.probation_term), _length(sentence.principal_term)
    if probation is None or not penalty:
        return
    too_long = term is not None and (term.whole_months, term.days) > (_MOST_MONTHS_SUSPENDED, 0)
    if penalty not in _PROBATIONS or too_long:
        yield NO_PROBATION.at(path, person=sentence.person_id, penalty=penalty)
        return
    shorter = term is not None and (probation.whole_months, probation.days) < (term.whole_months, term.days)
    if shorter or not probation.is_within(_PROBATIONS[penalty]):
        yield PROBATION.at(path, person=sentence.person_id, term=sentence.probation_term)


def _length(text: str) -> _Length | None:
    found = _DURATION.fullmatch(text)
    if found is None or text == "P":
        return None
    return _Length(*(int(number or 0) for number in found.groups()))


def _differs(sentence: Sentence) -> bool:
    """Whether the dates do not make the term, be the custody before the judgment part of them or deducted."""
    start, end = day(sentence.term_start_date), day(sentence.term_end_date)
    length = _length(sentence.principal_term)
    if start is None or end is None or length is None or sentence.probation_term:
        return False
    whole = _end(start, length)
    return whole is not None and end not in (whole, whole - timedelta(days=sentence.deducted_days))


def _end(start: date, length: _Length) -> date | None:
    span = length.years * _DAYS_PER_YEAR + length.months * _DAYS_PER_MONTH + length.days
    if start.toordinal() + span > date.max.toordinal():
        return None
    return sentence_end(start, years=length.years, months=length.months, days=length.days)
