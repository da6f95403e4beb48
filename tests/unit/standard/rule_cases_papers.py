"""Cases of the rules on documents, volumes, pages, recordings, files, numbers and the characters of texts."""

from __future__ import annotations

from tests.unit.standard.changes import (
    Change,
    add,
    add_part,
    assign,
    clear,
    copy,
    nothing,
    set_court_number,
    set_pages,
    together,
)

from xietong.casefile.v1.dossier_pb2 import Page
from xietong.casefile.v1.manifest_pb2 import Manifest, PartKind
from xietong.casefile.v1.media_pb2 import MediaSegment

OTHER = PartKind.PART_KIND_OTHER


def rename_part(position: int, name: str) -> Change:
    """Renames the file of a document."""

    def change(manifest: Manifest) -> None:
        part = next(part for part in manifest.parts if part.name == manifest.documents[position].part)
        part.name = manifest.documents[position].part = name

    return change


def file_pages(count: int) -> Change:
    """The first document states 10 pages, its file has some others."""

    def change(manifest: Manifest) -> None:
        manifest.documents[0].page_count = 10
        next(p for p in manifest.parts if p.name == manifest.documents[0].part).page_count = count

    return change


def pages(*numbers: int) -> Change:
    """Lists pages of the first item, which has 1 to 3."""
    return add("volumes.0.items.0.pages", *(Page(number=number, part="volume-1.pdf") for number in numbers))


def swap_items(manifest: Manifest) -> None:
    first, second = manifest.volumes[0].items
    first.first_page, first.last_page, second.first_page, second.last_page = 4, 4, 1, 3


def summary(text: str) -> Change:
    return assign("case.summary", text)


def number(text: str) -> Change:
    return assign("documents.0.number", text)


