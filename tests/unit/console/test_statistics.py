"""Statistics: months of the calendar of China, rows by parties, and a first-pass rate only where there is one."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import cast

import pytest

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.supervision.v1.flow_service_pb2 import (
    ArrivalTime,
    FlowCount,
    GetStatisticsResponse,
    ReasonCount,
)
from xietong_client import Unreachable
from xietong_client.status import unanswered
from xietong_console.months import MOST_ANSWERS, Month, Months, following, latest_months
from xietong_console.node import NodeLink
from xietong_console.web.statistics import Report
from xietong_console.words import CHINA

POLICE, COURT = Party.PARTY_POLICE, Party.PARTY_COURT
MARCH, APRIL = datetime(2026, 3, 1, tzinfo=CHINA), datetime(2026, 4, 1, tzinfo=CHINA)


def test_a_month_begins_when_it_does_in_china() -> None:
    last_of_march_in_greenwich = datetime(2026, 3, 31, 16, 0, tzinfo=UTC)
    assert latest_months(last_of_march_in_greenwich, 2) == [MARCH, APRIL]


@pytest.mark.parametrize("month", range(1, 13))
def test_months_follow_each_other(month: int) -> None:
    begin = datetime(2028, month, 1, tzinfo=CHINA)
    assert latest_months(following(begin), 2) == [begin, following(begin)]
    assert (following(begin) - begin).days <= 31


def test_processes_of_the_same_parties_are_one_row() -> None:
    counts = [
        FlowCount(process_code=code, sender=POLICE, receiver=COURT, package_count=3, first_outcome_count=2)
        for code in ("PB-01", "PB-02")
    ]
    counts[0].first_accepted_count = 1
    arrivals = [ArrivalTime(sender=COURT, receiver=POLICE, package_count=1, p50_seconds=2, p95_seconds=3)]
    month = Month(MARCH, GetStatisticsResponse(counts=counts, arrivals=arrivals))
    there, back = Report.of([month]).rows
    assert (there.month, there.packages, there.first_pass, there.arrived) == ("2026-03", 6, 0.25, 0)
    assert (back.sender, back.packages, back.first_pass, back.p95_seconds) == (COURT, 0, None, 3)


def test_reasons_of_all_months_are_added_up() -> None:
    months = [
        Month(
            begin,
            GetStatisticsResponse(
                return_reasons=[ReasonCount(code=code, receiver=COURT, package_count=count)]
            ),
        )
        for begin, code, count in ((MARCH, "A", 2), (APRIL, "B", 3), (APRIL, "A", 2))
    ]
    assert Report.of(months).reasons == [("A", COURT, 4), ("B", COURT, 3)]


class FakeNode:
    """Its answers never come, or it fails after others had the time to ask as well; node and flows at once."""

    def __init__(self, *, fails: bool) -> None:
        self.fails, self.asked = fails, 0

    @property
    def flows(self) -> FakeNode:
        return self

    async def statistics(self, _begin: datetime, _end: datetime) -> GetStatisticsResponse:
        self.asked += 1
        if self.fails:
            await asyncio.sleep(0)
            raise unanswered()
        return await asyncio.Future()


async def test_who_waited_for_a_failure_does_not_wait_for_another() -> None:
    node = FakeNode(fails=True)
    months = Months(cast(NodeLink, node), answer_seconds=60)
    answers = await asyncio.gather(*(months.latest(3) for _ in range(5)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unreachable] * 5
    assert node.asked == 1
    with pytest.raises(Unreachable):
        await months.latest(3)
    assert node.asked == 2, "who comes later asks anew"


async def test_all_months_have_to_come_within_a_bound() -> None:
    months = Months(cast(NodeLink, FakeNode(fails=False)), answer_seconds=0.01 / MOST_ANSWERS)
    with pytest.raises(Unreachable):
        await months.latest(12)
