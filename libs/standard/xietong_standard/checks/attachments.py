"""Whether the entries of the manifest and its files fit: every name leads to a part, every part is used.

A receiver finds files by name only; a name that leads nowhere is a page that the clerk will miss.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from xietong.casefile.v1.manifest_pb2 import Manifest, PartKind
from xietong_standard.checks.submission import Submission
from xietong_standard.verdict import Finding, error

_BASIS = "xietong.casefile.v1"

UNKNOWN_PART = error(
    "XT-PRT-01",
    (
        "“{path}”引用的文件“{part}”不在附件清单中",
        "'{path}' refers to part '{part}', which the package does not have",
    ),
    ("请上传该文件，或更正文件名", "upload the file, or correct the name"),
    _BASIS,
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
    _BASIS,
)
REPEATED_PART = error(
    "XT-PRT-03",
    ("附件名“{part}”出现 {count} 次", "the part name '{part}' is given {count} times"),
    ("请使每个附件名唯一", "give each part a name of its own"),
    _BASIS,
)
RULES = (UNKNOWN_PART, UNUSED_PART, REPEATED_PART)


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on the names by which entries and parts refer to each other."""
    manifest = submission.manifest
    counts = Counter(part.name for part in manifest.parts)
    used: set[str] = set()
    for path, name in _references(manifest):
        used.add(name)
        if name not in counts:
            yield UNKNOWN_PART.at(path, part=name)
    for position, part in enumerate(manifest.parts):
        # Other files have no entry of their own that could name them.
        if part.name not in used and part.kind != PartKind.PART_KIND_OTHER:
            yield UNUSED_PART.at(f"parts[{position}].name", part=part.name)
    for name, count in counts.items():
        if count > 1:
            yield REPEATED_PART.at("parts", part=name, count=count)


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
