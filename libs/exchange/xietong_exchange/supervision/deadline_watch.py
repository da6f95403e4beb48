"""Keeps the deadlines of all cases: follows what changes, and evaluates the clocks of one case after the other.

Everything that is to be done is in the database: what a killed process did not finish is due still. A case is looked at
when a package of it changes, once more an hour later (late evidence does not always change its package), and daily
while it has deadlines.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from xietong.supervision.v1.clock_service_pb2 import Clock, ClockPhase, Deadline
from xietong_exchange.domain.errors import XietongError
from xietong_exchange.flow.deadlines import DeadlineRecord
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.supervision.deadline_notices import with_notice
from xietong_exchange.supervision.statutory import ClockDesk, Standing

log = logging.getLogger(__name__)

OPEN = frozenset(
    {
        ClockPhase.CLOCK_PHASE_RUNNING,
        ClockPhase.CLOCK_PHASE_SUSPENDED,
        ClockPhase.CLOCK_PHASE_WARNING,
        ClockPhase.CLOCK_PHASE_PASSED,
    }
)
"""Phases of a clock that has an end and has not ended."""
PACKAGES = 1_000
"""Changed packages that one look reads."""
CASES = 200
"""Cases that one round evaluates."""
LOOK_BACK = 200
"""Packages of before that one round takes up, when nothing else is due."""
SETTLE = timedelta(hours=1)
DAILY = timedelta(days=1)
REST_FACTOR = 10.0
"""As of the watch: a long round is followed by a long rest."""
MOST_PERSONS = 10


@dataclass(frozen=True, slots=True)
class DeadlineWatch:
    """The deadlines of the cases that pass this node."""

    exchange: Exchange
    desk: ClockDesk
    round_seconds: float

    async def run(self) -> None:
        """A round now and then, until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            begin = clock()
            try:
                await self.round()
            except XietongError as error:
                log.warning("deadlines are kept up later: %s", error.reason_name())
            await asyncio.sleep(max(self.round_seconds, REST_FACTOR * (clock() - begin)))

    async def round(self) -> None:
        """Note what changed, then evaluate what is due; when all is done, take up some of before."""
        more = True
        while more:
            async with self.exchange.store.transaction() as tx:
                more = await tx.deadlines.follow(self.exchange.clock(), limit=PACKAGES)
        for _ in range(CASES):
            if not await self._one():
                async with self.exchange.store.transaction() as tx:
                    await tx.deadlines.look_back(self.exchange.clock(), limit=LOOK_BACK)
                return

    async def _one(self) -> bool:
        """Evaluate the case that is due for the longest time; False when none is."""
        now = self.exchange.clock()
        async with self.exchange.store.transaction() as tx:
            due = await tx.deadlines.next_due(now)
            if due is None:
                return False
            case_id = due.collaboration_case_id
            try:
                standings = await self.desk.everybody(tx, case_id, OPEN)
                found = deadlines_of(case_id, standings)
            except (ValueError, ArithmeticError, LookupError):  # One odd case must not stop all others.
                log.exception("case %s: its clocks could not be evaluated; again tomorrow", case_id)
                await tx.deadlines.look_again(case_id, now + DAILY)
                return True
            known = await tx.deadlines.of_case(case_id)
            await tx.deadlines.put(case_id, with_notice(found, known, now))
            await tx.deadlines.note_moves(standings[0].moves, now)
            settled = due.change_time + SETTLE
            later = now + DAILY if found else None
            await tx.deadlines.look_again(case_id, settled if now < settled else later)
        return True


def deadlines_of(case_id: str, standings: Sequence[Standing]) -> list[DeadlineRecord]:
    """What has an end, once for each party that has to see to it."""
    return [
        _record(case_id, standing, persons, clock, number)
        for standing in standings
        for persons, clock in _clocks(standing)
        if clock.HasField("due_time")
        for number in range(len(clock.responsible))
    ]


def _clocks(standing: Standing) -> Iterator[tuple[Sequence[str], Clock]]:
    yield from (((), clock) for clock in standing.of_case)
    for one in standing.persons:
        yield from ((one.person_ids, clock) for clock in one.clocks)


def _record(
    case_id: str, standing: Standing, persons: Sequence[str], clock: Clock, number: int
) -> DeadlineRecord:
    told = Deadline(
        collaboration_case_id=case_id,
        case_numbers=standing.numbers,
        person_ids=persons[:MOST_PERSONS],
        person_count=len(persons),
        clock=clock,
    )
    unit = clock.responsible[number]
    told.clock.ClearField("text_zh")  # They speak of a moment.
    told.clock.ClearField("text_en")
    told.clock.ClearField("responsible")
    told.clock.responsible.append(unit)
    due = clock.due_time.ToDatetime(UTC)
    return DeadlineRecord(
        collaboration_case_id=case_id,
        person_id=persons[0].replace("\0", "\ufffd") if persons else "",  # PostgreSQL takes no NUL.
        clock_id=clock.clock_id,
        party=unit.party,
        due_time=due,
        warning_time=_or_due(clock, due),
        suspended=clock.phase == ClockPhase.CLOCK_PHASE_SUSPENDED,
        content=told.SerializeToString(),
    )


def _or_due(clock: Clock, due: datetime) -> datetime:
    return clock.warning_time.ToDatetime(UTC) if clock.HasField("warning_time") else due