NUMBERS: list[tuple[str, str, Change, Change]] = [
    ("XT-NUM-02", "PB-01", number("提捕12"), number("示公(区)提捕字〔2026〕00012号")),
    ("XT-NUM-03", "PB-01", number("示公提捕字[2026]12号"), number("示公提捕字〔2026〕12号")),
    (
        "XT-NUM-04",
        "PB-01",
        set_court_number("(2026)粤0103民初1号"),
        set_court_number("(2026)粤01刑终1号"),
    ),
    (
        "XT-NUM-05",
        "PB-01",
        assign("sentences.0.judgment_number", "(2026)粤0103刑初124号"),
        assign("sentences.0.judgment_number", "（2026）粤0103刑初123号"),
    ),
    (
        "XT-NUM-06",
        "PB-01",
        assign("sentences.0.judgment_number", "(2027)粤0103刑初1号"),
        assign("sentences.0.judgment_number", "(2025)粤0103刑初1号"),
    ),
    ("XT-NUM-07", "PB-01", number("示公提捕字〔2025〕12号"), number("(2025)粤0103刑初1号")),
]
DOCUMENTS: list[tuple[str, str, Change, Change]] = [
    (
        "XT-DOC-03",
        "PB-01",
        assign("documents.0.kind.name", "示例函"),
        assign("documents.0.kind.name", " 起诉意见书 "),
    ),
    (
        "XT-DOC-04",
        "PB-01",
        assign("documents.0.issue_date", ""),
        assign("documents.1.issue_date", ""),
    ),
    ("XT-DOC-05", "PB-01", number(""), assign("documents.1.number", "")),
    (
        "XT-DOC-06",
        "PB-01",
        together(copy("documents", 0, part="again.pdf"), add_part("again.pdf", OTHER, used=False)),
        copy("documents", 0),
    ),
    ("XT-DOC-07", "PB-01", assign("documents.0.seal_count", 0), assign("documents.1.seal_count", 0)),
    ("XT-DOC-08", "PB-01", assign("documents.1.part", "document-0.pdf"), nothing),
    ("XT-DOC-09", "PB-01", rename_part(0, "提请批准逮捕书.DOCX"), rename_part(0, "提请批准逮捕书.ofd")),
    (
        "XT-DOC-10",
        "PB-01",
        assign("volumes.0.items.0.title", "犯罪嫌疑人赵某第一次讯问笔录"),
        assign("volumes.0.items.0.title", "犯罪嫌疑人张某某第一次讯问笔录"),
    ),
]
VOLUMES: list[tuple[str, str, Change, Change]] = [
    ("XT-VOL-03", "PB-01", assign("volumes.1.number", 1), nothing),
    ("XT-VOL-04", "PB-01", assign("volumes.1.number", 3), nothing),
    ("XT-VOL-05", "PB-01", clear("volumes.0.items"), nothing),
    ("XT-VOL-06", "PB-01", assign("volumes.0.title", "侦查工作卷"), assign("volumes.0.title", "工作证明")),
    ("XT-VOL-07", "PB-01", assign("volumes.0.items.1.number", 1), nothing),
    (
        "XT-VOL-08",
        "PB-01",
        assign("volumes.0.title", "证据卷（一）"),
        assign("volumes.0.title", "诉讼文书卷（一）"),
    ),
    ("XT-PAG-03", "PB-01", set_pages(6, 6), set_pages(4, 6)),
    ("XT-PAG-04", "PB-01", assign("volumes.0.page_count", 9), assign("volumes.0.page_count", 8)),
    ("XT-PAG-05", "PB-01", pages(4), pages(3)),
    ("XT-PAG-06", "PB-01", pages(1, 1), pages(1, 2)),
    ("XT-PAG-07", "PB-01", swap_items, nothing),
    ("XT-PAG-08", "PB-01", pages(1, 2), pages(1, 2, 3)),
    ("XT-PAG-09", "PB-01", file_pages(9), file_pages(14)),
]
MEDIA: list[tuple[str, str, Change, Change]] = [
    (
        "XT-AVD-04",
        "PB-01",
        assign("media.0.duration_ms", 3_600_000),
        assign("media.0.duration_ms", 86_370_000),
    ),
    ("XT-AVD-05", "PB-01", assign("media.0.duration_ms", 0), nothing),
    ("XT-AVD-06", "PB-01", clear("media.0.person_ids"), nothing),
    (
        "XT-AVD-07",
        "PB-01",
        assign("media.0.transcript_document_number", ""),
        together(
            assign("media.0.transcript_document_number", ""),
            assign("volumes.0.items.0.title", "讯问笔录（张某某，第一次）"),
        ),
    ),
    (
        "XT-AVD-08",
        "PB-01",
        add("media.0.sensitive_segments", MediaSegment(start_ms=1, end_ms=86_400_001)),
        add("media.0.sensitive_segments", MediaSegment(start_ms=1, end_ms=86_400_000)),
    ),
    ("XT-AVD-09", "PB-01", add("media.0.person_ids", "p-victim"), nothing),
]
FILES: list[tuple[str, str, Change, Change]] = [
    ("XT-PRT-04", "PB-01", assign("parts.0.size_bytes", 0), nothing),
    (
        "XT-PRT-05",
        "PB-01",
        lambda m: setattr(m.parts[0], "sha256", m.parts[1].sha256),
        nothing,
    ),
    (
        "XT-PRT-06",
        "PB-01",
        add_part("ＰHOTO.jpg", OTHER, used=False),
        add_part("photo-2.jpg", OTHER, used=False),
    ),
    (
        "XT-PRT-07",
        "PB-01",
        add_part("nul.pdf", OTHER, used=False),
        add_part("附件：甲·𠮷.pdf", OTHER, used=False),
    ),
    (
        "XT-PRT-08",
        "PB-01",
        assign("parts.0.media_type", "application/pdf"),
        assign("parts.0.media_type", "image/jpeg"),
    ),
    (
        "XT-PRT-09",
        "PB-01",
        assign("parts.0.kind", PartKind.PART_KIND_VIDEO),
        assign("parts.0.kind", OTHER),
    ),
    (
        "XT-PRT-10",
        "PB-01",
        add_part("播放器.EXE", OTHER, used=False),
        add_part("播放器.zip", OTHER, used=False),
    ),
]
TEXTS: list[tuple[str, str, Change, Change]] = [
    ("XT-TXT-01", "PB-01", summary("二人\ufffd窃"), summary("二人盗窃")),
    ("XT-TXT-02", "PB-01", summary("锟斤拷锟斤拷"), summary("烫伤、锟字")),
    ("XT-TXT-03", "PB-01", assign("persons.0.name", "张\ue863"), assign("persons.0.name", "张𠮷")),
    ("XT-TXT-04", "PB-01", summary("Cafe\u0301"), summary("Caf\u00e9")),
    ("XT-TXT-05", "PB-01", summary("张\u200b某"), summary("阿不都·买买提")),
]
CASES = [*NUMBERS, *DOCUMENTS, *VOLUMES, *MEDIA, *FILES, *TEXTS]
