"""Field rules in both languages: every rule that the contract uses has a Chinese sentence with its own number."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from tests.unit.exchange.packages import new_envelope

import xietong
from buf.validate import validate_pb2
from xietong.casefile.v1.dossier_pb2 import Volume
from xietong.casefile.v1.manifest_pb2 import Manifest, Part, PartKind
from xietong.casefile.v1.person_pb2 import Person, PersonRole
from xietong.exchange.v1.draft_pb2 import Outcome
from xietong.exchange.v1.envelope_pb2 import (
    Address,
    Digest,
    DigestAlgorithm,
    EnvelopePart,
    Party,
    Signature,
    SignatureAlgorithm,
    SignedEnvelope,
)
from xietong.exchange.v1.evidence_pb2 import Actor, Reason
from xietong.exchange.v1.operations_service_pb2 import ReplayDeliveryRequest
from xietong.exchange.v1.transfer_service_pb2 import Chunk, DeliverEvidenceRequest
from xietong_exchange.domain.fields import field_violations, is_time
from xietong_standard.constraints import CHINESE, PATTERNS

PLAIN_PART = Part(name="a", kind=PartKind.PART_KIND_OTHER)
SHA256 = DigestAlgorithm.DIGEST_ALGORITHM_SHA256
ED25519 = SignatureAlgorithm.SIGNATURE_ALGORITHM_ED25519
UNKNOWN_ROLE = PersonRole.ValueType(99)
ROLES = [PersonRole.PERSON_ROLE_SUSPECT]


def messages_of(descriptor: Descriptor) -> Iterator[Descriptor]:
    yield descriptor
    for nested in descriptor.nested_types:
        yield from messages_of(nested)


def contract_messages() -> Iterator[Descriptor]:
    for module in pkgutil.walk_packages(xietong.__path__, "xietong."):
        if module.name.endswith("_pb2"):
            for descriptor in importlib.import_module(module.name).DESCRIPTOR.message_types_by_name.values():
                yield from messages_of(descriptor)


def rule_ids(rules: Message) -> Iterator[str]:
    """The ids that protovalidate gives to the violations of a field's rules."""
    for field, value in rules.ListFields():
        if field.name == "required":
            yield "required"
        elif field.name == "cel":
            yield from (rule.id for rule in value)
        elif field.name == "repeated":
            yield from (f"repeated.{name.name}" for name, _ in value.ListFields() if name.name != "items")
            yield from rule_ids(value.items)
        else:
            names = {name.name for name, _ in value.ListFields()}
            if {"gte", "lte"} <= names:
                names = names - {"gte", "lte"} | {"gte_lte"}
            if "uuid" in names:
                names.add("uuid_empty")
            yield from (f"{field.name}.{name}" for name in names)


def test_every_rule_of_the_contract_has_a_chinese_sentence() -> None:
    used = {
        rule_id
        for message in contract_messages()
        for field in message.fields
        for rule_id in rule_ids(field.GetOptions().Extensions[validate_pb2.field])
    }
    assert {"required", "string.max_len", "uint32.gte_lte", "repeated.unique", "part.name.plain"} <= used
    assert {rule for rule in used if not {rule, rule.rpartition(".")[2]} & CHINESE.keys()} == set()


def test_every_pattern_of_the_contract_is_said_in_words() -> None:
    used = {
        field.GetOptions().Extensions[validate_pb2.field].string.pattern
        for message in contract_messages()
        for field in message.fields
    } - {""}
    assert used == PATTERNS.keys()


