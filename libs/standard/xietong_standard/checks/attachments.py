"""Whether the entries of the manifest and its files fit: every name leads to a part, every part is used.

A receiver finds files by name only; a name that leads nowhere is a page that the clerk will miss.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from types import MappingProxyType

from xietong.casefile.v1.manifest_pb2 import Manifest, Part, PartKind
from xietong_standard.checks.sources import CONTRACT, FILE_RULES
from xietong_standard.checks.submission import Submission
from xietong_standard.verdict import Finding, error, warning

UNKNOWN_PART = error(
    "XT-PRT-01",
    (
        "“{path}”引用的文件“{part}”不在附件清单中",
        "'{path}' refers to part '{part}', which the package does not have",
    ),
    ("请上传该文件，或更正文件名", "upload the file, or correct the name"),
    CONTRACT,
)
UNUSED_PART = error(
    "XT-PRT-02",
    (
        "附件“{part}”没有被任何文书、卷宗或音视频引用",
        "part '{part}' is used by no document, volume or recording",
    ),
    (
        "请在文书、卷宗目录或音视频中登记该文件，或从包中移除",
        "enter it among the documents, volumes or recordings, or remove it from the package",
    ),
    CONTRACT,
)
REPEATED_PART = error(
    "XT-PRT-03",
    ("附件名“{part}”出现 {count} 次", "the part name '{part}' is given {count} times"),
    ("请使每个附件名唯一", "give each part a name of its own"),
    CONTRACT,
)
EMPTY = warning(
    "XT-PRT-04",
    ("文件“{part}”为空（0 字节）", "file '{part}' is empty (0 bytes)"),
    ("请重新上传该文件", "upload the file again"),
    CONTRACT,
)
SAME_CONTENT = warning(
    "XT-PRT-05",
    (
        "文件“{part}”与“{other}”内容完全相同",
        "the files '{part}' and '{other}' have the same content",
    ),
    (
        "请核对是否误传了同一文件",
        "see whether one file was uploaded twice instead of two files",
    ),
    CONTRACT,
)
NEARLY_SAME_NAME = warning(
    "XT-PRT-06",
    (
        "文件名“{part}”与“{other}”仅大小写或全半角不同",
        "the file names '{part}' and '{other}' differ by case or width only",
    ),
    (
        "请改名；部分系统会视为同一文件而覆盖",
        "rename one: some systems take them for one file and overwrite it",
    ),
    FILE_RULES,
)
UNPORTABLE_NAME = warning(
    "XT-PRT-07",
    (
        "文件名“{part}”在部分系统中无法保存",
        "the file name '{part}' can't be saved on some systems",
    ),
    (
        '请去除 < > : " | ? * 和末尾的点，避免 CON、NUL 等保留名',
        'avoid < > : " | ? *, a dot at the end, and reserved names such as CON and NUL',
    ),
    FILE_RULES,
)
OTHER_TYPE = warning(
    "XT-PRT-08",
    (
        "文件“{part}”的扩展名与媒体类型 {media_type} 不符",
        "the extension of file '{part}' does not fit its media type {media_type}",
    ),
    ("请更正文件名或媒体类型", "correct the name or the media type"),
    FILE_RULES,
)
OTHER_KIND = warning(
    "XT-PRT-09",
    (
        "文件“{part}”的附件种类与其用途（{path}）不符",
        "the kind of part '{part}' does not fit what it is used for ({path})",
    ),
    ("请更正附件种类", "correct the kind of the part"),
    CONTRACT,
)
PROGRAM = warning(
    "XT-PRT-10",
    (
        "文件“{part}”是可执行程序或脚本，跨网交换可能被拦截",
        "file '{part}' is a program or script, which borders between networks may stop",
    ),
    (
        "请确认是否误选；作为证据的请打包后移送",
        "see whether it was chosen by mistake; pack it into an archive if it is evidence",
    ),
    FILE_RULES,
)
RULES = (
    UNKNOWN_PART,
    UNUSED_PART,
    REPEATED_PART,
    EMPTY,
    SAME_CONTENT,
    NEARLY_SAME_NAME,
    UNPORTABLE_NAME,
    OTHER_TYPE,
    OTHER_KIND,
    PROGRAM,
)

_UNPORTABLE = re.compile(r"[<>:\"|?*]|\.$|^(?:CON|PRN|AUX|NUL|COM[1-9]|LPT[1-9])(?:\..*)?$", re.IGNORECASE)
_PROGRAMS = (
    ".exe", ".bat", ".cmd", ".com", ".scr", ".msi", ".dll", ".vbs", ".js", ".ps1", ".jar", ".sh", ".lnk", ".apk",
)  # fmt: skip
_MEDIA_TYPES = MappingProxyType(
    {
        ".pdf": ("application/pdf",),
        ".ofd": ("application/ofd", "application/octet-stream"),
        ".jpg": ("image/jpeg",),
        ".jpeg": ("image/jpeg",),
        ".png": ("image/png",),
        ".tif": ("image/tiff",),
        ".tiff": ("image/tiff",),
        ".bmp": ("image/bmp", "image/x-ms-bmp"),
        ".mp4": ("video/mp4", "audio/mp4"),
        ".mkv": ("video/x-matroska", "video/matroska"),
        ".avi": ("video/x-msvideo", "video/avi"),
        ".mov": ("video/quicktime",),
        ".mp3": ("audio/mpeg", "audio/mp3"),
        ".wav": ("audio/wav", "audio/x-wav", "audio/vnd.wave"),
        ".zip": ("application/zip", "application/x-zip-compressed"),
    }
)
_RECORDINGS = frozenset({PartKind.PART_KIND_AUDIO, PartKind.PART_KIND_VIDEO})
_PAGES = frozenset({PartKind.PART_KIND_DOCUMENT, PartKind.PART_KIND_DOSSIER, PartKind.PART_KIND_IMAGE})
# What may be used where, by the first field of the path.
_KINDS = MappingProxyType(
    {
        "documents": _PAGES,
        "volumes": _PAGES,
        "media": _RECORDINGS,
        "persons": frozenset({PartKind.PART_KIND_IMAGE}),
        "properties": frozenset({PartKind.PART_KIND_IMAGE, PartKind.PART_KIND_DOCUMENT}),
    }
)


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on the names by which entries and parts refer to each other, and on the parts themselves."""
    manifest = submission.manifest
    counts = Counter(part.name for part in manifest.parts)
    kinds = {part.name: part.kind for part in manifest.parts}
    used: set[str] = set()
    for path, name in _references(manifest):
        used.add(name)
        if name not in counts:
            yield UNKNOWN_PART.at(path, part=name)
        elif kinds[name] not in _KINDS[path.partition("[")[0]] and kinds[name] != PartKind.PART_KIND_OTHER:
            yield OTHER_KIND.at(path, part=name)
    for position, part in enumerate(manifest.parts):
        # Other files have no entry of their own that could name them.
        if part.name not in used and part.kind != PartKind.PART_KIND_OTHER:
            yield UNUSED_PART.at(f"parts[{position}].name", part=part.name)
        yield from _part(f"parts[{position}]", part)
    for name, count in counts.items():
        if count > 1:
            yield REPEATED_PART.at("parts", part=name, count=count)
    yield from _alike(manifest)


