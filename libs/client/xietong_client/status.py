"""Turns a gRPC status with its `google.rpc` details into an error of the SDK; nothing else reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from xietong_client.errors import (
    Conflict,
    ContentInvalid,
    NodeDefect,
    NotAllowed,
    NotFound,
    Refused,
    Unreachable,
    Violation,
    XietongClientError,
)
from xietong_client.text import Text

DOMAIN = "xietong"
_DETAILS_KEY = "grpc-status-details-bin"
_BY_REASON: dict[str, type[XietongClientError]] = {
    "PREFLIGHT_FAILED": ContentInvalid,
    "CLASSIFIED_REFUSED": ContentInvalid,
    "STATE_CONFLICT": Conflict,
    "WITHDRAWAL_TOO_LATE": Conflict,
}
_BY_CODE: dict[grpc.StatusCode, type[XietongClientError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: ContentInvalid,
    grpc.StatusCode.UNAUTHENTICATED: NotAllowed,
    grpc.StatusCode.PERMISSION_DENIED: NotAllowed,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: Conflict,
    grpc.StatusCode.ABORTED: Conflict,
    grpc.StatusCode.FAILED_PRECONDITION: Refused,
    grpc.StatusCode.OUT_OF_RANGE: Refused,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Refused,
    grpc.StatusCode.UNAVAILABLE: Unreachable,
    grpc.StatusCode.DEADLINE_EXCEEDED: Unreachable,
    grpc.StatusCode.CANCELLED: Unreachable,
}
# Without ErrorInfo the status comes from gRPC itself: a broken connection shows as any of these.
_BROKEN_CONNECTION = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.INTERNAL)
_HOPELESS_REASONS = ("DELIVERY_GIVEN_UP",)
_LONGEST_CAUSE = 200
# In front of what broke, gRPC says that all addresses failed, with a code of its own and the kind of address.
_BEFORE_CAUSE = re.compile(r"^.*last error: (?:[A-Z]+: )?(?:ipv[46]:)?")
_NODE_CERTIFICATE_REFUSED = Text(
    "节点的证书不可信：签发机构或节点名称不符。请核对地址和 ca.pem，并运行 `xietong doctor`。",
    "the node's certificate is not trusted: it is of another CA or of another node. Check the address and "
    "ca.pem, and run `xietong doctor`.",
)
_TOO_LARGE = "larger than max"  # gRPC has no code of its own for it; it says so on both sides
_MESSAGE_TOO_LARGE = Text(
    "消息超过 gRPC 允许的大小：案件数据过多。请拆分数据包，大量内容放入附件。",
    "the message is larger than gRPC takes: too much case data. Split the package, and put "
    "bulky content into files.",
)
_CALL_NOT_OFFERED = Text(
    "节点不提供该接口：接口分属中心平台和各单位节点，或节点版本较旧。请核对地址。",
    "the node does not offer this call: the hub and the parties' nodes offer different ones, or it is older than "
    "this client. Check the address.",
)
_DetailT = TypeVar("_DetailT", bound=Message)


def error_from_status(error: grpc.aio.AioRpcError) -> XietongClientError:
    """The SDK's error for a failed call."""
    details = _details(error)
    info = _first(details, error_details_pb2.ErrorInfo)
    if info is None or info.domain != DOMAIN:
        return _transport_error(error)
    code = error.code()
    violations = _violations(details)
    counted = info.metadata.get("finding_count") or info.metadata.get("violation_count") or ""
    retry = _first(details, error_details_pb2.RetryInfo)
    return _class_of(info.reason, code)(
        reason=info.reason,
        text=Text(zh=_chinese(details), en=error.details() or info.reason),
        code=code,
        violations=violations,
        violation_count=int(counted) if counted.isdecimal() else len(violations),
        retry_after=retry.retry_delay.ToTimedelta() if retry is not None else None,
        incident_id=_incident(info, details),
        is_transient=code is grpc.StatusCode.UNAVAILABLE and info.reason not in _HOPELESS_REASONS,
    )


