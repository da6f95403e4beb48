"""What a handler checks before he accepts: the things that a node cannot know, or that he must not take on trust.

Pre-flight at the sender has seen that fields and documents are there. Here data, files and the history of the case
are held against each other.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from xietong.casefile.v1.charge_pb2 import ChargeStage
from xietong.casefile.v1.decision_pb2 import Sentence
from xietong.casefile.v1.document_pb2 import Document
from xietong.casefile.v1.property_pb2 import Property, PropertyStatus
from xietong.exchange.v1.evidence_pb2 import Reason
from xietong_system_desk.review import Check, Submission, accused, same_person

PROPERTY_LIST = "涉案财物清单"
_GONE = frozenset({PropertyStatus.PROPERTY_STATUS_RETURNED, PropertyStatus.PROPERTY_STATUS_DISPOSED})
_SIGNATURES = {  # offset and bytes by which a file of this media type is known
    "application/pdf": (0, b"%PDF-"),
    "video/mp4": (4, b"ftyp"),
    "audio/wav": (8, b"WAVE"),
    "audio/x-wav": (8, b"WAVE"),
    "image/png": (0, b"\x89PNG\r\n\x1a\n"),
    "image/jpeg": (0, b"\xff\xd8\xff"),
}
_TERM = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?")


def files_are_what_they_say(submission: Submission) -> Iterator[Reason]:
    """Each file is of the media type that the manifest gives it, so that it can be opened."""
    for part in submission.manifest.parts:
        path, known = submission.files.get(part.name), _SIGNATURES.get(part.media_type)
        if path is None or known is None:
            continue
        offset, signature = known
        with path.open("rb") as file:
            file.seek(offset)
            found = file.read(len(signature))
        if found != signature:
            yield Reason(
                code="FILE_NOT_READABLE",
                part=part.number,
                text_zh=f"{part.name} 不是 {part.media_type} 文件，无法打开，请重新生成后补送。",
                text_en=f"{part.name} is no {part.media_type} and can't be opened; make it anew and send it.",
            )


def decisions_match_documents(submission: Submission) -> Iterator[Reason]:
    """A decision's document is in the package and bears the same date: data and paper must not differ."""
    documents = {document.number: document for document in submission.manifest.documents if document.number}
    for index, decision in enumerate(submission.manifest.decisions):
        document = documents.get(decision.document_number)
        if decision.document_number and document is None:
            yield Reason(
                code="DOCUMENT_MISSING",
                path=f"decisions[{index}].document_number",
                text_zh=f"决定所引文书 {decision.document_number} 未随案移送，请补送。",
                text_en=f"document {decision.document_number}, which the decision names, is not here; send it.",
            )
        elif document is not None and _differ(decision.decision_date, document.issue_date):
            yield _date_mismatch(submission, document, f"decisions[{index}].decision_date")


def sentences_match_judgment(submission: Submission) -> Iterator[Reason]:
    """A sentence's judgment is in the package, and its term is as long as its first and last day say."""
    numbers = {document.number for document in submission.manifest.documents}
    for index, sentence in enumerate(submission.manifest.sentences):
        path = f"sentences[{index}]"
        if sentence.judgment_number not in numbers:
            yield Reason(
                code="DOCUMENT_MISSING",
                path=f"{path}.judgment_number",
                text_zh=f"裁判文书 {sentence.judgment_number} 未随案移送，请补送。",
                text_en=f"judgment {sentence.judgment_number} is not in the package; send it.",
            )
        if _before(sentence.effective_date, sentence.pronounced_date):
            yield _date_order(
                f"{path}.effective_date", "生效日期早于宣判日期", "took effect before it was pronounced"
            )
        yield from _term_is_right(sentence, path)


def measures_are_in_order(submission: Submission) -> Iterator[Reason]:
    """A compulsory measure ends after it began, and its term ends after it was decided."""
    for index, measure in enumerate(submission.manifest.measures):
        ended_early = measure.HasField("start_time") and measure.HasField("end_time")
        if ended_early and measure.end_time.ToNanoseconds() < measure.start_time.ToNanoseconds():
            yield _date_order(
                f"measures[{index}].end_time", "强制措施结束早于开始", "the measure ends before it begins"
            )
        if _before(measure.expiry_date, measure.decision_date):
            yield _date_order(
                f"measures[{index}].expiry_date",
                "强制措施期限届满日早于决定日",
                "the term of the measure ends before it was decided",
            )


def every_accused_is_answered(submission: Submission) -> Iterator[Reason]:
    """An answer concerns each suspect or defendant of the own package that it answers."""
    if submission.answered is None:
        return
    here = accused(submission.manifest)
    for person in accused(submission.answered):
        if not any(same_person(person, other) for other in here):
            yield Reason(
                code="PERSON_MISSING",
                path="persons",
                text_zh=f"答复未涉及本单位所送的{person.name or person.number_for_unknown}，请补充。",
                text_en="the answer leaves out a person of the package that it answers; add that person.",
            )


