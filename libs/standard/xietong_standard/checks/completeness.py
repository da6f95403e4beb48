"""Whether the package holds what its process requires: fields, documents, volumes, audio and video.

Requirements that name roles (`each`) are asked for every person of these roles.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from xietong.casefile.v1.dossier_pb2 import VolumeKind
from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.casefile.v1.media_pb2 import MediaKind
from xietong.casefile.v1.person_pb2 import PersonRole
from xietong_standard.checks.sources import STANDARD
from xietong_standard.checks.submission import Submission
from xietong_standard.conditions import Condition
from xietong_standard.labels import VOLUMES
from xietong_standard.model import AudioVideoMode, DocumentRequirement, FieldRequirement, Process
from xietong_standard.verdict import Finding, error, warning

FIELD = error(
    "XT-FLD-01",
    ("流程“{process}”要求填写“{label}”，现缺少", "process '{process}' requires '{label}', which is missing"),
    ("请在业务系统中补填“{label}”({path})", "fill in '{label}' ({path}) in the business system"),
    STANDARD,
)
FIELD_OF_PERSON = error(
    "XT-FLD-02",
    (
        "流程“{process}”要求人员 {person} 填写“{label}”，现缺少",
        "process '{process}' requires '{label}' for person {person}, which is missing",
    ),
    ("请为人员 {person} 补填“{label}”({path})", "fill in '{label}' ({path}) for person {person}"),
    STANDARD,
)
DOCUMENT = error(
    "XT-DOC-01",
    ("缺少必备文书：{label}", "a required document is missing: {label}"),
    ("请制作或勾选该文书并上传文件", "make or choose the document and upload its file"),
    STANDARD,
)
DOCUMENT_OF_PERSON = error(
    "XT-DOC-02",
    ("人员 {person} 缺少必备文书：{label}", "a required document is missing for person {person}: {label}"),
    (
        "请为该人员上传该文书，并在文书的适用对象中列明该人员",
        "upload the document for this person and name the person among those whom it concerns",
    ),
    STANDARD,
)
VOLUME = error(
    "XT-VOL-01",
    ("缺少必备卷宗：{label}", "a required volume of the dossier is missing: {label}"),
    ("请组卷并上传该卷", "compile the volume and upload it"),
    STANDARD,
)
EMPTY_VOLUME = error(
    "XT-VOL-02",
    ("卷宗“{title}”没有文件", "volume '{title}' has no file"),
    ("请上传该卷的文件，或删除该卷", "upload the files of the volume, or remove it"),
    STANDARD,
)
MEDIA_REQUIRED = error(
    "XT-AVD-01",
    ("流程“{process}”必须附音视频，现缺少", "process '{process}' requires audio or video, which is missing"),
    ("请添加录音录像文件", "add the recording"),
    STANDARD,
)
MEDIA_USUAL = warning(
    "XT-AVD-02",
    (
        "流程“{process}”通常附音视频，现没有",
        "process '{process}' usually carries audio or video; there is none",
    ),
    ("如有录音录像请添加；没有则可忽略", "add the recording if there is one; otherwise go on"),
    STANDARD,
)
MEDIA_UNUSUAL = warning(
    "XT-AVD-03",
    (
        "流程“{process}”通常不附音视频，现有 {count} 个",
        "process '{process}' carries no audio or video; there are {count}",
    ),
    (
        "请确认是否误选；音视频可通过 PB-12 移送",
        "check that they were not chosen by mistake; PB-12 transfers recordings",
    ),
    STANDARD,
)
RULES = (
    FIELD,
    FIELD_OF_PERSON,
    DOCUMENT,
    DOCUMENT_OF_PERSON,
    VOLUME,
    EMPTY_VOLUME,
    MEDIA_REQUIRED,
    MEDIA_USUAL,
    MEDIA_UNUSUAL,
)


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on what is missing; nothing for an unknown or technical process, which routing reports."""
    process, manifest = submission.process, submission.manifest
    yield from _empty_volumes(manifest)
    if process is None or process.technical:
        return
    for field in process.fields:
        yield from _field(manifest, process, field)
    documents = _DocumentIndex(manifest)
    for document in process.required_documents:
        yield from _document(manifest, process, document, documents)
    yield from _volumes(manifest, process)
    yield from _media(manifest, process)


