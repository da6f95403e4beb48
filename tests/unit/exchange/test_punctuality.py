"""The arrival clock, with an injected time: on time, slow, stalled, overdue, and what it makes of each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.exchange.packages import NOW

from xietong.exchange.v1.package_pb2 import DeliveryState as State
from xietong_exchange.domain.punctuality import (
    Journey,
    Patience,
    Punctuality,
    is_undecided_for_long,
    punctuality,
)

MINUTE = timedelta(minutes=1)
PATIENCE = Patience(processes={"PB-01": (timedelta(hours=1), timedelta(days=1))})
SENT = Journey(
    process_code="PB-02",
    state=State.DELIVERY_STATE_SUBMITTED,
    state_time=NOW,
    submit_time=NOW,
    moved_time=NOW,
    expected=None,
)
RELAYED, DELIVERED = State.DELIVERY_STATE_RELAYED, State.DELIVERY_STATE_DELIVERED
RETRIEVED, PARSED = State.DELIVERY_STATE_RETRIEVED, State.DELIVERY_STATE_PARSED


def minutes(count: float) -> timedelta:
    return count * MINUTE


@pytest.mark.parametrize(
    ("changes", "after", "wanted"),
    [
        ({}, 0, Punctuality.ON_TIME),
        ({}, -60, Punctuality.ON_TIME),  # a clock that runs behind
        ({}, 2.9, Punctuality.ON_TIME),
        ({}, 3, Punctuality.STALLED),
        ({"moved_time": NOW + minutes(60)}, 62, Punctuality.ON_TIME),
        ({"moved_time": NOW + minutes(60), "expected": minutes(10)}, 62, Punctuality.SLOW),
        ({"moved_time": NOW + minutes(20), "expected": minutes(10)}, 22, Punctuality.ON_TIME),
        ({"moved_time": NOW + minutes(149)}, 150, Punctuality.OVERDUE),
        ({"process_code": "PB-01", "moved_time": NOW + minutes(59)}, 60, Punctuality.OVERDUE),
        ({"state": RELAYED, "is_watched": False, "expected": minutes(10)}, 22, Punctuality.ON_TIME),
        ({"state": RELAYED, "is_watched": False, "expected": minutes(10)}, 23, Punctuality.STALLED),
        ({"state": RELAYED, "is_watched": False}, 3, Punctuality.STALLED),
        ({"state": DELIVERED}, 14, Punctuality.ON_TIME),
        ({"state": DELIVERED}, 15, Punctuality.STALLED),
        ({"state": RETRIEVED}, 150, Punctuality.OVERDUE),
        ({"state": PARSED}, 10_000, Punctuality.ARRIVED),
        ({"state": State.DELIVERY_STATE_WITHDRAWN}, 10_000, Punctuality.ARRIVED),
    ],
)
def test_the_clock(changes: dict[str, object], after: float, wanted: Punctuality) -> None:
    journey = replace(SENT, **changes)  # type: ignore[arg-type]  # a test names real fields
    assert punctuality(journey, PATIENCE, NOW + minutes(after)) is wanted


def test_the_second_alarm_is_for_what_was_parsed_and_has_a_limit() -> None:
    parsed = replace(SENT, process_code="PB-01", state=PARSED)
    day = timedelta(days=1)
    assert not is_undecided_for_long(parsed, PATIENCE, NOW + day - MINUTE)
    assert is_undecided_for_long(parsed, PATIENCE, NOW + day)
    assert not is_undecided_for_long(replace(parsed, process_code="PB-02"), PATIENCE, NOW + 100 * day)
    assert not is_undecided_for_long(replace(parsed, state=RETRIEVED), PATIENCE, NOW + 100 * day)


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.sampled_from(State.values()))
def test_what_is_overdue_stays_so(early: int, later: int, state: State.ValueType) -> None:
    journey = replace(SENT, state=state)
    if punctuality(journey, PATIENCE, NOW + minutes(early)) is Punctuality.OVERDUE:
        assert punctuality(journey, PATIENCE, NOW + minutes(early + later)) is Punctuality.OVERDUE
