"""What a statement of evidence makes of the rows of a package."""

from __future__ import annotations

from datetime import UTC

from xietong.exchange.v1.envelope_pb2 import Signature
from xietong.exchange.v1.evidence_pb2 import EvidenceKind, Statement
from xietong.exchange.v1.package_pb2 import Direction
from xietong_exchange.domain.delivery import advance
from xietong_exchange.flow.records import EvidenceRecord, PackageChange, PackageRecord


def change_of(
    record: PackageRecord, statement: Statement, evidence: EvidenceRecord, *, complete: bool = False
) -> PackageChange | None:
    """What this evidence changes of the package, None when nothing."""
    reached = advance(record.state, statement.kind)
    reasons = b""
    if statement.kind != EvidenceKind.EVIDENCE_KIND_WITHDRAWAL_REFUSED:  # why it has its outcome stays
        reasons = Statement(
            reasons=statement.reasons, reason_count=statement.reason_count
        ).SerializeToString()
    if reached == record.state and not reasons and not complete:
        return None
    return PackageChange(
        state=reached,
        state_time=evidence.event_time if reached != record.state else record.state_time,
        complete=True if complete else None,
        reasons=reasons or None,
        receiver_case_number=statement.receiver_case_number or None,
    )


def is_past(record: PackageRecord, statement: Statement) -> bool:
    """The node before gave up a package that is here whole, and goes on from here."""
    given_up = statement.kind == EvidenceKind.EVIDENCE_KIND_FAILED
    return given_up and record.complete and record.direction != Direction.DIRECTION_OUTGOING


def evidence_row(statement: Statement, raw: bytes, signature: Signature) -> EvidenceRecord:
    """A piece of evidence as the store keeps it."""
    return EvidenceRecord(
        evidence_id=statement.evidence_id,
        package_id=statement.package_id,
        kind=statement.kind,
        stated_by=statement.stated_by,
        event_time=statement.event_time.ToDatetime(tzinfo=UTC),
        statement=raw,
        signature=signature.SerializeToString(),
    )
