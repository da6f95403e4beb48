"""Cases of the rules on contract, process, completeness, references and the first forms and dates."""

from __future__ import annotations

from tests.unit.standard.changes import (
    CREDIT_CODE,
    Change,
    add_media,
    add_organisation,
    add_part,
    assign,
    nothing,
    set_arrest,
    set_birth_date,
    set_court_number,
    set_dates,
    set_pages,
    set_resident_number,
)
from tests.unit.standard.packages import IDENTIFIED, RESIDENT_NUMBER

from xietong.casefile.v1.case_pb2 import CaseTrait
from xietong.casefile.v1.dossier_pb2 import Page
from xietong.casefile.v1.manifest_pb2 import Manifest, PartKind

Case = tuple[str, str, Change, Change]


def empty_volume(manifest: Manifest) -> None:
    manifest.parts.remove(next(part for part in manifest.parts if part.name == "volume-1.pdf"))
    del manifest.volumes[0].parts[:]


def move_volume_file_to_page(manifest: Manifest) -> None:
    del manifest.volumes[0].parts[:]
    manifest.volumes[0].items[0].pages.append(Page(number=1, part="volume-1.pdf"))


def no_media(manifest: Manifest) -> None:
    del manifest.media[:]
    manifest.parts.pop()


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
