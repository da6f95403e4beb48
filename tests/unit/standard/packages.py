"""Valid packages for the tests of the data standard: one invented case, told in full, for any process.

The case has an identified suspect in detention, who pleads guilty, and an unidentified one kept by number.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from xietong.casefile.v1.case_pb2 import Case, CaseNumber, CaseNumberKind, CaseTrait, CodedValue, Organ
from xietong.casefile.v1.charge_pb2 import Charge, ChargeStage
from xietong.casefile.v1.decision_pb2 import Decision, Sentence
from xietong.casefile.v1.document_pb2 import Document
from xietong.casefile.v1.dossier_pb2 import Volume, VolumeItem, VolumeKind
from xietong.casefile.v1.manifest_pb2 import Manifest, Part, PartKind, StandardField
from xietong.casefile.v1.measure_pb2 import CompulsoryMeasure, MeasureKind
from xietong.casefile.v1.media_pb2 import Media, MediaKind
from xietong.casefile.v1.person_pb2 import (
    IdentityDocument,
    IdentityDocumentKind,
    IdentityStatus,
    Person,
    PersonRole,
)
from xietong.casefile.v1.property_pb2 import Property, PropertyStatus
from xietong_standard import Edition, Endpoint, Process, Verdict, validate
from xietong_standard.checks.decisions import EXCLUSIVE_DECISIONS

IDENTIFIED = "p-identified"
UNIDENTIFIED = "p-unidentified"
# The example of GB 11643-1999 itself.
RESIDENT_NUMBER = "11010519491231002X"
MINOR_NUMBER = "110105200806010021"
MINOR_BIRTH_DATE = "2008-06-01"
DECISIONS = ("批准逮捕", "退回补充侦查", "受理", "通知法律援助", "指派律师")
CONDITIONAL = "附条件不起诉"
ACCUSED = (PersonRole.PERSON_ROLE_SUSPECT, PersonRole.PERSON_ROLE_DEFENDANT, PersonRole.PERSON_ROLE_CONVICT)


def instant(year: int, month: int, day: int) -> Timestamp:
    """Midnight UTC of a day."""
    stamp = Timestamp()
    stamp.FromDatetime(datetime(year, month, day, tzinfo=UTC))
    return stamp


def package(process: Process) -> Manifest:
    """A manifest with all that the process can require, and the documents, volumes and media that it does."""
    manifest = Manifest(case=_case(), persons=_persons(), charges=_charges(), measures=_measures())
    manifest.properties.append(_property())
    wanted = _decisions_of(process)
    # Nobody's arrest is approved and refused in one package.
    common = [kind for kind in DECISIONS if f"不{kind}" not in wanted]
    manifest.decisions.extend(_decision(kind) for kind in common)
    manifest.decisions.extend(_decision(kind, reason) for kind, reason in wanted.items())
    given = {decision.kind.name for decision in manifest.decisions}
    for decision in manifest.decisions:
        if any(decision.kind.name == negated and kind in given for kind, negated in EXCLUSIVE_DECISIONS):
            decision.person_id = UNIDENTIFIED
    manifest.fields.extend(_standard_fields(process))
    if any(_asks_for(process, CONDITIONAL)):
        _make_minor(manifest)
    if any(_asks_for(process, "RELEASE")):
        manifest.measures.extend(
            _measure(person_id, MeasureKind.MEASURE_KIND_RELEASE, instant(2026, 3, 1))
            for person_id in (IDENTIFIED, UNIDENTIFIED)
        )
    manifest.sentences.extend(_sentence(person_id) for person_id in (IDENTIFIED, UNIDENTIFIED))
    _add_part(manifest, "photo.jpg", PartKind.PART_KIND_IMAGE)
    for position, requirement in enumerate(process.required_documents):
        name = f"document-{position}.pdf"
        manifest.documents.append(
            Document(
                kind=CodedValue(name=requirement.one_of[0].zh),
                number=f"示文〔2026〕{position + 1}号",
                issue_date="2026-01-19",
                seal_count=1,
                part=name,
            )
        )
        _add_part(manifest, name, PartKind.PART_KIND_DOCUMENT)
    for position, volume in enumerate(process.required_volumes):
        _add_volume(manifest, position + 1, volume.kind)
    if process.audio_video.mode in ("if_recorded", "usual", "required"):
        _add_media(manifest)
    return manifest


def verdict(edition: Edition, code: str, manifest: Manifest) -> Verdict:
    """The verdict when the first sender of the process sends to its first receiver."""
    process = edition.process(code)
    sender, receiver = (
        Endpoint(min(role.parties), role.system) for role in (process.senders[0], process.receivers.roles[0])
    )
    return validate(manifest, code, edition, sender=sender, receiver=receiver)


def _case() -> Case:
    numbers = {
        CaseNumberKind.CASE_NUMBER_KIND_POLICE: "A4401000000002026010001",
        CaseNumberKind.CASE_NUMBER_KIND_PROCURATORATE: "440100202600001",
        CaseNumberKind.CASE_NUMBER_KIND_COURT: "(2026)粤0103刑初123号",
    }
    return Case(
        name="张某某等盗窃案",
        numbers=[CaseNumber(kind=kind, number=number) for kind, number in numbers.items()],
        cause=CodedValue(name="盗窃罪"),
        filing_date="2026-01-11",
        offence_date="2026-01-10",
        summary="二人在示例商场窃取手机一部。",
        handling_organ=Organ(name="示例区公安分局"),
        handler_name="李某",
        handler_phone="00000000",
        traits=[CaseTrait.CASE_TRAIT_CIVIL_ACTION],
        procedure=CodedValue(name="简易程序"),
    )


def _persons() -> list[Person]:
    resident = IdentityDocument(
        kind=IdentityDocumentKind.IDENTITY_DOCUMENT_KIND_RESIDENT, number=RESIDENT_NUMBER
    )
    return [
        Person(
            id=IDENTIFIED,
            roles=ACCUSED,
            name="张某某",
            sex_code="2",
            birth_date="1949-12-31",
            identity_documents=[resident],
            pleads_guilty=True,
            custody_number="440103111202601120001",
            present_address="示例市示例区示例路1号",
        ),
        Person(
            id=UNIDENTIFIED,
            roles=ACCUSED,
            identity_status=IdentityStatus.IDENTITY_STATUS_UNKNOWN,
            number_for_unknown="编号001",
            photo_part="photo.jpg",
            sex_code="1",
            custody_number="440103111202601120002",
            present_address="示例市示例区示例路2号",
        ),
        Person(
            id="p-victim",
            roles=[PersonRole.PERSON_ROLE_VICTIM, PersonRole.PERSON_ROLE_CIVIL_PLAINTIFF],
            name="化名甲",
            pseudonym=True,
        ),
        Person(
            id="p-defender",
            roles=[PersonRole.PERSON_ROLE_DEFENDER, PersonRole.PERSON_ROLE_DUTY_LAWYER],
            name="王某",
            licence_number="00000000000000000",
            law_firm="示例律师事务所",
            phone="00000000",
            represents_person_ids=[IDENTIFIED],
        ),
    ]


def _make_minor(manifest: Manifest) -> None:
    """Makes the identified person 17 at the offence."""
    person = manifest.persons[0]
    person.birth_date, person.juvenile_at_offence = MINOR_BIRTH_DATE, True
    person.identity_documents[0].number = MINOR_NUMBER
    manifest.case.traits.append(CaseTrait.CASE_TRAIT_JUVENILE)


def _charges() -> list[Charge]:
    stages = [stage for stage in ChargeStage.values() if stage != ChargeStage.CHARGE_STAGE_UNSPECIFIED]
    return [
        Charge(
            person_id=person_id,
            stage=stage,
            offence=CodedValue(name="盗窃罪"),
            article="刑法第二百六十四条",
        )
        for person_id in (IDENTIFIED, UNIDENTIFIED)
        for stage in stages
    ]


def _measures() -> list[CompulsoryMeasure]:
    kinds = {
        MeasureKind.MEASURE_KIND_DETENTION: instant(2026, 1, 12),
        MeasureKind.MEASURE_KIND_ARREST: instant(2026, 1, 20),
    }
    return [
        _measure(person_id, kind, start)
        for person_id in (IDENTIFIED, UNIDENTIFIED)
        for kind, start in kinds.items()
    ]


def _measure(person_id: str, kind: MeasureKind.ValueType, start: Timestamp) -> CompulsoryMeasure:
    return CompulsoryMeasure(
        person_id=person_id,
        kind=kind,
        decision_date="2026-01-11",
        start_time=start,
        expiry_date="2026-02-11" if kind == MeasureKind.MEASURE_KIND_DETENTION else "2026-03-20",
        place=Organ(name="示例看守所"),
        reason=CodedValue(name="示例原因"),
    )


def _asks_for(process: Process, word: str) -> Iterator[str]:
    return (field.path.text for field in process.fields if word in field.path.text)


def _decisions_of(process: Process) -> dict[str, str]:
    """The kinds of decisions that the process asks for, with a reason as its code table has it."""
    kinds: dict[str, str] = {}
    for field in process.fields:
        if found := re.match(r"decisions\[kind\.name=([^|\]]+)", field.path.text):
            reason = min(field.table.names()) if field.table else "示例理由"
            kinds[found[1]] = reason if found[1] not in kinds or field.table else kinds[found[1]]
    return {kind: reason for kind, reason in kinds.items() if kind not in DECISIONS}


def _standard_fields(process: Process) -> Iterator[StandardField]:
    for field in process.fields:
        if found := re.fullmatch(r"fields\[code=([^\]]+)\]\.value", field.path.text):
            value = min(field.table.names()) if field.table else "示例"
            yield from (
                StandardField(code=found[1], value=value, person_id=person_id)
                for person_id in (IDENTIFIED, UNIDENTIFIED)
            )


def _property() -> Property:
    return Property(
        id="cw-1",
        name="手机",
        status=PropertyStatus.PROPERTY_STATUS_SEIZED,
        keeper=Organ(name="示例涉案财物管理中心"),
        quantity="1",
        storage_place="示例库位",
        relation=CodedValue(name="违法所得"),
        disposal="发还被害人",
    )


def _decision(kind: str, reason: str = "存疑") -> Decision:
    return Decision(
        kind=CodedValue(name=kind),
        person_id=IDENTIFIED,
        document_number="示字〔2026〕1号",
        decision_date="2026-01-19",
        decided_by=Organ(name="示例办案机关"),
        reason=CodedValue(name=reason),
        reason_text="示例理由",
        legal_basis="刑事诉讼法第九十一条",
        term_start_date="2026-01-19",
        term_end_date="2026-07-19" if kind == CONDITIONAL else "2026-02-19",
        reply_due_date="2026-02-19",
        event_time=instant(2026, 2, 2),
        event_place="第一法庭",
        occurrence=1,
        appointed_person_id="p-defender",
        official_name="赵某",
    )


def _sentence(person_id: str) -> Sentence:
    return Sentence(
        person_id=person_id,
        judgment_number="(2026)粤0103刑初123号",
        pronounced_date="2026-05-06",
        effective_date="2026-05-17",
        principal_penalty=CodedValue(name="有期徒刑"),
        principal_term="P1Y",
        term_start_date="2026-01-12",
        term_end_date="2027-01-11",
    )


def _add_part(manifest: Manifest, name: str, kind: PartKind.ValueType) -> None:
    digest = hashlib.sha256(name.encode()).hexdigest()
    manifest.parts.append(Part(name=name, kind=kind, size_bytes=1, sha256=digest))


def _add_volume(manifest: Manifest, number: int, kind: str) -> None:
    name = f"volume-{number}.pdf"
    items = [
        VolumeItem(number=1, title="目录一", first_page=1, last_page=3),
        VolumeItem(number=2, title="目录二", first_page=4, last_page=4),
    ]
    volume_kind = VolumeKind.Value(f"VOLUME_KIND_{kind}")
    manifest.volumes.append(
        Volume(number=number, title=f"卷{number}", kind=volume_kind, items=items, parts=[name])
    )
    _add_part(manifest, name, PartKind.PART_KIND_DOSSIER)


def _add_media(manifest: Manifest) -> None:
    manifest.media.append(
        Media(
            kind=MediaKind.MEDIA_KIND_INTERROGATION,
            person_ids=[IDENTIFIED],
            start_time=instant(2026, 1, 12),
            end_time=instant(2026, 1, 13),
            duration_ms=86400000,
            part="interrogation.mp4",
            transcript_document_number="讯问笔录1",
        )
    )
    _add_part(manifest, "interrogation.mp4", PartKind.PART_KIND_VIDEO)