def _field(manifest: Manifest, process: Process, field: FieldRequirement) -> Iterator[Finding]:
    basis = process.basis_text()
    if field.each:
        persons = _persons(manifest, field.each, field.condition)
        for person, path in field.path.missing_for(manifest, persons):
            rule = FIELD_OF_PERSON if person else FIELD
            yield rule.at(path, basis=basis, process=process.code, label=field.label, person=person)
    elif _applies(manifest, field.condition):
        for path in field.path.missing(manifest):
            yield FIELD.at(path, basis=basis, process=process.code, label=field.label)


def _applies(manifest: Manifest, condition: Condition | None) -> bool:
    return condition is None or condition.holds(manifest)


def _persons(manifest: Manifest, roles: tuple[str, ...], condition: Condition | None) -> list[str]:
    wanted = {PersonRole.Value(f"PERSON_ROLE_{role}") for role in roles}
    ids = [person.id for person in manifest.persons if not wanted.isdisjoint(person.roles)]
    return ids if condition is None else condition.among(manifest, ids)


class _DocumentIndex:
    """Which documents there are, by the name of their kind: for everybody, and for single persons."""

    def __init__(self, manifest: Manifest) -> None:
        self._persons: dict[str, set[str]] = {}
        self._for_all: set[str] = set()
        for document in manifest.documents:
            kind = _kind_name(document.kind.name)
            self._persons.setdefault(kind, set()).update(document.person_ids)
            if not document.person_ids:
                self._for_all.add(kind)

    def has(self, requirement: DocumentRequirement) -> bool:
        """Whether there is one of the kinds at all."""
        return any(_kind_name(kind.zh) in self._persons for kind in requirement.one_of)

    def lacking(self, requirement: DocumentRequirement, person_ids: list[str]) -> list[str]:
        """Those of the persons for whom there is none of the kinds."""
        kinds = [_kind_name(kind.zh) for kind in requirement.one_of]
        if any(kind in self._for_all for kind in kinds):
            return []
        served = set().union(*(self._persons.get(kind, ()) for kind in kinds))
        return [person_id for person_id in person_ids if person_id not in served]


def _kind_name(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip()


def _document(
    manifest: Manifest, process: Process, requirement: DocumentRequirement, documents: _DocumentIndex
) -> Iterator[Finding]:
    path = f"documents[kind.name={'|'.join(kind.zh for kind in requirement.one_of)}]"
    label, basis = requirement.label, process.basis_text()
    if requirement.each:
        persons = _persons(manifest, requirement.each, requirement.condition)
        for person in documents.lacking(requirement, persons):
            yield DOCUMENT_OF_PERSON.at(path, basis=basis, label=label, person=person)
    elif _applies(manifest, requirement.condition) and not documents.has(requirement):
        yield DOCUMENT.at(path, basis=basis, label=label)


def _volumes(manifest: Manifest, process: Process) -> Iterator[Finding]:
    present = {volume.kind for volume in manifest.volumes}
    for requirement in process.required_volumes:
        if not _applies(manifest, requirement.condition):
            continue
        if VolumeKind.Value(f"VOLUME_KIND_{requirement.kind}") not in present:
            path = f"volumes[kind={requirement.kind}]"
            yield VOLUME.at(path, basis=process.basis_text(), label=VOLUMES[requirement.kind])


def _empty_volumes(manifest: Manifest) -> Iterator[Finding]:
    for position, volume in enumerate(manifest.volumes):
        if not volume.parts and not any(item.pages for item in volume.items):
            yield EMPTY_VOLUME.at(f"volumes[{position}]", title=volume.title)


def _media(manifest: Manifest, process: Process) -> Iterator[Finding]:
    rule = process.audio_video
    kinds = {MediaKind.Value(f"MEDIA_KIND_{kind}") for kind in rule.kinds}
    found = [media for media in manifest.media if not kinds or media.kind in kinds]
    if rule.mode is AudioVideoMode.REQUIRED and not found:
        yield MEDIA_REQUIRED.at("media", basis=process.basis_text(), process=process.code)
    elif rule.mode is AudioVideoMode.USUAL and not found:
        yield MEDIA_USUAL.at("media", basis=process.basis_text(), process=process.code)
    elif rule.mode is AudioVideoMode.NONE and found:
        yield MEDIA_UNUSUAL.at("media", basis=process.basis_text(), process=process.code, count=len(found))
