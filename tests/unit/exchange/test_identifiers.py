"""Identifiers: UUIDs of version 7 that carry their exact millisecond and sort by it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from xietong_exchange.domain.identifiers import uuid7

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
YEARS = timedelta(days=365 * 8000)
MOMENTS = st.timedeltas(timedelta(0), YEARS).map(lambda passed: EPOCH + passed)
ENTROPY = st.binary(min_size=10, max_size=16)


def milliseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


@given(MOMENTS, ENTROPY)
def test_it_is_a_version_7_of_rfc_9562_and_carries_its_millisecond(now: datetime, entropy: bytes) -> None:
    made = uuid7(now, entropy)
    parsed = uuid.UUID(made)
    assert str(parsed) == made == made.lower()
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == milliseconds(now)


@given(MOMENTS, MOMENTS, ENTROPY, ENTROPY)
def test_identifiers_of_different_milliseconds_sort_by_time(
    one: datetime, other: datetime, entropy: bytes, more: bytes
) -> None:
    if milliseconds(one) == milliseconds(other):
        return
    assert (uuid7(one, entropy) < uuid7(other, more)) == (milliseconds(one) < milliseconds(other))


@given(MOMENTS, st.integers(0, 73))
def test_each_of_its_74_random_bits_counts(now: datetime, bit: int) -> None:
    position = bit if bit < 62 else bit + 6  # six bits of the entropy give way to the variant and stay unused
    flipped = (1 << position).to_bytes(10, "big")
    assert uuid7(now, flipped) != uuid7(now, bytes(10))


@given(MOMENTS, ENTROPY, st.integers(-12, 14))
def test_the_zone_of_the_clock_does_not_matter(now: datetime, entropy: bytes, hours: int) -> None:
    elsewhere = now.astimezone(timezone(timedelta(hours=hours)))
    assert uuid7(elsewhere, entropy) == uuid7(now, entropy)
