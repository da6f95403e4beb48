"""Lists the deadlines of all cases. Its times tell how each stands, so that a day's border needs no evaluation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.supervision.v1.clock_service_pb2 import ClockPhase, Deadline
from xietong_exchange.flow.deadlines import DeadlineFilter, DeadlineRecord, Place, Pressing
from xietong_exchange.flow.exchange import Exchange
from xietong_standard.clocks.terms import day_of, end_of

_PRESSING: dict[ClockPhase.ValueType, Pressing] = {
    ClockPhase.CLOCK_PHASE_RUNNING: "running",
    ClockPhase.CLOCK_PHASE_SUSPENDED: "suspended",
    ClockPhase.CLOCK_PHASE_WARNING: "warning",
    ClockPhase.CLOCK_PHASE_PASSED: "passed",
}
_SOON = frozenset[Pressing]({"warning", "passed"})
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class DeadlinePage:
    """Some deadlines of the list at a time, with their places in it."""

    deadlines: Sequence[Deadline]
    places: Sequence[Place]
    more: bool
    time: datetime
    is_filling: bool


@dataclass(frozen=True, slots=True)
class DeadlineDesk:
    """Shows supervisors which clocks end when."""

    exchange: Exchange

    async def page(
        self,
        party: Party.ValueType,
        phases: Collection[ClockPhase.ValueType],
        *,
        within_days: int | None = None,
        passed_days: int | None = None,
        after: Place | None,
        limit: int,
    ) -> DeadlinePage:
        """The earliest end first; what does not restrict is empty or None."""
        now = self.exchange.clock()
        last = day_of(now) + timedelta(days=within_days) if within_days is not None else None
        first = day_of(now) - timedelta(days=passed_days) if passed_days is not None else None
        wanted = pressing(
            self.exchange,
            now,
            party,
            frozenset(_PRESSING[phase] for phase in phases),
            due_from=end_of(first - timedelta(days=1)) if first is not None else None,
            due_before=end_of(last) + _MOMENT
            if last is not None
            else None,  # A day's end is the next one's begin.
        )
        async with self.exchange.store.transaction() as tx:
            found = await tx.deadlines.page(wanted, after=after, limit=limit + 1)
            is_filling = await tx.deadlines.is_filling()
        page = found[:limit]
        return DeadlinePage(
            deadlines=[as_of(record, now) for record in page],
            places=[(record.due_time, record.deadline_id) for record in page],
            more=len(found) > limit,
            time=now,
            is_filling=is_filling,
        )


def pressing(
    exchange: Exchange,
    now: datetime,
    party: Party.ValueType,
    stands: Collection[Pressing],
    *,
    due_from: datetime | None = None,
    due_before: datetime | None = None,
) -> DeadlineFilter:
    """What is asked for. What warns ends soon: nothing beyond is read, however many clocks run."""
    if stands and _SOON.issuperset(stands):
        soon = now + exchange.rules.longest_lead + _MOMENT
        due_before = min(soon, due_before or soon)
    return DeadlineFilter(now, party, frozenset(stands), due_from, due_before)


def as_of(record: DeadlineRecord, now: datetime) -> Deadline:
    """A deadline as it stands at this time."""
    told = Deadline.FromString(record.content)
    told.clock.phase = _phase(record, now)
    last_day = date.fromisoformat(told.clock.last_day) if told.clock.last_day else day_of(record.due_time)
    told.days_left = (last_day - day_of(now)).days
    return told


def _phase(record: DeadlineRecord, now: datetime) -> ClockPhase.ValueType:
    if record.suspended:
        return ClockPhase.CLOCK_PHASE_SUSPENDED
    if record.due_time <= now:
        return ClockPhase.CLOCK_PHASE_PASSED
    return ClockPhase.CLOCK_PHASE_WARNING if record.warning_time <= now else ClockPhase.CLOCK_PHASE_RUNNING
