"""Reads one process of an edition: the schema of `processes/*.yaml`, key by key."""

from __future__ import annotations

import re

from xietong.casefile.v1.dossier_pb2 import VolumeKind
from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.casefile.v1.media_pb2 import MediaKind
from xietong_standard.catalogue_reader import (
    read_carrier,
    read_clocks,
    read_contributions,
    read_key_field,
    read_supervision,
)
from xietong_standard.conditions import CONDITIONS, Condition
from xietong_standard.model import (
    AudioVideoMode,
    AudioVideoRule,
    DocumentRequirement,
    FieldRequirement,
    OpenPoint,
    Party,
    PartyRole,
    Process,
    ReceiverMode,
    Receivers,
    VolumeRequirement,
)
from xietong_standard.source import Entry
from xietong_standard.text import Text
from xietong_standard.vocabulary import (
    PERSON_ROLES,
    Vocabulary,
    items_of,
    read_provenance,
    read_text,
    short_names,
)

PRIORITIES = range(1, 4)

# Names of several parties; the hub relays and never sends or receives a package of its own.
_ANY = frozenset(Party) - {Party.HUB}
_CASE_PARTIES = frozenset({Party.POLICE, Party.PROCURATORATE, Party.COURT})
ROLES = {
    **{party.value: frozenset({party}) for party in _ANY},
    "ANY": _ANY,
    "CASE_SENDER": _CASE_PARTIES,
    "CASE_RECEIVER": _CASE_PARTIES,
}
VOLUME_KINDS = short_names(VolumeKind.keys(), "VOLUME_KIND_")
MEDIA_KINDS = short_names(MediaKind.keys(), "MEDIA_KIND_")

_CODE = re.compile(r"[A-Z]{2}-[0-9]{2}")
_REQUIRED = ("code", "name", "priority", "senders", "receivers", "basis", "provenance")
_OPTIONAL = (
    "carried_by",
    "answers",
    "documents",
    "volumes",
    "audio_video",
    "contributions",
    "fields",
    "key_fields",
    "clocks",
    "supervision",
    "time_limit",
    "unsure",
)


class ProcessReader:
    """Reads processes that use the vocabulary of one edition."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    def read(self, entry: Entry, stage: Text) -> Process:
        """Reads one process. Raises EditionError at the line of the first mistake in it."""
        fields = entry.fields(_REQUIRED, _OPTIONAL)
        required_documents, optional_documents = self._documents(fields.get("documents"))
        required_volumes, optional_volumes = _volumes(fields.get("volumes"))
        return Process(
            code=_code(fields["code"]),
            name=read_text(fields["name"]),
            stage=stage,
            carrier=read_carrier(fields.get("carried_by")),
            priority=_priority(fields["priority"]),
            senders=tuple(_party_role(item) for item in fields["senders"].items()),
            receivers=_receivers(fields["receivers"]),
            answers=_texts(fields.get("answers")),
            required_documents=required_documents,
            optional_documents=optional_documents,
            required_volumes=required_volumes,
            optional_volumes=optional_volumes,
            audio_video=_audio_video(fields.get("audio_video")),
            fields=tuple(self._field(item) for item in items_of(fields.get("fields"))),
            key_fields=tuple(
                read_key_field(item, self._vocabulary) for item in items_of(fields.get("key_fields"))
            ),
            contributions=read_contributions(fields.get("contributions"), self._vocabulary),
            clocks=read_clocks(fields.get("clocks")),
            supervision=read_supervision(fields.get("supervision")),
            time_limit=read_text(fields["time_limit"]) if "time_limit" in fields else None,
            basis=self._vocabulary.basis(fields["basis"]),
            provenance=read_provenance(fields["provenance"]),
            unsure=tuple(read_open_point(item) for item in items_of(fields.get("unsure"))),
        )

    def _documents(self, entry: Entry | None) -> tuple[tuple[DocumentRequirement, ...], tuple[Text, ...]]:
        if entry is None:
            return (), ()
        fields = entry.fields((), ("required", "optional"))
        required = tuple(self._document(item) for item in items_of(fields.get("required")))
        optional = tuple(self._vocabulary.document_kind(item) for item in items_of(fields.get("optional")))
        return required, optional

    def _document(self, entry: Entry) -> DocumentRequirement:
        if entry.is_text():
            return DocumentRequirement((self._vocabulary.document_kind(entry),))
        fields = entry.fields((), ("name", "one_of", "each", "condition"))
        if ("name" in fields) == ("one_of" in fields):
            entry.fail("a required document needs 'name' or 'one_of', not both")
        names = [fields["name"]] if "name" in fields else fields["one_of"].items()
        kinds = tuple(self._vocabulary.document_kind(name) for name in names)
        return DocumentRequirement(kinds, _each(fields.get("each")), _condition(fields.get("condition")))

    def _field(self, entry: Entry) -> FieldRequirement:
        fields = entry.fields(("path", "zh", "en"), ("each", "condition", "table"))
        path = self._vocabulary.path(fields["path"], required=True)
        each = _each(fields.get("each"))
        if each and not path.names_persons(Manifest.DESCRIPTOR):
            fields["path"].fail(f"'each' needs a path whose entries name a person; '{path.text}' does not")
        return FieldRequirement(
            path=path,
            label=Text(fields["zh"].text(), fields["en"].text()),
            each=each,
            condition=_condition(fields.get("condition")),
            table=self._vocabulary.code_table(fields["table"]) if "table" in fields else None,
        )


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
    return tuple(item.choice(PERSON_ROLES) for item in items_of(entry))


def _party_role(entry: Entry) -> PartyRole:
    if entry.is_text():
        return PartyRole(ROLES[entry.choice(ROLES.keys())])
    fields = entry.fields((), ("party", "one_of", "system", "level", "condition"))
    if ("party" in fields) == ("one_of" in fields):
        entry.fail("a place needs 'party' or 'one_of', not both")
    named = [fields["party"]] if "party" in fields else fields["one_of"].items()
    parties = frozenset().union(*(ROLES[item.choice(ROLES.keys())] for item in named))
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
    required = tuple(_volume(item) for item in items_of(fields.get("required")))
    return required, tuple(item.choice(VOLUME_KINDS) for item in items_of(fields.get("optional")))


def _volume(entry: Entry) -> VolumeRequirement:
    if entry.is_text():
        return VolumeRequirement(entry.choice(VOLUME_KINDS))
    fields = entry.fields(("kind",), ("condition",))
    return VolumeRequirement(fields["kind"].choice(VOLUME_KINDS), _condition(fields.get("condition")))


def _audio_video(entry: Entry | None) -> AudioVideoRule:
    if entry is None:
        return AudioVideoRule(AudioVideoMode.NONE)
    modes = [mode.value for mode in AudioVideoMode]
    if entry.is_text():
        return AudioVideoRule(AudioVideoMode(entry.choice(modes)))
    fields = entry.fields(("mode",), ("kinds",))
    kinds = tuple(item.choice(MEDIA_KINDS) for item in items_of(fields.get("kinds")))
    return AudioVideoRule(AudioVideoMode(fields["mode"].choice(modes)), kinds)


def read_open_point(entry: Entry) -> OpenPoint:
    """Reads what is yet to be confirmed: `{item: …, zh: …, en: …}`."""
    fields = entry.fields(("item", "zh", "en"))
    return OpenPoint(fields["item"].text(), Text(fields["zh"].text(), fields["en"].text()))
