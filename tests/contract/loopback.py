"""A node of the police on a real mutual-TLS port, whose rpcs of all four kinds do what a test tells them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import grpc
from google.protobuf.message import Message
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from xietong.exchange.v1.draft_pb2 import DraftKey
from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.gateway_drafts_pb2 import (
    DiscardDraftRequest,
    DiscardDraftResponse,
    PreflightRequest,
    PreflightResponse,
)
from xietong.exchange.v1.gateway_service_pb2_grpc import GatewayServiceStub
from xietong.exchange.v1.transfer_service_pb2 import (
    Commit,
    DeliverEvidenceRequest,
    DeliverEvidenceResponse,
    GetCapabilitiesRequest,
    GetCapabilitiesResponse,
    TransferRequest,
    TransferResponse,
)
from xietong.exchange.v1.transfer_service_pb2_grpc import TransferServiceStub
from xietong_exchange.adapters.rpc.access import Access
from xietong_exchange.adapters.rpc.caller import caller
from xietong_exchange.adapters.rpc.client import call, trace_metadata, translated
from xietong_exchange.adapters.rpc.interceptors import ExchangeServerInterceptor

TRUST_DOMAIN = "xietong.test"
TRANSFER = "xietong.exchange.v1.TransferService"
GATEWAY = "xietong.exchange.v1.GatewayService"
NEIGHBOUR = "hub/exchange"
SYSTEM = "police/system/case-handling"
TIMEOUT_SECONDS = 20.0

Kind: TypeAlias = Literal["unary-unary", "unary-stream", "stream-unary", "stream-stream"]
KINDS: tuple[Kind, ...] = ("unary-unary", "unary-stream", "stream-unary", "stream-stream")
METHODS: dict[Kind, str] = {
    "unary-unary": f"{TRANSFER}/GetCapabilities",
    "unary-stream": f"{GATEWAY}/Preflight",
    "stream-unary": f"{TRANSFER}/Collect",  # the contract has no rpc of this kind yet
    "stream-stream": f"{TRANSFER}/Transfer",
}
KEY = DraftKey(organ_code="330100", case_number="A-2026-1", process_code="PB-01")
FRAME = TransferRequest(transfer=1, commit=Commit())

Act: TypeAlias = Callable[[], Awaitable[None]]
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # generic for type checkers only
_Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


async def nothing() -> None:
    """What a handler does that has nothing to do."""


@dataclass
class Failing:
    """What a handler does that fails with this error."""

    error: BaseException

    async def __call__(self) -> None:
        raise self.error


@dataclass
class Loopback:
    """The running node. Each handler awaits `act` once for every request, then answers."""

    port: int
    pki: Path
    provider: TracerProvider
    spans: InMemorySpanExporter
    server: grpc.aio.Server
    act: Act = nothing
    after_answer: Act = nothing
    answer: Message = field(default_factory=GetCapabilitiesResponse)
    watched: Iterable[PreflightResponse] = (PreflightResponse(),)
    closed: list[tuple[Kind, str]] = field(default_factory=list)
    """The generators that have ended, and the caller whom they saw then."""

    @asynccontextmanager
    async def channel(self, who: str) -> AsyncIterator[grpc.aio.Channel]:
        """A connection with the certificate of an identity, e.g. `hub/exchange`."""
        party, _, rest = who.partition("/")
        key = (self.pki / party / f"{rest.replace('/', '-')}-key.pem").read_bytes()
        certificate = (self.pki / party / f"{rest.replace('/', '-')}.pem").read_bytes()
        credentials = grpc.ssl_channel_credentials((self.pki / "ca.pem").read_bytes(), key, certificate)
        options = [
            ("grpc.ssl_target_name_override", f"police.{TRUST_DOMAIN}"),
            ("grpc.use_local_subchannel_pool", 1),
        ]
        async with grpc.aio.secure_channel(f"127.0.0.1:{self.port}", credentials, options) as channel:
            yield channel

    async def invoke(self, kind: Kind, count: int = 1) -> int:
        """Call the rpc of a kind through the engine's own client; the number of answers."""
        async with self.channel(SYSTEM if kind == "unary-stream" else NEIGHBOUR) as channel:
            return await _CALLS[kind](channel, count)

    async def _one(self, request: GetCapabilitiesRequest, context: _Context) -> Message:
        await self.act()
        return self.answer

    async def _watch(self, request: PreflightRequest, context: _Context) -> AsyncIterator[PreflightResponse]:
        try:
            await self.act()
            for answer in self.watched:
                yield answer
            await self.after_answer()
        finally:
            self.closed.append(("unary-stream", caller.get().path))

    async def _collect(self, requests: AsyncIterator[TransferRequest], context: _Context) -> Message:
        async for _ in requests:
            await self.act()
        return self.answer

    async def _converse(
        self, requests: AsyncIterator[TransferRequest], context: _Context
    ) -> AsyncIterator[TransferResponse]:
        try:
            async for frame in requests:
                await self.act()
                yield TransferResponse(transfer=frame.transfer)
                await self.after_answer()
        finally:
            self.closed.append(("stream-stream", caller.get().path))

    async def _discard(self, request: DiscardDraftRequest, context: _Context) -> DiscardDraftResponse:
        await self.act()
        return DiscardDraftResponse()

    def register(self) -> None:
        """The rpcs as generated code registers them; DeliverEvidence as one that nobody has overridden."""
        uu, us = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
        su, ss = grpc.stream_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler
        transfer = {
            "GetCapabilities": _typed(uu, self._one, GetCapabilitiesRequest, GetCapabilitiesResponse),
            "Collect": _typed(su, self._collect, TransferRequest, GetCapabilitiesResponse),
            "Transfer": _typed(ss, self._converse, TransferRequest, TransferResponse),
            "DeliverEvidence": _typed(uu, _not_overridden, DeliverEvidenceRequest, DeliverEvidenceResponse),
        }
        gateway = {
            "Preflight": _typed(us, self._watch, PreflightRequest, PreflightResponse),
            "DiscardDraft": _typed(uu, self._discard, DiscardDraftRequest, DiscardDraftResponse),
        }
        for service, handlers in ((TRANSFER, transfer), (GATEWAY, gateway)):
            self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))


