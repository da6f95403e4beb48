"""A status with google.rpc details becomes an error that says what to do."""

from __future__ import annotations

from datetime import timedelta

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from tests.unit.client.failures import details, retry_after

from xietong.exchange.v1.error_reason_pb2 import ErrorReason
from xietong_client import (
    Conflict,
    ContentInvalid,
    Language,
    NodeDefect,
    NotAllowed,
    NotFound,
    Refused,
    SettingsInvalid,
    Text,
    Unreachable,
    XietongClientError,
)
from xietong_client.cli.exit_codes import ExitCode, exit_code_of
from xietong_client.status import error_from_status


def failure(
    code: grpc.StatusCode, message: str, *parts: Message, raw: bytes | None = None
) -> XietongClientError:
    """The SDK's error for a call that ended like this."""
    status = status_pb2.Status(code=code.value[0], message=message)
    for part in parts:
        packed = Any()
        packed.Pack(part)
        status.details.append(packed)
    blob = status.SerializeToString() if raw is None else raw
    trailing = grpc.aio.Metadata(("grpc-status-details-bin", blob)) if parts or raw else grpc.aio.Metadata()
    return error_from_status(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, details=message))


def test_all_details_arrive() -> None:
    violation = error_details_pb2.BadRequest.FieldViolation(
        field="persons[0].name",
        description="is empty; give the name",
        reason="XT-PER-001",
        localized_message=error_details_pb2.LocalizedMessage(locale="zh-CN", message="为空；请填写姓名"),
    )
    error = failure(
        grpc.StatusCode.FAILED_PRECONDITION,
        "the package has 37 errors",
        *details("PREFLIGHT_FAILED", "数据包有 37 处错误", finding_count="37"),
        error_details_pb2.BadRequest(field_violations=[violation]),
    )
    assert isinstance(error, ContentInvalid)
    assert (error.reason, error.code) == ("PREFLIGHT_FAILED", grpc.StatusCode.FAILED_PRECONDITION)
    assert (error.message_en, error.message_zh) == ("the package has 37 errors", "数据包有 37 处错误")
    [found] = error.violations
    assert (found.path, found.rule) == ("persons[0].name", "XT-PER-001")
    assert error.violation_count == 37
    assert "persons[0].name: 为空；请填写姓名" in error.describe(Language.ZH)


def test_retry_info_is_the_pause_asked_for() -> None:
    error = failure(
        grpc.StatusCode.RESOURCE_EXHAUSTED, "full", *details("STORAGE_FULL", "空间不足"), retry_after(60)
    )
    assert isinstance(error, Refused)
    assert error.retry_after == timedelta(seconds=60)
    assert not error.is_transient


@pytest.mark.parametrize(
    "parts",
    [
        details("INTERNAL", "内部错误", incident="ab" * 16),
        details("INTERNAL", "内部错误", error_details_pb2.RequestInfo(request_id="ab" * 16)),
    ],
)
def test_the_incident_is_kept(parts: list[Message]) -> None:
    error = failure(grpc.StatusCode.INTERNAL, "a defect", *parts)
    assert isinstance(error, NodeDefect)
    assert error.incident_id == "ab" * 16
    assert error.incident_id in str(error)


def test_precondition_failures_are_violations() -> None:
    violation = error_details_pb2.PreconditionFailure.Violation(
        type="STATE", subject="package", description="rejected"
    )
    error = failure(
        grpc.StatusCode.FAILED_PRECONDITION,
        "is rejected",
        *details("STATE_CONFLICT", "已拒收"),
        error_details_pb2.PreconditionFailure(violations=[violation]),
    )
    assert isinstance(error, Conflict)
    assert [(v.path, v.text.en) for v in error.violations] == [("package", "rejected")]


