"""The statistics of the benchmark: paired ratios, medians, intervals, and how many rounds a budget allows."""

import math
import random
from collections import Counter

import pytest
from bench.pairing import Budget, Estimate, in_rounds, pair, paired_ratios, percentile


def test_ratios_are_taken_round_by_round() -> None:
    # Both slow down by ten in the second round: the ratio of the medians would hide that nothing changed.
    assert paired_ratios([2.0, 20.0, 3.0], [1.0, 10.0, 1.5]) == [2.0, 2.0, 2.0]


def test_a_round_without_its_peer_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        paired_ratios([1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    ("count", "low", "high", "confidence"),
    [
        (1, 1, 1, 0.0),
        (2, 1, 2, 0.5),
        (3, 1, 3, 0.75),
        (5, 1, 5, 0.9375),
        (6, 1, 6, 0.96875),
        (10, 2, 9, 1 - 22 / 1024),
        (20, 6, 15, 0.9586),
    ],
)
def test_intervals_are_those_of_the_sign_test(count: int, low: int, high: int, confidence: float) -> None:
    values = [float(value) for value in range(1, count + 1)]
    random.Random(count).shuffle(values)
    estimate = Estimate.of(values)
    assert (estimate.low, estimate.high, estimate.count) == (low, high, count)
    assert estimate.confidence == pytest.approx(confidence, abs=1e-4)
    assert estimate.median == (count + 1) / 2


def test_the_interval_covers_the_true_median_as_often_as_it_says() -> None:
    chance, tries = random.Random(7), 4000
    estimates = [Estimate.of([chance.expovariate(1) for _ in range(10)]) for _ in range(tries)]
    covered = sum(estimate.low <= math.log(2) <= estimate.high for estimate in estimates)
    assert covered / tries == pytest.approx(estimates[0].confidence, abs=0.01)


def test_one_outlier_moves_neither_median_nor_interval() -> None:
    calm = [1.0, 1.01, 1.02, 1.03, 1.04, 1.05, 1.06, 1.07, 1.08, 1.09]
    assert Estimate.of([*calm[:-1], 50.0]) == Estimate.of(calm)


def test_nothing_can_be_estimated_from_nothing() -> None:
    with pytest.raises(ValueError, match="at least one round"):
        Estimate.of([])


def test_percentiles_lie_between_the_nearest_values() -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], 50) == 2.5
    assert percentile([float(value) for value in range(101)], 99) == 99
    assert percentile([5.0], 95) == 5


@pytest.mark.parametrize(
    ("done", "elapsed_seconds", "allowed"),
    [(0, 0, True), (1, 1000, True), (2, 60, True), (2, 80, False), (4, 80, True), (10, 10, False)],
)
def test_a_budget_allows_the_rounds_that_fit(done: int, elapsed_seconds: float, *, allowed: bool) -> None:
    assert Budget(seconds=100, rounds=10, least_rounds=2).allows(done, elapsed_seconds) is allowed


async def test_rounds_are_played_in_either_order_and_results_stay_in_place() -> None:
    order: list[str] = []

    async def ours() -> int:
        order.append("ours")
        return 1

    async def peer() -> str:
        order.append("peer")
        return "peer"

    results = await in_rounds(Budget(60, rounds=40), lambda: pair(ours, peer, random.Random(len(order))))
    assert results == [(1, "peer")] * 40
    assert set(Counter(order[::2])) == {"ours", "peer"}
