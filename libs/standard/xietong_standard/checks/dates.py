"""Whether dates exist and do not contradict each other.

A contradiction needs both dates: arrest without detention before it is lawful, and so is a date not yet
known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import cache

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.casefile.v1.measure_pb2 import MeasureKind
from xietong.casefile.v1.person_pb2 import PersonRole
from xietong_standard.checks.submission import Submission
from xietong_standard.verdict import Finding, error

_BASIS = "日期逻辑规则（设计） / date rules (design)"

NO_SUCH_DAY = error(
    "XT-DAT-01",
    ("“{path}”的日期 {value} 不存在", "'{path}' is {value}, a day that does not exist"),
    ("请更正日期", "correct the date"),
    _BASIS,
)
ARREST_BEFORE_DETENTION = error(
    "XT-DAT-02",
    ("人员 {person} 的逮捕时间早于拘留时间", "the arrest of person {person} begins before the detention"),
    ("请核对逮捕证和拘留证，更正执行时间", "compare both warrants and correct the time of execution"),
    "CPL (2018-10-26), art. 91, 93",
)
END_BEFORE_START = error(
    "XT-DAT-03",
    ("“{path}”早于“{start}”", "'{path}' lies before '{start}'"),
    ("请更正起止时间", "correct the begin or the end"),
    _BASIS,
)
FILED_BEFORE_OFFENCE = error(
    "XT-DAT-04",
    ("立案日期早于作案日期", "the case was filed before the offence happened"),
    ("请更正立案日期或作案日期", "correct the date of filing or the date of the offence"),
    _BASIS,
)
BORN_AFTER_OFFENCE = error(
    "XT-DAT-05",
    ("人员 {person} 的出生日期晚于作案日期", "person {person} was born after the offence"),
    ("请更正出生日期或作案日期", "correct the date of birth or the date of the offence"),
    _BASIS,
)
NO_SUCH_TIME = error(
    "XT-DAT-06",
    ("“{path}”的时间不存在", "'{path}' is no time between the years 1 and 9999"),
    ("请更正时间", "correct the time"),
    _BASIS,
)
RULES = (
    NO_SUCH_DAY,
    ARREST_BEFORE_DETENTION,
    END_BEFORE_START,
    FILED_BEFORE_OFFENCE,
    BORN_AFTER_OFFENCE,
    NO_SUCH_TIME,
)

# What google.protobuf.Timestamp allows; most languages fail to convert anything beyond.
_SECONDS = range(-62_135_596_800, 253_402_300_800)
_NANOSECONDS = range(1_000_000_000)
_TIMES = (
    ("measures", ("start_time", "end_time")),
    ("media", ("start_time", "end_time")),
    ("decisions", ("event_time",)),
)
# Seconds since 1970 and nanoseconds.
_Instant = tuple[int, int]

# Entries with a begin and an end, and the fields that hold them.
_PERIODS = (
    ("measures", "start_time", "end_time"),
    ("media", "start_time", "end_time"),
    ("decisions", "term_start_date", "term_end_date"),
    ("sentences", "term_start_date", "term_end_date"),
)
_ACCUSED = {PersonRole.PERSON_ROLE_SUSPECT, PersonRole.PERSON_ROLE_DEFENDANT, PersonRole.PERSON_ROLE_CONVICT}
_DATE_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on dates; what is not of the form of a date is left to the contract's own check."""
    manifest = submission.manifest
    yield from _existence(manifest)
    yield from _times(manifest)
    yield from _periods(manifest)
    yield from _measures(manifest)
    yield from _offence(manifest)


def _existence(manifest: Manifest) -> Iterator[Finding]:
    for path, message in _dated_entries(manifest):
        for name in _date_fields(message.DESCRIPTOR):
            value = getattr(message, name)
            if value and _DATE_FORM.fullmatch(value) and _day(value) is None:
                yield NO_SUCH_DAY.at(f"{path}.{name}", value=value)


def _times(manifest: Manifest) -> Iterator[Finding]:
    for field, names in _TIMES:
        for position, entry in enumerate(getattr(manifest, field)):
            for name in names:
                seconds, nanoseconds = _instant(getattr(entry, name))
                if seconds not in _SECONDS or nanoseconds not in _NANOSECONDS:
                    yield NO_SUCH_TIME.at(f"{field}[{position}].{name}")


def _instant(time: Timestamp) -> _Instant:
    return time.seconds, time.nanos


def _dated_entries(manifest: Manifest) -> Iterator[tuple[str, Message]]:
    yield "case", manifest.case
    for field in ("persons", "measures", "decisions", "sentences", "documents"):
        for position, entry in enumerate(getattr(manifest, field)):
            yield f"{field}[{position}]", entry
    for position, volume in enumerate(manifest.volumes):
        for index, item in enumerate(volume.items):
            yield f"volumes[{position}].items[{index}]", item


@cache
def _date_fields(descriptor: Descriptor) -> tuple[str, ...]:
    return tuple(field.name for field in descriptor.fields if field.name.endswith("_date"))


def _day(value: str) -> date | None:
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _periods(manifest: Manifest) -> Iterator[Finding]:
    case = manifest.case
    if _before(case.offence_end_date, case.offence_date):
        yield END_BEFORE_START.at("case.offence_end_date", start="case.offence_date")
    for field, start, end in _PERIODS:
        for position, entry in enumerate(getattr(manifest, field)):
            if _ends_before(entry, start, end):
                prefix = f"{field}[{position}]."
                yield END_BEFORE_START.at(prefix + end, start=prefix + start)


def _ends_before(entry: Message, start: str, end: str) -> bool:
    if not start.endswith("_time"):
        return _before(getattr(entry, end), getattr(entry, start))
    if not (entry.HasField(start) and entry.HasField(end)):
        return False
    return _instant(getattr(entry, end)) < _instant(getattr(entry, start))


def _before(earlier: str, later: str) -> bool:
    """Whether both are dates and the first lies before the second."""
    first, second = _day(earlier), _day(later)
    return first is not None and second is not None and first < second


def _measures(manifest: Manifest) -> Iterator[Finding]:
    detained = _first_starts(manifest, MeasureKind.MEASURE_KIND_DETENTION)
    arrested = _first_starts(manifest, MeasureKind.MEASURE_KIND_ARREST)
    for person_id, (arrest, position) in arrested.items():
        if person_id in detained and arrest < detained[person_id][0]:
            yield ARREST_BEFORE_DETENTION.at(f"measures[{position}].start_time", person=person_id)


def _first_starts(manifest: Manifest, kind: MeasureKind.ValueType) -> dict[str, tuple[_Instant, int]]:
    """The first begin of a kind of measure by person, with its position in the manifest."""
    starts: dict[str, tuple[_Instant, int]] = {}
    for position, measure in enumerate(manifest.measures):
        if measure.kind == kind and measure.HasField("start_time"):
            start = (_instant(measure.start_time), position)
            starts[measure.person_id] = min(start, starts.get(measure.person_id, start))
    return starts


def _offence(manifest: Manifest) -> Iterator[Finding]:
    case = manifest.case
    if _before(case.filing_date, case.offence_date):
        yield FILED_BEFORE_OFFENCE.at("case.filing_date")
    for position, person in enumerate(manifest.persons):
        if not _ACCUSED.isdisjoint(person.roles) and _before(case.offence_date, person.birth_date):
            yield BORN_AFTER_OFFENCE.at(f"persons[{position}].birth_date", person=person.id)
