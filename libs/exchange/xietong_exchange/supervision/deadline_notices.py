"""What is told of deadlines: that a clock reached its warning lead, and that its end has passed, once for each end.

All clocks of a case of which the same is to be told go into one notice, so that many suspects are no flood. When each
is to be told of next stands in the database with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from xietong.supervision.v1.clock_service_pb2 import Clock, ClockPhase, DeadlineNotice
from xietong_exchange.flow.deadlines import DeadlineRecord
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.store import Transaction
from xietong_exchange.supervision.deadline_desk import as_of
from xietong_exchange.supervision.notices import Notice, cloud_event
from xietong_standard.clocks.terms import CHINA_TIME
from xietong_standard.text import Text

EVENT_TYPE = "org.xietong.deadline"
STALE = timedelta(days=7)
"""What nobody was told of in that time is told no more, for example when an endpoint is configured for the first time;
a case that comes late is not told of when its end lay further back."""
MOST_TOLD = 50
"""Deadlines of a case in one notice; the others are counted."""
_NO_FINDING = Text("本提示不作超期认定", "This is a reminder and no finding of delay")
_WARNING = Text(
    "案件有{count}个办案期限即将届满，最早的是{clock}：{due}届满",
    "{count} clocks of the case are near their end, first {clock}: {due}",
)
_PASSED = Text(
    "案件有{count}个办案期限已到届满时间，最早的是{clock}（{due}），请核实是否已办理、延长或重新计算",
    "the ends of {count} clocks of the case have passed, first {clock} ({due}); check whether it was done, extended or "
    "begun anew",
)


@dataclass(frozen=True, slots=True)
class DeadlineNews:
    """The port `notices.News` over deadlines."""

    exchange: Exchange

    async def untold(self) -> Sequence[Notice]:
        """Of one case: clocks whose end has passed, and clocks that warn."""
        now = self.exchange.clock()
        async with self.exchange.store.transaction() as tx:
            await tx.deadlines.pass_over(now - STALE)
            found = await tx.deadlines.untold(now)
        parted = (
            [one for one in found if (one.due_time <= now) is has_passed] for has_passed in (True, False)
        )
        return [self._notice(some, now) for some in parted if some]

    def _notice(self, records: Sequence[DeadlineRecord], now: datetime) -> Notice:
        data = notice_of(records, now)
        what = "passed" if data.phase == ClockPhase.CLOCK_PHASE_PASSED else "warning"
        body = cloud_event(
            self.exchange.party,
            event_id=f"{data.collaboration_case_id}/{what}/{_digest(records)}",
            event_type=f"{EVENT_TYPE}.{what}.v1",
            subject=data.collaboration_case_id,
            time=now,
            data=data,
        )
        return Notice(body, partial(_told, records, has_passed=what == "passed"))


def notice_of(records: Sequence[DeadlineRecord], now: datetime) -> DeadlineNotice:
    """What is told of deadlines of one case that stand alike, the earliest end first. It names no person."""
    shown = [as_of(record, now) for record in records[:MOST_TOLD]]
    first = shown[0]
    words = _PASSED if first.clock.phase == ClockPhase.CLOCK_PHASE_PASSED else _WARNING
    told = DeadlineNotice(
        collaboration_case_id=first.collaboration_case_id,
        case_numbers=first.case_numbers,
        phase=first.clock.phase,
        deadline_count=len(records),
        text_zh=f"{_said(words.zh, records, first.clock, first.clock.name_zh)}。{_NO_FINDING.zh}",
        text_en=f"{_said(words.en, records, first.clock, first.clock.name_en)}. {_NO_FINDING.en}",
    )
    for deadline in shown:
        for field in ("collaboration_case_id", "case_numbers", "person_ids"):
            deadline.ClearField(field)
    told.deadlines.extend(shown)
    return told


def with_notice(
    found: Iterable[DeadlineRecord], known: Iterable[DeadlineRecord], now: datetime
) -> list[DeadlineRecord]:
    """Deadlines of a case as found now, each with the time of its next notice.

    An end that was known goes on, for persons too who stood with others then: it is told once. A new one is told when
    its time comes, and at once when that was before it became known.
    """
    before = {_end(one): one.notice_time for one in known}
    return [replace(one, notice_time=before.get(_end(one), _first_notice(one, now))) for one in found]


def _end(record: DeadlineRecord) -> tuple[str, int, datetime]:
    return record.clock_id, record.party, record.due_time


def _first_notice(record: DeadlineRecord, now: datetime) -> datetime | None:
    if record.due_time <= now - STALE:
        return None
    return max(now, record.warning_time if now < record.due_time else record.due_time)


async def _told(records: Sequence[DeadlineRecord], tx: Transaction, *, has_passed: bool) -> None:
    await tx.deadlines.told(records, has_passed=has_passed)


def _digest(records: Iterable[DeadlineRecord]) -> str:
    """The same for the same ends."""
    ends = sorted(f"{one.clock_id} {one.person_id} {one.party} {one.due_time.isoformat()}" for one in records)
    return hashlib.sha256("\n".join(ends).encode()).hexdigest()[:32]


def _said(words: str, records: Sequence[DeadlineRecord], clock: Clock, name: str) -> str:
    return words.format(count=len(records), clock=name, due=_due(clock, records[0].due_time))


def _due(clock: Clock, due: datetime) -> str:
    return clock.last_day or f"{due.astimezone(CHINA_TIME):%Y-%m-%d %H:%M}"
