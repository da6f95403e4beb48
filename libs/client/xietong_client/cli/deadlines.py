"""The command `deadlines`: which statutory clocks of which cases end when, for supervisors at the hub."""

from __future__ import annotations

from typing import Annotated

import typer

from xietong.supervision.v1.clock_service_pb2 import ClockPhase, Deadline, ListDeadlinesRequest
from xietong_client.cli.clocks import STYLES, clock_view
from xietong_client.cli.lines import party_label
from xietong_client.cli.session import Session
from xietong_client.cli.views import View
from xietong_client.labels import CLOCK_PHASES, party_name
from xietong_client.send import party_named
from xietong_client.text import Text

MOST_DAYS = 3660
MOST_SHOWN = 1_000
PRESSING = (ClockPhase.CLOCK_PHASE_WARNING, ClockPhase.CLOCK_PHASE_PASSED)


async def deadlines(
    session: Session,
    *,
    party: Annotated[str, typer.Option(metavar="PARTY", help="Only what this party has to do.")] = "",
    within: Annotated[
        int | None,
        typer.Option(metavar="DAYS", min=0, max=MOST_DAYS, help="What ends within so many days; 0 is today."),
    ] = None,
    passed: Annotated[
        int,
        typer.Option(
            metavar="DAYS", min=0, max=MOST_DAYS, help="Leave out what ended longer ago than so many days."
        ),
    ] = 30,
    limit: Annotated[
        int, typer.Option(metavar="NUMBER", min=1, max=MOST_SHOWN, help="Show so many at most.")
    ] = 100,
) -> None:
    """Lists what is near its end or past it or, with --within, all that ends within some days; the earliest first."""
    request = ListDeadlinesRequest(
        phases=() if within is not None else PRESSING,
        within_days=within,
        passed_days=passed,
        page_size=min(limit, 500),
    )
    if party:
        request.party = party_named(party)
    found: list[Deadline] = []
    async with session.operate() as operations:
        async for one in operations.clocks.deadlines(request):
            found.append(one)
            if len(found) > limit:
                break
    shown, output = found[:limit], session.output
    output.result({"deadlines": [deadline_view(one) for one in shown], "is_cut": len(found) > limit})
    if not shown:
        output.line(Text("没有符合条件的期限。", "no such deadline."), "green")
    for one in shown:
        output.line(_line(one), STYLES.get(one.clock.phase, ""))
        output.line(_small_print(one), "dim")
    if len(found) > limit:
        output.note(
            Text(f"只列出前 {limit} 项，另有更多。", f"only the first {limit} are shown; there are more.")
        )
    output.note(_REMINDER)


_REMINDER = Text("以上为提示，不作超期认定。", "these are reminders and no finding of delay.")


def _line(one: Deadline) -> Text:
    clock, phase = one.clock, CLOCK_PHASES[one.clock.phase]
    days = _days(one.days_left)
    end = clock.last_day or f"{clock.due_time.ToDatetime():%Y-%m-%d}"
    return Text(
        f"{end}  {days.zh}  {phase.zh}  {clock.name_zh}", f"{end}  {days.en}  {phase.en}  {clock.name_en}"
    )


def _days(left: int) -> Text:
    if left < 0:
        return Text(f"已过 {-left} 天", f"{-left} days ago")
    return Text("今天", "today") if not left else Text(f"还有 {left} 天", f"in {left} days")


def _small_print(one: Deadline) -> Text:
    numbers = " ".join(dict.fromkeys(number.number for number in one.case_numbers))
    units = [
        (party_label(unit.party), f"{unit.organ_code} {unit.handler_ref}".strip())
        for unit in one.clock.responsible
    ]
    zh = "、".join(f"{label.zh} {who}".strip() for label, who in units)
    en = ", ".join(f"{label.en} {who}".strip() for label, who in units)
    whole = Text("全案", "the whole case")
    whom = Text(f"{one.person_count} 人", f"persons: {one.person_count}") if one.person_count else whole
    head = f"    {one.clock.clock_id}  {one.collaboration_case_id}  {numbers}"
    return Text(f"{head}  {whom.zh}  {zh}", f"{head}  {whom.en}  {en}")


def deadline_view(one: Deadline) -> View:
    """A deadline as `--json` prints it: its clock, without the state in words, and its case."""
    clock = {name: value for name, value in clock_view(one.clock).items() if name != "text"}
    return {
        "collaboration_case_id": one.collaboration_case_id,
        "case_numbers": [
            {"party": party_name(number.party), "number": number.number} for number in one.case_numbers
        ],
        "person_ids": list(one.person_ids),
        "person_count": one.person_count,
        "days_left": one.days_left,
        "clock": clock,
    }
