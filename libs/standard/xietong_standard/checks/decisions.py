"""Whether the decisions that a package communicates exclude each other, and stay within what the law allows.

Warnings, except where two decisions can't both be true.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from types import MappingProxyType

from xietong.casefile.v1.decision_pb2 import Decision
from xietong_standard.checks.days import day, exceeds
from xietong_standard.checks.sources import STANDARD, procedure_law, procurators_rules
from xietong_standard.checks.submission import Submission
from xietong_standard.verdict import Finding, error, warning

SUPPLEMENTARY_OFTEN = warning(
    "XT-DEC-01",
    (
        "退回补充侦查填写为第 {count} 次，以二次为限",
        "supplementary investigation no. {count}: the law allows two",
    ),
    ("请核对次数（改变管辖的合并计算）", "compare the count, which goes on when jurisdiction changes"),
    procedure_law("175"),
)
ADJOURNED_OFTEN = warning(
    "XT-DEC-02",
    (
        "延期审理填写为第 {count} 次，公诉人建议延期以二次为限",
        "adjournment no. {count}: the prosecutor may propose two",
    ),
    ("请核对次数", "compare the count"),
    procurators_rules("421"),
)
EXTENSION_LONG = warning(
    "XT-DEC-03",
    (
        "延长侦查羁押期限依据“{ground}”，所填期限超过 {months} 个月",
        "the custody is extended under '{ground}' by more than {months} month(s)",
    ),
    ("请核对期限起止和所引条款", "compare the term and the article"),
    procedure_law("156", "158", "159"),
)
SUPPLEMENTARY_LONG = warning(
    "XT-DEC-04",
    (
        "退回补充侦查的期限超过一个月",
        "the term of the supplementary investigation exceeds one month",
    ),
    ("请核对期限起止", "compare the term"),
    procedure_law("175"),
)
ADJOURNED_LONG = warning(
    "XT-DEC-05",
    (
        "因补充侦查延期审理的期限超过一个月",
        "the adjournment for supplementary investigation exceeds one month",
    ),
    ("请核对期限起止；因其他事由延期的可继续", "compare the term; go on if the reason is another one"),
    procedure_law("204", "205"),
)
PROBATION = warning(
    "XT-DEC-06",
    (
        "附条件不起诉的考验期不在六个月以上一年以下",
        "the probation of the conditional non-prosecution is not between six months and one year",
    ),
    ("请核对考验期起止", "compare the term"),
    procedure_law("283"),
)
CONDITIONAL_FOR_ADULT = warning(
    "XT-DEC-07",
    (
        "对人员 {person} 附条件不起诉，但其没有标为未成年",
        "the prosecution of person {person} is waived on conditions, but the person is not marked as a minor",
    ),
    ("附条件不起诉适用于未成年人，请核对", "this is for minors: compare it"),
    procedure_law("282"),
)
EXCLUSIVE = error(
    "XT-DEC-08",
    (
        "对人员 {person} 同时列有互相排斥的决定“{kind}”和“{other}”",
        "for person {person} the package has both '{kind}' and '{other}', which exclude each other",
    ),
    ("请删除其中一项", "remove one of them"),
    STANDARD,
)
RULES = (
    SUPPLEMENTARY_OFTEN,
    ADJOURNED_OFTEN,
    EXTENSION_LONG,
    SUPPLEMENTARY_LONG,
    ADJOURNED_LONG,
    PROBATION,
    CONDITIONAL_FOR_ADULT,
    EXCLUSIVE,
)

_SUPPLEMENTARY = "退回补充侦查"
_ADJOURNED = frozenset({"建议延期审理", "延期审理"})
_CONDITIONAL = "附条件不起诉"
_EXTENDED = frozenset({"提请延长侦查羁押期限", "批准延长侦查羁押期限"})
_MOST_TIMES = 2
# Months that an article of the Criminal Procedure Law adds to the custody, by the names of `extension-ground`.
_MONTHS_ADDED = MappingProxyType(
    {"刑事诉讼法第一百五十六条": 1, "刑事诉讼法第一百五十八条": 2, "刑事诉讼法第一百五十九条": 2}
)
# Six months have 181 days at least; a term may end the day before the same date.
_LEAST_PROBATION_DAYS = 180
_MOST_PROBATION_MONTHS = 12
EXCLUSIVE_DECISIONS = (
    ("批准逮捕", "不批准逮捕"),
    ("批准延长侦查羁押期限", "不批准延长侦查羁押期限"),
    ("准许撤回起诉", "不准许撤回起诉"),
    ("给予法律援助", "不予法律援助"),
    ("适宜社区矫正", "不适宜社区矫正"),
    ("收监", "不予收监"),
    ("减刑", "不予减刑"),
    ("假释", "不予假释"),
    ("已报到", "未报到"),
    ("维持", "变更"),
    ("采纳", "不采纳"),
)
_EXCLUDED = MappingProxyType(
    {kind: other for pair in EXCLUSIVE_DECISIONS for kind, other in (pair, (pair[1], pair[0]))}
)


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on decisions."""
    kinds: dict[str, set[str]] = defaultdict(set)
    for position, decision in enumerate(submission.manifest.decisions):
        path, kind = f"decisions[{position}]", decision.kind.name
        yield from _counts(path, kind, decision)
        yield from _terms(path, kind, decision)
        person = submission.facts.persons.get(decision.person_id)
        if kind == _CONDITIONAL and person is not None and not person.juvenile_at_offence:
            yield CONDITIONAL_FOR_ADULT.at(f"{path}.person_id", person=decision.person_id)
        other = _EXCLUDED.get(kind)
        if other is not None and other in kinds[decision.person_id]:
            yield EXCLUSIVE.at(f"{path}.kind", person=decision.person_id, kind=kind, other=other)
        kinds[decision.person_id].add(kind)


def _counts(path: str, kind: str, decision: Decision) -> Iterator[Finding]:
    if decision.occurrence <= _MOST_TIMES:
        return
    if kind == _SUPPLEMENTARY:
        yield SUPPLEMENTARY_OFTEN.at(f"{path}.occurrence", count=decision.occurrence)
    elif kind in _ADJOURNED:
        yield ADJOURNED_OFTEN.at(f"{path}.occurrence", count=decision.occurrence)


def _terms(path: str, kind: str, decision: Decision) -> Iterator[Finding]:
    start, end = day(decision.term_start_date), day(decision.term_end_date)
    if start is None or end is None or end < start:
        return
    path = f"{path}.term_end_date"
    if kind == _SUPPLEMENTARY and exceeds(start, end, 1):
        yield SUPPLEMENTARY_LONG.at(path)
    elif kind in _ADJOURNED and exceeds(start, end, 1):
        yield ADJOURNED_LONG.at(path)
    elif kind in _EXTENDED:
        months = _MONTHS_ADDED.get(decision.reason.name)
        if months is not None and exceeds(start, end, months):
            yield EXTENSION_LONG.at(path, ground=decision.reason.name, months=months)
    elif kind == _CONDITIONAL:
        # A term that ends the day before the same date is whole, too.
        long_enough = (end - start).days >= _LEAST_PROBATION_DAYS
        if not long_enough or exceeds(start, end, _MOST_PROBATION_MONTHS):
            yield PROBATION.at(path)