NO_CONTROLS = "不得含有控制字符，例如换行和制表符"
CASES: list[tuple[Message, str, str, str]] = [
    (Actor(organ_code="4401\n", handler_ref="P"), "organ_code", "string.pattern", NO_CONTROLS),
    (Actor(organ_code="4401", handler_ref="\0"), "handler_ref", "string.pattern", NO_CONTROLS),
    (Address(party=Party.PARTY_COURT, system="\x1b[2J"), "system", "string.pattern", NO_CONTROLS),
    (Reason(code="A", path="a\tb"), "path", "string.pattern", NO_CONTROLS),
    (SignedEnvelope(envelope=b"e"), "signature", "required", "必须填写"),
    (Outcome(), "outcome", "required", "必须填写"),
    (Person(roles=ROLES), "id", "string.min_len", "不得少于 1 个字符"),
    (
        Person(id="1", roles=ROLES, other_names=["别" * 201]),
        "other_names[0]",
        "string.max_len",
        "不得超过 200 个字符",
    ),
    (
        Part(name="名" * 90, kind=PartKind.PART_KIND_OTHER),
        "name",
        "string.max_bytes",
        "按 UTF-8 编码不得超过 255 字节",
    ),
    (
        Manifest(parts=[PLAIN_PART, Part(name="b", kind=PartKind.PART_KIND_OTHER, sha256="{0}")]),
        "parts[1].sha256",
        "string.pattern",
        "应为 64 位小写十六进制数字",
    ),
    (
        Part(name=" a", kind=PartKind.PART_KIND_OTHER),
        "name",
        "part.name.plain",
        "不得为“.”或“..”，首尾不得有空格",
    ),
    (
        Part(name="a/b", kind=PartKind.PART_KIND_OTHER),
        "name",
        "part.name.characters",
        "不得含有 / 或 \\、控制字符、行分隔符及改变书写方向的字符",
    ),
    (Digest(algorithm=SHA256, value=b"12"), "value", "bytes.len", "应为 32 字节"),
    (Chunk(), "data", "bytes.min_len", "不得少于 1 字节"),
    (
        Signature(algorithm=ED25519, certificate=b"c", value=bytes(1025)),
        "value",
        "bytes.max_len",
        "不得超过 1024 字节",
    ),
    (
        Person(id="1", roles=[UNKNOWN_ROLE]),
        "roles[0]",
        "enum.defined_only",
        "应为接口规范列出的取值",
    ),
    (Digest(value=bytes(32)), "algorithm", "enum.not_in", "必须选定取值，不得为 [0]"),
    (DeliverEvidenceRequest(), "evidence", "repeated.min_items", "不得少于 1 项"),
    (
        Person(id="1", roles=ROLES, other_names=["别"] * 51),
        "other_names",
        "repeated.max_items",
        "不得超过 50 项",
    ),
    (
        Person(id="1", roles=ROLES * 2),
        "roles",
        "repeated.unique",
        "不得有重复项",
    ),
    (ReplayDeliveryRequest(), "delivery_id", "int64.gt", "应大于 0"),
    (
        EnvelopePart(number=10000, digest=Digest(algorithm=SHA256, value=bytes(32))),
        "number",
        "uint32.lte",
        "不得大于 9999",
    ),
]


@pytest.mark.parametrize(("message", "path", "rule", "chinese"), CASES)
def test_the_chinese_sentence_says_what_the_rule_demands(
    message: Message, path: str, rule: str, chinese: str
) -> None:
    (found,) = field_violations(message)
    assert (found.path, found.rule, found.text_zh) == (path, rule, chinese)
    assert found.text_en
    assert found.text_en.isascii()


def test_a_range_names_both_its_ends() -> None:
    found = {one.path: one.text_zh for one in field_violations(Volume(number=10_001, title="卷"))}
    assert found["number"] == "应在 1 至 10000 之间"


def test_an_identifier_that_is_empty_and_one_that_is_none_differ() -> None:
    envelope = new_envelope()
    envelope.send_id, envelope.collaboration_case_id = "", "x"
    found = {one.rule: (one.path, one.text_zh) for one in field_violations(envelope)}
    assert found == {
        "string.uuid_empty": ("send_id", "不得为空，应为有效的 UUID"),
        "string.uuid": ("collaboration_case_id", "应为有效的 UUID"),
    }


@pytest.mark.parametrize(
    ("moment", "readable"),
    [
        (Timestamp(seconds=-62_135_596_800), True),
        (Timestamp(seconds=-62_135_596_801), False),
        (Timestamp(seconds=253_402_300_799, nanos=999_999_999), True),
        (Timestamp(seconds=253_402_300_800), False),
        (Timestamp(nanos=-1), False),
        (Timestamp(nanos=1_000_000_000), False),
    ],
)
def test_a_time_is_one_that_every_language_reads(moment: Timestamp, readable: bool) -> None:
    assert is_time(moment) is readable
    if readable:
        moment.ToJsonString()
    else:
        with pytest.raises(ValueError, match="not valid"):
            moment.ToJsonString()
