"""Notices of deadlines at the hub: each warning and each end once, by case, also after a restart."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from tests.integration.store.records import new_id
from tests.integration.supervision.clock_cases import CASE, PROCURATORATE, Hub, detention
from tests.integration.supervision.mailbox import Mailbox
from tests.unit.standard.clock_events import moment

from xietong_exchange.supervision.deadline_notices import MOST_TOLD, DeadlineNews
from xietong_exchange.supervision.deadline_watch import DeadlineWatch
from xietong_exchange.supervision.notices import Notifier, NotTold

DETAINED = detention("2026-03-01 22:00", "p1")
PROSECUTORS = "检-017"


@dataclass
class Told:
    """The hub, and what it tells."""

    hub: Hub
    mailbox: Mailbox = field(default_factory=Mailbox)

    async def by(self, now: str) -> list[dict[str, Any]]:
        """What is told new by then, of clocks of the procuratorate alone; by a process that has just begun."""
        self.hub.now = now
        watch = DeadlineWatch(self.hub.exchange, self.hub.desk, round_seconds=1.0)
        news = [DeadlineNews(self.hub.exchange)]
        notifier = Notifier(exchange=self.hub.exchange, news=news, endpoint=self.mailbox, per_minute=600_000)
        before = len(self.mailbox.taken)
        await watch.round()
        await notifier.tell()
        return [event for event in self.mailbox.taken[before:] if "D03" in clocks(event)]


def clocks(event: dict[str, Any]) -> list[str]:
    return [one["clock"]["clock_id"] for one in event["data"]["deadlines"]]


def what(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


@pytest.fixture
def told(hub: Hub) -> Told:
    return Told(hub)


async def test_a_warning_and_an_end_are_told_once_each(told: Told) -> None:
    await told.hub.passed("PB-01", "2026-03-03 10:05", ("p1",), DETAINED, handler=PROSECUTORS)
    assert await told.by("2026-03-07 23:59") == []
    [warning] = await told.by("2026-03-08 00:00")
    assert (warning["type"], warning["subject"]) == ("org.xietong.deadline.warning.v1", CASE)
    [listed] = [one for one in warning["data"]["deadlines"] if one["clock"]["clock_id"] == "D03"]
    assert (listed["clock"]["last_day"], listed["days_left"]) == ("2026-03-10", 2)
    assert "91" in listed["clock"]["basis_zh"]
    [unit] = listed["clock"]["responsible"]
    assert (unit["organ_code"], unit["handler_ref"]) == (f"{PROCURATORATE}01", PROSECUTORS)
    assert await told.by("2026-03-10 23:59") == []
    [passed] = await told.by("2026-03-11 00:00")
    assert passed["type"] == "org.xietong.deadline.passed.v1"
    assert await told.by("2026-03-12 09:00") == []
    for event in (warning, passed):
        assert "不作超期认定" in event["data"]["text_zh"]
        assert "no finding of delay" in event["data"]["text_en"]
        assert "p1" not in str(event)


async def test_many_suspects_of_a_case_are_one_notice(told: Told) -> None:
    persons = [f"p{number}" for number in range(MOST_TOLD + 10)]
    events = [detention(f"2026-03-01 {n // 60:02}:{n % 60:02}", one) for n, one in enumerate(persons)]
    await told.hub.passed("PB-01", "2026-03-03 10:05", tuple(persons), *events)
    await told.hub.passed("PB-01", "2026-03-03 10:05", ("q",), detention("2026-03-01", "q"), case_id=new_id())
    events_told = await told.by("2026-03-08 09:00")
    assert what(events_told) == ["org.xietong.deadline.warning.v1"] * 2
    [large] = [event for event in events_told if event["subject"] == CASE]
    assert len(large["data"]["deadlines"]) == MOST_TOLD
    assert large["data"]["deadline_count"] >= len(persons)
    assert await told.by("2026-03-09 09:00") == []


async def test_persons_who_part_are_not_told_of_again(told: Told) -> None:
    both = detention("2026-03-01 22:00", "p1", "p2")
    await told.hub.passed("PB-01", "2026-03-03 10:05", ("p1", "p2"), both)
    assert len(await told.by("2026-03-08 09:00")) == 1
    await told.hub.passed("PB-04", "2026-03-08 10:00", ("p2",))
    assert await told.by("2026-03-08 10:01") == []
    assert what(await told.by("2026-03-11 00:00")) == ["org.xietong.deadline.passed.v1"]


async def test_what_a_dead_endpoint_did_not_take_is_told_later_with_the_same_id(told: Told) -> None:
    await told.hub.passed("PB-01", "2026-03-03 10:05", ("p1",), DETAINED)
    told.mailbox.is_dead = True
    with pytest.raises(NotTold):
        await told.by("2026-03-08 09:00")
    refused = [json.loads(notice.body)["id"] for notice in await DeadlineNews(told.hub.exchange).untold()]
    told.mailbox.is_dead = False
    assert what(await told.by("2026-03-08 09:01")) == ["org.xietong.deadline.warning.v1"]
    assert [event["id"] for event in told.mailbox.taken[: len(refused)]] == refused


async def test_a_case_that_comes_late_is_told_of_at_once_unless_it_is_long_past(told: Told) -> None:
    await told.hub.passed("PB-01", "2026-03-03 10:05", ("p1",), DETAINED)
    assert what(await told.by("2026-03-12 09:00")) == ["org.xietong.deadline.passed.v1"]
    long_ago, late = detention("2026-02-01", "p2"), new_id()
    await told.hub.passed("PB-01", "2026-02-02", ("p2",), long_ago, case_id=late)
    assert await told.by("2026-03-12 10:00") == []


async def test_nobody_is_told_of_a_warning_of_last_week_but_of_the_end(told: Told) -> None:
    """As when an endpoint is configured for the first time."""
    await told.hub.passed("PB-01", "2026-03-03 10:05", ("p1",), DETAINED)
    watch = DeadlineWatch(told.hub.exchange, told.hub.desk, round_seconds=1.0)
    told.hub.now = "2026-03-03 10:06"
    await watch.round()
    assert what(await told.by("2026-03-15 09:01")) == ["org.xietong.deadline.passed.v1"]
    assert await told.by("2026-03-16 09:00") == []


async def test_an_end_that_moved_while_it_was_told_is_told_anew(told: Told) -> None:
    await told.hub.passed("PB-01", "2026-03-03 10:05", ("p1",), DETAINED)
    told.hub.now = "2026-03-08 09:00"
    await DeadlineWatch(told.hub.exchange, told.hub.desk, round_seconds=1.0).round()
    async with told.hub.store.transaction() as tx:
        read = await tx.deadlines.untold(moment("2026-03-08 09:00"))
        moved = replace(read[0], due_time=read[0].due_time - timedelta(days=1))
        await tx.deadlines.put(CASE, [moved, *read[1:]])
        await tx.deadlines.told(read, has_passed=True)
        left = await tx.deadlines.untold(moment("2026-03-08 09:01"))
    assert len(read) > 1
    assert [(one.clock_id, one.due_time) for one in left] == [(moved.clock_id, moved.due_time)]