def _part(path: str, part: Part) -> Iterator[Finding]:
    name = part.name
    if part.sha256 and not part.size_bytes:
        yield EMPTY.at(f"{path}.size_bytes", part=name)
    if _UNPORTABLE.search(name):
        yield UNPORTABLE_NAME.at(f"{path}.name", part=name)
    lower = name.lower()
    if lower.endswith(_PROGRAMS):
        yield PROGRAM.at(f"{path}.name", part=name)
    known = _MEDIA_TYPES.get(lower[lower.rfind(".") :]) if "." in lower else None
    stated = part.media_type.partition(";")[0].strip().lower()
    if stated and known is not None and stated not in known:
        yield OTHER_TYPE.at(f"{path}.media_type", part=name, media_type=part.media_type)


def _alike(manifest: Manifest) -> Iterator[Finding]:
    """Each further file that can be taken for an earlier one: by content, or by its name."""
    contents: dict[str, str] = {}
    names: dict[str, str] = {}
    for position, part in enumerate(manifest.parts):
        if part.sha256 and part.size_bytes:
            other = contents.setdefault(part.sha256, part.name)
            if other != part.name:
                yield SAME_CONTENT.at(f"parts[{position}].sha256", part=part.name, other=other)
        other = names.setdefault(unicodedata.normalize("NFKC", part.name).casefold(), part.name)
        if other != part.name:
            yield NEARLY_SAME_NAME.at(f"parts[{position}].name", part=part.name, other=other)


def _references(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Path and part name of every reference; an empty name is the contract's matter."""
    for position, document in enumerate(manifest.documents):
        if document.part:
            yield f"documents[{position}].part", document.part
    for position, media in enumerate(manifest.media):
        if media.part:
            yield f"media[{position}].part", media.part
    for position, person in enumerate(manifest.persons):
        if person.photo_part:
            yield f"persons[{position}].photo_part", person.photo_part
    for position, item in enumerate(manifest.properties):
        for index, photo in enumerate(item.photo_parts):
            yield f"properties[{position}].photo_parts[{index}]", photo
    yield from _volume_references(manifest)


def _volume_references(manifest: Manifest) -> Iterator[tuple[str, str]]:
    for position, volume in enumerate(manifest.volumes):
        for index, part in enumerate(volume.parts):
            yield f"volumes[{position}].parts[{index}]", part
        for index, item in enumerate(volume.items):
            prefix = f"volumes[{position}].items[{index}].pages"
            for number, page in enumerate(item.pages):
                if page.part:
                    yield f"{prefix}[{number}].part", page.part
