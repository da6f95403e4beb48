"""The error taxonomy: complete, as the contract says, and the same on both ends of a real connection."""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from string import Formatter
from typing import Any
from urllib.parse import quote

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, LocalizedMessage, ResourceInfo
from google.rpc.status_pb2 import Status
from tests.contract.loopback import KINDS, NEIGHBOUR, TIMEOUT_SECONDS, Failing, Kind, Loopback, serve

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.error_reason_pb2 import ErrorReason
from xietong.exchange.v1.transfer_service_pb2 import DeliverEvidenceRequest, GetCapabilitiesRequest
from xietong.exchange.v1.transfer_service_pb2_grpc import TransferServiceStub
from xietong_client.pki import init
from xietong_exchange.adapters.rpc.client import translated
from xietong_exchange.adapters.rpc.status import (
    MAX_STATUS_BYTES,
    MAX_VIOLATIONS,
    STATUS_TRAILER,
    from_status,
    to_status,
)
from xietong_exchange.domain.errors import (
    InvalidField,
    NodeUnreachable,
    PackageNotFound,
    PreflightFailed,
    RemoteRefusal,
    StorageFull,
    Violation,
    XietongError,
    error_classes,
)

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = ROOT / "protos/xietong/exchange/v1/error_reason.proto"
ERRORS = "xietong_exchange.domain.errors"
CLASSES = sorted(error_classes().values(), key=lambda cls: cls.reason)
# Trailers above 8 KiB are dropped at random; names and 32 bytes per header come on top.
SAFE_TRAILER_BYTES = 7680


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("pki")
    init(directory)
    return directory


@pytest.fixture
async def node(pki: Path) -> AsyncIterator[Loopback]:
    async with serve(pki) as running:
        yield running


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def example(cls: type[XietongError], value: str = "某值") -> XietongError:
    """An instance with every fact that its sentences name."""
    facts: dict[str, Any] = dict.fromkeys(sorted(placeholders(cls.sentence_en)), value)
    return cls(**facts)


async def refusal(node: Loopback, kind: Kind, error: BaseException) -> RemoteRefusal:
    """What a caller gets when a handler of this kind fails."""
    node.act = Failing(error)
    with pytest.raises(RemoteRefusal) as caught:
        await node.invoke(kind)
    return caught.value


# The classes


def test_every_reason_has_exactly_one_class() -> None:
    reasons = sorted(cls.reason for cls in XietongError.__subclasses__())
    assert reasons == sorted(set(ErrorReason.values()) - {ErrorReason.ERROR_REASON_UNSPECIFIED})


def codes_in_contract() -> dict[str, str]:
    """The gRPC code that begins the comment of each reason, by the name of the reason."""
    text = CONTRACT.read_text()
    found = re.findall(r"// ([A-Z_]+)\. [^\n]*\n(?:  //[^\n]*\n)*  ERROR_REASON_([A-Z_]+) = \d+;", text)
    return {reason: code for code, reason in found}


def test_every_class_has_the_code_that_the_contract_names() -> None:
    assert {cls.reason_name(): cls.code for cls in CLASSES} == codes_in_contract()


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_sentences_say_what_is_wrong_and_end_in_the_remedy(cls: type[XietongError]) -> None:
    for sentence, separator in ((cls.sentence_en, ";"), (cls.sentence_zh, "；")):
        fault, _, remedy = sentence.rpartition(separator)
        assert fault
        assert remedy
    assert re.search(r"[\u4e00-\u9fff]", cls.sentence_zh)
    assert placeholders(cls.sentence_zh) <= placeholders(cls.sentence_en)


def raised_errors() -> Iterator[tuple[str, type[XietongError], dict[str, str]]]:
    """Where the engine and the services make an error, of which class, and with which facts, as the source has them."""
    by_name = {cls.__name__: cls for cls in CLASSES}
    for path in sorted([*ROOT.glob("libs/exchange/**/*.py"), *ROOT.glob("services/**/*.py")]):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
        ours = {
            alias.name for node in imports if node.module == ERRORS for alias in node.names
        } & by_name.keys()
        for node in nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ours:
                given = {keyword.arg or "": ast.unparse(keyword.value) for keyword in node.keywords}
                yield f"{path.relative_to(ROOT)}:{node.lineno}", by_name[node.func.id], given


