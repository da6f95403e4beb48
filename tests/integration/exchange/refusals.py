"""Reads an error as a vendor would, with nothing but `google.rpc`, and holds it to what every error owes its reader."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, LocalizedMessage, RetryInfo
from google.rpc.status_pb2 import Status

from xietong.exchange.v1.evidence_pb2 import Reason

STATUS_TRAILER = "grpc-status-details-bin"
MAX_STATUS_BYTES = 4096
# Driver texts, paths and addresses never cross the wire.
_PRIVATE = re.compile(r"/tmp|/var|Traceback|sqlalchemy|asyncpg|postgres|127\.0\.0\.1|\.py\b", re.IGNORECASE)
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True)
class Refused:
    """What a caller is told: reason and code by name, both texts, facts, and the fields that are wrong by path."""

    reason: str
    code: str
    text_en: str
    text_zh: str
    facts: Mapping[str, str]
    fields: Mapping[str, str]
    retry_seconds: float | None = None


def read_status(status: Status) -> Refused:
    """A status that keeps the promises of `error_reason.proto`."""
    assert status.ByteSize() <= MAX_STATUS_BYTES
    details: dict[str, Message] = {}
    for kind in (ErrorInfo, LocalizedMessage, BadRequest, RetryInfo):
        found = kind()
        for detail in status.details:
            if detail.Unpack(found):
                details[kind.__name__] = found
    info, chinese = details.get("ErrorInfo"), details.get("LocalizedMessage")
    assert isinstance(info, ErrorInfo), status
    assert isinstance(chinese, LocalizedMessage), status
    assert info.domain == "xietong"
    assert chinese.locale == "zh-CN"
    _require_remedy(status.message, chinese.message)
    request, retry = details.get("BadRequest"), details.get("RetryInfo")
    violations = request.field_violations if isinstance(request, BadRequest) else ()
    for violation in violations:
        assert violation.description
        assert _CHINESE.search(violation.localized_message.message)
    return Refused(
        reason=info.reason,
        code=Code.Name(status.code),
        text_en=status.message,
        text_zh=chinese.message,
        facts=dict(info.metadata),
        fields={violation.field: violation.description for violation in violations},
        retry_seconds=retry.retry_delay.ToMilliseconds() / 1000 if isinstance(retry, RetryInfo) else None,
    )


def _require_remedy(english: str, chinese: str) -> None:
    """Both texts say what is wrong and, behind the semicolon, how to mend it."""
    for sentence, separator in ((english, ";"), (chinese, "；")):
        fault, found, remedy = sentence.rpartition(separator)
        assert fault.strip(), sentence
        assert found, sentence
        assert remedy.strip(), sentence
        assert not _PRIVATE.search(sentence), sentence
    assert _CHINESE.search(chinese)


async def refusal(call: Awaitable[object]) -> Refused:
    """The error with which a call ends; fails when it ends well."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return read_error(caught.value)


def read_error(error: grpc.aio.AioRpcError) -> Refused:
    """The status in the trailer of an rpc's error."""
    raw = dict(error.trailing_metadata() or ()).get(STATUS_TRAILER)
    assert isinstance(raw, bytes), f"{error.code()}: {error.details()} came without details"
    refused = read_status(Status.FromString(raw))
    assert refused.code == error.code().name
    assert refused.text_en == error.details()
    return refused


def read_reason(reason: Reason) -> Refused:
    """A reason in evidence or progress, as an error without a code."""
    _require_remedy(reason.text_en, reason.text_zh)
    return Refused(reason.code, "", reason.text_en, reason.text_zh, {}, {})
