"""The deadlines of all cases at the hub: kept up with packages and evidence, listed as they stand at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from tests.integration.store.records import new_id
from tests.integration.supervision.clock_cases import (
    CASE,
    COURT,
    OTHER_CASE,
    POLICE,
    PROCURATORATE,
    Hub,
    detention,
    number_of,
    stamp,
)
from tests.unit.standard.clock_events import moment

from xietong.casefile.v1.case_pb2 import RelationKind
from xietong.exchange.v1.envelope_pb2 import Party, SupervisionRelation
from xietong.supervision.v1.clock_service_pb2 import ClockPhase, Deadline
from xietong_exchange.flow.deadlines import DeadlineFilter
from xietong_exchange.flow.store import Transaction
from xietong_exchange.supervision import deadline_watch
from xietong_exchange.supervision.deadline_desk import DeadlineDesk, DeadlinePage, pressing
from xietong_exchange.supervision.deadline_watch import DeadlineWatch
from xietong_exchange.supervision.statutory import Standing

RUNNING, WARNING = ClockPhase.CLOCK_PHASE_RUNNING, ClockPhase.CLOCK_PHASE_WARNING
PASSED = ClockPhase.CLOCK_PHASE_PASSED
EVERYBODY = Party.PARTY_UNSPECIFIED


@dataclass
class Watched:
    """The hub, what keeps its deadlines, and the list of them."""

    hub: Hub

    def __post_init__(self) -> None:
        self.watch = DeadlineWatch(self.hub.exchange, self.hub.desk, round_seconds=1.0)
        self.desk = DeadlineDesk(self.hub.exchange)

    async def round(self, now: str) -> None:
        self.hub.now = now
        await self.watch.round()

    async def page(
        self,
        *phases: ClockPhase.ValueType,
        party: Party.ValueType = EVERYBODY,
        within: int | None = None,
        passed: int | None = None,
        limit: int = 100,
    ) -> DeadlinePage:
        return await self.desk.page(
            party, phases, within_days=within, passed_days=passed, after=None, limit=limit
        )

    async def stands(
        self, clock_id: str, *phases: ClockPhase.ValueType, now: str = "", case: str = CASE
    ) -> Deadline | None:
        """The clock in the list of the procuratorate or the police, in these phases."""
        self.hub.now = now or self.hub.now
        found = (await self.page(*phases)).deadlines
        return next(
            (one for one in found if one.clock.clock_id == clock_id and one.collaboration_case_id == case),
            None,
        )


@pytest.fixture
def watched(hub: Hub) -> Watched:
    return Watched(hub)


def ids(found: Sequence[Deadline]) -> set[str]:
    return {one.clock.clock_id for one in found}


async def test_a_deadline_is_listed_until_its_clock_ends(watched: Watched) -> None:
    held = detention("2026-03-01 22:00", "p1")
    await watched.hub.passed("PB-01", "2026-03-03 10:05", ("p1", "p2"), held, handler="检-017")
    await watched.round("2026-03-03 10:06")
    listed = await watched.stands("D03")
    assert listed is not None
    assert (listed.clock.phase, listed.days_left, listed.clock.last_day) == (RUNNING, 7, "2026-03-10")
    assert (list(listed.person_ids), listed.person_count) == (["p1"], 1)
    [unit] = listed.clock.responsible
    assert (unit.party, unit.handler_ref) == (PROCURATORATE, "检-017")
    assert "91" in listed.clock.basis_zh
    assert "D02" not in ids((await watched.page()).deadlines)  # the request was made: that clock has ended

    await watched.hub.passed("PB-02", "2026-03-05 08:00", ("p1",), way=(PROCURATORATE, POLICE))
    assert await watched.stands("D03") is not None
    await watched.round("2026-03-05 08:01")
    assert await watched.stands("D03") is None


async def test_how_it_stands_goes_by_the_day_in_china_without_another_look(watched: Watched) -> None:
    await watched.hub.passed("PB-01", "2026-03-03 10:05", ("p1",), detention("2026-03-01 22:00", "p1"))
    await watched.round("2026-03-03 10:06")
    borders = {
        "2026-03-07 23:59": (RUNNING, 3),
        "2026-03-08 00:00": (WARNING, 2),
        "2026-03-10 23:59": (WARNING, 0),
        "2026-03-11 00:00": (PASSED, -1),
    }
    for now, (phase, days) in borders.items():
        listed = await watched.stands("D03", phase, now=now)
        assert listed is not None, now
        assert (listed.clock.phase, listed.days_left) == (phase, days)
        others = {RUNNING, WARNING, PASSED} - {phase}
        assert await watched.stands("D03", *others, now=now) is None


async def test_a_look_at_what_presses_reads_no_further_than_the_longest_lead(watched: Watched) -> None:
    now = moment("2026-03-08 09:00")
    rules = watched.hub.exchange.rules
    leads = {limit.id: limit.leads for limit in rules.edition("").clocks.limits.values()}
    assert all(
        now + rules.longest_lead >= now + (now - lead.before(now)) for some in leads.values() for lead in some
    )
    near = pressing(watched.hub.exchange, now, COURT, ("warning", "passed"))
    assert near.due_before is not None
    assert near.due_before > now + rules.longest_lead
    assert pressing(watched.hub.exchange, now, COURT, ("warning", "passed"), due_before=now).due_before == now
    assert pressing(watched.hub.exchange, now, COURT, ("running", "passed")).due_before is None


async def test_what_is_long_past_may_be_left_out(watched: Watched) -> None:
    await watched.hub.passed("PB-01", "2026-03-03 10:05", ("p1",), detention("2026-03-01 22:00", "p1"))
    await watched.round("2026-03-03 10:06")
    watched.hub.now = "2026-03-12 09:00"  # D03 ended with the 10th, two days ago
    assert "D03" in ids((await watched.page(PASSED, passed=2)).deadlines)
    assert "D03" not in ids((await watched.page(PASSED, passed=0)).deadlines)


async def test_the_list_is_asked_by_party_and_days_and_read_in_pages(watched: Watched) -> None:
    for number in range(5):
        case = new_id()
        await watched.hub.passed("PB-01", f"2026-03-0{number + 1} 10:00", ("p",), case_id=case)
    await watched.round("2026-03-05 12:00")
    everything = (await watched.page(party=PROCURATORATE)).deadlines
    assert len(everything) >= 5
    assert {unit.party for one in everything for unit in one.clock.responsible} == {PROCURATORATE}
    assert (await watched.page(party=COURT)).deadlines == []
    ends = [one.clock.due_time.seconds for one in everything]
    assert ends == sorted(ends)

    last = everything[1].days_left
    within = (await watched.page(party=PROCURATORATE, within=last)).deadlines
    assert {one.days_left for one in within} <= set(range(-100, last + 1))
    assert len(within) == sum(one.days_left <= last for one in everything)

    read: list[Deadline] = []
    place = None
    while True:
        page = await watched.desk.page(PROCURATORATE, (), after=place, limit=2)
        read += page.deadlines
        if not page.more:
            break
        place = page.places[-1]
    assert read == list(everything)


async def killed_at_its_end(hub: Hub) -> None:
    async with hub.store.transaction() as tx:
        due = await tx.deadlines.next_due(moment(hub.now))
        assert due is not None
        await tx.deadlines.put(due.collaboration_case_id, [])
        await tx.deadlines.look_again(due.collaboration_case_id, None)
        raise asyncio.CancelledError


async def test_what_a_killed_process_left_is_done_by_the_next(watched: Watched) -> None:
    """Between any two steps everything that is to be done is on record."""
    await watched.hub.passed("PB-01", "2026-03-03 10:05", ("p1",), detention("2026-03-01 22:00", "p1"))
    watched.hub.now = "2026-03-03 10:06"
    async with watched.hub.store.transaction() as tx:
        await tx.deadlines.follow(moment(watched.hub.now), limit=10)
    with pytest.raises(asyncio.CancelledError):
        await killed_at_its_end(watched.hub)
    await Watched(watched.hub).round("2026-03-03 10:07")
    assert await watched.stands("D03") is not None


async def test_changes_are_followed_in_pages_of_any_size(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadline_watch, "PACKAGES", 2)
    cases = [new_id() for _ in range(5)]
    for case in cases:
        await watched.hub.passed("PB-01", "2026-03-03 10:05", ("p1",), case_id=case)
    await watched.round("2026-03-03 10:06")
    listed = {one.collaboration_case_id for one in (await watched.page()).deadlines}
    assert listed == set(cases)


async def test_what_is_still_being_written_is_not_missed(watched: Watched) -> None:
    """A transaction that began before a look and ends after it is seen by the next look."""
    later = new_id()
    async with watched.hub.store.transaction() as tx:
        await watched.hub.passed("PB-01", "2026-03-03 10:05", ("p1",), within=tx)
        await watched.hub.passed("PB-01", "2026-03-03 10:05", ("p1",), case_id=later)
        await watched.round("2026-03-03 10:06")
    await watched.round("2026-03-03 10:07")
    assert await watched.stands("D04") is not None
    assert await watched.stands("D04", case=later) is not None


async def test_packages_of_before_are_taken_up_bit_by_bit(watched: Watched, postgres_url: str) -> None:
    await watched.hub.passed("PB-01", "2026-03-03 10:05", ("p1",))
    old = create_async_engine(postgres_url, poolclass=NullPool)
    async with old.begin() as connection:  # as if the package had been there before the deadlines
        await connection.execute(
            text(
                "UPDATE deadline_progress SET changed_in = pg_current_xact_id()::text::bigint, before = 1000"
            )
        )
    async with watched.hub.store.transaction() as tx:
        assert await tx.deadlines.is_filling()
        assert not await tx.deadlines.look_back(moment("2026-03-03 10:06"), limit=200)
        assert not await tx.deadlines.is_filling()
    await watched.round("2026-03-03 10:06")
    assert await watched.stands("D04") is not None


async def test_late_evidence_that_changes_no_package_is_seen_within_the_hour(watched: Watched) -> None:
    await watched.hub.passed("PB-01", "2026-03-03 10:05", ("p1",))
    await watched.round("2026-03-03 10:06")
    async with watched.hub.store.transaction() as tx:
        assert await tx.deadlines.next_due(moment("2026-03-03 10:30")) is None
        due = await tx.deadlines.next_due(moment("2026-03-03 10:06") + deadline_watch.SETTLE)
        assert due is not None
        assert due.collaboration_case_id == CASE
    await watched.round("2026-03-03 12:00")
    async with watched.hub.store.transaction() as tx:
        assert await tx.deadlines.next_due(moment("2026-03-04 11:59")) is None
        assert await tx.deadlines.next_due(moment("2026-03-04 12:00")) is not None


async def test_a_case_without_deadlines_is_not_looked_at_again(watched: Watched) -> None:
    await watched.hub.passed("XT-00", "2026-03-03 10:05", ())
    await watched.round("2026-03-03 10:06")
    await watched.round("2026-03-03 12:00")
    async with watched.hub.store.transaction() as tx:
        assert await tx.deadlines.next_due(moment("2027-01-01")) is None


async def test_counts_are_bounded(watched: Watched) -> None:
    await watched.hub.passed("PB-01", "2026-03-03 10:05", ("p1",))
    await watched.hub.passed("PB-01", "2026-03-03 10:05", ("p1",), case_id=new_id())
    await watched.round("2026-03-03 10:06")
    wanted = DeadlineFilter(moment("2026-03-03 10:06"), party=PROCURATORATE)
    async with watched.hub.store.transaction() as tx:
        assert await tx.deadlines.count(wanted, limit=100) == 2
        assert await tx.deadlines.count(wanted, limit=1) == 1


async def test_a_case_that_cannot_be_evaluated_stops_no_other(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, evaluate = new_id(), watched.hub.desk.everybody

    async def fails_at_one(
        tx: Transaction, case_id: str, phases: Collection[ClockPhase.ValueType]
    ) -> Sequence[Standing]:
        if case_id == odd:
            raise OverflowError
        return await evaluate(tx, case_id, phases)

    monkeypatch.setattr(watched.hub.desk, "everybody", fails_at_one)
    await watched.hub.passed("PB-01", "2026-03-03 10:04", ("p1",), case_id=odd)
    await watched.hub.passed("PB-01", "2026-03-03 10:05", ("p1",))
    await watched.round("2026-03-03 10:06")
    assert await watched.stands("D04") is not None
    monkeypatch.undo()
    await watched.round("2026-03-04 10:07")
    assert await watched.stands("D04", case=odd) is not None


async def test_who_went_into_another_case_is_followed_there(watched: Watched) -> None:
    hub = watched.hub
    await hub.passed("PB-01", "2026-03-03", ("p1", "p2"), detention("2026-03-01", "p1", "p2"))
    await hub.passed("PB-01", "2026-03-03", ("p9",), case_id=OTHER_CASE)
    await watched.round("2026-03-04")
    merged = SupervisionRelation(
        kind=RelationKind.RELATION_KIND_MERGED_INTO,
        other_collaboration_case_id=OTHER_CASE,
        person_ids=["p1"],
        time=stamp("2026-03-05"),
    )
    await hub.passed("PB-04", "2026-03-05", ("p1",), relations=(merged,))
    await watched.round("2026-03-06")

    assert (await hub.clock("D03", "p1", "2026-03-06", case_id=OTHER_CASE)).phase == RUNNING
    left, gone_into = await hub.standing(), await hub.standing(case_id=OTHER_CASE)
    assert [one.person_ids for one in left.persons] == [["p2"]]
    assert {person for one in gone_into.persons for person in one.person_ids} == {"p1", "p9"}
    assert (left.related, gone_into.related) == ([OTHER_CASE], [CASE])
    assert [(one.collaboration_case_id, list(one.person_ids)) for one in left.moved] == [(OTHER_CASE, ["p1"])]
    assert gone_into.moved == []
    listed = [one for one in (await watched.page()).deadlines if one.clock.clock_id == "D03"]
    assert {(one.collaboration_case_id, *one.person_ids) for one in listed} == {
        (CASE, "p2"),
        (OTHER_CASE, "p1"),
    }


def split_off(*persons: str) -> SupervisionRelation:
    return SupervisionRelation(
        kind=RelationKind.RELATION_KIND_SPLIT_FROM,
        other_collaboration_case_id=CASE,
        person_ids=persons,
        time=stamp("2026-03-05"),
    )


async def test_who_was_split_off_is_shown_as_moved_where_he_was(watched: Watched) -> None:
    hub = watched.hub
    await hub.passed("PB-01", "2026-03-03", ("p1", "p2"), detention("2026-03-01", "p1", "p2"))
    await watched.round("2026-03-04")
    await hub.passed("PB-04", "2026-03-05", ("p2",), case_id=OTHER_CASE, relations=(split_off("p2"),))
    await watched.round("2026-03-06")
    left = await hub.standing()
    assert [one.person_ids for one in left.persons] == [["p1"]]
    [moved] = left.moved
    assert (moved.collaboration_case_id, list(moved.person_ids)) == (OTHER_CASE, ["p2"])
    assert list(moved.case_numbers) == [number_of(OTHER_CASE)]
    assert (moved.person_count, moved.move_time) == (1, stamp("2026-03-05"))
    assert (left.related, left.package_count) == ([OTHER_CASE], 1)
    assert (await hub.standing(after=1)).moved == []
    listed = [one for one in (await watched.page()).deadlines if one.clock.clock_id == "D03"]
    assert {(one.collaboration_case_id, *one.person_ids) for one in listed} == {
        (CASE, "p1"),
        (OTHER_CASE, "p2"),
    }
    await hub.passed("PB-04", "2026-03-07", ("p1",), case_id=OTHER_CASE, relations=(split_off("p1"),))
    await watched.round("2026-03-07")
    assert (await hub.standing()).persons == []
    assert {one.collaboration_case_id for one in (await watched.page()).deadlines} == {OTHER_CASE}


async def test_who_came_back_is_where_he_was(watched: Watched) -> None:
    hub = watched.hub
    await hub.passed("PB-01", "2026-03-03", ("p1",), detention("2026-03-01", "p1"))
    back = SupervisionRelation(
        kind=RelationKind.RELATION_KIND_MERGED_INTO,
        other_collaboration_case_id=CASE,
        person_ids=["p1"],
        time=stamp("2026-03-06"),
    )
    await hub.passed("PB-04", "2026-03-05", ("p1",), case_id=OTHER_CASE, relations=(split_off("p1"),))
    await hub.passed("PB-04", "2026-03-06", ("p1",), case_id=OTHER_CASE, relations=(back,))
    await watched.round("2026-03-07")
    here, there = await hub.standing(), await hub.standing(case_id=OTHER_CASE)
    assert ([list(one.person_ids) for one in here.persons], len(here.moved)) == ([["p1"]], 0)
    assert ([list(one.person_ids) for one in there.persons], len(there.moved)) == ([], 1)


async def test_late_evidence_of_a_case_reaches_those_that_were_split_from_it(watched: Watched) -> None:
    hub, third = watched.hub, new_id()
    await hub.passed("PB-01", "2026-03-03", ("p1", "p2"), detention("2026-03-01", "p1", "p2"))
    await hub.passed("PB-04", "2026-03-06", ("p2",), case_id=OTHER_CASE, relations=(split_off("p2"),))
    further = SupervisionRelation(
        kind=RelationKind.RELATION_KIND_SPLIT_FROM,
        other_collaboration_case_id=OTHER_CASE,
        person_ids=["p2"],
        time=stamp("2026-03-07"),
    )
    await hub.passed("PB-04", "2026-03-07", ("p2",), case_id=third, relations=(further,))
    await watched.round("2026-03-08")
    assert await watched.stands("D03", case=third) is not None
    await hub.passed("PB-02", "2026-03-04", ("p2",), way=(PROCURATORATE, POLICE))
    await watched.round("2026-03-08 00:01")
    assert await watched.stands("D03", case=third) is None
    assert await watched.stands("D03") is not None  # of p1
