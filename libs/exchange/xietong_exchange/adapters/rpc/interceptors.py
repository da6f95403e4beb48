"""The one server interceptor: who calls and may he, is the request well-formed, its span, how errors leave.

Servicers hold no try/except. Their rpcs are coroutines or, when they stream, async generators. What these
yield is written here, so that generator, span and caller live and end in one task, however the rpc ends.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from types import MappingProxyType
from typing import Any, Final, NoReturn, TypeAlias

import grpc
from google.protobuf.message import DecodeError, Message
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from xietong_exchange.adapters.rpc.access import Access
from xietong_exchange.adapters.rpc.caller import caller
from xietong_exchange.adapters.rpc.failure import incident_id, leaves, to_error
from xietong_exchange.adapters.rpc.frames import decode_request, decode_upload, encode_block
from xietong_exchange.adapters.rpc.status import STATUS_TRAILER, to_status
from xietong_exchange.adapters.rpc.transfer_stream import METHOD as TRANSFER_METHOD
from xietong_exchange.domain.errors import (
    InternalError,
    InvalidField,
    Violation,
    XietongError,
)
from xietong_exchange.domain.fields import field_violations

_log = logging.getLogger(__name__)
_TRACE_HEADERS: Final = frozenset(TraceContextTextMapPropagator().fields)

# OpenTelemetry semantic conventions for gRPC, release candidate 2026.
_SYSTEM, _METHOD = "rpc.system.name", "rpc.method"
_STATUS, _ERROR_TYPE = "rpc.response.status_code", "error.type"
_REASON, _PEER = "xietong.error.reason", "xietong.peer"
# Codes that the conventions count as failures of the server; all others are the caller's.
_SERVER_FAILURES: Final = frozenset(
    {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
)

_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # generic for type checkers only
_Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
_Behaviour: TypeAlias = Callable[[Any, _Context], Any]
_Decode: TypeAlias = Callable[[bytes], Any]
_Encode: TypeAlias = Callable[[Any], bytes]
_Work: TypeAlias = Callable[[], Awaitable[bytes | None]]

_GATEWAY: Final = "/xietong.exchange.v1.GatewayService"
_DECODERS: Final[Mapping[str, _Decode]] = MappingProxyType(
    {TRANSFER_METHOD: decode_request, f"{_GATEWAY}/UploadPart": decode_upload}
)
_ENCODERS: Final[Mapping[str, _Encode]] = MappingProxyType({f"{_GATEWAY}/ReadPart": encode_block})
"""Instead of the generated ones."""

_HANDLERS: Final[Mapping[tuple[bool, bool], Callable[[Any], _Handler]]] = MappingProxyType(
    {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
)


class ExchangeServerInterceptor(grpc.aio.ServerInterceptor):
    """Stands before every rpc of a node, of all four kinds.

    Requests are decoded and responses encoded here, so that failures of both are answered like any other. An
    rpc that a servicer did not override is answered with UNIMPLEMENTED, as one that is not served at all.
    """

    def __init__(self, access: Access, *, tracer_provider: TracerProvider | None = None) -> None:
        """tracer_provider: the global one when None."""
        self._access = access
        self._tracer = trace.get_tracer("xietong_exchange.adapters.rpc", tracer_provider=tracer_provider)
        self._propagator = TraceContextTextMapPropagator()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[_Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler | None:
        """Put the rpc behind authentication, validation, span and translation of errors."""
        handler = await continuation(handler_call_details)
        behaviour = _behaviour(handler) if handler is not None else None
        if handler is None or behaviour is None:
            return None
        method = handler_call_details.method
        decode = _DECODERS.get(method) or handler.request_deserializer or _as_it_is
        encode = _ENCODERS.get(method) or handler.response_serializer or _as_it_is

        async def served(request: Any, context: _Context) -> bytes | None:
            return await self._serve(
                method, context, lambda: _run(decode, encode, handler, behaviour, request, context)
            )

        return _HANDLERS[handler.request_streaming, handler.response_streaming](served)

    async def _serve(self, method: str, context: _Context, work: _Work) -> bytes | None:
        with self._tracer.start_as_current_span(
            method.removeprefix("/"),
            context=self._propagator.extract(_trace_headers(context), context=Context()),
            kind=SpanKind.SERVER,
            attributes={_SYSTEM: "grpc", _METHOD: method.removeprefix("/")},
            record_exception=False,  # texts of exceptions may name persons
            set_status_on_exception=False,
        ) as span:
            try:
                identity = self._access.admit(_uris(context), method)
                caller.set(identity)
                span.set_attribute(_PEER, identity.path)
                answer = await work()
            except grpc.aio.AbortError:
                raise  # answered already
            except (Exception, asyncio.CancelledError) as failure:  # noqa: BLE001 - the edge answers for all
                return await _refuse(span, context, method, failure)
            span.set_attribute(_STATUS, "OK")
            return answer


def _behaviour(handler: _Handler) -> _Behaviour | None:
    """The servicer's method; None for the generated one that nobody has overridden."""
    kinds = (handler.unary_unary, handler.unary_stream, handler.stream_unary, handler.stream_stream)
    behaviour: Any = next(filter(None, kinds))  # typed for the synchronous API
    is_async = inspect.isasyncgenfunction(behaviour) or inspect.iscoroutinefunction(behaviour)
    return behaviour if is_async else None


