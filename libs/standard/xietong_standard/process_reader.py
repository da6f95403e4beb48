"""Reads one process of an edition: the schema of `processes/*.yaml`, key by key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from xietong.casefile.v1.dossier_pb2 import VolumeKind
from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.casefile.v1.media_pb2 import MediaKind
from xietong.casefile.v1.person_pb2 import PersonRole
from xietong_standard.conditions import CONDITIONS, Condition
from xietong_standard.model import (
    AudioVideoMode,
    AudioVideoRule,
    Basis,
    DocumentRequirement,
    FieldRequirement,
    Law,
    OpenPoint,
    Party,
    PartyRole,
    Process,
    ReceiverMode,
    Receivers,
    VolumeRequirement,
)
from xietong_standard.paths import FieldPath, PathError
from xietong_standard.source import Entry
from xietong_standard.text import Text

# How sure an item is: read in the law, known with confidence, to be confirmed, and where else it comes from.
PROVENANCE = ("src", "ok", "unsure", "practice", "brief", "design")
PRIORITIES = range(1, 4)

# Names of several parties; the hub relays and never sends or receives a package of its own.
_ANY = frozenset(Party) - {Party.HUB}
_CASE_PARTIES = frozenset({Party.POLICE, Party.PROCURATORATE, Party.COURT})
_ROLES = {
    **{party.value: frozenset({party}) for party in _ANY},
    "ANY": _ANY,
    "CASE_SENDER": _CASE_PARTIES,
    "CASE_RECEIVER": _CASE_PARTIES,
}

_CODE = re.compile(r"[A-Z]{2}-[0-9]{2}")
_REQUIRED = ("code", "name", "priority", "senders", "receivers", "basis", "provenance")
_OPTIONAL = (
    "technical",
    "answers",
    "documents",
    "volumes",
    "audio_video",
    "fields",
    "key_fields",
    "time_limit_note",
    "unsure",
)


def _short_names(names: Iterable[str], prefix: str) -> frozenset[str]:
    return frozenset(name.removeprefix(prefix) for name in names) - {"UNSPECIFIED"}


_VOLUME_KINDS = _short_names(VolumeKind.keys(), "VOLUME_KIND_")
_MEDIA_KINDS = _short_names(MediaKind.keys(), "MEDIA_KIND_")
_PERSON_ROLES = _short_names(PersonRole.keys(), "PERSON_ROLE_")


class ProcessReader:
    """Reads processes that cite the laws and name the document kinds of one edition."""

    def __init__(self, laws: Mapping[str, Law], document_kinds: Mapping[str, Text]) -> None:
        self._laws = laws
        self._document_kinds = document_kinds

    def read(self, entry: Entry, stage: Text) -> Process:
        """Reads one process. Raises EditionError at the line of the first mistake in it."""
        fields = entry.fields(_REQUIRED, _OPTIONAL)
        required_documents, optional_documents = self._documents(fields.get("documents"))
        required_volumes, optional_volumes = _volumes(fields.get("volumes"))
        return Process(
            code=_code(fields["code"]),
            name=read_text(fields["name"]),
            stage=stage,
            technical=fields["technical"].flag() if "technical" in fields else False,
            priority=_priority(fields["priority"]),
            senders=tuple(_party_role(item) for item in fields["senders"].items()),
            receivers=_receivers(fields["receivers"]),
            answers=_texts(fields.get("answers")),
            required_documents=required_documents,
            optional_documents=optional_documents,
            required_volumes=required_volumes,
            optional_volumes=optional_volumes,
            audio_video=_audio_video(fields.get("audio_video")),
            fields=tuple(_field(item) for item in _items(fields.get("fields"))),
            key_fields=_texts(fields.get("key_fields")),
            time_limit_note=fields["time_limit_note"].text() if "time_limit_note" in fields else "",
            basis=tuple(self._basis(key, value) for key, value in fields["basis"].pairs()),
            provenance=tuple(item.choice(PROVENANCE) for item in fields["provenance"].items()),
            unsure=tuple(read_open_point(item) for item in _items(fields.get("unsure"))),
        )

    def _documents(self, entry: Entry | None) -> tuple[tuple[DocumentRequirement, ...], tuple[Text, ...]]:
        if entry is None:
            return (), ()
        fields = entry.fields((), ("required", "optional"))
        required = tuple(self._document(item) for item in _items(fields.get("required")))
        optional = tuple(self._document_kind(item) for item in _items(fields.get("optional")))
        return required, optional

    def _document(self, entry: Entry) -> DocumentRequirement:
        if entry.is_text():
            return DocumentRequirement((self._document_kind(entry),))
        fields = entry.fields((), ("name", "one_of", "each", "condition"))
        if ("name" in fields) == ("one_of" in fields):
            entry.fail("a required document needs 'name' or 'one_of', not both")
        names = [fields["name"]] if "name" in fields else fields["one_of"].items()
        kinds = tuple(self._document_kind(name) for name in names)
        return DocumentRequirement(kinds, _each(fields.get("each")), _condition(fields.get("condition")))

    def _document_kind(self, entry: Entry) -> Text:
        kind = self._document_kinds.get(entry.text())
        if kind is None:
            entry.fail(f"document kind '{entry.text()}' is not in documents.yaml")
        return kind

    def _basis(self, key: Entry, value: Entry) -> Basis:
        law = self._laws.get(key.text())
        if law is None:
            key.fail(f"law '{key.text()}' is not in edition.yaml")
        return Basis(law, value.texts())


def read_text(entry: Entry) -> Text:
    """Reads a text in both languages: `{zh: …, en: …}`."""
    fields = entry.fields(("zh", "en"))
    return Text(fields["zh"].text(), fields["en"].text())


def _items(entry: Entry | None) -> list[Entry]:
    return [] if entry is None else entry.items()


def _texts(entry: Entry | None) -> tuple[str, ...]:
    return () if entry is None else entry.texts()


def _code(entry: Entry) -> str:
    code = entry.text()
    if not _CODE.fullmatch(code):
        entry.fail(f"'{code}' is not a process code of the form PB-01")
    return code


def _priority(entry: Entry) -> int:
    priority = entry.integer()
    if priority not in PRIORITIES:
        entry.fail(f"the priority is {priority}; it runs from 1 to 3")
    return priority


def _condition(entry: Entry | None) -> Condition | None:
    return None if entry is None else CONDITIONS[entry.choice(CONDITIONS.keys())]


def _each(entry: Entry | None) -> tuple[str, ...]:
    return tuple(item.choice(_PERSON_ROLES) for item in _items(entry))


def _party_role(entry: Entry) -> PartyRole:
    if entry.is_text():
        return PartyRole(_ROLES[entry.choice(_ROLES.keys())])
    fields = entry.fields((), ("party", "one_of", "system", "level", "condition"))
    if ("party" in fields) == ("one_of" in fields):
        entry.fail("a place needs 'party' or 'one_of', not both")
    named = [fields["party"]] if "party" in fields else fields["one_of"].items()
    parties = frozenset().union(*(_ROLES[item.choice(_ROLES.keys())] for item in named))
    return PartyRole(
        parties=parties,
        system=fields["system"].text() if "system" in fields else "",
        upper_level=fields["level"].choice(("upper",)) == "upper" if "level" in fields else False,
        condition=_condition(fields.get("condition")),
    )


def _receivers(entry: Entry) -> Receivers:
    fields = entry.fields(("mode", "parties"))
    mode = ReceiverMode(fields["mode"].choice([mode.value for mode in ReceiverMode]))
    return Receivers(mode, tuple(_party_role(item) for item in fields["parties"].items()))


def _volumes(entry: Entry | None) -> tuple[tuple[VolumeRequirement, ...], tuple[str, ...]]:
    if entry is None:
        return (), ()
    fields = entry.fields((), ("required", "optional"))
    required = tuple(_volume(item) for item in _items(fields.get("required")))
    return required, tuple(item.choice(_VOLUME_KINDS) for item in _items(fields.get("optional")))


def _volume(entry: Entry) -> VolumeRequirement:
    if entry.is_text():
        return VolumeRequirement(entry.choice(_VOLUME_KINDS))
    fields = entry.fields(("kind",), ("condition",))
    return VolumeRequirement(fields["kind"].choice(_VOLUME_KINDS), _condition(fields.get("condition")))


def _audio_video(entry: Entry | None) -> AudioVideoRule:
    if entry is None:
        return AudioVideoRule(AudioVideoMode.NONE)
    modes = [mode.value for mode in AudioVideoMode]
    if entry.is_text():
        return AudioVideoRule(AudioVideoMode(entry.choice(modes)))
    fields = entry.fields(("mode",), ("kinds",))
    kinds = tuple(item.choice(_MEDIA_KINDS) for item in _items(fields.get("kinds")))
    return AudioVideoRule(AudioVideoMode(fields["mode"].choice(modes)), kinds)


def _field(entry: Entry) -> FieldRequirement:
    fields = entry.fields(("path", "zh", "en"), ("each", "condition"))
    try:
        path = FieldPath.parse(fields["path"].text(), Manifest.DESCRIPTOR)
    except PathError as error:
        fields["path"].fail(str(error))
    each = _each(fields.get("each"))
    if each and not path.names_persons(Manifest.DESCRIPTOR):
        fields["path"].fail(f"'each' needs a path whose entries name a person; '{path.text}' does not")
    label = Text(fields["zh"].text(), fields["en"].text())
    return FieldRequirement(path, label, each, _condition(fields.get("condition")))


def read_open_point(entry: Entry) -> OpenPoint:
    """Reads what is yet to be confirmed: `{item: …, zh: …, en: …}`."""
    fields = entry.fields(("item", "zh", "en"))
    return OpenPoint(fields["item"].text(), Text(fields["zh"].text(), fields["en"].text()))
