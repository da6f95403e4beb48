"""Cases of the rules on dates, measures, decisions, sentences and property."""

from __future__ import annotations

from tests.unit.standard.changes import Change, add, assign, clear, copy, nothing, on_day, set_dates, together
from tests.unit.standard.packages import IDENTIFIED, UNIDENTIFIED

from xietong.casefile.v1.case_pb2 import CodedValue
from xietong.casefile.v1.measure_pb2 import MeasureKind
from xietong.casefile.v1.property_pb2 import PropertyStatus


def sentence(**fields: str | int) -> Change:
    """Changes the first sentence: one year from 2026-01-12 to 2027-01-11."""
    return together(*(assign(f"sentences.0.{name}", value) for name, value in fields.items()))


def penalty(name: str) -> Change:
    return assign("sentences.0.principal_penalty.name", name)


def decision(kind: str, **fields: str | int) -> Change:
    """Makes the first decision another one: term from 2026-01-19 on."""
    changes = [assign(f"decisions.0.{name}", value) for name, value in fields.items()]
    return together(assign("decisions.0.kind.name", kind), *changes)


def extension(last: str) -> Change:
    ground = assign("decisions.0.reason.name", "刑事诉讼法第一百五十六条")
    return together(decision("批准延长侦查羁押期限", term_end_date=last), ground)


def measure(kind: MeasureKind.ValueType, expiry: str) -> Change:
    """Makes the first measure another one, from 2026-01-12 on."""
    return together(assign("measures.0.kind", kind), assign("measures.0.expiry_date", expiry))


def summons(last_day: int) -> Change:
    kind = assign("measures.0.kind", MeasureKind.MEASURE_KIND_SUMMONS)
    return together(kind, on_day("measures.0.end_time", 2026, 1, last_day))


def document_of_measure(issued: str) -> Change:
    """The first measure, decided on 2026-01-11, is ordered by the second document."""
    return together(
        assign("measures.0.document_number", "示文〔2026〕2号"), assign("documents.1.issue_date", issued)
    )


minor = assign("persons.0.juvenile_at_offence", value=True)
returned = assign("properties.0.status", PropertyStatus.PROPERTY_STATUS_RETURNED)
by_photograph = assign("properties.0.transfer_form.name", "照片")
not_executed = assign("measures.0.not_executed_reason", "在逃")

