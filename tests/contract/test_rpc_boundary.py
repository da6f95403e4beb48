"""What the server interceptor does around a handler: caller, request rules, span, and an end in its own task."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import grpc
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode
from tests.contract.loopback import (
    FRAME,
    KEY,
    KINDS,
    METHODS,
    NEIGHBOUR,
    SYSTEM,
    TIMEOUT_SECONDS,
    Failing,
    Kind,
    Loopback,
    serve,
)

from xietong.exchange.v1.draft_pb2 import Finding
from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.gateway_drafts_pb2 import (
    DiscardDraftRequest,
    PreflightRequest,
    PreflightResponse,
)
from xietong.exchange.v1.gateway_service_pb2_grpc import GatewayServiceStub
from xietong.exchange.v1.transfer_service_pb2 import (
    Chunk,
    TransferRequest,
    TransferResponse,
)
from xietong.exchange.v1.transfer_service_pb2_grpc import TransferServiceStub
from xietong_client.pki import init
from xietong_exchange.adapters.postgres.store import PostgresStore
from xietong_exchange.adapters.rpc.caller import caller
from xietong_exchange.adapters.rpc.client import call, trace_metadata, translated
from xietong_exchange.adapters.rpc.failure import incident_id
from xietong_exchange.domain.errors import PackageNotFound, RemoteRefusal, StorageFull

OPENTELEMETRY_CONTEXT_LOGGER = "opentelemetry.context"
LARGE = PreflightResponse(finding=Finding(text_zh="证" * (1 << 18)))


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("pki")
    init(directory)
    return directory


@pytest.fixture
async def node(pki: Path) -> AsyncIterator[Loopback]:
    async with serve(pki) as running:
        yield running


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, and that stays so for the test."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something has happened, at most TIMEOUT_SECONDS."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not condition():
            await asyncio.sleep(0.001)


async def finished_span(node: Loopback) -> ReadableSpan:
    """The only span, once it has ended: the client may have its answer a little earlier."""
    await until(lambda: bool(node.spans.get_finished_spans()))
    (span,) = node.spans.get_finished_spans()
    return span


# Caller


@pytest.mark.parametrize("kind", KINDS)
async def test_the_handler_knows_who_calls(node: Loopback, kind: Kind) -> None:
    seen: list[str] = []

    async def look() -> None:
        seen.append(caller.get().path)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(asyncio.sleep(0)).add_done_callback(lambda _: seen.append(caller.get().path))

    node.act = look
    await node.invoke(kind)
    assert set(seen) == {SYSTEM if kind == "unary-stream" else NEIGHBOUR}


# Request rules


async def test_every_field_that_breaks_a_rule_is_named_and_the_handler_never_runs(node: Loopback) -> None:
    node.act = Failing(AssertionError("entered"))
    async with node.channel(SYSTEM) as channel:
        with pytest.raises(RemoteRefusal) as caught:
            await call(
                GatewayServiceStub(channel).DiscardDraft, DiscardDraftRequest(), party=Party.PARTY_POLICE
            )
    refusal = caught.value
    assert (refusal.reason, refusal.facts["count"]) == ("INVALID_FIELD", "2")
    assert [(one.path, one.rule) for one in refusal.violations] == [
        ("key", "required"),
        ("actor", "required"),
    ]
    assert all(one.text_en and one.text_zh for one in refusal.violations)


async def answers_to(node: Loopback, *requests: TransferRequest) -> list[TransferResponse]:
    async def frames() -> AsyncIterator[TransferRequest]:
        for request in requests:
            yield request

    async with node.channel(NEIGHBOUR) as channel:
        with translated(Party.PARTY_POLICE):
            transfer = TransferServiceStub(channel).Transfer(frames(), timeout=TIMEOUT_SECONDS)
            return [answer async for answer in transfer]


async def test_every_frame_of_a_stream_is_checked_but_chunks(node: Loopback) -> None:
    empty_chunk = TransferRequest(transfer=2, chunk=Chunk(part=1))
    answers = await answers_to(node, FRAME, empty_chunk)
    assert [answer.transfer for answer in answers] == [1, 2]
    with pytest.raises(RemoteRefusal) as caught:
        await answers_to(node, FRAME, TransferRequest(transfer=3))
    assert caught.value.reason == "INVALID_FIELD"
    assert [(one.path, one.rule) for one in caught.value.violations] == [("frame", "required")]


@pytest.mark.parametrize("kind", KINDS)
async def test_bytes_that_are_no_message_are_an_invalid_request(node: Loopback, kind: Kind) -> None:
    async with node.channel(SYSTEM if kind == "unary-stream" else NEIGHBOUR) as channel:
        # On the wire all kinds look alike.
        rpc: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream("/" + METHODS[kind])
        answers = rpc(iter([b"\x0a\xff\xff\xff"]), timeout=TIMEOUT_SECONDS)
        with pytest.raises(RemoteRefusal) as caught, translated(Party.PARTY_POLICE):
            await anext(aiter(answers))
    assert (caught.value.reason, caught.value.violations[0].rule) == ("INVALID_FIELD", "protobuf.decode")


async def test_an_answer_that_cannot_be_encoded_is_a_defect(node: Loopback) -> None:
    node.answer = "no message"  # type: ignore[assignment]  # the defect that is shown here
    for kind in ("unary-unary", "stream-unary"):
        with pytest.raises(RemoteRefusal) as caught:
            await node.invoke(kind)
        assert caught.value.reason == "INTERNAL"


# Errors of a port


async def test_a_database_that_does_not_answer_is_told_with_the_time_to_wait(
    node: Loopback, closed_port: int
) -> None:
    store = await PostgresStore.connect(f"postgresql+asyncpg://nobody@127.0.0.1:{closed_port}/none")

    async def work() -> None:
        async with store.transaction():
            raise AssertionError("entered")

    node.act = work
    with pytest.raises(RemoteRefusal) as caught:
        await node.invoke("unary-unary")
    await store.close()
    assert (caught.value.reason, caught.value.code) == ("DATABASE_UNAVAILABLE", "UNAVAILABLE")
    assert caught.value.retryable
    assert caught.value.retry_after_seconds == 2.0
    assert str(closed_port) not in caught.value.message_en


# Span


async def test_the_span_continues_the_trace_of_the_caller(node: Loopback) -> None:
    inner = node.provider.get_tracer("test")

    async def work() -> None:
        with inner.start_as_current_span("inner"):
            pass

    node.act = work
    with inner.start_as_current_span("outer") as outer:
        await node.invoke("unary-unary")
    await until(lambda: len(node.spans.get_finished_spans()) == 3)
    spans = {span.name: span for span in node.spans.get_finished_spans()}
    server, child = spans[METHODS["unary-unary"]], spans["inner"]
    assert server.parent is not None
    assert server.context is not None
    assert child.parent is not None
    assert server.parent.span_id == outer.get_span_context().span_id
    assert server.context.trace_id == outer.get_span_context().trace_id
    assert child.parent.span_id == server.context.span_id


@pytest.mark.parametrize("kind", KINDS)
async def test_the_span_follows_the_semantic_conventions(node: Loopback, kind: Kind) -> None:
    await node.invoke(kind)
    span = await finished_span(node)
    assert (span.name, span.kind, span.parent) == (METHODS[kind], SpanKind.SERVER, None)
    assert span.status.status_code is StatusCode.UNSET
    assert dict(span.attributes or {}) == {
        "rpc.system.name": "grpc",
        "rpc.method": METHODS[kind],
        "rpc.response.status_code": "OK",
        "xietong.peer": SYSTEM if kind == "unary-stream" else NEIGHBOUR,
    }


@pytest.mark.parametrize(
    ("error", "code", "reason", "is_failure"),
    [
        (PackageNotFound(package_id="p-1"), "NOT_FOUND", "PACKAGE_NOT_FOUND", False),
        (StorageFull(free=1), "RESOURCE_EXHAUSTED", "STORAGE_FULL", False),
        (ValueError("张某某"), "INTERNAL", "INTERNAL", True),
    ],
)
async def test_only_failures_of_the_node_mark_the_span_and_no_text_enters_it(
    node: Loopback, error: Exception, code: str, reason: str, is_failure: bool
) -> None:
    node.act = Failing(error)
    with pytest.raises(RemoteRefusal):
        await node.invoke("stream-stream")
    span = await finished_span(node)
    attributes = dict(span.attributes or {})
    assert attributes["rpc.response.status_code"] == code
    assert attributes["xietong.error.reason"] == reason
    assert attributes.get("error.type") == (code if is_failure else None)
    assert span.status.status_code is (StatusCode.ERROR if is_failure else StatusCode.UNSET)
    assert not span.events
    assert "张某某" not in span.to_json()
    assert "p-1" not in span.to_json()


async def test_the_incident_is_the_trace_id(node: Loopback) -> None:
    node.act = Failing(ValueError())
    with node.provider.get_tracer("test").start_as_current_span("outer") as outer:
        with pytest.raises(RemoteRefusal) as caught:
            await node.invoke("unary-unary")
        assert incident_id() == trace.format_trace_id(outer.get_span_context().trace_id)
        assert caught.value.facts["incident"] == incident_id()


def test_without_a_trace_the_incident_is_random() -> None:
    first, second = incident_id(), incident_id()
    assert re.fullmatch(r"[0-9a-f]{16}", first)
    assert first != second


async def test_interleaved_streams_keep_caller_and_span_across_every_yield(
    node: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    seen: dict[str, set[int]] = {}

    async def look() -> None:
        await asyncio.sleep(0)
        span = trace.get_current_span().get_span_context().span_id
        seen.setdefault(caller.get().path, set()).add(span)

    node.act = node.after_answer = look
    node.watched = (PreflightResponse(),) * 20
    with caplog.at_level(logging.WARNING, OPENTELEMETRY_CONTEXT_LOGGER):
        kinds: list[Kind] = ["stream-stream", "unary-stream"]
        counts = await asyncio.gather(*(node.invoke(kind, count=20) for kind in kinds * 3))
    assert counts == [20] * 6
    assert {who: len(spans) for who, spans in seen.items()} == {NEIGHBOUR: 3, SYSTEM: 3}
    assert not [record for record in caplog.records if record.name == OPENTELEMETRY_CONTEXT_LOGGER]


# Cancellation


@pytest.mark.parametrize("kind", KINDS)
async def test_a_cancelled_call_ends_its_handler(
    node: Loopback, kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    entered, left = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)  # cleaning up may take its time
            left.set()
            raise

    node.act = hang
    calling = asyncio.create_task(node.invoke(kind))
    await until(entered.is_set)
    calling.cancel()
    with suppress(asyncio.CancelledError):
        await calling
    await until(left.is_set)
    span = await finished_span(node)
    assert dict(span.attributes or {})["rpc.response.status_code"] == "CANCELLED"
    assert span.status.status_code is StatusCode.UNSET
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert await still_answers(node)


async def still_answers(node: Loopback) -> bool:
    async def nothing() -> None:
        pass

    node.act = nothing
    return await node.invoke("unary-unary") == 1


def endless(taken: list[int]) -> Iterator[PreflightResponse]:
    while True:
        taken.append(1)
        yield LARGE


async def test_a_reader_that_goes_away_closes_the_generator_in_its_own_task(
    node: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    taken: list[int] = []
    node.watched = endless(taken)  # the handler's only pause is the write to a reader that never reads
    async with node.channel(SYSTEM) as channel:
        watch = GatewayServiceStub(channel).Preflight(PreflightRequest(key=KEY), timeout=TIMEOUT_SECONDS)
        await until(lambda: len(taken) > 1)
        watch.cancel()
        await until(lambda: bool(node.closed))
    assert node.closed == [("unary-stream", SYSTEM)]
    span = await finished_span(node)
    assert dict(span.attributes or {})["rpc.response.status_code"] == "CANCELLED"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_defect_while_a_call_is_cancelled_is_logged_and_harmless(
    node: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    entered = asyncio.Event()

    async def fail_on_cancel() -> None:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("while cleaning up")

    node.act = fail_on_cancel
    calling = asyncio.create_task(node.invoke("stream-stream"))
    await until(entered.is_set)
    calling.cancel()
    with suppress(asyncio.CancelledError):
        await calling
    await finished_span(node)
    assert ["failed while it was cancelled" in record.getMessage() for record in caplog.records] == [True]
    assert await still_answers(node)


async def test_metadata_carries_the_trace_only_when_there_is_one(node: Loopback) -> None:
    assert trace_metadata() == ()
    with node.provider.get_tracer("test").start_as_current_span("outer") as outer:
        ((name, value),) = trace_metadata()
    trace_id = trace.format_trace_id(outer.get_span_context().trace_id)
    assert (name, value.split("-")[1]) == ("traceparent", trace_id)
