"""Whether dates exist and do not contradict each other.

A contradiction needs both dates: arrest without detention before it is lawful, and so is a date not yet
known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.casefile.v1.measure_pb2 import MeasureKind
from xietong_standard.checks.days import NANOSECONDS, SECONDS, Instant, day, day_in_china, instant, is_before
from xietong_standard.checks.sources import DATE_RULES, procedure_law
from xietong_standard.checks.submission import Submission
from xietong_standard.verdict import Finding, error, warning

NO_SUCH_DAY = error(
    "XT-DAT-01",
    ("“{path}”的日期 {value} 不存在", "'{path}' is {value}, a day that does not exist"),
    ("请更正日期", "correct the date"),
    DATE_RULES,
)
ARREST_BEFORE_DETENTION = error(
    "XT-DAT-02",
    ("人员 {person} 的逮捕时间早于拘留时间", "the arrest of person {person} begins before the detention"),
    ("请核对逮捕证和拘留证，更正执行时间", "compare both warrants and correct the time of execution"),
    procedure_law("91", "93", provenance="ok"),
)
END_BEFORE_START = error(
    "XT-DAT-03",
    ("“{path}”早于“{start}”", "'{path}' lies before '{start}'"),
    ("请更正起止时间", "correct the begin or the end"),
    DATE_RULES,
)
FILED_BEFORE_OFFENCE = error(
    "XT-DAT-04",
    ("立案日期早于作案日期", "the case was filed before the offence happened"),
    ("请更正立案日期或作案日期", "correct the date of filing or the date of the offence"),
    DATE_RULES,
)
BORN_AFTER_OFFENCE = error(
    "XT-DAT-05",
    ("人员 {person} 的出生日期晚于作案日期", "person {person} was born after the offence"),
    ("请更正出生日期或作案日期", "correct the date of birth or the date of the offence"),
    DATE_RULES,
)
NO_SUCH_TIME = error(
    "XT-DAT-06",
    ("“{path}”的时间不存在", "'{path}' is no time between the years 1 and 9999"),
    ("请更正时间", "correct the time"),
    DATE_RULES,
)
JUDGED_BEFORE = warning(
    "XT-DAT-07",
    ("宣判日期早于“{start}”", "the judgment was pronounced before '{start}'"),
    (
        "请核对宣判日期和案件日期；为前案判决的可继续",
        "compare the day of the judgment with the dates of the case; go on if it is of an earlier case",
    ),
    DATE_RULES,
)
EFFECTIVE_BEFORE = error(
    "XT-DAT-08",
    ("判决的生效日期早于宣判日期", "the judgment took effect before it was pronounced"),
    ("请更正宣判日期或生效日期", "correct the day of the judgment or of its effect"),
    procedure_law("202", "259", provenance="ok"),
)
EFFECTIVE_EARLY = warning(
    "XT-DAT-09",
    (
        "一审判决的生效日期在十日上诉、抗诉期之内",
        "the judgment of first instance took effect within the ten days for appeal and protest",
    ),
    ("请核对判决书送达日期和生效日期", "compare the days of service and of effect"),
    procedure_law("230", "259", provenance="ok"),
)
DOCUMENT_DATE = warning(
    "XT-DAT-10",
    (
        "“{path}”为 {value}，文书“{number}”的日期为 {other}",
        "'{path}' is {value}, but the document {number} is dated {other}",
    ),
    ("请核对决定日期和文书落款日期", "compare the date of the decision with that on the document"),
    DATE_RULES,
)
DECIDED_BEFORE_OFFENCE = warning(
    "XT-DAT-11",
    ("“{path}”早于作案日期", "'{path}' lies before the date of the offence"),
    ("请核对决定日期和作案日期", "compare the date of the decision and that of the offence"),
    DATE_RULES,
)
HEARING_NOTICE = warning(
    "XT-DAT-12",
    (
        "开庭时间距决定日期不足三日",
        "the hearing takes place less than three days after the decision on it",
    ),
    (
        "通知书至迟应当在开庭三日以前送达，请核对日期",
        "notices are served three days before the hearing at the latest: compare the dates",
    ),
    procedure_law("187"),
)
RULES = (
    NO_SUCH_DAY,
    ARREST_BEFORE_DETENTION,
    END_BEFORE_START,
    FILED_BEFORE_OFFENCE,
    BORN_AFTER_OFFENCE,
    NO_SUCH_TIME,
    JUDGED_BEFORE,
    EFFECTIVE_BEFORE,
    EFFECTIVE_EARLY,
    DOCUMENT_DATE,
    DECIDED_BEFORE_OFFENCE,
    HEARING_NOTICE,
)

_TIMES = (
    ("measures", ("start_time", "end_time")),
    ("media", ("start_time", "end_time")),
    ("decisions", ("event_time",)),
)
# Entries with a begin and an end, and the fields that hold them.
_PERIODS = (
    ("measures", "start_time", "end_time"),
    ("media", "start_time", "end_time"),
    ("decisions", "term_start_date", "term_end_date"),
    ("decisions", "decision_date", "reply_due_date"),
    ("sentences", "term_start_date", "term_end_date"),
)
_DATE_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_HEARING = "开庭"
_DAYS_OF_NOTICE = 3
_FIRST_INSTANCE = "刑初"
_DAYS_TO_APPEAL = 10


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on dates; what is not of the form of a date is left to the contract's own check."""
    manifest = submission.manifest
    yield from _existence(manifest)
    yield from _times(manifest)
    yield from _periods(manifest)
    yield from _measures(manifest)
    yield from _offence(submission)
    yield from _judgments(manifest)
    yield from _decisions(manifest)