def test_whoever_makes_an_error_gives_the_facts_that_its_sentence_names() -> None:
    calls = list(raised_errors())
    wrong = [
        f"{place}: {cls.__name__} needs {sorted(placeholders(cls.sentence_en))}"
        for place, cls, given in calls
        if not placeholders(cls.sentence_en) <= given.keys()
    ]
    assert calls
    assert not wrong, "\n" + "\n".join(wrong)


def test_no_fact_brings_chinese_into_the_english_sentence() -> None:
    mixed = [
        f"{place}: {name}={value}"
        for place, cls, given in raised_errors()
        for name, value in given.items()
        if name in placeholders(cls.sentence_en) and re.search(r"[\u4e00-\u9fff]", value)
    ]
    assert not mixed, "\n" + "\n".join(mixed)


# Over the wire and back


@pytest.mark.parametrize("kind", KINDS)
async def test_every_reason_arrives_as_it_left(node: Loopback, kind: Kind) -> None:
    for cls in CLASSES:
        error = example(cls)
        answer = await refusal(node, kind, error)
        assert (answer.reason, answer.code) == (cls.reason_name(), cls.code)
        assert (answer.message_en, answer.message_zh) == (error.message_en, error.message_zh)
        assert answer.retry_after_seconds == cls.retry_after_seconds
        assert answer.retryable == cls.retryable
        assert error.facts.items() <= answer.facts.items()


async def test_the_grpc_message_is_the_sentence_for_clients_that_read_no_details(node: Loopback) -> None:
    node.act = Failing(StorageFull(free=17))
    async with node.channel(NEIGHBOUR) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await TransferServiceStub(channel).GetCapabilities(
                GetCapabilitiesRequest(), timeout=TIMEOUT_SECONDS
            )
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert caught.value.details() == StorageFull(free=17).message_en


async def test_an_error_after_the_first_answer_arrives_too(node: Loopback) -> None:
    node.after_answer = Failing(StorageFull(free=17))
    for kind in ("unary-stream", "stream-stream"):
        with pytest.raises(RemoteRefusal) as caught:
            await node.invoke(kind)
        assert caught.value.reason == "STORAGE_FULL"


async def test_violations_arrive_in_order_with_both_languages(node: Loopback) -> None:
    violations = tuple(violation(number) for number in range(3))
    answer = await refusal(node, "unary-unary", PreflightFailed(violations=violations, count=3))
    assert answer.violations == violations
    assert (answer.facts["finding_count"], answer.facts["violation_count"]) == ("3", "3")


def violation(number: int, size: int = 1) -> Violation:
    return Violation(
        f"persons[{number}].name", "XT-0101", "is missing; enter it " * size, "缺失；请补填" * size
    )


# Bounded, whatever it holds


MANY_FACTS: dict[str, Any] = {f"fact_{number}": "😀" * 900 for number in range(500)}
HUGE = {
    "many violations": PreflightFailed(violations=tuple(map(violation, range(100_000))), count=100_000),
    "long violations": InvalidField(violations=tuple(violation(n, 5000) for n in range(30)), count=30),
    "long paths": InvalidField(violations=(Violation("部" * 9000, "规" * 9000, "x", "字"),) * 25, count=25),
    "long facts": PackageNotFound(package_id="😀" * 9000),
    "many facts": PackageNotFound(package_id="案" * 9000, **MANY_FACTS),
    "everything": PreflightFailed(
        violations=tuple(violation(n, 5000) for n in range(5000)),
        count="九" * 500,
        **MANY_FACTS,
    ),
} | {f"long {cls.__name__}": example(cls, "证" * 900) for cls in CLASSES}


