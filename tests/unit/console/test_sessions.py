"""Sessions end in time, and who guesses passwords has to wait longer and longer."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from xietong_console import sessions
from xietong_console.accounts import NOBODY
from xietong_console.sessions import FREE_FAILURES, LONGEST_WAIT_SECONDS, Sessions, Throttle


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def make(clock: Clock) -> Sessions:
    return Sessions(clock, idle_seconds=10, longest_seconds=25)


def test_a_session_lasts_as_long_as_it_is_used_and_no_longer() -> None:
    clock = Clock()
    known = make(clock)
    secret = known.begin(NOBODY)
    for _ in range(2):
        clock.now += 10
        assert known.get(secret) is not None
    clock.now += 6  # seen six seconds ago, but it began 26 seconds ago
    assert known.get(secret) is None


def test_an_idle_session_ends_also_when_a_page_follows_something() -> None:
    clock = Clock()
    known = make(clock)
    secret = known.begin(NOBODY)
    clock.now += 9
    assert known.get(secret, touch=False) is not None
    clock.now += 2
    assert known.get(secret, touch=False) is None


def test_logging_out_ends_one_session() -> None:
    known = make(Clock())
    one, other = known.begin(NOBODY), known.begin(NOBODY)
    known.end(one)
    assert known.get(one) is None
    assert known.get(other) is not None
    assert known.get("") is None


def test_a_form_is_confirmed_by_its_own_session_alone() -> None:
    known = make(Clock())
    one, other = (known.get(known.begin(NOBODY)) for _ in range(2))
    assert one is not None
    assert other is not None
    assert one.confirms(one.csrf)
    assert not one.confirms(other.csrf)
    assert not one.confirms("é")


def test_there_are_only_so_many_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_SESSIONS", 2)
    clock = Clock()
    known = make(clock)
    secrets = []
    for _ in range(3):
        clock.now += 1
        secrets.append(known.begin(NOBODY))
    assert [known.get(secret) is not None for secret in secrets] == [False, True, True]


def test_guessing_gets_slower_and_slower_up_to_a_bound() -> None:
    clock = Clock()
    throttle = Throttle(clock, FREE_FAILURES)
    waits = []
    for _ in range(FREE_FAILURES + 12):
        throttle.failed("name ann")
        waits.append(throttle.wait_seconds("name ann"))
    assert waits[: FREE_FAILURES - 1] == [0.0] * (FREE_FAILURES - 1)
    assert waits[FREE_FAILURES - 1 :] == sorted(waits[FREE_FAILURES - 1 :])
    assert waits[FREE_FAILURES - 1] == 1.0
    assert waits[-1] == LONGEST_WAIT_SECONDS
    assert throttle.wait_seconds("name bob") == 0.0
    clock.now += LONGEST_WAIT_SECONDS
    assert throttle.wait_seconds("name ann") == 0.0
    throttle.failed("name ann")
    assert throttle.wait_seconds("name ann") == LONGEST_WAIT_SECONDS
    clock.now += 2 * LONGEST_WAIT_SECONDS + 1
    throttle.failed("name ann")
    assert throttle.wait_seconds("name ann") == 0.0, "what was long ago counts no more"


def test_the_right_password_ends_the_waiting() -> None:
    throttle = Throttle(Clock(), FREE_FAILURES)
    for _ in range(FREE_FAILURES):
        throttle.failed("name ann")
    throttle.succeeded("name ann")
    assert throttle.wait_seconds("name ann") == 0.0


def test_names_that_nobody_has_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_TROUBLED", 3)
    throttle = Throttle(Clock(), FREE_FAILURES)
    for number in range(9):
        for _ in range(FREE_FAILURES):
            throttle.failed(f"name {number}")
    waiting = [number for number in range(9) if throttle.wait_seconds(f"name {number}") > 0]
    assert waiting == [6, 7, 8]
