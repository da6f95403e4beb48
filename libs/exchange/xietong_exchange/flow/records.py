"""What a node keeps in its database, as plain values: the vocabulary between the flow and the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from xietong.exchange.v1.draft_pb2 import DraftKey, DraftState
from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageRecord:
    """A package as this node knows it. `envelope` and `signature` are the bytes as they travelled."""

    package_id: str
    seal: bytes
    envelope: bytes
    signature: bytes
    direction: Direction.ValueType
    state: DeliveryState.ValueType
    state_time: datetime
    complete: bool
    """True when this node holds all parts, verified and durable."""
    size_bytes: int
    process_code: str
    sender: Party.ValueType
    receiver: Party.ValueType
    collaboration_case_id: str
    correlation_id: str = ""
    corrects_package_id: str = ""
    draft_id: str = ""
    """At the sender: the draft of which it was made."""
    receiver_case_number: str = ""
    reasons: bytes = b""
    """A serialised `Statement` that holds nothing but the latest reasons; empty when there are none."""
    create_time: datetime
    submit_time: datetime | None = None
    """When the sender's node sealed it, by that node's clock; written, never read back."""
    trace_id: str = ""
    """Its W3C trace id, by which it is found again; written, never read back."""
    case_numbers: tuple[tuple[Party.ValueType, str], ...] = ()
    """The parties' case numbers in the envelope, by which a case is found again; written, never read back."""
    contents: tuple[bytes, ...] = ()
    """The SHA-256 of its parts, which are kept for it; written, never read back."""
    contents_removed_time: datetime | None = None
    """When its retention ended: since then its contents are not kept for it; given by the store."""
    position: int = 0
    """Order in which this node recorded it; given by the store."""
    changed_in: int = field(default=0, compare=False)
    """The transaction that changed it last; given by the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageChange:
    """What becomes of a package: its state, and what else is given; `None` leaves a field as it is."""

    state: DeliveryState.ValueType
    state_time: datetime
    complete: bool | None = None
    reasons: bytes | None = None
    receiver_case_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRecord:
    """A piece of evidence as it travelled, with what is needed to find it."""

    evidence_id: str
    package_id: str
    kind: EvidenceKind.ValueType
    stated_by: Party.ValueType
    event_time: datetime
    statement: bytes
    signature: bytes


DeliveryStatus = Literal["pending", "done", "dead"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """One entry of the outbox: a package, or a piece of evidence when `evidence_id` is set, for one neighbour."""

    delivery_id: int
    destination: Party.ValueType
    lane: Lane.ValueType
    package_id: str
    evidence_id: str
    status: DeliveryStatus
    attempts: int
    token: int
    """Fencing token: rises with every lease; a worker that lost its lease can't finish."""
    leased: bool
    offered: bool
    """True from just before the package is offered to the neighbour for the first time: it may know of it since."""
    create_time: datetime
    due_time: datetime
    progress_time: datetime
    """When bytes last moved; the retry policy counts standstill from here."""
    last_reason: str
    last_text_zh: str
    last_text_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRecord:
    """A package in the making. `header` is a serialised `DraftHeader`, empty until the draft is opened."""

    draft_id: str
    key: DraftKey
    header: bytes
    state: DraftState.ValueType
    create_time: datetime
    version: int = field(default=0, compare=False)
    """Given by the store; another number means that the draft was opened, filled or closed since."""


@dataclass(frozen=True, slots=True)
class DraftSight:
    """What a submit finds of its draft."""

    requested: DraftRecord | None
    """The one to which its request id is bound."""
    current: DraftRecord | None
    """The open one with its key, otherwise the latest submitted one."""
    sent: DraftRecord | None
    """The latest one with its key that became packages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributionRecord:
    """What one system adds to a draft. `fragment` is a serialised `casefile.v1.Manifest`."""

    system: str
    name: str
    fragment: bytes


Operation = Literal[
    "contribute",
    "open_draft",
    "discard_draft",
    "give_up_delivery",
    "replay_delivery",
    "acknowledge_incident",
    "assign_incident",
    "silence_incident",
    "escalate_incident",
    "withdraw_package",
    "send_test_package",
    "announce_maintenance",
    "cancel_maintenance",
    "put_contact",
    "remove_contact",
    "request_change",
    "close_change",
    "decide_change",
    "publish_notice",
    "report_readiness",
    "put_in_force",
    "retire_edition",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRecord:
    """An act that somebody, or the node itself, answers for. What it does not concern is empty, or 0."""

    operation: Operation
    caller: str
    """The identity of the certificate that called, e.g. `police/system/case-handling`."""
    organ_code: str = ""
    handler_ref: str = ""
    """The responsible person, as the call named him; operators are named by their certificate alone."""
    draft_id: str = ""
    package_id: str = ""
    delivery_id: int = 0
    reason: str = ""
    """Of a delivery that was given up: why its last try failed, as a value of `ErrorReason` without prefix."""
    incident_id: str = ""
    note: str = ""
    """What who did it had to say."""
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagePage:
    """Some packages of a list; `more` tells that others follow. Only the last one may be empty."""

    records: list[PackageRecord]
    more: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """A piece of evidence as it travels."""

    statement: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a look at a package finds that was not there at the look before."""

    changed_in: int
    """The transaction that changed it last."""
    record: PackageRecord | None
    """None when it is as it was."""
    delivery: DeliveryRecord | None
    """The delivery that moves it, if it is in the outbox."""
    last_evidence: int
    """Rises with every piece of evidence; 0 when there is none."""
    evidence: tuple[Proof, ...]
    """All of it, when there is more than there was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFilter:
    """Which packages a list shows. Empty fields do not restrict."""

    direction: Direction.ValueType = Direction.DIRECTION_UNSPECIFIED
    states: tuple[DeliveryState.ValueType, ...] = ()
    process_code: str = ""
    collaboration_case_id: str = ""
    for_systems: bool = False
    """Without test packages, which no business system sees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSearch:
    """What supervisors and operators know of the packages that they look for. Empty fields do not restrict."""

    identifier: str = ""
    """A UUID: of the package, of the send of which it was made here, or of its case."""
    trace_id: str = ""
    """A W3C trace id: 32 hexadecimal digits."""
    numbers: frozenset[str] = frozenset()
    """Beginnings, one of which a case number in the envelope or the receiver's case number has."""
    states: tuple[DeliveryState.ValueType, ...] = ()
    process_code: str = ""
    sender: Party.ValueType = Party.PARTY_UNSPECIFIED
    receiver: Party.ValueType = Party.PARTY_UNSPECIFIED
    start_time: datetime | None = None
    """This node recorded it then or later."""
    end_time: datetime | None = None
    """This node recorded it before."""


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """How many packages of a process between two parties are in a state."""

    process_code: str
    sender: Party.ValueType
    receiver: Party.ValueType
    state: DeliveryState.ValueType
    count: int


@dataclass(frozen=True, slots=True)
class ArrivalCount:
    """How many packages between two parties were delivered, and the seconds that half and 95 % of them took at most."""

    sender: Party.ValueType
    receiver: Party.ValueType
    count: int
    half_seconds: float
    most_seconds: float


@dataclass(frozen=True, slots=True)
class ReturnedRecord:
    """Why a receiver returned a package: a serialised `Statement` that holds nothing but the reasons."""

    receiver: Party.ValueType
    reasons: bytes
