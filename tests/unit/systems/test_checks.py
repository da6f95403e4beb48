"""The handler's checks: each finds its own defect, and none of them finds one in the example."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.systems.submissions import codes, example, example_files, manifest_of

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong_system_court import TRIAL
from xietong_system_desk import Check, DeskProfile, Submission, checks
from xietong_system_justice import LEGAL_AID
from xietong_system_police import CASE_HANDLING
from xietong_system_procuratorate import PROSECUTION

PROPERTY_CHECK = checks.property_list_is_complete("QS-01")


@pytest.mark.parametrize(
    ("profile", "name", "earlier", "answered"),
    [
        (PROSECUTION, "01-PB-01", (), None),
        (CASE_HANDLING, "02-PB-02", (), "01-PB-01"),
        (PROSECUTION, "03-PB-04", ("01-PB-01",), "02-PB-02"),
        (LEGAL_AID, "05-FY-01", (), None),
        (PROSECUTION, "06-FY-02", ("01-PB-01",), "05-FY-01"),
        (TRIAL, "07-SP-01", (), None),
        (PROSECUTION, "08-SP-02", ("01-PB-01",), "07-SP-01"),
        (PROSECUTION, "09-SP-19", ("01-PB-01",), "07-SP-01"),
        (CASE_HANDLING, "10-ZX-01", ("02-PB-02",), None),
    ],
)
def test_the_example_passes_every_check(
    profile: DeskProfile, name: str, earlier: tuple[str, ...], answered: str | None
) -> None:
    submission = Submission(
        example(name),
        example_files(name),
        [example(each) for each in earlier],
        example(answered) if answered else None,
    )
    assert [reason for check in profile.checks for reason in check(submission)] == []


def test_an_incomplete_property_list_is_returned_with_the_item_the_path_and_the_part() -> None:
    incomplete = Submission(example("04-QS-01"), {}, [example("01-PB-01")])
    [reason] = PROPERTY_CHECK(incomplete)
    assert reason.code == "PROPERTY_MISSING"
    assert reason.path == "properties"
    assert incomplete.manifest.parts[reason.part - 1].name == "涉案财物清单.pdf"
    assert "CW-004" in reason.text_zh
    assert "CW-004" in reason.text_en


def test_the_corrected_property_list_is_complete() -> None:
    corrected = example("04-QS-01-correction")
    assert codes(PROPERTY_CHECK, Submission(corrected, {}, [example("01-PB-01")])) == []


def test_property_that_was_returned_to_its_owner_need_not_be_listed() -> None:
    earlier = example("01-PB-01")
    for item in earlier.properties:
        item.status = item.status.__class__(5) if item.id == "CW-004" else item.status
    assert codes(PROPERTY_CHECK, Submission(example("04-QS-01"), {}, [earlier])) == []


def test_property_is_asked_for_only_in_the_processes_that_list_it() -> None:
    assert codes(PROPERTY_CHECK, Submission(example("03-PB-04"), {}, [example("01-PB-01")])) == []


def _without_document(number: str) -> Manifest:
    manifest = example("02-PB-02")
    kept = [document for document in manifest.documents if document.number != number]
    del manifest.documents[:]
    manifest.documents.extend(kept)
    return manifest


def _with_decision_date(day: str) -> Manifest:
    manifest = example("02-PB-02")
    manifest.decisions[0].decision_date = day
    return manifest


def _with_sentence(**fields: str) -> Manifest:
    manifest = example("10-ZX-01")
    for name, value in fields.items():
        setattr(manifest.sentences[0], name, value)
    return manifest


def _with_gap() -> Manifest:
    manifest = example("07-SP-01")
    manifest.volumes[0].items[1].first_page += 1
    return manifest


def _with_page_count() -> Manifest:
    manifest = example("07-SP-01")
    manifest.volumes[0].page_count += 1
    return manifest


def _without_indictment_charge() -> Manifest:
    manifest = example("07-SP-01")
    kept = [charge for charge in manifest.charges if charge.person_id != "jia"]
    del manifest.charges[:]
    manifest.charges.extend(kept)
    return manifest


def _with_measure(**fields: str) -> Manifest:
    measure = {"personId": "p1", "kind": "MEASURE_KIND_DETENTION", **fields}
    return manifest_of(measures=[measure])


@pytest.mark.parametrize(
    ("check", "manifest", "code", "path"),
    [
        (
            checks.decisions_match_documents,
            _without_document("示样检批捕〔2026〕40号"),
            "DOCUMENT_MISSING",
            "decisions[0].document_number",
        ),
        (
            checks.decisions_match_documents,
            _with_decision_date("2026-03-25"),
            "DATE_MISMATCH",
            "decisions[0].decision_date",
        ),
        (
            checks.sentences_match_judgment,
            _with_sentence(judgment_number="(2026)粤0199刑初1号"),
            "DOCUMENT_MISSING",
            "sentences[0].judgment_number",
        ),
        (
            checks.sentences_match_judgment,
            _with_sentence(effective_date="2026-07-02"),
            "DATE_ORDER",
            "sentences[0].effective_date",
        ),
        (
            checks.sentences_match_judgment,
            _with_sentence(term_end_date="2029-09-12"),
            "TERM_MISMATCH",
            "sentences[0].term_end_date",
        ),
        (checks.volumes_are_whole, _with_gap(), "PAGES_NOT_CONTIGUOUS", "volumes[0].items[1]"),
        (checks.volumes_are_whole, _with_page_count(), "PAGES_NOT_CONTIGUOUS", "volumes[0].page_count"),
        (checks.every_defendant_is_charged, _without_indictment_charge(), "CHARGE_MISSING", "persons[1]"),
        (
            checks.measures_are_in_order,
            _with_measure(startTime="2026-03-12T10:00:00Z", endTime="2026-03-12T09:59:59Z"),
            "DATE_ORDER",
            "measures[0].end_time",
        ),
        (
            checks.measures_are_in_order,
            _with_measure(decisionDate="2026-03-12", expiryDate="2026-03-11"),
            "DATE_ORDER",
            "measures[0].expiry_date",
        ),
    ],
)
def test_a_check_names_the_defect_and_its_place(
    check: Check, manifest: Manifest, code: str, path: str
) -> None:
    assert [(reason.code, reason.path) for reason in check(Submission(manifest, {}))] == [(code, path)]


@pytest.mark.parametrize(
    ("term", "first", "last"),
    [
        ("P3Y6M", "2026-03-12", "2029-09-11"),
        ("P6M", "2026-08-31", "2027-02-27"),
        ("P1Y", "2028-02-29", "2029-02-27"),
        ("P15D", "2026-12-20", "2027-01-03"),
    ],
)
def test_a_term_ends_the_day_before_its_first_day_comes_round_again(term: str, first: str, last: str) -> None:
    manifest = _with_sentence(principal_term=term, term_start_date=first, term_end_date=last)
    assert codes(checks.sentences_match_judgment, Submission(manifest, {})) == []


def test_an_answer_that_leaves_out_a_suspect_is_returned() -> None:
    answer = example("02-PB-02")
    del answer.persons[1]
    submission = Submission(answer, {}, answered=example("01-PB-01"))
    assert codes(checks.every_accused_is_answered, submission) == ["PERSON_MISSING"]


def test_a_judgment_that_forgets_property_is_returned() -> None:
    judgment = example("09-SP-19")
    for sentence in judgment.sentences:
        sentence.property_order = sentence.property_order.replace("CW-006", "")
    submission = Submission(judgment, {}, [example("01-PB-01")])
    [reason] = checks.judgment_disposes_of_property(submission)
    assert reason.code == "PROPERTY_NOT_DISPOSED"
    assert "CW-006" in reason.text_zh


@pytest.mark.parametrize(
    ("media_type", "content", "expected"),
    [
        ("application/pdf", b"%PDF-1.7\n", []),
        ("application/pdf", b"", ["FILE_NOT_READABLE"]),
        ("application/pdf", b"PK\x03\x04", ["FILE_NOT_READABLE"]),
        ("video/mp4", b"\x00\x00\x00\x20ftypisom", []),
        ("video/mp4", b"%PDF-1.7\n", ["FILE_NOT_READABLE"]),
        ("audio/wav", b"RIFF\x00\x00\x00\x00WAVE", []),
        ("application/x-unknown", b"anything", []),
    ],
)
def test_a_file_that_is_not_of_its_media_type_is_returned(
    tmp_path: Path, media_type: str, content: bytes, expected: list[str]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    part = {"name": "file", "number": 1, "kind": "PART_KIND_OTHER", "mediaType": media_type}
    submission = Submission(manifest_of(parts=[part]), {"file": path})
    assert codes(checks.files_are_what_they_say, submission) == expected
