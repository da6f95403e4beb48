"""When to try a delivery again, and when to give it up: time without progress counts, not time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off; jitter takes up to half of a pause. Times in seconds."""

    first_delay_seconds: float = 0.5
    longest_delay_seconds: float = 60.0
    give_up_after: timedelta = timedelta(hours=72)
    """Standstill after which a delivery becomes a dead letter."""
    lease_seconds: float = 15.0
    """How long a delivery belongs to a worker that gives no sign of life: after a kill it rests so long."""

    def delay_seconds(self, attempts: int, chance: float) -> float:
        """Pause after the given number of failed attempts; `chance` in [0, 1) spreads the callers."""
        ceiling = min(
            self.longest_delay_seconds, self.first_delay_seconds * 2.0 ** min(max(attempts - 1, 0), 30)
        )
        return ceiling * (0.5 + chance / 2)

    def is_hopeless(self, progress_time: datetime, now: datetime) -> bool:
        """True when nothing has moved for too long."""
        return now - progress_time > self.give_up_after
