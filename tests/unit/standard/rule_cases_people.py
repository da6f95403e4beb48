"""Cases of the rules on persons: identity, age, roles, defence, and the case that they are in."""

from __future__ import annotations

from tests.unit.standard.changes import (
    Change,
    add,
    assign,
    clear,
    copy,
    nothing,
    set_birth_date,
    set_resident_number,
    together,
)
from tests.unit.standard.packages import IDENTIFIED, RESIDENT_NUMBER, UNIDENTIFIED

from xietong.casefile.v1.case_pb2 import CaseTrait, CodedValue
from xietong.casefile.v1.measure_pb2 import MeasureKind
from xietong.casefile.v1.person_pb2 import IdentityDocument, IdentityDocumentKind, PersonRole

_RESIDENT = IdentityDocument(
    kind=IdentityDocumentKind.IDENTITY_DOCUMENT_KIND_RESIDENT, number=RESIDENT_NUMBER
)
_PASSPORT = IdentityDocument(kind=IdentityDocumentKind.IDENTITY_DOCUMENT_KIND_PASSPORT, number="E00000000")
_WITNESS = PersonRole.PERSON_ROLE_WITNESS
_DEFENDER = PersonRole.PERSON_ROLE_DEFENDER
_DUTY_LAWYER = PersonRole.PERSON_ROLE_DUTY_LAWYER


def witness(name: str, document: IdentityDocument) -> Change:
    return add("persons", id="p-witness", name=name, roles=[_WITNESS], identity_documents=[document])


def person(role: PersonRole.ValueType, **fields: object) -> Change:
    return add("persons", id=f"p-{role}", name="示例", roles=[role], **fields)


def condition(position: int, name: str) -> Change:
    return add(f"persons.{position}.conditions", CodedValue(name=name))


def defenders(count: int) -> Change:
    others = [
        add("persons", id=f"p-{number}", name="示例", roles=[_DEFENDER], represents_person_ids=[IDENTIFIED])
        for number in range(count)
    ]
    return together(*others)


minor = assign("persons.1.juvenile_at_offence", value=True)
defends_both = add("persons.3.represents_person_ids", UNIDENTIFIED)
no_duty_lawyer = together(clear("persons.3.roles"), add("persons.3.roles", _DEFENDER))

