"""The processes of the first release: a full package passes, and each thing taken away is named."""

from __future__ import annotations

import pytest
from google.protobuf.message import Message
from tests.unit.standard.packages import IDENTIFIED, UNIDENTIFIED, package, verdict

from xietong.casefile.v1.case_pb2 import CodedValue
from xietong.casefile.v1.decision_pb2 import Decision
from xietong.casefile.v1.document_pb2 import Document
from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.casefile.v1.measure_pb2 import MeasureKind
from xietong_standard import Edition, load_edition
from xietong_standard.model import FieldRequirement
from xietong_standard.paths import FieldPath, Segment

# Technical processes are evidence or a field of the envelope and never a package.
PACKAGES = tuple(code for code, process in load_edition("2026.1").processes.items() if not process.technical)


def clear(message: Message, segments: tuple[Segment, ...]) -> None:
    """Takes away what a path asks for: the value of the last segment, in every entry that leads there."""
    segment, rest = segments[0], segments[1:]
    name = segment.names[0]
    if rest:
        repeated = message.DESCRIPTOR.fields_by_name[name].is_repeated
        for child in (
            [entry for _, entry in segment.entries(message)] if repeated else [getattr(message, name)]
        ):
            clear(child, rest)
    elif segment.filters:
        for position, _ in reversed(list(segment.entries(message))):
            del getattr(message, name)[position]
    else:
        for alternative in segment.names:
            message.ClearField(alternative)


def without_field(manifest: Manifest, field: FieldRequirement) -> Manifest:
    changed = Manifest()
    changed.CopyFrom(manifest)
    clear(changed, field.path.segments)
    return changed


@pytest.mark.parametrize("code", PACKAGES)
def test_a_full_package_has_no_findings(edition: Edition, code: str) -> None:
    judged = verdict(edition, code, package(edition.process(code)))
    assert judged.findings == ()
    assert judged.ok


@pytest.mark.parametrize("code", PACKAGES)
def test_each_required_field_that_is_missing_is_named(edition: Edition, code: str) -> None:
    process = edition.process(code)
    manifest = package(process)
    for field in process.fields:
        named = [
            finding
            for finding in verdict(edition, code, without_field(manifest, field)).errors
            if finding.rule in {"XT-FLD-01", "XT-FLD-02"} and field.label.zh in finding.zh
        ]
        # The plaintiff is asked for in two ways: one when there is none, one when the name is missing.
        assert named, field.path.text
        assert all(field.label.en in finding.en and finding.path in finding.remedy_zh for finding in named)
        assert named[0].basis == (process.basis_text() or "数据标准 / data standard")


@pytest.mark.parametrize("code", PACKAGES)
def test_each_required_document_that_is_missing_is_named(edition: Edition, code: str) -> None:
    process = edition.process(code)
    for requirement in process.required_documents:
        manifest = package(process)
        kinds = {kind.zh for kind in requirement.one_of}
        kept = [document for document in manifest.documents if document.kind.name not in kinds]
        del manifest.documents[:]
        manifest.documents.extend(kept)
        named = [f for f in verdict(edition, code, manifest).errors if f.rule in {"XT-DOC-01", "XT-DOC-02"}]
        assert named
        assert all(requirement.label.zh in finding.zh for finding in named)
        assert all(requirement.label.en in finding.en for finding in named)


@pytest.mark.parametrize("code", PACKAGES)
def test_each_required_volume_that_is_missing_is_named(edition: Edition, code: str) -> None:
    process = edition.process(code)
    for position, requirement in enumerate(process.required_volumes):
        manifest = package(process)
        del manifest.volumes[position]
        findings = verdict(edition, code, manifest).errors
        assert [finding.path for finding in findings if finding.rule == "XT-VOL-01"] == [
            f"volumes[kind={requirement.kind}]"
        ]


def test_any_alternative_of_a_document_is_enough(edition: Edition) -> None:
    process = edition.process("SP-19")
    manifest = package(process)
    for kind in process.required_documents[0].one_of:
        manifest.documents[0].kind.name = kind.zh
        assert verdict(edition, "SP-19", manifest).ok


def test_document_names_are_compared_without_regard_to_width(edition: Edition) -> None:
    process = edition.process("HY-01")
    manifest = package(process)
    manifest.documents[0].kind.name = " 换押证（移送联） "
    assert "XT-DOC-01" not in {finding.rule for finding in verdict(edition, "HY-01", manifest).findings}