def every_defendant_is_charged(submission: Submission) -> Iterator[Reason]:
    """An indictment charges every defendant whom it names."""
    stage = ChargeStage.CHARGE_STAGE_INDICTMENT
    charged = {charge.person_id for charge in submission.manifest.charges if charge.stage == stage}
    for index, person in enumerate(submission.manifest.persons):
        if person in accused(submission.manifest) and person.id not in charged:
            yield Reason(
                code="CHARGE_MISSING",
                path=f"persons[{index}]",
                text_zh=f"未载明对被告人{person.name}指控的罪名，请补充。",
                text_en="the indictment charges this defendant with nothing; add the charge.",
            )


def volumes_are_whole(submission: Submission) -> Iterator[Reason]:
    """The catalogue of a volume leads through all of its pages without gap or overlap."""
    for index, volume in enumerate(submission.manifest.volumes):
        expected = 1
        for item in volume.items:
            if item.first_page != expected or item.last_page < item.first_page:
                yield _pages(
                    volume.title, f"volumes[{index}].items[{item.number - 1}]", expected, item.first_page
                )
                break
            expected = item.last_page + 1
        else:
            if volume.items and expected - 1 != volume.page_count:
                yield _pages(volume.title, f"volumes[{index}].page_count", expected - 1, volume.page_count)


def property_list_is_complete(*processes: str) -> Check:
    """The check that in these processes the property list holds what earlier packages of the case listed."""

    def check(submission: Submission) -> Iterator[Reason]:
        if submission.process not in processes:
            return
        listed = {item.id for item in submission.manifest.properties}
        known = _known_properties(submission)
        missing = [item for item in known.values() if item.id not in listed and item.status not in _GONE]
        if missing:
            named = "、".join(f"{item.name}（{item.id}）" for item in missing)
            numbers = ", ".join(item.id for item in missing)
            yield Reason(
                code="PROPERTY_MISSING",
                path="properties",
                part=submission.part_of_document(PROPERTY_LIST),
                text_zh=f"涉案财物清单缺少{named}：此前移送的材料载有 {len(known)} 项，本清单只有 {len(listed)} 项，"
                "请补正清单和数据。",
                text_en=f"the property list lacks {numbers}: earlier packages of the case list {len(known)} items, "
                f"this one {len(listed)}; correct list and data.",
            )

    return check


def judgment_disposes_of_property(submission: Submission) -> Iterator[Reason]:
    """A judgment says what becomes of each item of property that the case holds (解释 art. 444)."""
    orders = " ".join(sentence.property_order for sentence in submission.manifest.sentences)
    if not orders:
        return
    left_out = [item for item in _known_properties(submission).values() if item.id not in orders]
    if left_out:
        yield Reason(
            code="PROPERTY_NOT_DISPOSED",
            path="sentences[0].property_order",
            text_zh=f"判决未对{'、'.join(item.id for item in left_out)}作出处理，请核实。",
            text_en=f"the judgment does not dispose of {', '.join(item.id for item in left_out)}; verify.",
        )


def _known_properties(submission: Submission) -> dict[str, Property]:
    """The property of the case as the latest earlier package that names it tells."""
    return {item.id: item for manifest in submission.earlier for item in manifest.properties}


def _term_is_right(sentence: Sentence, path: str) -> Iterable[Reason]:
    term = _TERM.fullmatch(sentence.principal_term)
    first, last = _day(sentence.term_start_date), _day(sentence.term_end_date)
    if term is None or first is None or last is None:
        return
    expected = _last_day(first, *(int(group or 0) for group in term.groups()))
    if last != expected:
        yield Reason(
            code="TERM_MISMATCH",
            path=f"{path}.term_end_date",
            text_zh=f"刑期自 {first} 起 {sentence.principal_term}，应至 {expected} 止，载明为 {last}，请核实。",
            text_en=f"{sentence.principal_term} from {first} ends on {expected}, not on {last}; verify.",
        )


def _last_day(first: date, years: int, months: int, days: int) -> date:
    """The last day of a term: the day before its first day comes round again."""
    month = first.month - 1 + months
    year, month = first.year + years + month // 12, month % 12 + 1
    anniversary = date(year, month, min(first.day, monthrange(year, month)[1]))
    return anniversary + timedelta(days=days - 1)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _before(one: str, other: str) -> bool:
    earlier, later = _day(one), _day(other)
    return earlier is not None and later is not None and earlier < later


def _differ(one: str, other: str) -> bool:
    return bool(one) and bool(other) and one != other


def _date_mismatch(submission: Submission, document: Document, path: str) -> Reason:
    return Reason(
        code="DATE_MISMATCH",
        path=path,
        part=submission.part_number(document.part),
        text_zh=f"数据与文书 {document.number} 的日期（{document.issue_date}）不一致，请核实。",
        text_en=f"the date differs from that of document {document.number} ({document.issue_date}); verify.",
    )


def _date_order(path: str, zh: str, en: str) -> Reason:
    return Reason(code="DATE_ORDER", path=path, text_zh=f"{zh}，请核实。", text_en=f"{en}; verify.")


def _pages(title: str, path: str, expected: int, found: int) -> Reason:
    return Reason(
        code="PAGES_NOT_CONTIGUOUS",
        path=path,
        text_zh=f"{title}的页次不连续：应为第 {expected} 页，载明为第 {found} 页，请核对目录。",
        text_en=f"pages are not contiguous: expected {expected}, found {found}; correct the catalogue.",
    )
