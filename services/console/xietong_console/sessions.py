"""Who is logged in, and who tries too often: in memory, bounded, gone with the process."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from xietong_console.accounts import Account

MOST_SESSIONS = 10_000
MOST_TROUBLED = 10_000
FREE_FAILURES = 5
"""Wrong passwords for one name before it has to wait."""
FREE_FAILURES_OF_ADDRESS = 30
"""The same from one address, behind which there may be many people."""
LONGEST_WAIT_SECONDS = 15 * 60.0

Clock = Callable[[], float]
"""Seconds that only go forward."""


@dataclass(slots=True)
class Session:
    """One browser of one account."""

    account: Account
    begin: float
    seen: float
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    def confirms(self, token: str) -> bool:
        """Whether a form came from a page of this session."""
        return hmac.compare_digest(token.encode(), self.csrf.encode())


class Sessions:
    """The sessions by their secret, which only the browser has."""

    def __init__(self, clock: Clock, *, idle_seconds: float, longest_seconds: float) -> None:
        self._clock = clock
        self._idle_seconds = idle_seconds
        self._longest_seconds = longest_seconds
        self._sessions: dict[str, Session] = {}

    def begin(self, account: Account) -> str:
        """A new session; returns its secret. When there are too many, the one not seen for longest ends."""
        now = self._clock()
        if len(self._sessions) >= MOST_SESSIONS:
            del self._sessions[min(self._sessions, key=lambda secret: self._sessions[secret].seen)]
        secret = secrets.token_urlsafe(32)
        self._sessions[secret] = Session(account, now, now)
        return secret

    def get(self, secret: str, *, touch: bool = True) -> Session | None:
        """The session with this secret, unless its time is over. A page that follows something does not `touch` it."""
        session = self._sessions.get(secret)
        if session is None:
            return None
        now = self._clock()
        if now - session.seen > self._idle_seconds or now - session.begin > self._longest_seconds:
            self.end(secret)
            return None
        if touch:
            session.seen = now
        return session

    def end(self, secret: str) -> None:
        """Log out."""
        self._sessions.pop(secret, None)


class Throttle:
    """Slows down guessing: after some failures every further one doubles the wait. Who fails no more is forgotten."""

    def __init__(self, clock: Clock, free_failures: int) -> None:
        self._clock = clock
        self._free_failures = free_failures
        self._failures: dict[str, tuple[int, float]] = {}

    def wait_seconds(self, key: str) -> float:
        """How long this name or address has to wait; 0 when it may try."""
        count, last = self._recent(key)
        if count < self._free_failures:
            return 0.0
        wait = min(2.0 ** min(count - self._free_failures, 20), LONGEST_WAIT_SECONDS)
        return max(0.0, last + wait - self._clock())

    def failed(self, key: str) -> None:
        """A try with a wrong password."""
        count, _ = self._recent(key)
        self._failures.pop(key, None)
        while len(self._failures) >= MOST_TROUBLED:
            del self._failures[next(iter(self._failures))]  # the one that has not failed for longest
        self._failures[key] = (count + 1, self._clock())

    def succeeded(self, key: str) -> None:
        """The right password: what was before is forgotten."""
        self._failures.pop(key, None)

    def _recent(self, key: str) -> tuple[int, float]:
        """How often it failed, and when last; nothing when that is long ago."""
        count, last = self._failures.get(key, (0, 0.0))
        return (count, last) if self._clock() - last <= 2 * LONGEST_WAIT_SECONDS else (0, 0.0)