def _typed(
    factory: Callable[..., _Handler], behaviour: object, request: type[Message], response: type[Message]
) -> _Handler:
    return factory(
        behaviour, request_deserializer=request.FromString, response_serializer=response.SerializeToString
    )


def _not_overridden(request: DeliverEvidenceRequest, context: _Context) -> DeliverEvidenceResponse:
    """What grpcio-tools generates for every rpc of a servicer."""
    context.set_code(grpc.StatusCode.UNIMPLEMENTED)
    raise NotImplementedError("Method not implemented!")


async def frames(count: int) -> AsyncIterator[TransferRequest]:
    """So many well-formed requests."""
    for _ in range(count):
        yield FRAME


async def _call_one(channel: grpc.aio.Channel, count: int) -> int:
    stub = TransferServiceStub(channel)
    for _ in range(count):
        request = GetCapabilitiesRequest()
        await call(stub.GetCapabilities, request, party=Party.PARTY_POLICE, timeout=TIMEOUT_SECONDS)
    return count


async def _call_watch(channel: grpc.aio.Channel, count: int) -> int:
    watch = GatewayServiceStub(channel).Preflight(
        PreflightRequest(key=KEY), timeout=TIMEOUT_SECONDS, metadata=trace_metadata()
    )
    with translated(Party.PARTY_POLICE):
        return len([answer async for answer in watch])


async def _call_collect(channel: grpc.aio.Channel, count: int) -> int:
    collect = channel.stream_unary(
        "/" + METHODS["stream-unary"],
        request_serializer=TransferRequest.SerializeToString,
        response_deserializer=GetCapabilitiesResponse.FromString,
    )
    with translated(Party.PARTY_POLICE):
        await collect(frames(count), timeout=TIMEOUT_SECONDS, metadata=trace_metadata())
    return 1


async def _call_converse(channel: grpc.aio.Channel, count: int) -> int:
    transfer = TransferServiceStub(channel).Transfer
    answers = transfer(frames(count), timeout=TIMEOUT_SECONDS, metadata=trace_metadata())
    with translated(Party.PARTY_POLICE):
        return len([answer async for answer in answers])


_CALLS: dict[Kind, Callable[[grpc.aio.Channel, int], Awaitable[int]]] = {
    "unary-unary": _call_one,
    "unary-stream": _call_watch,
    "stream-unary": _call_collect,
    "stream-stream": _call_converse,
}


@asynccontextmanager
async def serve(pki: Path) -> AsyncIterator[Loopback]:
    """The node with the certificates of a PKI folder, until the block is left."""
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    access = Access(TRUST_DOMAIN, Party.PARTY_POLICE, frozenset({Party.PARTY_HUB}))
    interceptor = ExchangeServerInterceptor(access, tracer_provider=provider)
    server = grpc.aio.server(interceptors=[interceptor], options=[("grpc.so_reuseport", 0)])
    pair = ((pki / "police/exchange-key.pem").read_bytes(), (pki / "police/exchange.pem").read_bytes())
    credentials = grpc.ssl_server_credentials([pair], (pki / "ca.pem").read_bytes(), require_client_auth=True)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    node = Loopback(port, pki, provider, spans, server)
    node.register()
    await server.start()
    try:
        yield node
    finally:
        await server.stop(grace=None)
        provider.shutdown()
