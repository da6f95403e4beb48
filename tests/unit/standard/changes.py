"""Changes to a valid package, from which the tests of rules are put together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message
from tests.unit.standard.packages import instant

from xietong.casefile.v1.dossier_pb2 import Page
from xietong.casefile.v1.manifest_pb2 import Manifest, Part, PartKind
from xietong.casefile.v1.media_pb2 import Media, MediaKind
from xietong.casefile.v1.person_pb2 import IdentityDocument, IdentityDocumentKind, Person, PersonRole

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


def add_media(manifest: Manifest) -> None:
    manifest.media.append(Media(kind=MediaKind.MEDIA_KIND_SCENE, duration_ms=1000, part="scene.mp4"))
    manifest.parts.append(Part(name="scene.mp4", kind=PartKind.PART_KIND_VIDEO))


def nothing(_: Manifest) -> None:
    return


def together(*changes: Change) -> Change:
    """Several changes, one after the other."""

    def change(manifest: Manifest) -> None:
        for one in changes:
            one(manifest)

    return change


def add(path: str, *values: Any, **fields: Any) -> Change:
    """Appends to a repeated field: values, or a message with these fields."""

    def change(manifest: Manifest) -> None:
        target = at(manifest, path)
        target.extend(values)
        if fields:
            target.add(**fields)

    return change


def clear(path: str) -> Change:
    """Takes away all that a field holds."""

    def change(manifest: Manifest) -> None:
        holder, _, name = path.rpartition(".")
        at(manifest, holder).ClearField(name)

    return change


def copy(path: str, position: int, **fields: Any) -> Change:
    """Appends a copy of an entry, with other values of some fields."""

    def change(manifest: Manifest) -> None:
        entries = at(manifest, path)
        entry = entries.add()
        entry.CopyFrom(entries[position])
        for name, value in fields.items():
            setattr(entry, name, value)

    return change


def on_day(path: str, year: int, month: int, day: int) -> Change:
    """Sets a time to midnight UTC of a day."""
    return lambda manifest: at(manifest, path).CopyFrom(instant(year, month, day))


def at(message: Message, path: str) -> Any:
    """What stands at a path such as `persons.0.roles`."""
    target: Any = message
    for step in path.split(".") if path else ():
        target = target[int(step)] if step.isdecimal() else getattr(target, step)
    return target
