"""Identifiers that the exchange mints: UUIDs of version 7 (RFC 9562), time and randomness given by the caller."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def uuid7(now: datetime, entropy: bytes) -> str:
    """A UUID version 7 of `now` (millisecond precision) and at least ten bytes of randomness, in lower case."""
    milliseconds = (now - _EPOCH) // timedelta(milliseconds=1)  # Floating point would miss some by one.
    random_bits = int.from_bytes(entropy[:10], "big")
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76 | (random_bits >> 68) << 64
    value |= 0b10 << 62 | (random_bits & 0x3FFF_FFFF_FFFF_FFFF)
    return str(uuid.UUID(int=value))
