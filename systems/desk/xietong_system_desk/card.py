"""The case card (案件卡片): what a handler sees of a received package, from its case data."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import timedelta, timezone

from google.protobuf.timestamp_pb2 import Timestamp

from xietong.casefile.v1.case_pb2 import Case, CodedValue
from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.casefile.v1.person_pb2 import Person
from xietong.exchange.v1.envelope_pb2 import Envelope
from xietong_client.labels import PARTIES
from xietong_system_desk import labels
from xietong_system_desk.labels import label, label_all
from xietong_system_desk.page import Cell, FileLink, Page

CARD_FILE = "案件卡片.html"
_FILES_FOLDER = "files"
_CHINA_STANDARD_TIME = timezone(timedelta(hours=8))


def render_card(envelope: Envelope, manifest: Manifest, held: Collection[str], title: str) -> str:
    """The card as HTML.

    Args:
        envelope: The envelope of the package.
        manifest: Its case data.
        held: Names of the files that this system holds; the card links to them.
        title: Name of the business system.
    """
    page = Page(f"案件卡片 · {manifest.case.name or '案件'} · {envelope.process_code}")
    page.facts("数据包", _package(envelope, title))
    page.facts("基本信息", _case(manifest.case))
    writer = _Writer(manifest, held)
    page.table("人员", ("姓名", "身份", "性别", "出生日期", "证件号码", "现住址", "备注"), writer.persons())
    page.table("罪名", ("人员", "阶段", "罪名", "法律条款", "作用", "金额"), writer.charges())
    page.table("强制措施", ("人员", "措施", "决定机关", "起", "止", "羁押场所", "文书"), writer.measures())
    page.table("决定", ("决定", "人员", "日期", "文书", "依据", "内容"), writer.decisions())
    page.table("判处结果", ("人员", "主刑", "刑期", "附加刑", "财物处理", "裁判文书"), writer.sentences())
    page.table("文书", ("文书", "文号", "制作单位", "日期", "页数", "印章", "文件"), writer.documents())
    page.table("卷宗目录", ("卷", "类别", "序号", "题名", "责任者", "日期", "页次", "文件"), writer.dossier())
    page.table("音视频", ("名称", "类别", "人员", "开始", "时长", "文件"), writer.recordings())
    page.table(
        "涉案财物", ("编号", "名称", "数量", "特征", "价值", "状态", "权属人", "保管处"), writer.properties()
    )
    page.table("附件", ("序号", "文件", "类别", "字节", "SHA-256"), writer.parts())
    return page.render()


def _package(envelope: Envelope, title: str) -> Iterator[tuple[str, Cell]]:
    yield "接收系统", title
    yield "数据包编号", envelope.package_id
    yield "协同业务流程", envelope.process_code
    yield "发送单位", _party(envelope.sender.party)
    yield "接收单位", _party(envelope.receiver.party)
    yield "协同案件编号", envelope.collaboration_case_id
    yield "答复的数据包", envelope.correlation_id
    yield "更正的数据包", envelope.corrects_package_id
    yield "封装时间", _moment(envelope.create_time)


def _case(case: Case) -> Iterator[tuple[str, Cell]]:
    yield "案件名称", case.name
    for number in case.numbers:
        yield label(labels.CASE_NUMBERS, number.kind), number.number
    yield "案由", _coded(case.cause)
    yield "立案日期", case.filing_date
    yield "发案日期", " 至 ".join(filter(None, (case.offence_date, case.offence_end_date)))
    yield "发案地点", case.offence_place or case.offence_region.name
    yield "案件特征", label_all(labels.TRAITS, case.traits)
    yield "适用程序", case.procedure.name
    yield "办案单位", case.handling_organ.name
    yield "承办人", case.handler_name
    yield "联系电话", case.handler_phone
    yield "简要案情", case.summary


class _Writer:
    """The rows of the card's tables."""

    def __init__(self, manifest: Manifest, held: Collection[str]) -> None:
        self._manifest = manifest
        self._held = held
        self._names = {person.id: _name(person) for person in manifest.persons}

    def persons(self) -> Iterator[list[Cell]]:
        for person in self._manifest.persons:
            documents = "、".join(document.number for document in person.identity_documents)
            yield [
                _name(person),
                label_all(labels.ROLES, person.roles),
                labels.SEXES.get(person.sex_code, person.sex_code),
                person.birth_date,
                documents,
                person.present_address or person.registered_address,
                "；".join(_remarks(person)),
            ]

    def charges(self) -> Iterator[list[Cell]]:
        for charge in self._manifest.charges:
            stage = label(labels.STAGES, charge.stage)
            offence, part = _coded(charge.offence), charge.role_in_offence.name
            yield [self._person(charge.person_id), stage, offence, charge.article, part, charge.amount]

    def measures(self) -> Iterator[list[Cell]]:
        for measure in self._manifest.measures:
            yield [
                self._person(measure.person_id),
                label(labels.MEASURES, measure.kind),
                measure.decided_by.name,
                _moment(measure.start_time) or measure.decision_date,
                _moment(measure.end_time) or measure.expiry_date,
                measure.place.name,
                measure.document_number,
            ]

    def decisions(self) -> Iterator[list[Cell]]:
        for decision in self._manifest.decisions:
            appointed = self._person(decision.appointed_person_id)
            said = (decision.reason.name, decision.reason_text, appointed, decision.official_name)
            yield [
                decision.kind.name,
                self._person(decision.person_id),
                decision.decision_date,
                decision.document_number,
                decision.legal_basis,
                "；".join(filter(None, said)),
            ]

    def sentences(self) -> Iterator[list[Cell]]:
        for sentence in self._manifest.sentences:
            term = (sentence.principal_term, sentence.term_start_date, sentence.term_end_date)
            yield [
                self._person(sentence.person_id),
                sentence.principal_penalty.name,
                " ".join(filter(None, term)),
                "、".join(sentence.supplementary_penalties),
                sentence.property_order,
                sentence.judgment_number,
            ]

    def documents(self) -> Iterator[list[Cell]]:
        for document in self._manifest.documents:
            yield [
                document.title or document.kind.name,
                document.number,
                document.issued_by.name,
                document.issue_date,
                document.page_count,
                document.seal_count,
                self._file(document.part),
            ]

    def dossier(self) -> Iterator[list[Cell]]:
        for volume in self._manifest.volumes:
            kind = label(labels.VOLUMES, volume.kind)
            for item in volume.items:
                pages = f"{item.first_page}–{item.last_page}"
                what: list[Cell] = [item.number, item.title, item.responsible, item.item_date, pages]
                first = next((page.part for page in item.pages), next(iter(volume.parts), ""))
                yield [volume.title, kind, *what, self._file(first)]

    def recordings(self) -> Iterator[list[Cell]]:
        for media in self._manifest.media:
            persons = "、".join(map(self._person, media.person_ids))
            length = str(timedelta(seconds=media.duration_ms // 1000))
            kind = label(labels.RECORDINGS, media.kind)
            yield [media.title, kind, persons, _moment(media.start_time), length, self._file(media.part)]

    def properties(self) -> Iterator[list[Cell]]:
        for item in self._manifest.properties:
            yield [
                item.id,
                item.name,
                f"{item.quantity}{item.unit}",
                item.features,
                " ".join(filter(None, (item.value, item.currency))),
                label(labels.PROPERTY_STATES, item.status),
                self._person(item.owner_person_id),
                item.storage_place,
            ]

    def parts(self) -> Iterator[list[Cell]]:
        for part in self._manifest.parts:
            kind = label(labels.PARTS, part.kind)
            yield [part.number, self._file(part.name), kind, str(part.size_bytes), part.sha256]

    def _person(self, person_id: str) -> str:
        return self._names.get(person_id, person_id)

    def _file(self, name: str) -> Cell:
        return FileLink(name, _FILES_FOLDER) if name in self._held else name


def _name(person: Person) -> str:
    return person.name or person.number_for_unknown or person.id


def _remarks(person: Person) -> Iterator[str]:
    if person.other_names:
        yield f"又名{'、'.join(person.other_names)}"
    if person.pleads_guilty:
        yield "认罪认罚"
    if person.juvenile_at_offence:
        yield "犯罪时未成年"
    if person.custody_number:
        yield f"在押人员编码 {person.custody_number}"
    if person.licence_number:
        yield f"{person.law_firm} {person.licence_number}"
    yield from (condition.name for condition in person.conditions)


def _coded(value: CodedValue) -> str:
    return f"{value.name}（{value.code}）" if value.code else value.name


def _party(party: int) -> str:
    return next((text.zh for known, text in PARTIES.items() if known == party), "")


def _moment(timestamp: Timestamp) -> str:
    if not timestamp.seconds:
        return ""
    return timestamp.ToDatetime(tzinfo=_CHINA_STANDARD_TIME).strftime("%Y-%m-%d %H:%M")
