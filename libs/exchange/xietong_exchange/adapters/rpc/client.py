"""Calls to other nodes: the trace goes along, and what comes back as an error is an error of the domain.

The other side's refusal becomes RemoteRefusal; no answer becomes NodeUnreachable.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import LocalizedMessage
from google.rpc.status_pb2 import Status
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_exchange.adapters.rpc.status import CHINESE, STATUS_TRAILER, from_status
from xietong_exchange.domain.errors import NodeUnreachable, RemoteRefusal
from xietong_exchange.domain.party import party_name, party_title
from xietong_standard.text import Text

# Without details they come from gRPC itself: no connection, no answer in time, a server that went away.
_NO_ANSWER: Final = frozenset(
    {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}
)
# What grpc.aio says, as INTERNAL, when it could not write to a stream whose connection has just ended.
_NOT_SENT: Final = "Internal error from Core"

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


def trace_metadata() -> tuple[tuple[str, str], ...]:
    """The current span as W3C headers, as metadata for a call."""
    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return tuple(carrier.items())


@contextmanager
def translated(party: Party.ValueType) -> Iterator[None]:
    """Whatever a call to this party's node raises inside leaves as RemoteRefusal or NodeUnreachable."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise _translate(error, party) from error


async def call(
    rpc: grpc.aio.UnaryUnaryMultiCallable[_Request, _Response],
    request: _Request,
    *,
    party: Party.ValueType,
    timeout: float | None = None,
) -> _Response:
    """Call an rpc without streams. timeout: seconds.

    Raises:
        RemoteRefusal: the node refused.
        NodeUnreachable: it gave no answer.
    """
    with translated(party):
        return await rpc(request, timeout=timeout, metadata=trace_metadata())


def _translate(error: grpc.aio.AioRpcError, party: Party.ValueType) -> RemoteRefusal | NodeUnreachable:
    status = _details(error)
    if status is not None:
        return from_status(status)
    if error.code() in _NO_ANSWER or error.details() == _NOT_SENT:
        return NodeUnreachable(party=party_name(party))
    return from_status(_unexplained(error.code(), party_title(party)))


def _unexplained(code: grpc.StatusCode, party: Text) -> Status:
    """A status for an error of gRPC itself or of foreign software. Its own text stays in the log."""
    english = f"the node of {party.en} answered {code.name} without a reason; ask its operators"
    status = Status(code=code.value[0], message=english)
    chinese = f"{party.zh}的节点返回 {code.name}，未说明原因；请联系其运维"
    status.details.add().Pack(LocalizedMessage(locale=CHINESE, message=chinese))
    return status


def _details(error: grpc.aio.AioRpcError) -> Status | None:
    """The status of the trailer; None when there is none, it can't be read, or it belongs to another code."""
    raw = (error.trailing_metadata() or {}).get(STATUS_TRAILER)
    try:
        status = Status.FromString(raw) if isinstance(raw, bytes) else None
    except DecodeError:
        return None
    return status if status is not None and status.code == error.code().value[0] else None