def test_a_document_is_asked_for_each_person(edition: Edition) -> None:
    manifest = package(edition.process("PB-01"))
    warrant = next(document for document in manifest.documents if document.kind.name == "拘留证")
    warrant.person_ids.append(IDENTIFIED)
    missing = [f for f in verdict(edition, "PB-01", manifest).errors if f.rule == "XT-DOC-02"]
    assert [UNIDENTIFIED in finding.zh for finding in missing] == [True]
    warrant.person_ids.append(UNIDENTIFIED)
    assert verdict(edition, "PB-01", manifest).ok


def test_a_charge_is_asked_for_each_suspect(edition: Edition) -> None:
    manifest = package(edition.process("PB-01"))
    kept = [charge for charge in manifest.charges if charge.person_id == IDENTIFIED]
    del manifest.charges[:]
    manifest.charges.extend(kept)
    errors = verdict(edition, "PB-01", manifest).errors
    assert [(finding.rule, finding.path) for finding in errors] == [
        ("XT-FLD-02", f"charges[stage=ARREST_REQUEST][person_id={UNIDENTIFIED}].offence.name")
    ]


def test_an_entry_of_one_person_that_lacks_a_value_is_named_with_the_person(edition: Edition) -> None:
    manifest = package(edition.process("PB-01"))
    manifest.charges[1].offence.name = " "
    errors = verdict(edition, "PB-01", manifest).errors
    assert [(finding.rule, finding.path) for finding in errors] == [("XT-FLD-02", "charges[1].offence.name")]
    assert IDENTIFIED in errors[0].en


def remove_detentions(manifest: Manifest) -> None:
    kept = [m for m in manifest.measures if m.kind != MeasureKind.MEASURE_KIND_DETENTION]
    del manifest.measures[:]
    manifest.measures.extend(kept)


def end_detentions(manifest: Manifest) -> None:
    for measure in manifest.measures:
        measure.end_time.CopyFrom(measure.start_time)


def test_without_detention_no_warrant_is_required(edition: Edition) -> None:
    for change in (remove_detentions, end_detentions):
        manifest = package(edition.process("PB-01"))
        change(manifest)
        del manifest.documents[2:]
        manifest.parts.remove(next(part for part in manifest.parts if part.name == "document-2.pdf"))
        assert verdict(edition, "PB-01", manifest).findings == ()


def test_an_acquitted_defendant_needs_no_sentence(edition: Edition) -> None:
    manifest = package(edition.process("SP-19"))
    for person_id in (IDENTIFIED, UNIDENTIFIED):
        manifest.decisions.append(Decision(kind=CodedValue(name="宣告无罪"), person_id=person_id))
    del manifest.sentences[:]
    assert verdict(edition, "SP-19", manifest).ok


def test_an_entry_for_everybody_serves_every_person() -> None:
    path = FieldPath.parse("decisions[kind.name=受理].document_number", Manifest.DESCRIPTOR)
    manifest = Manifest(decisions=[Decision(kind=CodedValue(name="受理"), document_number="1")])
    assert list(path.missing_for(manifest, ["a", "b"])) == []
    manifest.decisions[0].document_number = ""
    assert list(path.missing_for(manifest, ["a", "b"])) == [("", "decisions[0].document_number")]
    manifest.decisions[0].person_id = "c"
    assert [person for person, _ in path.missing_for(manifest, ["a", "b"])] == ["a", "b"]


def test_conditions_on_the_case(edition: Edition) -> None:
    manifest = package(edition.process("QS-01"))
    del manifest.properties[:]
    del manifest.persons[3]
    for name in ("涉案财物清单", "告知辩护律师记录"):
        document = next(d for d in manifest.documents if d.kind.name == name)
        document.CopyFrom(Document(kind=CodedValue(name="情况说明"), part=document.part))
    manifest.decisions.pop()
    for decision in manifest.decisions:
        decision.ClearField("appointed_person_id")
    del manifest.case.traits[:]
    manifest.persons[2].roles.pop()
    assert verdict(edition, "QS-01", manifest).findings == ()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ZC-03", MeasureKind.MEASURE_KIND_DETENTION),
        ("ZC-04", MeasureKind.MEASURE_KIND_ARREST),
        ("HY-06", MeasureKind.MEASURE_KIND_RELEASE),
        ("SP-18", MeasureKind.MEASURE_KIND_ARREST),
    ],
)
def test_a_measure_need_not_concern_every_suspect_of_the_case(
    edition: Edition, code: str, kind: MeasureKind.ValueType
) -> None:
    manifest = package(edition.process(code))
    others = [measure for measure in manifest.measures if measure.kind != kind]
    of_one = [m for m in manifest.measures if m.kind == kind and m.person_id == IDENTIFIED]
    del manifest.measures[:]
    manifest.measures.extend([*others, *of_one])
    assert verdict(edition, code, manifest).errors == ()
    del manifest.measures[:]
    manifest.measures.extend(others)
    assert verdict(edition, code, manifest).errors
