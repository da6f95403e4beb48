"""The expected arrival: from what was observed, never from nothing, and by one clock for each hop."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.exchange.packages import NOW

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind, Statement
from xietong_exchange.domain.evidence import stage
from xietong_exchange.domain.throughput import RECENT, Arrival, Passage, expected_arrival, passage_of

COURT, PROCURATORATE = Party.PARTY_COURT, Party.PARTY_PROCURATORATE
BULK, INTERACTIVE = Lane.LANE_BULK, Lane.LANE_INTERACTIVE
MEGABYTE = 1_000_000


def passage(
    size: int,
    seconds: float,
    *,
    receiver: Party.ValueType = COURT,
    ago: float = 0.0,
    **changes: Lane.ValueType,
) -> Passage:
    """A package that ended so many seconds ago."""
    end = NOW - timedelta(seconds=ago)
    return Passage(
        receiver=receiver,
        lane=changes.get("lane", BULK),
        size_bytes=size,
        seconds=seconds,
        begin=end - timedelta(seconds=seconds),
        end=end,
    )


def expected(
    *passages: Passage, size: int = 10 * MEGABYTE, ahead: int = 0, receiver: Party.ValueType = COURT
) -> Arrival | None:
    return expected_arrival(
        passages, receiver=receiver, lane=BULK, size_bytes=size, bytes_ahead=ahead, now=NOW
    )


def hop(kind: EvidenceKind.ValueType, seconds: float, *, waited: bool = True, skew: float = 0.0) -> Statement:
    begin = NOW + timedelta(seconds=skew)
    half, end = begin + timedelta(seconds=seconds / 2), begin + timedelta(seconds=seconds)
    stages = [stage("transfer", begin, half), stage("commit", half, end)]
    return Statement(kind=kind, stages=[stage("queue", begin, begin), *stages] if waited else stages)


def test_nothing_is_expected_where_nothing_was_observed() -> None:
    assert expected() is None
    assert expected(passage(MEGABYTE, 1, lane=INTERACTIVE)) is None
    assert expected(passage(MEGABYTE, 1, ago=RECENT.total_seconds() + 1)) is None


def test_a_package_goes_as_fast_as_recent_ones_to_the_same_receiver() -> None:
    slow = passage(MEGABYTE, 100, receiver=PROCURATORATE)
    arrival = expected(passage(20 * MEGABYTE, 10), slow)
    assert arrival == Arrival(seconds=5.0, bytes_per_second=2 * MEGABYTE, observed=1, same_receiver=True)
    elsewhere = expected(passage(20 * MEGABYTE, 10), receiver=PROCURATORATE)
    assert elsewhere is not None
    assert not elsewhere.same_receiver


def test_what_is_recent_counts_more() -> None:
    arrival = expected(passage(MEGABYTE, 10, ago=36_000), passage(MEGABYTE, 1))
    assert arrival is not None
    assert arrival.bytes_per_second > 0.98 * MEGABYTE


def test_a_package_is_not_faster_than_a_smaller_one() -> None:
    arrival = expected(passage(100 * MEGABYTE, 1), passage(1, 2), size=2)
    assert arrival is not None
    assert arrival.seconds == 2.0


def test_the_queue_before_it_goes_as_fast_as_the_lane() -> None:
    at_once = passage(10 * MEGABYTE, 10), passage(10 * MEGABYTE, 10)  # side by side: 2 MB per second together
    alone, queued = expected(*at_once), expected(*at_once, ahead=20 * MEGABYTE)
    assert alone is not None
    assert queued is not None
    assert queued.seconds - alone.seconds == pytest.approx(10.0)


def test_the_way_is_the_sum_of_its_hops_unless_they_overlap() -> None:
    relayed = hop(EvidenceKind.EVIDENCE_KIND_RELAYED, 4)
    kinds = EvidenceKind.EVIDENCE_KIND_DELIVERED
    for delivered, seconds in (
        (hop(kinds, 3, skew=-5000), 7.0),
        (hop(kinds, 3, waited=False, skew=5000), 4.0),
    ):
        found = passage_of([relayed, delivered], size_bytes=1, receiver=COURT, lane=BULK)
        assert found is not None
        assert found.seconds == seconds
        assert found.end - found.begin == timedelta(seconds=4)


def test_a_way_of_which_a_hop_is_not_known_is_no_passage() -> None:
    relayed = hop(EvidenceKind.EVIDENCE_KIND_RELAYED, 4)
    assert passage_of([relayed], size_bytes=1, receiver=COURT, lane=BULK) is None
    silent = Statement(kind=EvidenceKind.EVIDENCE_KIND_DELIVERED)
    assert passage_of([relayed, silent], size_bytes=1, receiver=COURT, lane=BULK) is None


@given(
    st.lists(st.tuples(st.integers(1, 1 << 40), st.floats(0.001, 1e6), st.floats(0, 1e5)), min_size=1),
    st.integers(0, 1 << 40),
)
def test_a_longer_queue_never_lets_it_arrive_earlier(
    seen: list[tuple[int, float, float]], ahead: int
) -> None:
    passages = [passage(size, seconds, ago=ago) for size, seconds, ago in seen]
    arrival, later = expected(*passages, ahead=ahead), expected(*passages, ahead=ahead + MEGABYTE)
    assert arrival is not None
    assert later is not None
    assert 0 < arrival.seconds <= later.seconds
