"""What `--json` prints: plain values under stable names, which scripts may rely on (docs/reference/cli.md)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from xietong.exchange.v1.envelope_pb2 import Address
from xietong.exchange.v1.evidence_pb2 import Reason, Statement
from xietong.exchange.v1.gateway_service_pb2 import PartyStatus
from xietong.exchange.v1.operations_service_pb2 import Delivery, DeliveryEvent
from xietong.exchange.v1.package_pb2 import HopProgress, Package
from xietong_client.doctor import Check
from xietong_client.errors import XietongClientError
from xietong_client.labels import evidence_name, hop_state_name, lane_name, party_name, state_name
from xietong_client.packages import envelope_of, is_final, statements_of, trace_id_of
from xietong_client.text import Text
from xietong_client.yaml_source import CaseFolderInvalid

View = dict[str, Any]


def package_view(package: Package) -> View:
    """A package."""
    envelope = envelope_of(package)
    removed = package.contents_removed_time if package.HasField("contents_removed_time") else None
    return {
        "package_id": package.package_id,
        "seal": package.seal.value.hex(),
        "process": envelope.process_code,
        "edition": envelope.standard_edition,
        "from": address_view(envelope.sender),
        "to": address_view(envelope.receiver),
        "collaboration_case_id": envelope.collaboration_case_id,
        "case_numbers": {party_name(number.party): number.number for number in envelope.case_numbers},
        "correlation_id": envelope.correlation_id,
        "corrects_package_id": envelope.corrects_package_id,
        "state": state_name(package.state),
        "state_label": text_view(Text(package.state_label_zh, package.state_label_en)),
        "state_time": time_view(package.state_time),
        "is_final": is_final(package),
        "receiver_case_number": package.receiver_case_number,
        "size_bytes": package.size_bytes,
        "parts": len(envelope.parts),
        "trace_id": trace_id_of(package),
        "create_time": time_view(package.create_time),
        "contents_removed_time": time_view(removed) if removed is not None else None,
        "progress": progress_view(package.progress) if package.HasField("progress") else None,
        "reasons": reasons_view(package.reasons),
        "evidence": [statement_view(statement) for statement in statements_of(package)],
    }


def address_view(address: Address) -> View:
    """An address."""
    return {"party": party_name(address.party), "organ_code": address.organ_code, "system": address.system}


def progress_view(progress: HopProgress) -> View:
    """The movement over a hop."""
    next_time = progress.next_attempt_time if progress.HasField("next_attempt_time") else None
    return {
        "peer": party_name(progress.peer),
        "state": hop_state_name(progress.state),
        "transferred_bytes": progress.transferred_bytes,
        "total_bytes": progress.total_bytes,
        "attempts": progress.attempts,
        "last_reason": reasons_view([progress.last_reason])[0] if progress.HasField("last_reason") else None,
        "next_attempt_time": time_view(next_time) if next_time is not None else None,
    }


def statement_view(statement: Statement) -> View:
    """A piece of evidence."""
    return {
        "evidence_id": statement.evidence_id,
        "kind": evidence_name(statement.kind),
        "stated_by": party_name(statement.stated_by),
        "event_time": time_view(statement.event_time),
        "system": statement.system,
        "actor": {"organ_code": statement.actor.organ_code, "handler_ref": statement.actor.handler_ref},
        "receiver_case_number": statement.receiver_case_number,
        "reasons": reasons_view(statement.reasons),
        "stages": [
            {
                "stage": stage.stage,
                "start_time": time_view(stage.start_time),
                "end_time": time_view(stage.end_time),
            }
            for stage in statement.stages
        ],
    }


def reasons_view(reasons: Iterable[Reason]) -> list[View]:
    """Reasons."""
    return [
        {
            "code": reason.code,
            "path": reason.path,
            "part": reason.part,
            "text": text_view(Text(reason.text_zh, reason.text_en)),
        }
        for reason in reasons
    ]


def delivery_view(delivery: Delivery) -> View:
    """An entry of the outbox."""
    return {
        "delivery_id": delivery.delivery_id,
        "to": party_name(delivery.destination),
        "package_id": delivery.package_id,
        "evidence_id": delivery.evidence_id,
        "lane": lane_name(delivery.lane),
        "state": hop_state_name(delivery.state),
        "attempts": delivery.attempts,
        "last_reason": reasons_view([delivery.last_reason])[0] if delivery.HasField("last_reason") else None,
        "create_time": time_view(delivery.create_time),
        "next_attempt_time": time_view(delivery.next_attempt_time),
        "progress_time": time_view(delivery.progress_time),
    }


def event_view(event: DeliveryEvent) -> View:
    """Something that was done about a delivery."""
    return {
        "operation": event.operation,
        "event_time": time_view(event.event_time),
        "caller": event.caller,
        "reason": event.reason_code,
    }


def party_view(status: PartyStatus) -> View:
    """A party and the way to it."""
    return {
        "party": party_name(status.party),
        "via": party_name(status.via),
        "neighbour_reachable": status.neighbour_reachable,
        "last_contact_time": time_view(status.last_contact_time),
        "neighbour_version": status.neighbour.software_version,
        "standard_editions": list(status.neighbour.standard_editions),
    }


def check_view(check: Check) -> View:
    """A check of `doctor`."""
    return {
        "check": check.name,
        "verdict": check.verdict.value,
        "text": text_view(check.text),
        "remedy": text_view(check.remedy),
    }


def error_view(error: XietongClientError) -> View:
    """An error."""
    problems = error.problems if isinstance(error, CaseFolderInvalid) else ()
    return {
        "reason": error.reason,
        "code": error.code.name if error.code is not None else None,
        "text": text_view(error.text),
        "remedy": text_view(error.remedy),
        "violations": [
            {"path": violation.path, "rule": violation.rule, "text": text_view(violation.text)}
            for violation in error.violations
        ],
        "violation_count": error.violation_count,
        "problems": [
            {"file": p.file, "line": p.line, "field": p.field, "text": text_view(p.text)} for p in problems
        ],
        "retry_after_seconds": error.retry_after.total_seconds() if error.retry_after is not None else None,
        "incident_id": error.incident_id,
    }


def text_view(text: Text) -> View:
    """A text in both languages."""
    return {"zh": text.zh, "en": text.en}


def time_view(time: Timestamp) -> str | None:
    """An instant in ISO 8601, UTC; None when it is not set."""
    return time.ToDatetime(UTC).isoformat() if time.seconds else None
