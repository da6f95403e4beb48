"""Sizes, spans and moments as people read them."""

from __future__ import annotations

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong_console import words


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536 << 10, "1.5 MiB"),
        (3 << 40, "3.0 TiB"),
        (1 << 60, "1048576.0 TiB"),
    ],
)
def test_sizes(count: int, said: str) -> None:
    assert words.size(count) == said


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (-1, "0 毫秒", "0 ms"),
        (0.25, "250 毫秒", "250 ms"),
        (59.94, "59.9 秒", "59.9 s"),
        (61, "1 分 1 秒", "1 min 1 s"),
        (2.5 * 3600, "2 小时 30 分", "2 h 30 min"),
        (90000, "1 天 1 小时", "1 d 1 h"),
    ],
)
def test_spans(seconds: float, zh: str, en: str) -> None:
    text = words.duration(seconds)
    assert (text.zh, text.en) == (zh, en)


def test_moments_are_those_of_china() -> None:
    assert words.clock(Timestamp(seconds=1_772_409_600)) == "2026-03-02 08:00:00"


@pytest.mark.parametrize(
    "stamp", [None, Timestamp(), Timestamp(seconds=1 << 60), Timestamp(seconds=-(1 << 60))]
)
def test_what_is_no_moment_is_a_dash(stamp: Timestamp | None) -> None:
    assert words.clock(stamp) == "—"


def test_every_state_that_a_package_can_have_has_a_word() -> None:
    assert {state for state in DeliveryState.values() if state > 1} == set(words.STATES)