DATES: list[tuple[str, str, Change, Change]] = [
    ("XT-DAT-07", "PB-01", sentence(pronounced_date="2026-01-10"), sentence(pronounced_date="2026-01-11")),
    ("XT-DAT-08", "PB-01", sentence(effective_date="2026-05-05"), sentence(effective_date="2026-05-06")),
    ("XT-DAT-09", "PB-01", sentence(effective_date="2026-05-16"), sentence(effective_date="2026-05-17")),
    ("XT-DAT-10", "PB-01", document_of_measure("2026-01-12"), document_of_measure("2026-01-11")),
    (
        "XT-DAT-11",
        "PB-01",
        assign("decisions.0.decision_date", "2026-01-09"),
        assign("decisions.0.decision_date", "2026-01-10"),
    ),
    (
        "XT-DAT-12",
        "PB-01",
        decision("开庭", decision_date="2026-01-31"),
        decision("开庭", decision_date="2026-01-30"),
    ),
]
MEASURES: list[tuple[str, str, Change, Change]] = [
    (
        "XT-MEA-01",
        "PB-01",
        assign("measures.0.expiry_date", "2026-01-11"),
        assign("measures.0.expiry_date", "2026-01-12"),
    ),
    (
        "XT-MEA-02",
        "PB-01",
        assign("measures.0.decision_date", "2026-01-13"),
        assign("measures.0.decision_date", "2026-01-12"),
    ),
    ("XT-MEA-03", "PB-01", not_executed, together(not_executed, clear("measures.0.start_time"))),
    (
        "XT-MEA-04",
        "PB-01",
        assign("measures.0.expiry_date", "2026-02-19"),
        # The detention of an unidentified person is counted otherwise.
        together(
            assign("measures.0.expiry_date", "2026-02-18"), assign("measures.2.expiry_date", "2026-03-31")
        ),
    ),
    (
        "XT-MEA-05",
        "PB-01",
        measure(MeasureKind.MEASURE_KIND_BAIL, "2027-01-13"),
        measure(MeasureKind.MEASURE_KIND_BAIL, "2027-01-12"),
    ),
    (
        "XT-MEA-06",
        "PB-01",
        measure(MeasureKind.MEASURE_KIND_DESIGNATED_SURVEILLANCE, "2026-07-13"),
        measure(MeasureKind.MEASURE_KIND_RESIDENTIAL_SURVEILLANCE, "2026-07-12"),
    ),
    ("XT-MEA-07", "PB-01", summons(14), summons(13)),
    ("XT-MEA-08", "PB-01", set_dates(filing="2026-01-13"), set_dates(filing="2026-01-12")),
]
DECISIONS: list[tuple[str, str, Change, Change]] = [
    ("XT-DEC-01", "PB-01", assign("decisions.1.occurrence", 3), assign("decisions.1.occurrence", 2)),
    ("XT-DEC-02", "PB-01", decision("延期审理", occurrence=3), decision("延期审理", occurrence=2)),
    ("XT-DEC-03", "PB-01", extension("2026-02-20"), extension("2026-02-19")),
    (
        "XT-DEC-04",
        "PB-01",
        assign("decisions.1.term_end_date", "2026-02-20"),
        assign("decisions.1.term_end_date", "2026-02-19"),
    ),
    (
        "XT-DEC-05",
        "PB-01",
        decision("延期审理", term_end_date="2026-02-20"),
        decision("延期审理", term_end_date="2026-02-19"),
    ),
    (
        "XT-DEC-06",
        "PB-01",
        decision("附条件不起诉", term_end_date="2026-07-17"),
        decision("附条件不起诉", term_end_date="2026-07-18"),
    ),
    ("XT-DEC-07", "PB-01", decision("附条件不起诉"), together(decision("附条件不起诉"), minor)),
    (
        "XT-DEC-08",
        "PB-01",
        add("decisions", kind=CodedValue(name="不批准逮捕"), person_id=IDENTIFIED),
        add("decisions", kind=CodedValue(name="不批准逮捕"), person_id=UNIDENTIFIED),
    ),
]
SENTENCES: list[tuple[str, str, Change, Change]] = [
    ("XT-SEN-01", "PB-01", sentence(principal_term="P25Y1D"), sentence(principal_term="P25Y")),
    ("XT-SEN-02", "PB-01", penalty("无期徒刑"), together(penalty("无期徒刑"), sentence(principal_term=""))),
    ("XT-SEN-03", "PB-01", sentence(principal_term=""), nothing),
    (
        "XT-SEN-04",
        "PB-01",
        sentence(principal_term="P3Y1M", probation_term="P4Y"),
        sentence(principal_term="P3Y", probation_term="P3Y"),
    ),
    ("XT-SEN-05", "PB-01", sentence(probation_term="P11M"), sentence(probation_term="P1Y")),
    (
        "XT-SEN-06",
        "PB-01",
        sentence(term_end_date="2027-01-12"),
        sentence(term_end_date="2027-01-01", deducted_days=10),
    ),
    ("XT-SEN-07", "PB-01", together(penalty("死刑"), minor), penalty("死刑")),
    (
        "XT-SEN-08",
        "PB-01",
        assign("sentences.1.person_id", IDENTIFIED),
        together(
            assign("sentences.1.person_id", IDENTIFIED),
            assign("sentences.1.judgment_number", "(2025)粤0103刑初1号"),
        ),
    ),
    ("XT-SEN-09", "PB-01", decision("宣告无罪"), decision("宣告无罪", person_id="p-victim")),
]
PROPERTY: list[tuple[str, str, Change, Change]] = [
    ("XT-PRO-01", "PB-01", copy("properties", 0), copy("properties", 0, id="cw-2")),
    (
        "XT-PRO-02",
        "PB-01",
        together(clear("properties.0.keeper"), assign("properties.0.storage_place", "")),
        clear("properties.0.keeper"),
    ),
    (
        "XT-PRO-03",
        "PB-01",
        assign("properties.0.value", "1280.50"),
        together(assign("properties.0.value", "1280.50"), assign("properties.0.currency", "CNY")),
    ),
    ("XT-PRO-04", "PB-01", together(returned, assign("properties.0.disposal", "")), returned),
    (
        "XT-PRO-05",
        "QS-01",
        by_photograph,
        together(by_photograph, add("properties.0.photo_parts", "photo.jpg")),
    ),
]
CASES = [*DATES, *MEASURES, *DECISIONS, *SENTENCES, *PROPERTY]