def _existence(manifest: Manifest) -> Iterator[Finding]:
    for name in _wrong_days(manifest.case):
        yield NO_SUCH_DAY.at(f"case.{name}", value=getattr(manifest.case, name))
    for field in ("persons", "measures", "decisions", "sentences", "documents"):
        for position, entry in enumerate(getattr(manifest, field)):
            for name in _wrong_days(entry):
                yield NO_SUCH_DAY.at(f"{field}[{position}].{name}", value=getattr(entry, name))
    for position, volume in enumerate(manifest.volumes):
        for index, item in enumerate(volume.items):
            for name in _wrong_days(item):
                path = f"volumes[{position}].items[{index}].{name}"
                yield NO_SUCH_DAY.at(path, value=getattr(item, name))


def _wrong_days(message: Message) -> list[str]:
    """The fields that hold what has the form of a date and is none."""
    wrong = []
    for name in _date_fields(message.DESCRIPTOR):
        value = getattr(message, name)
        if value and day(value) is None and _DATE_FORM.fullmatch(value):
            wrong.append(name)
    return wrong


def _times(manifest: Manifest) -> Iterator[Finding]:
    for field, names in _TIMES:
        for position, entry in enumerate(getattr(manifest, field)):
            for name in names:
                seconds, nanoseconds = instant(getattr(entry, name))
                if seconds not in SECONDS or nanoseconds not in NANOSECONDS:
                    yield NO_SUCH_TIME.at(f"{field}[{position}].{name}")


@cache
def _date_fields(descriptor: Descriptor) -> tuple[str, ...]:
    return tuple(field.name for field in descriptor.fields if field.name.endswith("_date"))


def _periods(manifest: Manifest) -> Iterator[Finding]:
    case = manifest.case
    if is_before(case.offence_end_date, case.offence_date):
        yield END_BEFORE_START.at("case.offence_end_date", start="case.offence_date")
    for field, start, end in _PERIODS:
        for position, entry in enumerate(getattr(manifest, field)):
            if _ends_before(entry, start, end):
                prefix = f"{field}[{position}]."
                yield END_BEFORE_START.at(prefix + end, start=prefix + start)


def _ends_before(entry: Message, start: str, end: str) -> bool:
    if not start.endswith("_time"):
        return is_before(getattr(entry, end), getattr(entry, start))
    if not (entry.HasField(start) and entry.HasField(end)):
        return False
    return instant(getattr(entry, end)) < instant(getattr(entry, start))


def _measures(manifest: Manifest) -> Iterator[Finding]:
    detained = _first_starts(manifest, MeasureKind.MEASURE_KIND_DETENTION)
    arrested = _first_starts(manifest, MeasureKind.MEASURE_KIND_ARREST)
    for person_id, (arrest, position) in arrested.items():
        if person_id in detained and arrest < detained[person_id][0]:
            yield ARREST_BEFORE_DETENTION.at(f"measures[{position}].start_time", person=person_id)


def _first_starts(manifest: Manifest, kind: MeasureKind.ValueType) -> dict[str, tuple[Instant, int]]:
    """The first begin of a kind of measure by person, with its position in the manifest."""
    starts: dict[str, tuple[Instant, int]] = {}
    for position, measure in enumerate(manifest.measures):
        if measure.kind == kind and measure.HasField("start_time"):
            start = (instant(measure.start_time), position)
            starts[measure.person_id] = min(start, starts.get(measure.person_id, start))
    return starts


def _offence(submission: Submission) -> Iterator[Finding]:
    manifest, accused = submission.manifest, submission.facts.accused
    case = manifest.case
    if is_before(case.filing_date, case.offence_date):
        yield FILED_BEFORE_OFFENCE.at("case.filing_date")
    for position, person in enumerate(manifest.persons):
        if person.id in accused and is_before(case.offence_date, person.birth_date):
            yield BORN_AFTER_OFFENCE.at(f"persons[{position}].birth_date", person=person.id)


def _judgments(manifest: Manifest) -> Iterator[Finding]:
    case = manifest.case
    for position, sentence in enumerate(manifest.sentences):
        path = f"sentences[{position}]"
        for start in ("filing_date", "offence_date"):
            if is_before(sentence.pronounced_date, getattr(case, start)):
                yield JUDGED_BEFORE.at(f"{path}.pronounced_date", start=f"case.{start}")
        pronounced, effective = day(sentence.pronounced_date), day(sentence.effective_date)
        if pronounced is None or effective is None:
            continue
        if effective < pronounced:
            yield EFFECTIVE_BEFORE.at(f"{path}.effective_date")
        elif (effective - pronounced).days <= _DAYS_TO_APPEAL and _FIRST_INSTANCE in sentence.judgment_number:
            yield EFFECTIVE_EARLY.at(f"{path}.effective_date")


def _decisions(manifest: Manifest) -> Iterator[Finding]:
    issued = {document.number: document.issue_date for document in manifest.documents if document.number}
    for field in ("decisions", "measures"):
        for position, entry in enumerate(getattr(manifest, field)):
            path, decided = f"{field}[{position}].decision_date", entry.decision_date
            other = issued.get(entry.document_number, "")
            if decided and other and decided != other:
                yield DOCUMENT_DATE.at(path, value=decided, number=entry.document_number, other=other)
            if is_before(decided, manifest.case.offence_date):
                yield DECIDED_BEFORE_OFFENCE.at(path)
    for position, decision in enumerate(manifest.decisions):
        if decision.kind.name == _HEARING and decision.HasField("event_time"):
            held, decided_on = day_in_china(decision.event_time), day(decision.decision_date)
            if held and decided_on and 0 <= (held - decided_on).days < _DAYS_OF_NOTICE:
                yield HEARING_NOTICE.at(f"decisions[{position}].event_time")
