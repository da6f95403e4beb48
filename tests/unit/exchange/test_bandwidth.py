"""The token bucket: never more than rate × t + burst, never less than that allows, first come first served."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xietong_exchange.domain.bandwidth import LEAST_BURST_BYTES, TokenBucket

ROUNDING_BYTES = 1.0
rates = st.integers(LEAST_BURST_BYTES, 10**9)
takings = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1)), min_size=1, max_size=40)
"""Seconds since the one before, and the size as a fraction of the burst."""


def leave(rate: int, taken: list[tuple[float, float]]) -> tuple[list[float], list[int], list[float]]:
    """When each was taken, its size in bytes, and when it leaves."""
    bucket, now = TokenBucket(rate), 1000.0
    times, sizes, leaving = list[float](), list[int](), list[float]()
    for gap, fraction in taken:
        now += gap
        times.append(now)
        sizes.append(round(fraction * bucket.burst_bytes))
        leaving.append(now + bucket.take(sizes[-1], now))
    return times, sizes, leaving


@given(rates, takings)
def test_in_no_span_of_time_more_leaves_than_the_rate_and_one_burst(
    rate: int, taken: list[tuple[float, float]]
) -> None:
    burst = TokenBucket(rate).burst_bytes
    _, sizes, leaving = leave(rate, taken)
    for first, last in itertools.combinations_with_replacement(range(len(sizes)), 2):
        left = sum(sizes[first : last + 1])
        allowed = rate * (leaving[last] - leaving[first]) + burst
        assert left <= allowed + rate * 1e-9 + ROUNDING_BYTES


@given(rates, takings)
def test_who_came_first_leaves_first_and_never_later_than_that_needs(
    rate: int, taken: list[tuple[float, float]]
) -> None:
    burst = TokenBucket(rate).burst_bytes
    times, sizes, leaving = leave(rate, taken)
    assert leaving == sorted(leaving)
    for last, now in enumerate(times):
        needed = (times[first] + (sum(sizes[first : last + 1]) - burst) / rate for first in range(last + 1))
        assert leaving[last] == pytest.approx(max(now, *needed), abs=1e-6)


@pytest.mark.parametrize("rate", [LEAST_BURST_BYTES, 10**6, 10**9])
def test_after_a_pause_a_quarter_of_a_second_leaves_at_once(rate: int) -> None:
    bucket = TokenBucket(rate)
    assert bucket.burst_bytes == max(LEAST_BURST_BYTES, rate // 4)
    assert bucket.take(bucket.burst_bytes, 0.0) == 0.0
    assert bucket.take(rate, 0.0) == pytest.approx(1.0)
    assert bucket.take(bucket.burst_bytes, 1000.0) == 0.0
