"""The envelope, read once: its seal, its parts, and the checks that need nothing but its bytes.

The bytes are kept as they came; nothing here ever serialises an envelope that somebody else made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from xietong.exchange.v1.envelope_pb2 import (
    Classification,
    DigestAlgorithm,
    Envelope,
    EnvelopePart,
    Lane,
    Signature,
    SignedEnvelope,
)
from xietong_exchange.domain.errors import ClassifiedRefused, EnvelopeInvalid
from xietong_exchange.domain.fields import field_violations, is_time
from xietong_exchange.domain.limits import (
    ENVELOPE,
    MAX_ENVELOPE_BYTES,
    Excess,
    Extent,
    Limits,
    require_within,
)

INTERACTIVE_LIMIT_BYTES = 8 * (1 << 20)
"""Up to this size a package travels in the interactive lane unless its sender says otherwise."""
_EMPTY = hashlib.sha256().digest()


@dataclass(frozen=True)
class SealedPackage:
    """An envelope with its bytes and signature; what every stage works with."""

    envelope: Envelope
    raw: bytes
    signature: Signature

    @cached_property
    def seal(self) -> bytes:
        """The SHA-256 of the envelope's bytes: 32 bytes."""
        return hashlib.sha256(self.raw).digest()

    @property
    def package_id(self) -> str:
        """Identifier of the package."""
        return self.envelope.package_id

    @cached_property
    def size_bytes(self) -> int:
        """Sum of the sizes of all parts, the manifest included."""
        return sum(part.size_bytes for part in self.envelope.parts)

    @property
    def extent(self) -> Extent:
        """How large it is."""
        parts = self.envelope.parts
        return Extent(len(parts), parts[0].size_bytes, self.size_bytes)

    @property
    def lane(self) -> Lane.ValueType:
        """Lane in which it travels."""
        return lane_of(self.size_bytes, self.envelope.lane)

    @property
    def trace_id(self) -> str:
        """W3C trace id, 32 hexadecimal digits, or empty."""
        return self.envelope.trace_context.traceparent[3:35]

    @property
    def digests(self) -> tuple[bytes, ...]:
        """The SHA-256 of its parts, each once."""
        return tuple(dict.fromkeys(part.digest.value for part in self.envelope.parts))

    def part(self, number: int) -> EnvelopePart | None:
        """The part with this number; the numbers have no gaps."""
        return self.envelope.parts[number] if 0 <= number < len(self.envelope.parts) else None

    def signed(self) -> SignedEnvelope:
        """As it travels."""
        return SignedEnvelope(envelope=self.raw, signature=self.signature)


def lane_of(size_bytes: int, wish: Lane.ValueType) -> Lane.ValueType:
    """Lane in which a package of this size travels: by wish, but never large media ahead of small packages."""
    if size_bytes > INTERACTIVE_LIMIT_BYTES or wish == Lane.LANE_BULK:
        return Lane.LANE_BULK
    return Lane.LANE_INTERACTIVE


def read_envelope(raw: bytes, signature: Signature) -> SealedPackage:
    """Read an envelope that was checked before, such as one from the node's own database."""
    return SealedPackage(Envelope.FromString(raw), raw, signature)


def open_envelope(signed: SignedEnvelope, limits: Limits) -> SealedPackage:
    """Read and check an envelope that somebody sends.

    Raises:
        EnvelopeInvalid: it can't be read, breaks a field rule, or its part numbers have gaps.
        ClassifiedRefused: it is not declared unclassified.
        PackageTooLarge: it exceeds a limit of this node.
    """
    if len(signed.envelope) > MAX_ENVELOPE_BYTES:
        raise Excess(ENVELOPE, len(signed.envelope), MAX_ENVELOPE_BYTES).error()
    try:
        package = read_envelope(signed.envelope, signed.signature)
    except DecodeError:
        raise EnvelopeInvalid(why="its bytes are not an Envelope message") from None
    check_envelope(package, limits)
    return package


def check_envelope(package: SealedPackage, limits: Limits) -> None:
    """The checks of `open_envelope` on an envelope that was read."""
    envelope = package.envelope
    if envelope.classification != Classification.CLASSIFICATION_UNCLASSIFIED:
        raise ClassifiedRefused
    if violations := field_violations(envelope):
        raise EnvelopeInvalid(why=f"{violations[0].path}: {violations[0].text_en}")
    if [part.number for part in envelope.parts] != list(range(len(envelope.parts))):
        raise EnvelopeInvalid(why="part numbers must be 0, 1, 2, … without gaps")
    for path, moment in _times(envelope):
        if not is_time(moment):
            raise EnvelopeInvalid(why=f"{path} is no time between the years 1 and 9999")
    if any(part.digest.algorithm != DigestAlgorithm.DIGEST_ALGORITHM_SHA256 for part in envelope.parts):
        raise EnvelopeInvalid(why="this node checks SHA-256 only, as its capabilities say")
    if any(not part.size_bytes and part.digest.value != _EMPTY for part in envelope.parts):
        raise EnvelopeInvalid(why="a part of size 0 has the digest of some content")
    require_within(package.extent, limits)


def _times(envelope: Envelope) -> Iterator[tuple[str, Timestamp]]:
    yield "create_time", envelope.create_time
    for position, event in enumerate(envelope.supervision.events):
        yield f"supervision.events[{position}].time", event.time


def twins(package: SealedPackage) -> frozenset[int]:
    """Parts whose content an earlier part of the same package has: they arrive with it.

    Raises:
        EnvelopeInvalid: the same digest is announced with two sizes.
    """
    first: dict[bytes, EnvelopePart] = {}
    for part in package.envelope.parts:
        if first.setdefault(part.digest.value, part).size_bytes != part.size_bytes:
            raise EnvelopeInvalid(why=f"part {part.number} has the digest of another part, but another size")
    return frozenset(
        part.number for part in package.envelope.parts if first[part.digest.value].number != part.number
    )
