"""Whether compulsory measures agree with themselves and stay within the lengths that the law gives them.

Warnings only: the system never declares a delay unlawful, and an extension may not have crossed the exchange.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

from xietong.casefile.v1.measure_pb2 import CompulsoryMeasure, MeasureKind
from xietong.casefile.v1.person_pb2 import IdentityStatus
from xietong_standard.checks.days import day, day_in_china, exceeds
from xietong_standard.checks.sources import CONTRACT, DATE_RULES, procedure_law
from xietong_standard.checks.submission import Submission
from xietong_standard.verdict import Finding, Rule, error, warning

EXPIRED_BEFORE = error(
    "XT-MEA-01",
    (
        "“{path}”早于该措施的开始时间",
        "'{path}' lies before the begin of the measure",
    ),
    ("请更正期限届满日或开始时间", "correct the last day of the term or the begin"),
    DATE_RULES,
)
BEFORE_DECISION = warning(
    "XT-MEA-02",
    (
        "人员 {person} 的措施在决定日期之前已经执行",
        "the measure against person {person} was executed before it was decided",
    ),
    ("请核对决定日期和执行时间", "compare the date of the decision and the time of execution"),
    DATE_RULES,
)
NOT_EXECUTED = warning(
    "XT-MEA-03",
    (
        "人员 {person} 的措施既有开始时间，又填写了未执行原因",
        "the measure against person {person} has a begin, and a reason why it was not executed",
    ),
    ("请删除其中一项", "remove one of them"),
    CONTRACT,
)
DETENTION_LONG = warning(
    "XT-MEA-04",
    (
        "人员 {person} 的拘留期限超过37日（提请批捕30日、审查批捕7日）",
        "the detention of person {person} exceeds 37 days (30 to ask for arrest, 7 to decide)",
    ),
    (
        "请核对起止日期；身份不明等依法另计的可继续",
        "compare the dates; go on if the law counts them otherwise",
    ),
    procedure_law("91"),
)
BAIL_LONG = warning(
    "XT-MEA-05",
    (
        "人员 {person} 的取保候审超过十二个月",
        "the bail of person {person} exceeds twelve months",
    ),
    (
        "请核对；换阶段重新办理的应分列各阶段",
        "compare it; bail that a later stage renewed is an entry of its own",
    ),
    procedure_law("79"),
)
SURVEILLANCE_LONG = warning(
    "XT-MEA-06",
    (
        "人员 {person} 的监视居住超过六个月",
        "the residential surveillance of person {person} exceeds six months",
    ),
    ("请核对；换阶段重新办理的应分列各阶段", "compare it; what a later stage renewed is an entry of its own"),
    procedure_law("79"),
)
SUMMONS_LONG = warning(
    "XT-MEA-07",
    (
        "人员 {person} 的拘传超过二十四小时",
        "the summons by force of person {person} exceeds 24 hours",
    ),
    ("请核对起止时间；拘传一般不超过十二小时", "compare the times; twelve hours are the rule"),
    procedure_law("119", provenance="ok"),
)
BEFORE_FILING = warning(
    "XT-MEA-08",
    (
        "人员 {person} 的措施早于立案日期",
        "the measure against person {person} begins before the case was filed",
    ),
    (
        "请核对立案日期和执行时间；先行拘留、并案的可继续",
        "compare both; go on if he was caught in the act or the cases were joined",
    ),
    procedure_law("115", provenance="ok"),
)
RULES = (
    EXPIRED_BEFORE,
    BEFORE_DECISION,
    NOT_EXECUTED,
    DETENTION_LONG,
    BAIL_LONG,
    SURVEILLANCE_LONG,
    SUMMONS_LONG,
    BEFORE_FILING,
)

_DETENTION_DAYS = 37
_SUMMONS_SECONDS = 24 * 3600


class _Longest(NamedTuple):
    months: int
    rule: Rule


_MONTHS: Mapping[int, _Longest] = MappingProxyType(
    {
        MeasureKind.MEASURE_KIND_BAIL: _Longest(12, BAIL_LONG),
        MeasureKind.MEASURE_KIND_RESIDENTIAL_SURVEILLANCE: _Longest(6, SURVEILLANCE_LONG),
        MeasureKind.MEASURE_KIND_DESIGNATED_SURVEILLANCE: _Longest(6, SURVEILLANCE_LONG),
    }
)
# A supervisory commission keeps persons before there is a criminal case; a summons may open one.
_BEFORE_THE_CASE = frozenset({MeasureKind.MEASURE_KIND_RETENTION, MeasureKind.MEASURE_KIND_SUMMONS})


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on measures."""
    filed = day(submission.manifest.case.filing_date)
    for position, measure in enumerate(submission.manifest.measures):
        path = f"measures[{position}]"
        start = day_in_china(measure.start_time) if measure.HasField("start_time") else None
        if start is None:
            continue
        if measure.not_executed_reason:
            yield NOT_EXECUTED.at(f"{path}.not_executed_reason", person=measure.person_id)
        decided = day(measure.decision_date)
        if decided and start < decided:
            yield BEFORE_DECISION.at(f"{path}.start_time", person=measure.person_id)
        if filed and start < filed and measure.kind not in _BEFORE_THE_CASE:
            yield BEFORE_FILING.at(f"{path}.start_time", person=measure.person_id)
        yield from _length(path, measure, start, submission)


def _length(path: str, measure: CompulsoryMeasure, start: date, submission: Submission) -> Iterator[Finding]:
    expiry = day(measure.expiry_date)
    if expiry and expiry < start:
        yield EXPIRED_BEFORE.at(f"{path}.expiry_date")
    ended = day_in_china(measure.end_time) if measure.HasField("end_time") else None
    # What really happened counts more than the term that was set.
    last = ended or expiry
    if last is None or last < start:
        return
    if measure.kind == MeasureKind.MEASURE_KIND_DETENTION:
        person = submission.facts.persons.get(measure.person_id)
        known = person is None or person.identity_status != IdentityStatus.IDENTITY_STATUS_UNKNOWN
        if known and (last - start).days > _DETENTION_DAYS:
            yield DETENTION_LONG.at(path, person=measure.person_id)
    elif measure.kind == MeasureKind.MEASURE_KIND_SUMMONS:
        if ended and measure.end_time.seconds - measure.start_time.seconds > _SUMMONS_SECONDS:
            yield SUMMONS_LONG.at(path, person=measure.person_id)
    elif (longest := _MONTHS.get(measure.kind)) and exceeds(start, last, longest.months):
        yield longest.rule.at(path, person=measure.person_id)
