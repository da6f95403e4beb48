"""Errors on the wire: a XietongError as `google.rpc.Status`, and a status read as RemoteRefusal.

gRPC replaces trailers above some 8 KiB at random by RESOURCE_EXHAUSTED, so every status is bounded: its facts
are shortened, then violations dropped from the end; `violation_count` tells how many there were.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from types import MappingProxyType
from typing import Final, TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, LocalizedMessage, ResourceInfo, RetryInfo
from google.rpc.status_pb2 import Status

from xietong.exchange.v1.error_reason_pb2 import ErrorReason
from xietong_exchange.domain.errors import (
    PreflightFailed,
    RemoteRefusal,
    Violation,
    XietongError,
    error_classes,
)

STATUS_TRAILER: Final = "grpc-status-details-bin"
"""Trailer in which the gRPC libraries of all languages look for a `google.rpc.Status`."""

DOMAIN: Final = "xietong"
CHINESE: Final = "zh-CN"
MAX_STATUS_BYTES: Final = 4096
MAX_VIOLATIONS: Final = 20
# What another node says travels on in evidence (`Reason`), and holds its delivery no longer than an hour.
MAX_REASON_CHARS: Final = 64
MAX_MESSAGE_CHARS: Final = 2000
MAX_RETRY_AFTER_SECONDS: Final = 3600.0

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]+")

# Half of a status at most goes to its facts, so that there is always room for violations, and that the sentence is
# short: it travels a second time, percent-encoded, as `grpc-message` beside the base64 of the status.
_MAX_BASE_BYTES: Final = MAX_STATUS_BYTES // 2
_FACT_CHARS: Final = (200, 60, 20)
_MAX_FACTS: Final = 10
_MAX_INCIDENT_CHARS: Final = 64
_MAX_PATH_CHARS: Final = 200
_MAX_TEXT_CHARS: Final = 300

# Codes after which a later try of the same may succeed, for reasons that are unknown here.
_RETRYABLE_CODES: Final = frozenset(
    {"UNAVAILABLE", "ABORTED", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "UNKNOWN", "INTERNAL"}
)

# What was not found, or is there already: type of the resource, and its name out of the facts.
_RESOURCES: Final[Mapping[ErrorReason.ValueType, tuple[str, str]]] = MappingProxyType(
    {
        ErrorReason.ERROR_REASON_PACKAGE_NOT_FOUND: ("package", "{package_id}"),
        ErrorReason.ERROR_REASON_PACKAGE_CONFLICT: ("package", "{package_id}"),
        ErrorReason.ERROR_REASON_INCIDENT_NOT_FOUND: ("incident", "{incident_id}"),
        ErrorReason.ERROR_REASON_PROBLEM_NOT_FOUND: ("problem", "{report_id}"),
        ErrorReason.ERROR_REASON_CHANGE_NOT_FOUND: ("standard change", "{change_id}"),
        ErrorReason.ERROR_REASON_DRAFT_NOT_FOUND: ("draft", "{key}"),
        ErrorReason.ERROR_REASON_PART_NOT_FOUND: ("part", "{package_id}/{part}"),
        ErrorReason.ERROR_REASON_PART_NAME_CONFLICT: ("part", "{name}"),
        ErrorReason.ERROR_REASON_REQUEST_CONFLICT: ("request", "{request_id}"),
    }
)

_Detail = TypeVar("_Detail", bound=Message)


def to_status(error: XietongError, *, incident: str) -> Status:
    """The error as it travels, at most MAX_STATUS_BYTES whatever it holds.

    incident: id under which the node's traces and logs know the call; may be empty.
    """
    facts = _fitting_facts(error, incident)
    status = _status(error, facts, incident)
    for count in range(min(len(error.violations), MAX_VIOLATIONS), 0, -1):
        status = _status(error, facts, incident, error.violations[:count])
        if status.ByteSize() <= MAX_STATUS_BYTES:
            break
    return status


def _fitting_facts(error: XietongError, incident: str) -> dict[str, str]:
    """The facts, as long as the status has room for. The sentence keeps its end, which is the remedy."""
    facts = error.facts
    for chars in _FACT_CHARS:
        facts = {name: _shortened(value, chars) for name, value in error.facts.items()}
        if _status(error, facts, incident).ByteSize() <= _MAX_BASE_BYTES:
            break
    return facts


def _status(
    error: XietongError, facts: Mapping[str, str], incident: str, violations: tuple[Violation, ...] = ()
) -> Status:
    status = Status(code=Code.Value(error.code), message=error.sentence_en.format_map(facts))
    info = ErrorInfo(reason=error.reason_name(), domain=DOMAIN, metadata=_metadata(error, facts, incident))
    status.details.add().Pack(info)
    chinese = LocalizedMessage(locale=CHINESE, message=error.sentence_zh.format_map(facts))
    status.details.add().Pack(chinese)
    if error.retry_after_seconds is not None:
        delay = Duration()
        delay.FromMilliseconds(round(error.retry_after_seconds * 1000))
        status.details.add().Pack(RetryInfo(retry_delay=delay))
    if resource := _RESOURCES.get(error.reason):
        kind, name = resource
        status.details.add().Pack(ResourceInfo(resource_type=kind, resource_name=name.format_map(facts)))
    if violations:
        status.details.add().Pack(BadRequest(field_violations=map(_field_violation, violations)))
    return status


def _metadata(error: XietongError, facts: Mapping[str, str], incident: str) -> dict[str, str]:
    metadata = dict(islice(facts.items(), _MAX_FACTS))
    if incident:
        metadata.setdefault("incident", _shortened(incident, _MAX_INCIDENT_CHARS))
    if error.violations:
        metadata["violation_count"] = str(len(error.violations))
    if isinstance(error, PreflightFailed):
        metadata["finding_count"] = facts["count"]
    return metadata


def _field_violation(violation: Violation) -> BadRequest.FieldViolation:
    return BadRequest.FieldViolation(
        field=_shortened(violation.path, _MAX_PATH_CHARS),
        description=_shortened(violation.text_en, _MAX_TEXT_CHARS),
        reason=_shortened(violation.rule, _MAX_PATH_CHARS),
        localized_message=LocalizedMessage(
            locale=CHINESE, message=_shortened(violation.text_zh, _MAX_TEXT_CHARS)
        ),
    )


def _shortened(text: str, chars: int) -> str:
    return text if len(text) <= chars else text[: chars - 1] + "…"


def _said(text: str, chars: int = MAX_MESSAGE_CHARS) -> str:
    """What another node said, in one line: it goes into the database, which takes no NUL, and into evidence."""
    return _shortened(_CONTROLS.sub(" ", text), chars)


def from_status(status: Status) -> RemoteRefusal:
    """What the other side said. Details that can't be read, and those of other domains, say nothing."""
    info = _detail(status, ErrorInfo)
    ours = info if info.domain == DOMAIN else ErrorInfo()
    code = _code_name(status.code)
    return RemoteRefusal(
        reason=_said(ours.reason, MAX_REASON_CHARS),
        code=code,
        message_en=_said(status.message),
        message_zh=_said(_detail(status, LocalizedMessage).message or status.message),
        violations=tuple(_violation(one) for one in _detail(status, BadRequest).field_violations),
        facts={name: _said(value) for name, value in ours.metadata.items()},
        retry_after_seconds=_retry_after_seconds(_detail(status, RetryInfo)),
        retryable=_is_retryable(ours.reason, code),
    )


def _detail(status: Status, kind: type[_Detail]) -> _Detail:
    """The first detail of this kind; an empty one when there is none, or its bytes are broken."""
    for detail in status.details:
        found = kind()
        try:
            if detail.Unpack(found):
                return found
        except DecodeError:
            break
    return kind()


def _code_name(code: int) -> str:
    return Code.Name(code) if code in Code.values() else "UNKNOWN"


def _violation(violation: BadRequest.FieldViolation) -> Violation:
    return Violation(
        path=_said(violation.field),
        rule=_said(violation.reason),
        text_en=_said(violation.description),
        text_zh=_said(violation.localized_message.message or violation.description),
    )


def _retry_after_seconds(info: RetryInfo) -> float | None:
    if not info.HasField("retry_delay"):
        return None
    return min(max(info.retry_delay.seconds, 0) + info.retry_delay.nanos / 1e9, MAX_RETRY_AFTER_SECONDS)


def _is_retryable(reason: str, code: str) -> bool:
    by_name = {known.reason_name(): known for known in error_classes().values()}
    known = by_name.get(reason)
    return known.retryable if known is not None else code in _RETRYABLE_CODES
