"""Rounds of pairs in random order, and what they say: the median with an interval that assumes no distribution.

Machines are noisy, so ours and the peer's run right after one another, and only their ratio is compared.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

CONFIDENCE = 0.95
Ours = TypeVar("Ours")
Peer = TypeVar("Peer")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A median and an interval that holds the true one with this confidence."""

    median: float
    low: float
    high: float
    confidence: float
    """At least 0.95 from six values on; what fewer values give is said, not rounded up. 0 for a single value."""
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Estimate:
        """The sign test's interval: the k-th smallest to the k-th largest value, k as large as 95 % allow.

        With ten values that is the second to the ninth (97.9 %). Raises ValueError without values.
        """
        if not values:
            raise ValueError("no values to estimate from: run at least one round")
        ordered = sorted(values)
        rank = _rank(len(ordered))
        low, high = ordered[rank - 1], ordered[-rank]
        return cls(percentile(ordered, 50), low, high, _confidence(len(ordered), rank), len(ordered))


def _rank(count: int) -> int:
    fitting = (rank for rank in range(count // 2, 0, -1) if _confidence(count, rank) >= CONFIDENCE)
    return next(fitting, 1)


def _confidence(count: int, rank: int) -> float:
    """How surely the median lies between the rank-th smallest and the rank-th largest of so many values."""
    outside: float = sum(math.comb(count, below) for below in range(rank)) / 2**count
    return max(0.0, 1 - 2 * outside)


def percentile(values: Sequence[float], percent: float) -> float:
    """Between the two nearest values, in proportion; 50 is the median."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def paired_ratios(ours: Sequence[float], peer: Sequence[float]) -> list[float]:
    """Ours by the peer's, round by round. Raises ValueError when a round lacks one of them."""
    return [mine / theirs for mine, theirs in zip(ours, peer, strict=True)]


async def pair(
    ours: Callable[[], Awaitable[Ours]], peer: Callable[[], Awaitable[Peer]], chance: random.Random
) -> tuple[Ours, Peer]:
    """Both, one after the other, in random order."""
    if chance.random() < 0.5:  # noqa: PLR2004 - a coin
        mine = await ours()
        return mine, await peer()
    theirs = await peer()
    return await ours(), theirs


@dataclass(frozen=True, slots=True)
class Budget:
    """How many rounds, and how long they may take together."""

    seconds: float
    rounds: int = 10
    least_rounds: int = 2

    def allows(self, done: int, elapsed_seconds: float) -> bool:
        """Whether another round, as long as those before, fits."""
        if done < self.least_rounds:
            return True
        return done < self.rounds and elapsed_seconds * (done + 1) / done <= self.seconds


async def in_rounds(budget: Budget, play: Callable[[], Awaitable[Result]]) -> list[Result]:
    """The results of as many rounds as the budget allows."""
    start = time.monotonic()
    results: list[Result] = []
    while budget.allows(len(results), time.monotonic() - start):
        results.append(await play())
    return results
