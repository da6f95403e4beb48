"""Sealing: fragments merge in order, files are numbered, persons keep their ids, and the hub gets dates, not names."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.exchange.packages import CASE_ID, NOW, PACKAGE_ID, SEND_ID, signed

from xietong.casefile.v1.case_pb2 import Case, CaseNumber, CaseNumberKind, CodedValue
from xietong.casefile.v1.decision_pb2 import Decision, Sentence
from xietong.casefile.v1.manifest_pb2 import Manifest, Part, PartKind
from xietong.casefile.v1.measure_pb2 import CompulsoryMeasure, MeasureKind
from xietong.casefile.v1.person_pb2 import Person, PersonRole
from xietong.exchange.v1.draft_pb2 import DraftHeader, DraftKey
from xietong.exchange.v1.envelope_pb2 import Address, Classification, Lane, Party, TraceContext
from xietong_exchange.domain.envelope import open_envelope
from xietong_exchange.domain.errors import PartNameConflict
from xietong_exchange.domain.evidence import timestamp
from xietong_exchange.domain.limits import Limits
from xietong_exchange.flow.records import ContributionRecord
from xietong_exchange.flow.sealing import Sealing, case_numbers, merge, name_persons, supervision
from xietong_standard import load_edition

EDITION = load_edition("2026.1")
KEY = DraftKey(organ_code="110000000000", case_number="A-2026-001", process_code="PB-01")
OTHER_CASE_ID = "8e0a1d5f-4d6a-4e7b-8c2f-2a3b4c5d6e7f"
MIDNIGHT = datetime(2026, 1, 31, tzinfo=timezone(timedelta(hours=8)))


def contribution(system: str, name: str, fragment: Manifest) -> ContributionRecord:
    return ContributionRecord(system=system, name=name, fragment=fragment.SerializeToString())


def files(*names: str) -> Manifest:
    return Manifest(
        parts=[
            Part(
                name=name,
                kind=PartKind.PART_KIND_OTHER,
                size_bytes=len(name.encode()),
                sha256=hashlib.sha256(name.encode()).hexdigest(),
            )
            for name in names
        ]
    )


def person(identifier: str, *roles: PersonRole.ValueType, **more: str) -> Person:
    return Person(id=identifier, name="张某某", roles=roles, **more)  # type: ignore[arg-type] # texts by field name


def test_fragments_merge_in_the_order_of_their_arrival() -> None:
    first = Manifest(case=Case(name="甲案", filing_date="2026-01-01"), persons=[Person(id="1")])
    second = Manifest(case=Case(name="乙案"), persons=[Person(id="2")], process_code="XX-99")
    merged = merge([contribution("a", "x", first), contribution("b", "y", second)], "PB-01", "2026.1")
    assert (merged.case.name, merged.case.filing_date) == ("乙案", "2026-01-01")
    assert [one.id for one in merged.persons] == ["1", "2"]
    assert (merged.process_code, merged.standard_edition) == ("PB-01", "2026.1")
    turned = merge([contribution("b", "y", second), contribution("a", "x", first)], "PB-01", "2026.1")
    assert turned.case.name == "甲案"
    assert [one.id for one in turned.persons] == ["2", "1"]


@given(st.lists(st.lists(st.integers(0, 10**6), max_size=5), max_size=5))
def test_files_are_numbered_without_gaps_whatever_their_systems_said(numbers: list[list[int]]) -> None:
    contributions, names = [], []
    for position, given_numbers in enumerate(numbers):
        own = [f"{position}-{index}.pdf" for index in range(len(given_numbers))]
        fragment = files(*own)
        for part, number in zip(fragment.parts, given_numbers, strict=True):
            part.number = number
        contributions.append(contribution("archive", str(position), fragment))
        names += own
    merged = merge(contributions, "PB-01", "2026.1")
    assert [(part.number, part.name) for part in merged.parts] == list(enumerate(names, start=1))


@pytest.mark.parametrize(
    ("one", "other"), [(("a", "x"), ("a", "y")), (("a", "x"), ("b", "x")), (("a", "x"), ("b", "y"))]
)
def test_two_contributions_with_a_file_of_one_name_conflict(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    with pytest.raises(PartNameConflict) as refused:
        merge(
            [contribution(*one, files("1.pdf", "2.pdf")), contribution(*other, files("2.pdf"))],
            "PB-01",
            "2026.1",
        )
    assert refused.value.facts == {"name": "2.pdf", "other": "/".join(one)}


def test_a_person_has_the_same_id_in_every_package_of_the_case_and_in_no_other_case() -> None:
    def named(case_id: str, *persons: Person) -> list[str]:
        manifest = Manifest(persons=persons)
        name_persons(manifest, case_id, Party.PARTY_POLICE)
        return [one.collaboration_person_id for one in manifest.persons]

    suspect = person("p-1", PersonRole.PERSON_ROLE_SUSPECT)
    other = person("p-2", PersonRole.PERSON_ROLE_SUSPECT)
    defendant = person("p-1", PersonRole.PERSON_ROLE_DEFENDANT)
    first = named(CASE_ID, suspect, other)
    assert named(CASE_ID, other, defendant) == first[::-1]
    assert len(set(first)) == 2
    assert all(str(uuid.UUID(one)) == one for one in first)
    assert set(named(OTHER_CASE_ID, suspect, other)).isdisjoint(first)


def test_only_the_accused_get_an_id_and_an_id_that_is_there_stays() -> None:
    manifest = Manifest(
        persons=[
            person("p-1", PersonRole.PERSON_ROLE_SUSPECT, collaboration_person_id="known"),
            person("p-2", PersonRole.PERSON_ROLE_VICTIM),
            person("p-3", PersonRole.PERSON_ROLE_VICTIM, PersonRole.PERSON_ROLE_CONVICT),
        ]
    )
    name_persons(manifest, CASE_ID, Party.PARTY_POLICE)
    ids = [one.collaboration_person_id for one in manifest.persons]
    assert ids[:2] == ["known", ""]
    assert ids[2]


def accused(identifier: str, collaboration_id: str) -> Person:
    return person(identifier, PersonRole.PERSON_ROLE_SUSPECT, collaboration_person_id=collaboration_id)


def measure(person_id: str, kind: MeasureKind.ValueType) -> CompulsoryMeasure:
    return CompulsoryMeasure(person_id=person_id, kind=kind, start_time=timestamp(NOW))


def test_the_envelope_carries_the_events_that_its_process_names_by_random_ids() -> None:
    manifest = Manifest(
        process_code="QS-01",
        persons=[accused("p-1", "b"), accused("p-2", "a"), person("p-3", PersonRole.PERSON_ROLE_WITNESS)],
        measures=[
            measure("p-1", MeasureKind.MEASURE_KIND_DETENTION),
            CompulsoryMeasure(person_id="p-1", kind=MeasureKind.MEASURE_KIND_ARREST),
            measure("p-1", MeasureKind.MEASURE_KIND_SUMMONS),
            measure("p-1", MeasureKind.MEASURE_KIND_RELEASE),
            measure("p-2", MeasureKind.MEASURE_KIND_BAIL),
            measure("p-3", MeasureKind.MEASURE_KIND_BAIL),
        ],
    )
    data = supervision(manifest, EDITION)
    assert list(data.person_ids) == ["a", "b"]
    events = [(one.kind, one.time.ToDatetime(tzinfo=UTC), list(one.person_ids)) for one in data.events]
    assert events == [("detention", NOW, ["b"]), ("bail", NOW, ["a"])]
    assert "张某某".encode() not in data.SerializeToString()


def test_a_decision_on_a_term_travels_with_what_it_says_of_it() -> None:
    manifest = Manifest(
        process_code="ZC-05",
        persons=[accused("p-1", "a")],
        decisions=[
            Decision(
                kind=CodedValue(name="批准延长侦查羁押期限"),
                reason=CodedValue(name="刑事诉讼法第一百五十六条"),
                person_id="p-1",
                decision_date="2026-01-31",
                term_end_date="2026-03-31",
                term_length="P1M",
                approver_level="upper_procuratorate",
            )
        ],
    )
    (event,) = supervision(manifest, EDITION).events
    assert event.kind == "custody-extended-156"
    assert event.time.ToDatetime(tzinfo=UTC) == MIDNIGHT
    assert (event.last_day, event.length, event.approver) == ("2026-03-31", "P1M", "upper_procuratorate")


def test_an_event_of_nobody_in_particular_concerns_everybody() -> None:
    manifest = Manifest(
        process_code="SP-02",
        persons=[accused("p-1", "a")],
        decisions=[Decision(kind=CodedValue(name="受理"), decision_date="2026-01-31")],
    )
    (event,) = supervision(manifest, EDITION).events
    assert (event.kind, list(event.person_ids)) == ("case-accepted", [])


@settings(deadline=None)  # the first call may load what the others find loaded
@given(st.dates())
def test_every_day_of_a_sentence_is_an_event_or_none_and_never_an_accident(day: object) -> None:
    manifest = Manifest(
        process_code="ZX-01",
        persons=[Person(id="1", collaboration_person_id="a")],
        sentences=[Sentence(person_id="1", effective_date=str(day))],
    )
    events = supervision(manifest, EDITION).events
    assert len(events) == (str(day) != "0001-01-01")


def test_case_numbers_begin_with_the_drafts_own_and_name_each_once() -> None:
    police, court = CaseNumberKind.CASE_NUMBER_KIND_POLICE, CaseNumberKind.CASE_NUMBER_KIND_COURT
    numbers = [
        CaseNumber(kind=court, number="C-1"),
        CaseNumber(kind=police, number=KEY.case_number),
        CaseNumber(kind=police, number="A-2025-900"),
        CaseNumber(number="of no kind"),
    ]
    found = case_numbers(Manifest(case=Case(numbers=numbers)), KEY, Party.PARTY_POLICE)
    assert [(one.party, one.number) for one in found] == [
        (Party.PARTY_POLICE, "A-2026-001"),
        (Party.PARTY_COURT, "C-1"),
        (Party.PARTY_POLICE, "A-2025-900"),
    ]


def sealing_of(manifest: Manifest) -> Sealing:
    return Sealing(
        key=KEY,
        header=DraftHeader(
            classification=Classification.CLASSIFICATION_UNCLASSIFIED,
            correlation_id=SEND_ID,
            corrects_package_id=PACKAGE_ID,
            lane=Lane.LANE_BULK,
        ),
        sender=Address(party=Party.PARTY_POLICE, organ_code=KEY.organ_code),
        send_id=SEND_ID,
        collaboration_case_id=CASE_ID,
        manifest=manifest,
        manifest_bytes=manifest.SerializeToString(deterministic=True),
        edition=EDITION,
        create_time=NOW,
        trace_context=TraceContext(traceparent=f"00-{'ab' * 16}-{'cd' * 8}-01"),
    )


def test_the_envelopes_of_one_send_are_valid_share_their_parts_and_differ_in_receiver_and_id() -> None:
    manifest = merge([contribution("a", "x", files("1.pdf", "2.pdf"))], "PB-01", "2026.1")
    sealing = sealing_of(manifest)
    other_id = PACKAGE_ID[:-1] + "9"
    one = sealing.envelope(Address(party=Party.PARTY_PROCURATORATE), PACKAGE_ID)
    other = sealing.envelope(Address(party=Party.PARTY_JUSTICE), other_id)
    packages = [open_envelope(signed(envelope), Limits()) for envelope in (one, other)]
    assert [package.package_id for package in packages] == [PACKAGE_ID, other_id]
    assert packages[0].seal != packages[1].seal
    assert one.parts == other.parts
    assert one.parts[0].digest.value == hashlib.sha256(sealing.manifest_bytes).digest()
    assert [part.digest.value for part in one.parts[1:]] == [
        hashlib.sha256(name).digest() for name in (b"1.pdf", b"2.pdf")
    ]
    assert (one.correlation_id, one.corrects_package_id, one.lane) == (SEND_ID, PACKAGE_ID, Lane.LANE_BULK)
    assert packages[0].trace_id == "ab" * 16
