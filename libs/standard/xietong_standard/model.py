"""The data standard as immutable objects: what the YAML of an edition says, and the questions it answers.

Nothing here reads files or manifests; `loader` builds these objects and `validation` applies them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

from xietong_standard.catalogue import (
    BusinessSystem,
    Carrier,
    ClockVerb,
    CodeTable,
    Contribution,
    KeyField,
    Round,
    Supervision,
)
from xietong_standard.conditions import Condition
from xietong_standard.paths import FieldPath
from xietong_standard.text import Text

if TYPE_CHECKING:  # the clocks cite laws and parties of this module
    from xietong_standard.clocks.calendar import WorkingCalendar
    from xietong_standard.clocks.model import Clocks
    from xietong_standard.lifecycle.model import Lifecycle

# `answers` of the technical processes: they may answer any process.
ANY_PROCESS = "*"


class Party(StrEnum):
    """Parties of the exchange (政法单位), by the names that the contract uses."""

    POLICE = "POLICE"
    PROCURATORATE = "PROCURATORATE"
    COURT = "COURT"
    JUSTICE = "JUSTICE"
    HUB = "HUB"
    PRISON = "PRISON"
    COMMUNITY_CORRECTION = "COMMUNITY_CORRECTION"


class EditionStatus(StrEnum):
    """Where an edition stands in its life."""

    PROPOSED = "proposed"
    PUBLISHED = "published"
    IN_FORCE = "in_force"
    RETIRED = "retired"


class ReceiverMode(StrEnum):
    """Whether a package of the process goes to all receivers or to one of them."""

    ALL_OF = "all_of"
    ONE_OF = "one_of"


class AudioVideoMode(StrEnum):
    """Whether audio and video travel with the process."""

    NONE = "none"
    OPTIONAL = "optional"
    IF_RECORDED = "if_recorded"
    USUAL = "usual"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Who sends or receives: a party, and one of its business systems where that matters."""

    party: str
    system: str = ""

    @classmethod
    def of(cls, value: Endpoint | str) -> Endpoint:
        """Takes a party's name as an endpoint without a system."""
        return value if isinstance(value, Endpoint) else cls(value)

    def __str__(self) -> str:
        return f"{self.party}/{self.system}" if self.system else self.party


@dataclass(frozen=True, slots=True)
class PartyRole:
    """One place among the senders or receivers of a process.

    `parties` are those that may stand there (several for a role such as 'who hands the case over'),
    `system` names a system of the party that is an organ of its own (the detention house of the police).
    `upper_level` says that the organ is one level up; the organ code decides that, so it is stated and not
    checked here.
    """

    parties: frozenset[Party]
    system: str = ""
    upper_level: bool = False
    condition: Condition | None = None

    def admits(self, endpoint: Endpoint) -> bool:
        """Whether the endpoint may stand here. An endpoint without a system is judged by its party alone."""
        if endpoint.party not in self.parties:
            return False
        return not self.system or endpoint.system in ("", self.system)

    def __str__(self) -> str:
        names = "/".join(sorted(self.parties))
        return f"{names}:{self.system}" if self.system else names


@dataclass(frozen=True, slots=True)
class Receivers:
    """Who receives a process."""

    mode: ReceiverMode
    roles: tuple[PartyRole, ...]


@dataclass(frozen=True, slots=True)
class DocumentRequirement:
    """A required document: any of the kinds, for each person of the roles `each`, when `condition` holds."""

    one_of: tuple[Text, ...]
    each: tuple[str, ...] = ()
    condition: Condition | None = None

    @property
    def label(self) -> Text:
        """The alternatives, joined."""
        zh = "或".join(f"《{kind.zh}》" for kind in self.one_of)
        return Text(zh, " or ".join(f"{kind.en} ({kind.zh})" for kind in self.one_of))


@dataclass(frozen=True, slots=True)
class VolumeRequirement:
    """A required volume of the dossier; `kind` is a VolumeKind of the contract without its prefix."""

    kind: str
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    """A required field of the manifest, for each person of the roles in `each`, when `condition` holds.

    Its values are those of `table`, where one is named.
    """

    path: FieldPath
    label: Text
    each: tuple[str, ...] = ()
    condition: Condition | None = None
    table: CodeTable | None = None


@dataclass(frozen=True, slots=True)
class AudioVideoRule:
    """Whether audio and video travel; `kinds` are MediaKinds without prefix, empty for any."""

    mode: AudioVideoMode
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Law:
    """A law or standard in one version. `read` is true when its full text was read for this edition."""

    id: str
    title: Text
    version: str
    read: bool


@dataclass(frozen=True, slots=True)
class Basis:
    """Articles of a law on which a process rests."""

    law: Law
    articles: tuple[str, ...]

    def text(self) -> Text:
        """The citation with the law's version."""
        if not self.articles:
            return Text(
                f"《{self.law.title.zh}》({self.law.version})", f"{self.law.title.en} ({self.law.version})"
            )
        zh = "、".join(self.articles)
        en = ", ".join(self.articles)
        return Text(
            f"《{self.law.title.zh}》({self.law.version})第{zh}条",
            f"{self.law.title.en} ({self.law.version}), art. {en}",
        )


