"""The envelope: what is refused at the door, what survives untouched, and what its bytes are bound to."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.exchange.packages import NOW, new_envelope, part_of, sealed_package, signature_of, signed

from xietong.exchange.v1.envelope_pb2 import (
    Classification,
    DigestAlgorithm,
    Envelope,
    Lane,
    Party,
    SignedEnvelope,
)
from xietong_exchange.domain.envelope import INTERACTIVE_LIMIT_BYTES, open_envelope
from xietong_exchange.domain.errors import ClassifiedRefused, EnvelopeInvalid, PackageTooLarge
from xietong_exchange.domain.limits import MAX_ENVELOPE_BYTES, Limits

LIMITS = Limits()
Change = Callable[[Envelope], object]


def unknown_field(number: int, content: bytes) -> bytes:
    """A length-delimited field of a contract that is younger than this node; content below 128 bytes."""
    return varint(number << 3 | 2) + bytes([len(content)]) + content


def varint(value: int) -> bytes:
    digits = bytearray()
    while value > 0x7F:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])


def test_a_valid_envelope_is_opened_with_its_seal() -> None:
    travelled = signed(new_envelope(b"manifest", b"scan"))
    package = open_envelope(travelled, LIMITS)
    assert package.seal == hashlib.sha256(travelled.envelope).digest()
    assert package.size_bytes == len(b"manifest") + len(b"scan")
    assert package.signed() == travelled
    assert package.part(1) == package.envelope.parts[1]
    assert package.part(2) is package.part(-1) is None


INVALID: list[tuple[str, Change, str]] = [
    ("the package has no id", lambda e: e.ClearField("package_id"), "package_id"),
    ("the id is no UUID", lambda e: setattr(e, "package_id", "1"), "package_id"),
    ("the id is in upper case", lambda e: setattr(e, "package_id", e.package_id.upper()), "package_id"),
    ("the send has no id", lambda e: e.ClearField("send_id"), "send_id"),
    ("no process", lambda e: e.ClearField("process_code"), "process_code"),
    ("a process that is no code", lambda e: setattr(e, "process_code", "pb-1"), "process_code"),
    ("no edition", lambda e: e.ClearField("standard_edition"), "standard_edition"),
    ("no sender", lambda e: e.ClearField("sender"), "sender"),
    ("a sender without party", lambda e: e.sender.ClearField("party"), "sender.party"),
    ("a receiver of an unknown party", lambda e: setattr(e.receiver, "party", 99), "receiver.party"),
    ("no receiver", lambda e: e.ClearField("receiver"), "receiver"),
    ("no case", lambda e: e.ClearField("collaboration_case_id"), "collaboration_case_id"),
    ("an answer to no id", lambda e: setattr(e, "correlation_id", "x"), "correlation_id"),
    ("an unknown lane", lambda e: setattr(e, "lane", 9), "lane"),
    ("no time", lambda e: e.ClearField("create_time"), "create_time"),
    ("a time beyond all calendars", lambda e: setattr(e.create_time, "seconds", 2**62), "create_time"),
    (
        "an event beyond all calendars",
        lambda e: e.supervision.events.add(kind="arrest", time=Timestamp(nanos=-1)),
        "supervision.events[0].time",
    ),
    ("a trace that is none", lambda e: setattr(e.trace_context, "traceparent", "0"), "traceparent"),
    ("a case number of control characters", lambda e: e.case_numbers.add(party=1, number="\n"), "number"),
    ("no parts", lambda e: e.ClearField("parts"), "parts"),
    ("a part without digest", lambda e: e.parts[0].ClearField("digest"), "digest"),
    ("a digest that is too short", lambda e: setattr(e.parts[0].digest, "value", b"1"), "digest.value"),
    (
        "a digest of an algorithm that is not checked here",
        lambda e: setattr(e.parts[0].digest, "algorithm", DigestAlgorithm.DIGEST_ALGORITHM_SM3),
        "SHA-256",
    ),
    ("parts that begin at 1", lambda e: setattr(e.parts[0], "number", 1), "without gaps"),
    ("parts with a gap", lambda e: e.parts.append(part_of(2, b"b")), "without gaps"),
    ("a number twice", lambda e: e.parts.append(part_of(0, b"b")), "without gaps"),
    ("an empty part with the digest of content", lambda e: setattr(e.parts[0], "size_bytes", 0), "size 0"),
]


@pytest.mark.parametrize(("change", "named"), [case[1:] for case in INVALID], ids=[c[0] for c in INVALID])
def test_an_invalid_envelope_is_refused_by_what_is_wrong(change: Change, named: str) -> None:
    envelope = new_envelope()
    open_envelope(signed(envelope), LIMITS)
    change(envelope)
    with pytest.raises(EnvelopeInvalid) as refused:
        open_envelope(signed(envelope), LIMITS)
    assert named in refused.value.facts["why"]


@pytest.mark.parametrize("raw", [b"\xff", b"\x0a\x05ab", b"\x7b"])
def test_bytes_that_are_no_envelope_are_refused(raw: bytes) -> None:
    with pytest.raises(EnvelopeInvalid, match="not an Envelope message"):
        open_envelope(SignedEnvelope(envelope=raw, signature=signature_of(Party.PARTY_POLICE)), LIMITS)


@pytest.mark.parametrize(
    "classification", [Classification.CLASSIFICATION_UNSPECIFIED, Classification.CLASSIFICATION_CLASSIFIED, 7]
)
def test_only_unclassified_packages_enter_however_broken_they_are(
    classification: Classification.ValueType,
) -> None:
    envelope = new_envelope()
    envelope.classification = classification
    for broken in (envelope, Envelope(classification=classification)):
        with pytest.raises(ClassifiedRefused):
            open_envelope(signed(broken), LIMITS)


def test_an_envelope_of_exactly_the_limit_enters_and_one_byte_more_does_not() -> None:
    raw = new_envelope().SerializeToString()
    field = varint(2047 << 3 | 2)
    fill = (
        MAX_ENVELOPE_BYTES - len(raw) - len(field) - 3
    )  # a length of 16,384 and up to 2 MiB takes three bytes
    padded = raw + field + varint(fill) + bytes(fill)
    assert len(padded) == MAX_ENVELOPE_BYTES
    signature = signature_of(Party.PARTY_POLICE)
    assert open_envelope(SignedEnvelope(envelope=padded, signature=signature), LIMITS).raw == padded
    with pytest.raises(PackageTooLarge, match="the envelope in bytes"):
        open_envelope(SignedEnvelope(envelope=padded + b"\0", signature=signature), LIMITS)


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        (Limits(max_parts=1), "the number of parts (附件数) is 2, 1 above the limit of 1;"),
        (Limits(max_manifest_bytes=7), "the manifest in bytes (清单字节数) is 8, 1 above the limit of 7;"),
        (Limits(max_package_bytes=11), "the package in bytes (数据包字节数) is 12, 1 above the limit of 11;"),
    ],
)
def test_a_package_beyond_a_limit_is_refused_with_the_numbers(limits: Limits, named: str) -> None:
    travelled = signed(new_envelope(b"manifest", b"scan"))
    open_envelope(travelled, Limits(max_parts=2, max_manifest_bytes=8, max_package_bytes=12))
    with pytest.raises(PackageTooLarge, match=re.escape(named)):
        open_envelope(travelled, limits)


@given(st.integers(17, 18_999) | st.integers(20_000, 536_870_911), st.binary(max_size=127))
def test_fields_of_a_younger_contract_survive_bit_for_bit_and_count_for_the_seal(
    number: int, content: bytes
) -> None:
    known = new_envelope(b"manifest", b"scan").SerializeToString()
    younger = known + unknown_field(number, content)
    signature = signature_of(Party.PARTY_POLICE)
    package = open_envelope(SignedEnvelope(envelope=younger, signature=signature), LIMITS)
    assert package.signed().envelope == younger
    assert package.seal == hashlib.sha256(younger).digest() != hashlib.sha256(known).digest()


@given(st.data())
def test_any_changed_byte_changes_the_seal_or_is_refused(data: st.DataObject) -> None:
    raw = bytearray(new_envelope(b"manifest", b"scan").SerializeToString())
    seal = hashlib.sha256(raw).digest()
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    travelled = SignedEnvelope(envelope=bytes(raw), signature=signature_of(Party.PARTY_POLICE))
    try:
        package = open_envelope(travelled, LIMITS)
    except (EnvelopeInvalid, ClassifiedRefused, PackageTooLarge):
        return
    assert package.seal != seal


@pytest.mark.parametrize(
    ("size_bytes", "wish", "lane"),
    [
        (INTERACTIVE_LIMIT_BYTES, Lane.LANE_UNSPECIFIED, Lane.LANE_INTERACTIVE),
        (INTERACTIVE_LIMIT_BYTES + 1, Lane.LANE_UNSPECIFIED, Lane.LANE_BULK),
        (INTERACTIVE_LIMIT_BYTES + 1, Lane.LANE_INTERACTIVE, Lane.LANE_BULK),
        (1, Lane.LANE_BULK, Lane.LANE_BULK),
        (1, Lane.LANE_EVIDENCE, Lane.LANE_INTERACTIVE),
    ],
)
def test_large_media_never_travel_ahead_of_small_packages(
    size_bytes: int, wish: Lane.ValueType, lane: Lane.ValueType
) -> None:
    envelope = new_envelope()
    envelope.parts[0].size_bytes, envelope.lane = size_bytes, wish
    assert sealed_package(envelope).lane == lane


def test_the_trace_id_is_that_of_the_sender() -> None:
    envelope = new_envelope()
    assert sealed_package(envelope).trace_id == ""
    envelope.trace_context.traceparent = f"00-{'ab' * 16}-{'cd' * 8}-01"
    envelope.create_time.FromDatetime(NOW)
    assert open_envelope(signed(envelope), LIMITS).trace_id == "ab" * 16