@pytest.mark.parametrize("name", HUGE)
def test_a_status_is_bounded_and_keeps_its_remedy(name: str) -> None:
    error = HUGE[name]
    status = to_status(error, incident="0" * 32)
    assert status.ByteSize() <= MAX_STATUS_BYTES
    answer = from_status(status)
    assert answer.reason == error.reason_name()
    assert answer.message_en.endswith(error.sentence_en.rpartition("}")[2])
    assert answer.message_zh.endswith(error.sentence_zh.rpartition("}")[2])
    assert bool(answer.violations) == bool(error.violations)
    assert len(answer.violations) <= MAX_VIOLATIONS
    if error.violations:
        assert answer.facts["violation_count"] == str(len(error.violations))


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_all_trailers_together_stay_below_what_grpc_carries(cls: type[XietongError]) -> None:
    violations = tuple(violation(number, 5000) for number in range(20))
    for length in range(0, 210, 5):
        error = example(cls, "😀" * length)
        error.violations = violations
        status = to_status(error, incident="0" * 32)
        assert status.ByteSize() * 4 / 3 + len(quote(status.message)) <= SAFE_TRAILER_BYTES


def test_twenty_violations_of_usual_length_all_travel() -> None:
    violations = tuple(map(violation, range(40)))
    answer = from_status(to_status(PreflightFailed(violations=violations, count=40), incident="0" * 32))
    assert answer.violations == violations[:MAX_VIOLATIONS]


async def test_the_largest_statuses_are_never_replaced_on_the_way(node: Loopback) -> None:
    for error in HUGE.values():
        answers = [await refusal(node, "unary-unary", error) for _ in range(5)]
        assert {answer.reason for answer in answers} == {error.reason_name()}


# What is no error of ours