@dataclass(frozen=True, slots=True)
class OpenPoint:
    """Something about a process or the whole edition that an authority has yet to confirm."""

    item: str
    note: Text


@dataclass(frozen=True, slots=True)
class Process:
    """A collaboration process (协同业务流程), for example PB-01.

    `carrier` is there for a technical process only. None in `clocks` and `supervision` means that nothing was said;
    what is empty was looked at and is none.
    """

    code: str
    name: Text
    stage: Text
    carrier: Carrier | None
    priority: int
    senders: tuple[PartyRole, ...]
    receivers: Receivers
    answers: tuple[str, ...]
    required_documents: tuple[DocumentRequirement, ...]
    optional_documents: tuple[Text, ...]
    required_volumes: tuple[VolumeRequirement, ...]
    optional_volumes: tuple[str, ...]
    audio_video: AudioVideoRule
    fields: tuple[FieldRequirement, ...]
    key_fields: tuple[KeyField, ...]
    contributions: tuple[Contribution, ...]
    clocks: Mapping[ClockVerb, tuple[str, ...]] | None
    supervision: Supervision | None
    time_limit: Text | None
    basis: tuple[Basis, ...]
    provenance: tuple[str, ...]
    unsure: tuple[OpenPoint, ...]

    @property
    def technical(self) -> bool:
        """Whether the contract's own evidence or envelope carries it, and never a package."""
        return self.carrier is not None

    def basis_text(self) -> str:
        """The citations, Chinese, for findings and reference pages."""
        return "；".join(basis.text().zh for basis in self.basis)


class UnknownProcessError(LookupError):
    """The edition has no process of this code."""

    def __init__(self, code: str, edition_id: str) -> None:
        super().__init__(
            f"edition {edition_id} of the data standard has no process '{code}'; choose one that it lists / "
            f"数据标准 {edition_id} 中没有流程“{code}”，请选用其中已列的流程代码"
        )


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether a process may travel between two endpoints; false in a condition when it may not.

    `rule` is the code of the rule that refuses, empty when allowed.
    """

    rule: str
    reason: Text

    def __bool__(self) -> bool:
        return not self.rule


@dataclass(frozen=True, slots=True)
class Edition:
    """One edition of the data standard. Immutable; made by `load_edition`.

    `external_code_tables` are those that others keep: values may name them, their codes are not checked here.
    The calendar of working days belongs to all editions: a year is added to it without a new edition.
    """

    id: str
    effective_date: date
    status: EditionStatus
    laws: Mapping[str, Law]
    document_kinds: Mapping[str, Text]
    systems: Mapping[str, BusinessSystem]
    code_tables: Mapping[str, CodeTable]
    external_code_tables: Mapping[str, Text]
    processes: Mapping[str, Process]
    rounds: tuple[Round, ...]
    clocks: Clocks
    lifecycle: Lifecycle
    calendar: WorkingCalendar
    unsure: tuple[OpenPoint, ...]

    def process(self, code: str) -> Process:
        """The process of this code. Raises UnknownProcessError."""
        try:
            return self.processes[code]
        except KeyError:
            raise UnknownProcessError(code, self.id) from None

    def may_send(self, process_code: str, sender: Endpoint | str, receiver: Endpoint | str) -> Permission:
        """Whether the sender may send the process to the receiver; a refusal names its rule and reason."""
        process = self.processes.get(process_code)
        if process is None:
            return _refuse(
                "XT-PRC-01", f"数据标准 {self.id} 中没有该流程", f"edition {self.id} has no such process"
            )
        if process.technical:
            return _refuse(
                "XT-PRC-02", "该流程由平台自身的回执和处理结果体现", "evidence and outcomes carry it"
            )
        if not _admitted(process.senders, Endpoint.of(sender)):
            allowed = ", ".join(map(str, process.senders))
            return _refuse("XT-PRC-03", f"可发送方：{allowed}", f"may send: {allowed}")
        if not _admitted(process.receivers.roles, Endpoint.of(receiver)):
            allowed = ", ".join(map(str, process.receivers.roles))
            return _refuse("XT-PRC-04", f"可接收方：{allowed}", f"may receive: {allowed}")
        return Permission("", Text("", ""))

    def may_answer(self, process_code: str, answered_code: str) -> bool:
        """Whether a package of the process may answer one of the other process."""
        answers = self.process(process_code).answers
        return answered_code in answers or ANY_PROCESS in answers


def _admitted(roles: tuple[PartyRole, ...], endpoint: Endpoint) -> bool:
    return any(role.admits(endpoint) for role in roles)


def _refuse(rule: str, zh: str, en: str) -> Permission:
    return Permission(rule, Text(zh, en))