IDENTITY: list[tuple[str, str, Change, Change]] = [
    ("XT-IDN-07", "PB-01", assign("persons.0.sex_code", "1"), assign("persons.0.sex_code", "9")),
    (
        "XT-IDN-08",
        "PB-01",
        set_resident_number("990105194912310029"),
        set_resident_number("830105194912310029"),
    ),
    ("XT-IDN-09", "PB-01", witness("张某某", _RESIDENT), witness("张某某", _PASSPORT)),
    ("XT-IDN-10", "PB-01", witness("赵某某", _RESIDENT), witness("赵某某", _PASSPORT)),
    (
        "XT-IDN-11",
        "PB-01",
        add("persons.0.roles", PersonRole.PERSON_ROLE_ORGANISATION),
        add("persons.0.roles", _WITNESS),
    ),
    (
        "XT-IDN-12",
        "PB-01",
        assign("persons.0.custody_number", "440103111202613120001"),
        assign("persons.0.custody_number", "４４０１０３１１１２０２６０１１２０００１"),
    ),
    ("XT-PER-01", "PB-01", add("persons.1.identity_documents", _PASSPORT), nothing),
    ("XT-PER-02", "PB-01", assign("persons.1.photo_part", ""), nothing),
    (
        "XT-PER-03",
        "PB-01",
        assign("persons.0.pseudonym", value=True),
        together(assign("persons.0.pseudonym", value=True), add("persons.0.roles", _WITNESS)),
    ),
    (
        "XT-PER-04",
        "PB-01",
        assign("persons.2.present_address", "示例路1号"),
        together(
            assign("persons.2.present_address", "示例路1号"), assign("persons.2.pseudonym", value=False)
        ),
    ),
    ("XT-PER-05", "PB-01", assign("persons.0.name", "不详"), assign("persons.0.name", "吴名")),
    ("XT-PER-06", "PB-01", set_birth_date("1849-12-31"), set_birth_date("1949-12-31")),
    (
        "XT-PER-07",
        "PB-01",
        together(*(assign(f"persons.{index}.collaboration_person_id", "same") for index in (0, 1))),
        together(*(assign(f"persons.{index}.collaboration_person_id", f"own-{index}") for index in (0, 1))),
    ),
]
# The offence was on 2026-01-10; a year of life is complete on the day after the birthday.
AGES: list[tuple[str, str, Change, Change]] = [
    ("XT-JUV-01", "PB-01", assign("persons.0.juvenile_at_offence", value=True), minor),
    ("XT-JUV-02", "PB-01", set_birth_date("2008-01-10"), set_birth_date("2008-01-09")),
    ("XT-JUV-03", "PB-01", set_birth_date("2014-01-10"), set_birth_date("2014-01-09")),
    ("XT-JUV-04", "PB-01", set_birth_date("2012-01-10"), set_birth_date("2012-01-09")),
    ("XT-JUV-05", "PB-01", set_birth_date("2010-01-10"), set_birth_date("2010-01-09")),
    (
        "XT-JUV-06",
        "PB-01",
        minor,
        together(
            minor, assign("persons.1.guardian_person_id", "p-6"), person(PersonRole.PERSON_ROLE_GUARDIAN)
        ),
    ),
    ("XT-JUV-07", "PB-01", minor, together(minor, add("case.traits", CaseTrait.CASE_TRAIT_JUVENILE))),
    (
        "XT-JUV-08",
        "PB-01",
        assign("persons.1.guardian_person_id", "p-defender"),
        together(assign("persons.1.guardian_person_id", "p-6"), person(PersonRole.PERSON_ROLE_GUARDIAN)),
    ),
    (
        "XT-JUV-09",
        "PB-01",
        assign("persons.1.guardian_person_id", UNIDENTIFIED),
        assign("persons.1.guardian_person_id", "p-defender"),
    ),
]
ROLES: list[tuple[str, str, Change, Change]] = [
    (
        "XT-ROL-01",
        "PB-01",
        assign("charges.0.person_id", "p-victim"),
        together(
            assign("charges.0.person_id", "p-victim"),
            add("persons.2.roles", PersonRole.PERSON_ROLE_ORGANISATION),
        ),
    ),
    (
        "XT-ROL-02",
        "PB-01",
        assign("measures.0.person_id", "p-victim"),
        together(
            assign("measures.0.person_id", "p-victim"),
            assign("measures.0.kind", MeasureKind.MEASURE_KIND_RELEASE),
        ),
    ),
    ("XT-ROL-03", "PB-01", assign("sentences.0.person_id", "p-victim"), nothing),
    ("XT-ROL-04", "PB-01", clear("persons.3.represents_person_ids"), nothing),
    (
        "XT-ROL-05",
        "PB-01",
        add("persons.3.represents_person_ids", "p-victim"),
        together(
            add("persons.3.represents_person_ids", "p-victim"),
            add("persons.3.roles", PersonRole.PERSON_ROLE_AGENT),
        ),
    ),
    ("XT-ROL-06", "PB-01", together(defends_both, no_duty_lawyer), defends_both),
    ("XT-ROL-07", "PB-01", defenders(2), defenders(1)),
    (
        "XT-ROL-08",
        "PB-01",
        add("persons.2.roles", PersonRole.PERSON_ROLE_EXPERT),
        person(PersonRole.PERSON_ROLE_EXPERT),
    ),
    (
        "XT-ROL-09",
        "PB-01",
        assign("persons.3.licence_number", ""),
        together(assign("persons.3.licence_number", ""), no_duty_lawyer),
    ),
    (
        "XT-ROL-10",
        "PB-01",
        assign("persons.3.licence_number", "123"),
        assign("persons.3.licence_number", "0" * 12),
    ),
    ("XT-AID-01", "PB-01", minor, assign("persons.0.juvenile_at_offence", value=True)),
    ("XT-AID-02", "PB-01", condition(1, "盲人"), condition(0, "盲人")),
    (
        "XT-AID-03",
        "ZX-01",
        assign("sentences.1.principal_penalty.name", "无期徒刑"),
        assign("sentences.0.principal_penalty.name", "无期徒刑"),
    ),
    (
        "XT-AID-04",
        "PB-01",
        condition(0, "聋人"),
        together(condition(0, "聋人"), person(PersonRole.PERSON_ROLE_INTERPRETER)),
    ),
]
CASE: list[tuple[str, str, Change, Change]] = [
    ("XT-CAS-01", "PB-01", assign("case.cause.name", "诈骗罪"), assign("case.cause.name", "盗窃")),
    (
        "XT-CAS-02",
        "PB-01",
        assign("charges.0.role_in_offence.name", "从犯"),
        together(
            assign("charges.0.role_in_offence.name", "从犯"),
            add("case.traits", CaseTrait.CASE_TRAIT_JOINT),
        ),
    ),
    (
        "XT-CAS-03",
        "PB-01",
        assign("persons.0.nationality.name", "示例国"),
        assign("persons.0.nationality.name", "中国香港"),
    ),
    ("XT-CAS-04", "PB-01", lambda manifest: manifest.persons[2].roles.pop(), nothing),
    ("XT-CAS-05", "PB-01", clear("case.traits"), nothing),
    (
        "XT-CHG-01",
        "PB-01",
        copy("charges", 0),
        copy("charges", 0, stage=3, person_id="p-victim"),
    ),
    (
        "XT-CHG-02",
        "PB-01",
        assign("charges.0.article", "刑法第二百六十六条"),
        assign("charges.0.article", "《中华人民共和国刑法》第二百六十四条第一款"),
    ),
    (
        "XT-CHG-03",
        "PB-01",
        assign("charges.0.offence.name", "盗窃"),
        assign("charges.0.offence.name", "示例罪"),
    ),
]
CASES = [*IDENTITY, *AGES, *ROLES, *CASE]