SECRETS = ("张某某", "/var/lib/secret", "10.1.2.3")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_defect_is_internal_and_tells_nothing_but_its_incident(
    node: Loopback, kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await refusal(node, kind, ValueError(*SECRETS))
    assert (answer.reason, answer.code) == ("INTERNAL", "INTERNAL")
    incident = answer.facts["incident"]
    assert re.fullmatch(r"[0-9a-f]{32}", incident)
    assert incident in answer.message_en
    assert incident in answer.message_zh
    for shown in (answer.message_en, answer.message_zh, *answer.facts.values()):
        assert not any(secret in shown for secret in SECRETS)
    (record,) = [record for record in caplog.records if record.exc_info and incident in record.getMessage()]
    assert isinstance(record.exc_info, tuple)
    assert isinstance(record.exc_info[1], ValueError)


async def test_the_error_inside_a_group_is_the_one_that_counts(node: Loopback) -> None:
    group = BaseExceptionGroup(
        "tasks", [ValueError(*SECRETS), ExceptionGroup("inner", [StorageFull(free=1)])]
    )
    assert (await refusal(node, "stream-stream", group)).reason == "STORAGE_FULL"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_stray_cancellation_is_answered_as_a_defect(node: Loopback, kind: Kind) -> None:
    assert (await refusal(node, kind, asyncio.CancelledError())).reason == "INTERNAL"


async def test_an_rpc_that_nobody_has_overridden_is_unimplemented(node: Loopback) -> None:
    async with node.channel(NEIGHBOUR) as channel:
        deliver = TransferServiceStub(channel).DeliverEvidence
        with pytest.raises(RemoteRefusal) as caught, translated(Party.PARTY_COURT):
            await deliver(DeliverEvidenceRequest(), timeout=TIMEOUT_SECONDS)
    assert (caught.value.reason, caught.value.code) == ("", "UNIMPLEMENTED")
    assert not caught.value.retryable
    assert caught.value.message_en == (
        "the node of the court answered UNIMPLEMENTED without a reason; ask its operators"
    )


# The caller's side


async def forever() -> None:
    await asyncio.Event().wait()


async def test_no_connection_is_a_node_that_cannot_be_reached(node: Loopback) -> None:
    await node.server.stop(grace=None)
    for kind in KINDS:
        with pytest.raises(NodeUnreachable) as caught:
            await node.invoke(kind)
        assert caught.value.facts == {"party": "police"}
        assert isinstance(caught.value.__cause__, grpc.aio.AioRpcError)


async def test_no_answer_in_time_is_a_node_that_cannot_be_reached(node: Loopback) -> None:
    node.act = forever
    async with node.channel(NEIGHBOUR) as channel:
        with pytest.raises(NodeUnreachable), translated(Party.PARTY_POLICE):
            await TransferServiceStub(channel).GetCapabilities(GetCapabilitiesRequest(), timeout=0.05)


async def test_a_server_that_stops_is_a_node_that_cannot_be_reached(node: Loopback) -> None:
    entered = asyncio.Event()

    async def hang() -> None:
        entered.set()
        await forever()

    node.act = hang
    call = asyncio.create_task(node.invoke("stream-stream"))
    await asyncio.wait_for(entered.wait(), TIMEOUT_SECONDS)
    await node.server.stop(grace=None)
    with pytest.raises(NodeUnreachable):
        await call


RETRYABLE = ("UNAVAILABLE", "ABORTED", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "UNKNOWN", "INTERNAL")


@pytest.mark.parametrize("code", grpc.StatusCode, ids=lambda code: code.name)
def test_an_unknown_reason_is_treated_by_its_code(code: grpc.StatusCode) -> None:
    status = Status(code=code.value[0], message="later than this version; ask the operators")
    status.details.add().Pack(ErrorInfo(reason="INVENTED_LATER", domain="xietong"))
    answer = from_status(status)
    assert (answer.reason, answer.code) == ("INVENTED_LATER", code.name)
    assert answer.retryable == (code.name in RETRYABLE)
    assert answer.message_zh == answer.message_en == status.message


def test_details_of_others_and_broken_ones_say_nothing() -> None:
    foreign = ErrorInfo(reason="STORAGE_FULL", domain="example.org")
    broken = AnyMessage(type_url="type.googleapis.com/google.rpc.BadRequest", value=b"\xff\xff")
    status = Status(code=9999, message="?")
    status.details.add().Pack(foreign)
    status.details.append(broken)
    answer = from_status(status)
    assert (answer.reason, answer.code, answer.violations) == ("", "UNKNOWN", ())


def test_what_another_node_says_holds_no_control_characters() -> None:
    status = Status(code=3, message="no\0 \x1b[2Jway")
    status.details.add().Pack(ErrorInfo(reason="A\0B", domain="xietong", metadata={"what": "a\nb"}))
    status.details.add().Pack(LocalizedMessage(locale="zh-CN", message="不\0行"))
    wrong = BadRequest.FieldViolation(field="a\tb", description="c\rd", reason="e\0f")
    status.details.add().Pack(BadRequest(field_violations=[wrong]))
    answer = from_status(status)
    assert (answer.reason, answer.message_en, answer.message_zh) == ("A B", "no   [2Jway", "不 行")
    assert answer.facts == {"what": "a b"}
    assert answer.violations == (Violation(path="a b", rule="e f", text_en="c d", text_zh="c d"),)


async def test_a_trailer_that_cannot_be_read_is_no_detail(node: Loopback) -> None:
    for raw in (b"\xff\xff", Status(code=3).SerializeToString()):
        metadata = grpc.aio.Metadata((STATUS_TRAILER, raw))
        error = grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, trailing_metadata=metadata)
        with pytest.raises(NodeUnreachable), translated(Party.PARTY_HUB):
            raise error


def test_what_was_not_found_is_named_as_a_resource() -> None:
    status = to_status(PackageNotFound(package_id="p-1"), incident="")
    resource, bad_request = ResourceInfo(), BadRequest()
    assert any(detail.Unpack(resource) for detail in status.details)
    assert (resource.resource_type, resource.resource_name) == ("package", "p-1")
    assert not any(detail.Unpack(bad_request) for detail in status.details)
