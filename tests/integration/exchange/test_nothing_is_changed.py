"""What a hub carries it does not change: arbitrary bytes, and messages of any future schema, arrive bit for bit."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Final

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.exchange.hostile_neighbour import Forged, HostileNode, envelope_of, hostile_node
from tests.integration.exchange.shared_city import BOUND_SECONDS, CityUnderAttack, seen_at_hub

from xietong.exchange.v1.envelope_pb2 import Envelope, Party, Signature, SignedEnvelope
from xietong.exchange.v1.package_pb2 import Package

pytestmark = pytest.mark.asyncio(loop_scope="session")

EXAMPLES: Final = 25
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
"""Wire types (https://protobuf.dev/programming-guides/encoding/)."""
_FIRST_FUTURE_FIELD: Final = 500
"""The contract of today is far from it."""
_LAST_FIELD: Final = (1 << 29) - 1
_RESERVED: Final = range(19_000, 20_000)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def _field(number: int, value: int | bytes) -> bytes:
    """A field of the future: a number as a varint, eight or four bytes as they are, other bytes with their length."""
    if isinstance(value, int):
        return _varint(number << 3 | _VARINT) + _varint(value)
    if len(value) in (4, 8):
        return _varint(number << 3 | (_FIXED32 if len(value) == 4 else _FIXED64)) + value
    return _varint(number << 3 | _LENGTH) + _varint(len(value)) + value


numbers = st.integers(_FIRST_FUTURE_FIELD, _LAST_FIELD).filter(lambda number: number not in _RESERVED)
values = st.one_of(st.integers(0, (1 << 64) - 1), st.binary(max_size=300))
future = st.lists(st.builds(_field, numbers, values), max_size=4).map(b"".join)
"""Fields that nobody here knows, serialised."""
contents = st.one_of(
    st.binary(max_size=200),
    # larger than what is held back as small, than a chunk, and just around these bounds
    st.builds(
        lambda seed, size: random.Random(seed).randbytes(size),
        st.integers(),
        st.sampled_from([65_535, 65_537, (1 << 20) - 1, (1 << 20) + 1, 2_200_000]),
    ),
)


@dataclass(frozen=True)
class Future:
    """A package of a contract to come."""

    contents: list[bytes]
    """Manifest and parts: any bytes at all, and rarely a message of today."""
    before: bytes
    after: bytes
    """What the envelope has before and after the fields that are known."""
    in_receiver: bytes
    in_part: bytes
    in_signature: bytes

    def sealed_by(self, node: HostileNode) -> Forged:
        envelope = envelope_of(self.contents)
        envelope.receiver.MergeFromString(self.in_receiver)
        envelope.parts[-1].MergeFromString(self.in_part)
        raw = self.before + envelope.SerializeToString() + self.after
        signature = Signature.FromString(
            node.notary.sign("Envelope", raw).SerializeToString() + self.in_signature
        )
        signed = SignedEnvelope(envelope=raw, signature=signature)
        return Forged(Envelope.FromString(raw), tuple(self.contents), signed)


futures = st.builds(
    Future,
    contents=st.lists(contents, min_size=1, max_size=4),
    before=future,
    after=future,
    in_receiver=future,
    in_part=future,
    in_signature=future,
)


@pytest_asyncio.fixture(loop_scope="session")
async def court(steadfast: CityUnderAttack) -> HostileNode:
    """The sender's node, which speaks a contract of its own."""
    return await hostile_node(steadfast)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # the city is meant to be the same for all
)
@given(package=futures)
async def test_bytes_in_are_bytes_out(
    steadfast: CityUnderAttack, court: HostileNode, package: Future
) -> None:
    sent = package.sealed_by(court)
    assert (await court.bring(sent)).HasField("acceptance")

    receiver = await steadfast.agency(Party.PARTY_PROCURATORATE, "prosecution")
    async with asyncio.timeout(BOUND_SECONDS):
        got = await receiver.arrived(sent.package_id)
        received = [await receiver.read(sent.package_id, number) for number in range(len(sent.contents))]
    assert received == package.contents
    _require_same_envelope(got, sent)
    at_hub = await seen_at_hub(steadfast, sent.package_id)
    assert at_hub is not None
    _require_same_envelope(at_hub, sent)


def _require_same_envelope(package: Package, sent: Forged) -> None:
    """As bytes: two messages are equal for protobuf also where they differ in what it does not know."""
    assert package.envelope.envelope == sent.signed.envelope
    assert package.envelope.signature.SerializeToString() == sent.signed.signature.SerializeToString()
    assert package.seal.value == sent.seal
