"""Evidence: making a statement, and reading one that somebody else made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from xietong.exchange.v1.envelope_pb2 import Digest, DigestAlgorithm, Party
from xietong.exchange.v1.evidence_pb2 import Actor, EvidenceKind, Reason, StageTime, Statement
from xietong_exchange.domain.delivery import may_state
from xietong_exchange.domain.envelope import SealedPackage
from xietong_exchange.domain.errors import EvidenceInvalid, Failure
from xietong_exchange.domain.fields import field_violations, is_time

MAX_REASONS = 200
"""Reasons that one statement carries; `reason_count` tells the whole number. Keeps a statement below 64 KiB."""
MAX_REASON_BYTES = 48 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened to a package, before it is signed."""

    kind: EvidenceKind.ValueType
    time: datetime
    actor: Actor | None = None
    system: str = ""
    receiver_case_number: str = ""
    reasons: Sequence[Reason] = ()
    stages: Sequence[StageTime] = field(default_factory=tuple)


def make_statement(
    package: SealedPackage, event: Event, *, evidence_id: str, stated_by: Party.ValueType
) -> Statement:
    """The statement of a node about a package."""
    return Statement(
        evidence_id=evidence_id,
        package_id=package.package_id,
        seal=Digest(algorithm=DigestAlgorithm.DIGEST_ALGORITHM_SHA256, value=package.seal),
        kind=event.kind,
        stated_by=stated_by,
        event_time=timestamp(event.time),
        actor=event.actor,
        system=event.system,
        receiver_case_number=event.receiver_case_number,
        reasons=_bounded(event.reasons),
        reason_count=len(event.reasons),
        stages=event.stages,
    )


def says_the_same(statement: Statement, event: Event) -> bool:
    """Whether a statement says what happened, and why, in the words of this event. Who and when may differ."""
    reasons = _bounded(event.reasons)
    return (
        statement.kind == event.kind
        and statement.reason_count == len(event.reasons)
        and list(statement.reasons) == reasons
    )


def _bounded(reasons: Sequence[Reason]) -> list[Reason]:
    kept: list[Reason] = []
    size = 0
    for reason in reasons[:MAX_REASONS]:
        size += reason.ByteSize() + 4
        if size > MAX_REASON_BYTES:
            break
        kept.append(reason)
    return kept


def read_statement(raw: bytes) -> Statement:
    """Read a statement and check its fields.

    Raises:
        EvidenceInvalid: it can't be read or breaks a field rule.
    """
    try:
        statement = Statement.FromString(raw)
    except DecodeError:
        raise EvidenceInvalid(why="its bytes are not a Statement message") from None
    if violations := field_violations(statement):
        raise EvidenceInvalid(why=f"{violations[0].path}: {violations[0].text_en}")
    if not all(map(is_time, _times(statement))):
        raise EvidenceInvalid(why="it names a time outside of the years 1 to 9999")
    return statement


def _times(statement: Statement) -> Iterator[Timestamp]:
    yield statement.event_time
    for closed in statement.stages:
        yield from (closed.start_time, closed.end_time)


def check_statement(statement: Statement, package: SealedPackage, signer: Party.ValueType) -> None:
    """Hold a statement against the package that it is about and the party that signed it.

    Raises:
        EvidenceInvalid: another seal, another signer, or a party that may not state this.
    """
    if statement.seal.value != package.seal:
        raise EvidenceInvalid(why="it names another seal than the package has")
    if statement.stated_by != signer:
        raise EvidenceInvalid(why="it is not signed by the party that states it")
    envelope = package.envelope
    if not may_state(
        statement.kind, statement.stated_by, sender=envelope.sender.party, receiver=envelope.receiver.party
    ):
        raise EvidenceInvalid(why=f"the stating party may not state {EvidenceKind.Name(statement.kind)}")


def reason_of(error: Failure) -> Reason:
    """The reason that an error gives, as evidence and progress carry it."""
    return Reason(code=error.reason_name(), text_zh=error.message_zh, text_en=error.message_en)


def timestamp(moment: datetime) -> Timestamp:
    """A datetime with zone as a protobuf timestamp."""
    value = Timestamp()
    value.FromDatetime(moment)
    return value


def stage(name: str, start: datetime, end: datetime) -> StageTime:
    """Begin and end of a stage."""
    return StageTime(stage=name, start_time=timestamp(start), end_time=timestamp(max(start, end)))