@pytest.mark.parametrize(
    ("code", "reason", "kind", "exit_code"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", ContentInvalid, ExitCode.CONTENT_INVALID),
        (grpc.StatusCode.FAILED_PRECONDITION, "CLASSIFIED_REFUSED", ContentInvalid, ExitCode.CONTENT_INVALID),
        (grpc.StatusCode.FAILED_PRECONDITION, "ROUTE_NOT_FOUND", Refused, ExitCode.REFUSED),
        (grpc.StatusCode.PERMISSION_DENIED, "GRANT_MISSING", NotAllowed, ExitCode.REFUSED),
        (grpc.StatusCode.UNAUTHENTICATED, "IDENTITY_MISSING", NotAllowed, ExitCode.REFUSED),
        (grpc.StatusCode.NOT_FOUND, "PACKAGE_NOT_FOUND", NotFound, ExitCode.REFUSED),
        (grpc.StatusCode.ALREADY_EXISTS, "PART_NAME_CONFLICT", Conflict, ExitCode.CONFLICT),
        (grpc.StatusCode.ABORTED, "STREAM_SUPERSEDED", Conflict, ExitCode.CONFLICT),
        (grpc.StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE", Unreachable, ExitCode.UNREACHABLE),
        (grpc.StatusCode.INTERNAL, "INTERNAL", NodeDefect, ExitCode.REFUSED),
        (grpc.StatusCode.NOT_FOUND, "A_REASON_OF_A_LATER_CONTRACT", NotFound, ExitCode.REFUSED),
    ],
)
def test_reason_and_code_decide_the_class(
    code: grpc.StatusCode, reason: str, kind: type[XietongClientError], exit_code: ExitCode
) -> None:
    error = failure(code, "words", *details(reason, "文字"))
    assert type(error) is kind
    assert exit_code_of(error) == exit_code


def test_a_delivery_that_was_given_up_is_not_tried_again() -> None:
    given_up = failure(grpc.StatusCode.UNAVAILABLE, "given up", *details("DELIVERY_GIVEN_UP"))
    stopping = failure(grpc.StatusCode.UNAVAILABLE, "stopping", *details("SHUTTING_DOWN"))
    assert (given_up.is_transient, stopping.is_transient) == (False, True)


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.INTERNAL]
)
def test_without_details_it_is_the_connection(code: grpc.StatusCode) -> None:
    error = failure(code, "Socket closed")
    assert isinstance(error, Unreachable)
    assert error.is_transient
    assert "xietong doctor" in error.message_en
    assert "xietong doctor" in error.message_zh


def test_a_server_without_the_taxonomy_is_quoted() -> None:
    error = failure(grpc.StatusCode.DATA_LOSS, "something broke")
    assert isinstance(error, NodeDefect)
    assert error.reason == "DATA_LOSS"
    assert "something broke" in error.message_en


@pytest.mark.parametrize(
    ("code", "said", "reason", "exit_code"),
    [
        (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "CLIENT: Sent message larger than max (41948776 vs. 33554432)",
            "MESSAGE_TOO_LARGE",
            ExitCode.CONTENT_INVALID,
        ),
        (grpc.StatusCode.UNIMPLEMENTED, "Method not found!", "CALL_NOT_OFFERED", ExitCode.REFUSED),
    ],
)
def test_what_grpc_refuses_by_itself_is_said_with_a_remedy(
    code: grpc.StatusCode, said: str, reason: str, exit_code: ExitCode
) -> None:
    error = failure(code, said)
    assert (error.reason, error.is_transient, exit_code_of(error)) == (reason, False, exit_code)
    assert said not in error.message_en
    assert "请" in error.message_zh


def test_damaged_details_do_not_hide_the_error() -> None:
    error = failure(grpc.StatusCode.NOT_FOUND, "gone", raw=b"\xff\xff\xff")
    assert isinstance(error, NotFound)


@pytest.mark.parametrize(
    "said",
    [
        "failed to connect to all addresses; SSL_ERROR_SSL: CERTIFICATE_VERIFY_FAILED: unable to get local issuer",
        "failed to connect; Custom verification check failed: Hostname Verification Check failed.",
    ],
)
def test_a_certificate_that_is_not_trusted_is_not_tried_again(said: str) -> None:
    error = failure(grpc.StatusCode.UNAVAILABLE, said)
    assert (error.reason, error.is_transient) == ("NODE_CERTIFICATE_REFUSED", False)
    assert exit_code_of(error) == ExitCode.UNREACHABLE


def test_settings_are_usage() -> None:
    error = SettingsInvalid(reason="SETTINGS_INVALID", text=Text("缺", "missing"))
    assert exit_code_of(error) == ExitCode.USAGE


def test_every_reason_of_the_contract_gets_a_class_of_its_own_kind() -> None:
    """The base class is for nobody: a caller can always tell what to do."""
    for reason in map(ErrorReason.Name, ErrorReason.values()):
        error = failure(
            grpc.StatusCode.FAILED_PRECONDITION, "words", *details(reason.removeprefix("ERROR_REASON_"))
        )
        assert type(error) is not XietongClientError
