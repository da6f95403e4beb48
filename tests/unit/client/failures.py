"""Errors as a node of the exchange sends them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2


def details(reason: str, zh: str = "", *extra: Message, **facts: str) -> list[Message]:
    """The details of an error as a node sends them."""
    info = error_details_pb2.ErrorInfo(reason=reason, domain="xietong", metadata=facts)
    return [info, error_details_pb2.LocalizedMessage(locale="zh-CN", message=zh), *extra]


async def fail(
    context: grpc.aio.ServicerContext[Any, Any],
    code: grpc.StatusCode,
    message: str,
    parts: Sequence[Message] = (),
) -> NoReturn:
    """Ends a call with a status and its details."""
    packed = []
    for part in parts:
        packed.append(AnyMessage())
        packed[-1].Pack(part)
    status = status_pb2.Status(code=code.value[0], message=message, details=packed)
    await context.abort(code, message, (("grpc-status-details-bin", status.SerializeToString()),))


def retry_after(seconds: float) -> error_details_pb2.RetryInfo:
    delay = Duration()
    delay.FromNanoseconds(int(seconds * 1e9))
    return error_details_pb2.RetryInfo(retry_delay=delay)
