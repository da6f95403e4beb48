"""How fast bytes may leave: a token bucket, told the time by its caller."""

from __future__ import annotations

from dataclasses import dataclass, field

BURST_SECONDS = 0.25
"""What may leave at once after a pause, as time at the full rate."""
LEAST_BURST_BYTES = 1 << 14
"""Holds a chunk that is still worth its frame."""


@dataclass(slots=True)
class TokenBucket:
    """In any `t` seconds at most `bytes_per_second` × t + `burst_bytes` leave, and nothing waits longer than it must.

    Who takes first leaves first, so those who send by turns share the rate evenly.
    """

    bytes_per_second: int
    burst_bytes: int = field(init=False)
    _tokens: float = field(init=False)
    """Bytes that may leave now; less than none when what was taken still waits for its time."""
    _time: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.burst_bytes = max(LEAST_BURST_BYTES, round(self.bytes_per_second * BURST_SECONDS))
        self._tokens = self.burst_bytes

    def take(self, size_bytes: int, now: float) -> float:
        """Take so many bytes, `burst_bytes` at most; returns the seconds after `now` at which they may leave.

        `now` is of a clock in seconds that never goes back.
        """
        if self._time is not None:
            earned = (now - self._time) * self.bytes_per_second
            self._tokens = min(self.burst_bytes, self._tokens + earned)
        self._time = now
        self._tokens -= size_bytes
        return max(0.0, -self._tokens / self.bytes_per_second)
