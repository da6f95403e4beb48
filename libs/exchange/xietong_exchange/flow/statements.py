"""What a statement of evidence makes of the rows of a package, and what a node says to a wish to withdraw one."""

from __future__ import annotations

from datetime import UTC, datetime

from xietong.exchange.v1.envelope_pb2 import Signature
from xietong.exchange.v1.evidence_pb2 import EvidenceKind, Reason, Statement
from xietong.exchange.v1.package_pb2 import Direction
from xietong_exchange.domain.delivery import FINAL, advance, label
from xietong_exchange.domain.errors import WithdrawalTooLate
from xietong_exchange.domain.evidence import Event
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


def answer_to_withdrawal(record: PackageRecord, now: datetime) -> Event:
    """What the receiver's node says to the wish to withdraw a package."""
    if record.state not in FINAL:
        return Event(kind=EvidenceKind.EVIDENCE_KIND_WITHDRAWN, time=now)
    outcome = label(record.state)
    reason = Reason(
        code=WithdrawalTooLate.reason_name(),
        text_zh=f"接收方已有处理结果（{outcome.zh}），不能撤回；请与接收方协商",
        text_en=f"the receiver has decided ({outcome.en}): too late to withdraw; agree with the receiver instead",
    )
    return Event(kind=EvidenceKind.EVIDENCE_KIND_WITHDRAWAL_REFUSED, time=now, reasons=[reason])
