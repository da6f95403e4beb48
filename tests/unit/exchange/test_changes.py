"""Waiting for changes: no news is lost between two looks, others' news wakes nobody, and a stop wakes everybody."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xietong_exchange.domain.errors import ShuttingDown
from xietong_exchange.flow.changes import INBOX, OUTBOX, Changes

LONG_SECONDS = 30.0
"""Far beyond what a wake-up takes: a test that needs it has missed its news."""


async def test_news_that_come_between_two_looks_are_not_lost() -> None:
    changes = Changes()
    with changes.subscribe(INBOX) as news:
        changes.announce(INBOX)
        assert await news.wait(LONG_SECONDS)
        changes.announce(INBOX)
        changes.announce(INBOX)
        assert await news.wait(LONG_SECONDS)
        assert not await news.wait(0)


async def test_every_waiting_look_wakes_at_once() -> None:
    changes = Changes()
    with changes.subscribe("a") as one, changes.subscribe("a", OUTBOX) as other:
        waiting = asyncio.gather(one.wait(LONG_SECONDS), other.wait(LONG_SECONDS))
        begin = time.monotonic()
        changes.announce("a")
        assert all(await waiting)
        assert time.monotonic() - begin < LONG_SECONDS / 2


async def test_news_of_other_topics_and_before_the_subscription_wake_nobody() -> None:
    changes = Changes()
    changes.announce("a")
    with changes.subscribe("a") as news:
        changes.announce("b", INBOX)
        assert not await news.wait(0)


async def test_nothing_is_kept_of_those_who_left() -> None:
    changes = Changes()
    with pytest.raises(RuntimeError, match="left"), changes.subscribe("a", INBOX):
        raise RuntimeError("left")
    assert not changes._waiting
    changes.announce("a")


@given(st.lists(st.sampled_from(["announce", "look"])))
def test_a_look_sees_news_exactly_when_there_are_some(steps: list[str]) -> None:
    async def run() -> None:
        changes, unseen = Changes(), False
        with changes.subscribe("a") as news:
            for step in steps:
                if step == "announce":
                    changes.announce("a")
                    unseen = True
                else:
                    assert await news.wait(LONG_SECONDS if unseen else 0) is unseen
                    unseen = False

    asyncio.run(run())


async def test_a_stop_wakes_those_who_wait() -> None:
    changes = Changes()
    with changes.subscribe("a") as one, changes.subscribe(INBOX) as other:
        waiting = asyncio.gather(one.wait(LONG_SECONDS), other.wait(LONG_SECONDS), return_exceptions=True)
        await asyncio.sleep(0)
        changes.close()
        async with asyncio.timeout(LONG_SECONDS / 2):
            ended = await waiting
    assert [type(one) for one in ended] == [ShuttingDown, ShuttingDown]


async def test_who_subscribes_after_the_stop_does_not_wait_either() -> None:
    changes = Changes()
    changes.close()
    with changes.subscribe("a") as news:
        for _ in range(2):
            with pytest.raises(ShuttingDown):
                async with asyncio.timeout(LONG_SECONDS / 2):
                    await news.wait(LONG_SECONDS)