async def _run(
    decode: _Decode,
    encode: _Encode,
    handler: _Handler,
    behaviour: _Behaviour,
    request: Any,
    context: _Context,
) -> bytes | None:
    """Decode, call, encode. What a generator yields is written in this task, so that it also closes in it."""
    argument = _Frames(context, decode) if handler.request_streaming else _checked(request, decode)
    if not handler.response_streaming:
        return encode(await behaviour(argument, context))
    async with aclosing(behaviour(argument, context)) as answers:
        async for answer in answers:
            with _transport():
                await context.write(encode(answer))
    return None


class _Frames:
    """The requests of a stream, each checked. Not gRPC's generator: that warns when a handler leaves it early."""

    def __init__(self, context: _Context, decode: _Decode) -> None:
        self._context = context
        self._decode = decode

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        with _transport():
            raw = await self._context.read()
        if raw is grpc.aio.EOF:
            raise StopAsyncIteration
        return _checked(raw, self._decode)


def _as_it_is(raw: bytes) -> bytes:
    return raw


def _checked(raw: bytes, decode: _Decode) -> Any:
    """The message; raises InvalidField with all that is wrong. Handlers of raw bytes check for themselves."""
    try:
        message = decode(raw)
    except DecodeError:
        raise InvalidField(violations=(_UNREADABLE,), count=1) from None
    if isinstance(message, Message):
        violations = field_violations(message)
        if violations:
            raise InvalidField(violations=violations, count=len(violations))
    return message


_UNREADABLE: Final = Violation(
    path="",
    rule="protobuf.decode",
    text_en="the bytes are not the request message of this rpc; send a message of the contract",
    text_zh="请求内容不是该接口的消息；请按接口规范发送",
)


class _CallerGoneError(Exception):
    """The connection ended, or the server stopped, before the rpc did."""


@contextmanager
def _transport() -> Iterator[None]:
    try:
        yield
    except grpc.aio.AbortError:
        raise
    except grpc.aio.BaseError as ended:
        raise _CallerGoneError from ended


async def _refuse(span: Span, context: _Context, method: str, failure: BaseException) -> NoReturn:
    """End the rpc with the error that stands for `failure`; when the caller is gone, as a cancelled one."""
    gone = any(isinstance(one, _CallerGoneError) for one in leaves(failure))
    if gone or _is_being_cancelled():
        span.set_attribute(_STATUS, "CANCELLED")
        if isinstance(failure, asyncio.CancelledError):
            raise failure
        if not gone:
            _log.error("%s failed while it was cancelled", method, exc_info=failure)
        raise asyncio.CancelledError from failure
    incident = incident_id()
    error = to_error(failure, incident=incident)
    _record(span, method, error, failure)
    status = to_status(error, incident=incident)
    trailer = (STATUS_TRAILER, status.SerializeToString())
    try:
        with _transport():
            await context.abort(grpc.StatusCode[error.code], status.message, (trailer,))
    except _CallerGoneError as late:
        raise asyncio.CancelledError from late


def _is_being_cancelled() -> bool:
    """False for a stray CancelledError of some inner task or call, for which gRPC would never answer."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _record(span: Span, method: str, error: XietongError, failure: BaseException) -> None:
    span.set_attribute(_STATUS, error.code)
    span.set_attribute(_REASON, error.reason_name())
    if error.code in _SERVER_FAILURES:
        span.set_attribute(_ERROR_TYPE, error.code)
        span.set_status(StatusCode.ERROR, error.reason_name())
    if isinstance(error, InternalError):
        _log.error("%s failed, incident %s", method, error.facts.get("incident", ""), exc_info=failure)


def _trace_headers(context: _Context) -> dict[str, str]:
    metadata = context.invocation_metadata() or ()
    return {key: value for key, value in metadata if key in _TRACE_HEADERS and isinstance(value, str)}


def _uris(context: _Context) -> list[str]:
    """The URI SANs of the peer's certificate; its other names don't count."""
    return [uri.decode(errors="replace") for uri in context.auth_context().get("peer_uri", ())]
