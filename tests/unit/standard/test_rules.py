"""Each rule fires on what is wrong and stays silent beside it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.unit.standard.packages import IDENTIFIED, RESIDENT_NUMBER, instant, package, verdict

from xietong.casefile.v1.case_pb2 import CaseTrait, CodedValue
from xietong.casefile.v1.charge_pb2 import Charge, ChargeStage
from xietong.casefile.v1.dossier_pb2 import Page, Volume, VolumeItem, VolumeKind
from xietong.casefile.v1.manifest_pb2 import Manifest, Part, PartKind
from xietong.casefile.v1.measure_pb2 import MeasureKind
from xietong.casefile.v1.media_pb2 import Media, MediaKind
from xietong.casefile.v1.person_pb2 import IdentityDocument, IdentityDocumentKind, Person, PersonRole
from xietong_standard import RULES, Edition, Finding, Severity, validate

CREDIT_CODE = "91350100M000100Y43"

Change = Callable[[Manifest], object]


def set_resident_number(number: str, birth_date: str = "") -> Change:
    def change(manifest: Manifest) -> None:
        manifest.persons[0].identity_documents[0].number = number
        manifest.persons[0].birth_date = birth_date or manifest.persons[0].birth_date

    return change


def add_organisation(code: str) -> Change:
    document = IdentityDocument(
        kind=IdentityDocumentKind.IDENTITY_DOCUMENT_KIND_SOCIAL_CREDIT_CODE, number=code
    )
    organisation = Person(
        id="p-organisation",
        roles=[PersonRole.PERSON_ROLE_ORGANISATION],
        name="示例公司",
        identity_documents=[document],
    )
    return lambda manifest: manifest.persons.append(organisation)


def set_court_number(number: str) -> Change:
    def change(manifest: Manifest) -> None:
        manifest.case.numbers[2].number = number

    return change


def set_pages(first: int, last: int) -> Change:
    def change(manifest: Manifest) -> None:
        item = manifest.volumes[0].items[1]
        item.first_page, item.last_page = first, last

    return change


def add_part(name: str, kind: PartKind.ValueType, *, used: bool) -> Change:
    def change(manifest: Manifest) -> None:
        manifest.parts.append(Part(name=name, kind=kind))
        if used:
            page = Page(number=1, part=name)
            manifest.volumes[0].items[0].pages.append(page)

    return change


def set_dates(offence: str = "", filing: str = "", offence_end: str = "") -> Change:
    def change(manifest: Manifest) -> None:
        case = manifest.case
        case.offence_date = offence or case.offence_date
        case.filing_date = filing or case.filing_date
        case.offence_end_date = offence_end or case.offence_end_date

    return change


def set_arrest(day: int) -> Change:
    return lambda manifest: manifest.measures[1].start_time.CopyFrom(instant(2026, 1, day))


def set_birth_date(birth_date: str) -> Change:
    def change(manifest: Manifest) -> None:
        del manifest.persons[0].identity_documents[:]
        manifest.persons[0].identity_documents.add(
            kind=IdentityDocumentKind.IDENTITY_DOCUMENT_KIND_OTHER, number="1"
        )
        manifest.persons[0].birth_date = birth_date

    return change


def assign(path: str, value: object) -> Change:
    """Sets a field: `case.name`, `persons.0.name`."""

    def change(manifest: Manifest) -> None:
        *steps, last = path.split(".")
        target: object = manifest
        for step in steps:
            target = target[int(step)] if step.isdecimal() else getattr(target, step)  # type: ignore[index] # a list
        setattr(target, last, value)

    return change


def empty_volume(manifest: Manifest) -> None:
    manifest.parts.remove(next(part for part in manifest.parts if part.name == "volume-1.pdf"))
    del manifest.volumes[0].parts[:]


def move_volume_file_to_page(manifest: Manifest) -> None:
    del manifest.volumes[0].parts[:]
    manifest.volumes[0].items[0].pages.append(Page(number=1, part="volume-1.pdf"))


def no_media(manifest: Manifest) -> None:
    del manifest.media[:]
    manifest.parts.pop()


def add_media(manifest: Manifest) -> None:
    manifest.media.append(Media(kind=MediaKind.MEDIA_KIND_SCENE, part="scene.mp4"))
    manifest.parts.append(Part(name="scene.mp4", kind=PartKind.PART_KIND_VIDEO))


def rename_document_part(manifest: Manifest) -> None:
    manifest.documents[0].part = "elsewhere.pdf"


def remove_person_name(manifest: Manifest) -> None:
    manifest.persons[0].name = ""


def remove_charges_of_one(manifest: Manifest) -> None:
    kept = [charge for charge in manifest.charges if charge.person_id == IDENTIFIED]
    del manifest.charges[:]
    manifest.charges.extend(kept)


def name_the_document_for_one(manifest: Manifest) -> None:
    manifest.documents[2].person_ids.append(IDENTIFIED)


def nothing(_: Manifest) -> None:
    return


# Rule, process, what makes it fire, what comes close and leaves it silent.
CASES: list[tuple[str, str, Change, Change]] = [
    ("XT-PRC-05", "PB-01", assign("process_code", "PB-02"), assign("process_code", "PB-01")),
    ("XT-PRC-06", "PB-01", assign("standard_edition", "2025.1"), assign("standard_edition", "2026.1")),
    ("XT-CTR-01", "PB-01", assign("persons.2.id", ""), assign("persons.2.id", "p")),
    ("XT-CTR-02", "PB-01", assign("persons.1.sex_code", "7"), assign("persons.1.sex_code", "9")),
    ("XT-CTR-03", "PB-01", assign("case.name", "名" * 401), assign("case.name", "𠮷" * 400)),
    (
        "XT-CTR-04",
        "PB-01",
        assign("documents.0.page_count", 100_001),
        assign("documents.0.page_count", 100_000),
    ),
    ("XT-CTR-05", "PB-01", assign("measures.0.kind", 99), assign("measures.0.kind", 7)),
    (
        "XT-CTR-06",
        "PB-01",
        lambda m: m.persons[0].other_names.extend(["别名"] * 51),
        lambda m: m.persons[0].other_names.extend(["别名"] * 50),
    ),
    (
        "XT-CTR-07",
        "PB-01",
        lambda m: m.case.traits.append(CaseTrait.CASE_TRAIT_CIVIL_ACTION),
        lambda m: m.case.traits.append(CaseTrait.CASE_TRAIT_JOINT),
    ),
    (
        "XT-CTR-08",
        "PB-01",
        add_part("..", PartKind.PART_KIND_OTHER, used=False),
        add_part("..pdf", PartKind.PART_KIND_OTHER, used=False),
    ),
    ("XT-CTR-09", "PB-01", assign("case.filing_date", "2026.1.11"), assign("case.filing_date", "")),
    ("XT-FLD-01", "PB-01", remove_person_name, assign("persons.0.name", "阿不都·买买提")),
    ("XT-FLD-02", "PB-01", remove_charges_of_one, nothing),
    ("XT-DOC-01", "PB-01", assign("documents.0.kind.name", "其他"), assign("documents.0.number", "")),
    ("XT-DOC-02", "PB-01", name_the_document_for_one, nothing),
    ("XT-VOL-01", "PB-01", lambda m: m.volumes.pop(), lambda m: m.volumes[0].items.pop()),
    ("XT-VOL-02", "PB-01", empty_volume, move_volume_file_to_page),
    ("XT-AVD-01", "PB-12", no_media, nothing),
    ("XT-AVD-02", "ZC-09", no_media, nothing),
    ("XT-AVD-03", "PB-02", add_media, nothing),
    ("XT-PRT-01", "PB-01", rename_document_part, nothing),
    (
        "XT-PRT-02",
        "PB-01",
        add_part("extra.pdf", PartKind.PART_KIND_DOSSIER, used=False),
        add_part("extra.pdf", PartKind.PART_KIND_DOSSIER, used=True),
    ),
    (
        "XT-PRT-03",
        "PB-01",
        add_part("photo.jpg", PartKind.PART_KIND_IMAGE, used=False),
        add_part("Photo.jpg", PartKind.PART_KIND_OTHER, used=False),
    ),
    ("XT-REF-01", "PB-01", assign("measures.0.person_id", "p-nobody"), nothing),
    ("XT-REF-02", "PB-01", assign("persons.2.id", IDENTIFIED), assign("persons.2.id", "p-third")),
    ("XT-IDN-01", "PB-01", set_resident_number("110105491231002"), set_resident_number(RESIDENT_NUMBER)),
    (
        "XT-IDN-02",
        "PB-01",
        set_resident_number("110105194912310021"),
        set_resident_number("１１０１０５１９４９１２３１００２Ｘ"),
    ),
    ("XT-IDN-03", "PB-01", set_resident_number("110105194902300028"), set_resident_number(RESIDENT_NUMBER)),
    ("XT-IDN-04", "PB-01", set_resident_number(RESIDENT_NUMBER, "1950-01-01"), set_birth_date("1950-01-01")),
    ("XT-IDN-05", "PB-01", add_organisation(CREDIT_CODE[:-1]), add_organisation(CREDIT_CODE)),
    ("XT-IDN-06", "PB-01", add_organisation(CREDIT_CODE[:-1] + "4"), add_organisation(CREDIT_CODE)),
    ("XT-NUM-01", "PB-01", set_court_number("2026年第123号"), set_court_number("（2026）粤01刑初123号")),
    ("XT-PAG-01", "PB-01", set_pages(5, 4), set_pages(5, 5)),
    ("XT-PAG-02", "PB-01", set_pages(3, 9), set_pages(0, 0)),
    ("XT-DAT-01", "PB-01", set_dates(offence="2025-02-30"), set_dates(offence="2024-02-29")),
    ("XT-DAT-02", "PB-01", set_arrest(11), set_arrest(12)),
    ("XT-DAT-03", "PB-01", set_dates(offence_end="2026-01-09"), set_dates(offence_end="2026-01-10")),
    ("XT-DAT-04", "PB-01", set_dates(filing="2026-01-09"), set_dates(filing="2026-01-10")),
    ("XT-DAT-05", "PB-01", set_birth_date("2026-01-11"), set_birth_date("2008-01-11")),
    (
        "XT-DAT-06",
        "PB-01",
        assign("measures.0.start_time.seconds", -62_135_596_801),
        assign("measures.0.start_time.seconds", -62_135_596_800),
    ),
]
# Who may send what to whom is a question of the edition: tested there, and here as a finding.
ROUTING = {"XT-PRC-01", "XT-PRC-02", "XT-PRC-03", "XT-PRC-04"}
CODES = {"XT-COD-01", "XT-COD-02", "XT-COD-03"}  # test_codes.py
STAGE = {"XT-LIF-01", "XT-LIF-02"}  # test_lifecycle.py


def findings_of(edition: Edition, code: str, change: Change, rule: str) -> list[Finding]:
    manifest = package(edition.process(code))
    change(manifest)
    return [finding for finding in verdict(edition, code, manifest).findings if finding.rule == rule]


@pytest.mark.parametrize(("rule", "code", "wrong", "right"), CASES, ids=[case[0] for case in CASES])
def test_a_rule_fires_and_stays_silent(
    edition: Edition, rule: str, code: str, wrong: Change, right: Change
) -> None:
    found = findings_of(edition, code, wrong, rule)
    assert found
    for finding in found:
        texts = (finding.zh, finding.en, finding.remedy_zh, finding.remedy_en, finding.basis)
        assert all(texts)
        assert not any("{" in text or "None" in text for text in texts)
        assert finding.severity is RULES[rule].severity
    assert findings_of(edition, code, right, rule) == []


def test_every_rule_is_tested() -> None:
    assert {case[0] for case in CASES} | ROUTING | CODES | STAGE == set(RULES)


@pytest.mark.parametrize(
    ("code", "sender", "receiver", "rule", "path"),
    [
        ("PB-99", "POLICE", "PROCURATORATE", "XT-PRC-01", "process_code"),
        ("TY-02", "POLICE", "PROCURATORATE", "XT-PRC-02", "process_code"),
        ("PB-01", "COURT", "PROCURATORATE", "XT-PRC-03", ""),
        ("PB-01", "POLICE", "JUSTICE", "XT-PRC-04", ""),
    ],
)
def test_process_sender_and_receiver(
    edition: Edition, code: str, sender: str, receiver: str, rule: str, path: str
) -> None:
    manifest = package(edition.process("PB-01"))
    judged = validate(manifest, code, edition, sender=sender, receiver=receiver)
    assert [(finding.rule, finding.path) for finding in judged.errors] == [(rule, path)]
    assert all((judged.errors[0].zh, judged.errors[0].en, judged.errors[0].remedy_zh))
    assert not judged.ok


def test_a_warning_lets_the_package_leave(edition: Edition) -> None:
    manifest = package(edition.process("PB-02"))
    add_media(manifest)
    judged = verdict(edition, "PB-02", manifest)
    assert [finding.severity for finding in judged.findings] == [Severity.WARNING]
    assert judged.warnings == judged.findings
    assert judged.ok


def test_the_contract_names_the_entry(edition: Edition) -> None:
    manifest = package(edition.process("PB-01"))
    manifest.persons[0].identity_documents.add(number="1")
    paths = [finding.path for finding in verdict(edition, "PB-01", manifest).errors]
    assert paths == ["persons[0].identity_documents[1].kind"]


def test_an_empty_manifest_is_judged_whole(edition: Edition) -> None:
    judged = verdict(edition, "PB-01", Manifest())
    assert {"XT-FLD-01", "XT-DOC-01", "XT-VOL-01"} <= {finding.rule for finding in judged.errors}


def test_nonsense_is_judged_and_never_raises(edition: Edition) -> None:
    manifest = Manifest()
    measure = manifest.measures.add(person_id="{x}", kind=MeasureKind.MEASURE_KIND_DETENTION)
    measure.start_time.seconds, measure.start_time.nanos = 2**62, -5
    measure.end_time.seconds = -(2**62)
    manifest.case.filing_date = "2026-W01-1"
    manifest.case.offence_date = "99999999"
    manifest.sentences.add(person_id="a", judgment_number="(\x00")
    manifest.volumes.add(title="{title}")
    manifest.parts.add(name="a\x00b{part}")
    person = manifest.persons.add(id="{person} {0}")
    person.identity_documents.add(kind=IdentityDocumentKind.IDENTITY_DOCUMENT_KIND_RESIDENT, number="１" * 18)
    judged = validate(manifest, "\x00{process}", edition, sender="", receiver="nobody")
    assert {"XT-PRC-01", "XT-DAT-03", "XT-DAT-06", "XT-NUM-01", "XT-CTR-09"} <= {
        f.rule for f in judged.errors
    }


def test_unusual_but_right_input_passes(edition: Edition) -> None:
    manifest = package(edition.process("PB-01"))
    manifest.persons[0].name = "阿不都热依木·𠮷田"
    manifest.persons[0].other_names.append("小名１２３")
    manifest.persons[0].identity_documents[0].number = "１１０１０５１９４９１２３１００２Ｘ"
    manifest.parts[0].name = manifest.persons[1].photo_part = "照片·𠮷（１）.jpg"
    manifest.persons.add(
        id="p-witness", roles=[PersonRole.PERSON_ROLE_WITNESS], name="化名乙", pseudonym=True
    )
    assert verdict(edition, "PB-01", manifest).findings == ()


def test_findings_do_not_repeat_names_or_numbers_of_persons(edition: Edition) -> None:
    manifest = package(edition.process("PB-01"))
    manifest.persons[0].identity_documents[0].number = "110105194912310021"
    manifest.persons[0].sex_code = ""
    manifest.measures[0].ClearField("place")
    findings = verdict(edition, "PB-01", manifest).findings
    assert len(findings) == 3
    text = "".join(finding.zh + finding.en + finding.remedy_zh + finding.remedy_en for finding in findings)
    assert "张某某" not in text
    assert "110105" not in text


def test_a_range_is_compared_with_the_one_that_reaches_furthest(edition: Edition) -> None:
    manifest = package(edition.process("PB-01"))
    ranges = [(1, 100), (2, 3), (50, 60), (101, 101)]
    items = [
        VolumeItem(number=number + 1, title="目录", first_page=first, last_page=last)
        for number, (first, last) in enumerate(ranges)
    ]
    manifest.volumes[0].CopyFrom(
        Volume(
            number=1, title="卷", kind=VolumeKind.VOLUME_KIND_DOCUMENTS, items=items, parts=["volume-1.pdf"]
        )
    )
    paths = [finding.path for finding in verdict(edition, "PB-01", manifest).errors]
    assert paths == ["volumes[0].items[1]", "volumes[0].items[2]"]


def test_ten_thousand_mistakes_are_all_named(edition: Edition) -> None:
    manifest = package(edition.process("PB-01"))
    manifest.charges.extend(
        Charge(
            person_id=f"nobody-{number}",
            stage=ChargeStage.CHARGE_STAGE_FILING,
            offence=CodedValue(name="盗窃罪"),
        )
        for number in range(10_000 - len(manifest.charges))
    )
    findings = verdict(edition, "PB-01", manifest).findings
    assert len(findings) == 10_000 - 12
    assert {finding.rule for finding in findings} == {"XT-REF-01"}
