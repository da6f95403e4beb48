"""The clocks of a case at the hub: evaluated by envelopes and evidence on record, at a time that the test sets."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from tests.integration.store.records import new_id
from tests.integration.supervision.clock_cases import (
    CASE,
    OTHER_CASE,
    POLICE,
    PROCURATORATE,
    Hub,
    detention,
    stamp,
)
from tests.unit.standard.clock_events import moment

from xietong.casefile.v1.case_pb2 import RelationKind
from xietong.exchange.v1.envelope_pb2 import SupervisionRelation
from xietong.supervision.v1.clock_service_pb2 import ClockPhase
from xietong_exchange.domain.errors import PackageNotFound
from xietong_exchange.flow import case_history
from xietong_exchange.flow.rulebook import Rulebook
from xietong_exchange.supervision.statutory import ClockDesk


async def test_a_clock_runs_warns_and_ends_and_says_who_has_to_act(hub: Hub) -> None:
    held = detention("2026-03-01 22:00", "p1")
    sent = await hub.passed("PB-01", "2026-03-03 10:05", ("p1", "p2"), held, handler="检-017")
    running = await hub.clock("D03", "p1", "2026-03-04 09:00")
    assert (running.phase, running.last_day) == (ClockPhase.CLOCK_PHASE_RUNNING, "2026-03-10")
    assert running.start_time.ToDatetime(UTC) == moment("2026-03-03 10:05")
    assert running.due_time.ToDatetime(UTC) == moment("2026-03-11")
    assert "91" in running.basis_zh
    assert "CPL" not in running.basis_zh
    [unit] = running.responsible
    assert (unit.party, unit.organ_code, unit.handler_ref) == (PROCURATORATE, f"{PROCURATORATE}01", "检-017")
    assert running.started_by == sent
    phases = ClockPhase.CLOCK_PHASE_WARNING, ClockPhase.CLOCK_PHASE_PASSED
    days = "2026-03-10 23:59", "2026-03-11"
    late = [await hub.clock("D03", "p1", day) for day in days]
    assert tuple(one.phase for one in late) == phases
    assert "不作超期认定" in late[1].text_zh
    assert "p1" not in late[1].text_zh + late[1].text_en

    await hub.passed("PB-02", "2026-03-12 08:00", ("p1",), way=(PROCURATORATE, POLICE))
    ended = await hub.clock("D03", "p1", "2026-03-13")
    assert (ended.phase, ended.end_time.ToDatetime(UTC)) == (
        ClockPhase.CLOCK_PHASE_ENDED,
        moment("2026-03-12 08:00"),
    )
    request = await hub.clock("D02", "p1", "2026-03-13")
    assert request.phase == ClockPhase.CLOCK_PHASE_ENDED
    assert [(one.party, one.organ_code, one.handler_ref) for one in request.responsible] == [
        (POLICE, f"{POLICE}00", "")
    ]


async def test_suspects_of_one_case_part_ways(hub: Hub) -> None:
    await hub.passed("PB-01", "2026-03-03", ("p1", "p2", "p3"), detention("2026-03-01", "p1"))
    found = await hub.standing(ClockPhase.CLOCK_PHASE_RUNNING)
    groups = {tuple(one.person_ids): {clock.clock_id for clock in one.clocks} for one in found.persons}
    assert set(groups) == {("p1",), ("p2", "p3")}
    assert "D03" in groups["p1",]
    assert "D04" not in groups["p1",]
    assert "D04" in groups["p2", "p3"]
    assert "D03" not in groups["p2", "p3"]
    stands = {tuple(one.person_ids): (one.state, one.measure) for one in found.persons}
    assert stands == {("p1",): ("ARREST_REVIEW", "DETAINED"), ("p2", "p3"): ("ARREST_REVIEW", "")}
    unseen = await hub.clock("D05", "p1", "2026-03-04")
    assert unseen.phase == ClockPhase.CLOCK_PHASE_NOT_OBSERVED
    assert not unseen.HasField("start_time")
    assert not unseen.HasField("due_time")


async def test_what_happened_before_a_split_goes_along(hub: Hub) -> None:
    await hub.passed("PB-01", "2026-03-03", ("p1", "p2"), detention("2026-03-01", "p1", "p2"))
    split = SupervisionRelation(
        kind=RelationKind.RELATION_KIND_SPLIT_FROM,
        other_collaboration_case_id=CASE,
        person_ids=["p2"],
        time=stamp("2026-03-05"),
    )
    await hub.passed("PB-04", "2026-03-06", ("p2",), case_id=OTHER_CASE, relations=(split,))
    found = await hub.clock("D03", "p2", "2026-03-07", case_id=OTHER_CASE)
    assert found.phase == ClockPhase.CLOCK_PHASE_RUNNING
    there = await hub.standing(case_id=OTHER_CASE)
    assert (there.related, there.package_count) == ([CASE], 2)
    assert [one.person_ids for one in there.persons] == [["p2"]]


async def test_pages_of_persons_follow_each_other(hub: Hub) -> None:
    for number in range(5):
        await hub.passed("PB-01", f"2026-03-0{number + 1}", (f"p{number}",))
    seen: list[str] = []
    for after in range(0, 6, 2):
        page = await hub.standing(after=after, limit=2)
        seen += [person for one in page.persons for person in one.person_ids]
        assert page.more == (after < 4)
        assert bool(page.of_case) == (after == 0)
    assert seen == [f"p{number}" for number in range(5)]


async def test_a_case_with_too_many_packages_says_so(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_history, "MOST_PACKAGES", 2)
    monkeypatch.setattr(case_history, "MOST_OF_A_LIFE", 5)
    for number in range(1, 6):
        await hub.passed("PB-01", f"2026-03-0{number}", ("p1",))
    whole = await hub.standing()
    assert (whole.package_count, whole.is_cut) == (5, False)
    await hub.passed("PB-04", "2026-03-06", ("p1",))
    cut = await hub.standing()
    assert (cut.package_count, cut.is_cut) == (5, True)


async def test_a_case_that_is_not_known_is_no_case_without_clocks(hub: Hub) -> None:
    with pytest.raises(PackageNotFound, match="of case"):
        await hub.standing(case_id=new_id())


async def test_a_package_counts_by_the_edition_under_which_it_was_sent(hub: Hub) -> None:
    old = hub.exchange.rules.edition("2026.1")
    new = replace(old, id="2026.2", effective_date=date(2026, 3, 1))
    hub.exchange = replace(hub.exchange, rules=Rulebook([old, new]))
    hub.desk = ClockDesk(hub.exchange)
    await hub.passed("PB-01", "2026-03-03 10:05", ("p1",), detention("2026-03-01 22:00", "p1"))
    hub.edition = "2026.1"
    await hub.passed("PB-01", "2026-03-03 10:05", ("p2",), case_id=OTHER_CASE)
    newer, older = await hub.standing(), await hub.standing(case_id=OTHER_CASE)
    assert (newer.edition.id, older.edition.id) == ("2026.2", "2026.2")
    started = ClockPhase.CLOCK_PHASE_RUNNING
    editions = [
        {clock.standard_edition for one in found.persons for clock in one.clocks if clock.phase == started}
        for found in (newer, older)
    ]
    assert editions == [{"2026.2"}, {"2026.1"}]


async def test_a_year_without_a_calendar_is_said(hub: Hub) -> None:
    await hub.passed("PB-01", "2031-09-27", ("p1",))
    found = await hub.clock("D04", "p1", "2031-09-28")
    assert "无工作日历" in found.text_zh
    assert datetime.fromisoformat(found.last_day).year == 2031