def unanswered(text: Text | None = None) -> Unreachable:
    """The error for a stream that ended or fell silent without a status."""
    return Unreachable(reason="NODE_UNREACHABLE", text=text or _unreachable(""), is_transient=True)


def _unreachable(said: str) -> Text:
    """That there is no answer, and what gRPC says of it: the address and the cause, in the system's words."""
    cause = _BEFORE_CAUSE.sub("", said).strip()[:_LONGEST_CAUSE]
    return Text(
        f"数据交换节点没有应答{f'（{cause}）' if cause else ''}。请检查地址和网络，并运行 `xietong doctor` 查明原因。",
        f"the node does not answer{f' ({cause})' if cause else ''}. Check address and network, "
        "and run `xietong doctor` to see why.",
    )


def _transport_error(error: grpc.aio.AioRpcError) -> XietongClientError:
    code, said = error.code(), error.details() or ""
    if code is grpc.StatusCode.UNAVAILABLE and _is_certificate_failure(said):
        return NotAllowed(reason="NODE_CERTIFICATE_REFUSED", text=_NODE_CERTIFICATE_REFUSED, code=code)
    if code in _BROKEN_CONNECTION or code is grpc.StatusCode.DEADLINE_EXCEEDED:
        transient = code in _BROKEN_CONNECTION
        return Unreachable(
            reason="NODE_UNREACHABLE", text=_unreachable(said), code=code, is_transient=transient
        )
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and _TOO_LARGE in said:
        return ContentInvalid(reason="MESSAGE_TOO_LARGE", text=_MESSAGE_TOO_LARGE, code=code)
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return Refused(reason="CALL_NOT_OFFERED", text=_CALL_NOT_OFFERED, code=code)
    text = Text(f"节点返回 {code.name}：{said}", f"the node answered {code.name}: {said}")
    return _class_of("", code)(reason=code.name, text=text, code=code)


def _is_certificate_failure(said: str) -> bool:
    # gRPC has no code for it; these are the words of its TLS stack (BoringSSL) and of its host name check.
    return "CERTIFICATE_VERIFY_FAILED" in said or "Hostname Verification Check failed" in said


def _class_of(reason: str, code: grpc.StatusCode) -> type[XietongClientError]:
    return _BY_REASON.get(reason) or _BY_CODE.get(code, NodeDefect)


def _details(error: grpc.aio.AioRpcError) -> status_pb2.Status:
    status = status_pb2.Status()
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            try:
                status.ParseFromString(value)
            except DecodeError:
                return status_pb2.Status()
    return status


def _all(status: status_pb2.Status, kind: type[_DetailT]) -> Iterable[_DetailT]:
    for packed in status.details:
        detail = kind()
        if packed.Unpack(detail):
            yield detail


def _first(status: status_pb2.Status, kind: type[_DetailT]) -> _DetailT | None:
    return next(iter(_all(status, kind)), None)


def _chinese(status: status_pb2.Status) -> str:
    texts = _all(status, error_details_pb2.LocalizedMessage)
    return next((text.message for text in texts if text.locale == "zh-CN"), "")


def _violations(status: status_pb2.Status) -> tuple[Violation, ...]:
    fields = [
        Violation(v.field, v.reason, Text(zh=v.localized_message.message, en=v.description))
        for request in _all(status, error_details_pb2.BadRequest)
        for v in request.field_violations
    ]
    preconditions = [
        Violation(v.subject, v.type, Text(zh="", en=v.description))
        for failure in _all(status, error_details_pb2.PreconditionFailure)
        for v in failure.violations
    ]
    return (*fields, *preconditions)


def _incident(info: error_details_pb2.ErrorInfo, status: status_pb2.Status) -> str:
    request = _first(status, error_details_pb2.RequestInfo)
    return info.metadata.get("incident", "") or (request.request_id if request is not None else "")
