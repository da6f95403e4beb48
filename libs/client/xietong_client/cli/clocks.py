"""The command `clocks`: the statutory clocks of a case and its suspects, for operators and supervisors at the hub."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import aclosing
from typing import Annotated

import typer

from xietong.supervision.v1.clock_service_pb2 import (
    Clock,
    ClockPhase,
    GetCaseClocksResponse,
    MovedPersons,
    PersonClocks,
)
from xietong_client.cli.finding import only_case
from xietong_client.cli.lines import party_label
from xietong_client.cli.session import Session
from xietong_client.cli.views import View, text_view, time_view
from xietong_client.clocks import OBSERVED
from xietong_client.labels import clock_phase_name, party_name
from xietong_client.text import Text

STYLES = {
    ClockPhase.CLOCK_PHASE_WARNING: "yellow",
    ClockPhase.CLOCK_PHASE_PASSED: "red",
    ClockPhase.CLOCK_PHASE_ENDED: "dim",
    ClockPhase.CLOCK_PHASE_NOT_OBSERVED: "dim",
}


async def clocks(
    session: Session,
    case: Annotated[
        str, typer.Argument(metavar="CASE", help="A case number, or an id of the case or of a package of it.")
    ],
    *,
    every: Annotated[bool, typer.Option("--all", help="Also clocks that were not observed.")] = False,
) -> None:
    """Shows how the statutory clocks of a case stand, and where its suspects do."""
    async with session.operate() as operations:
        case_id = await only_case(operations, case)
        async with aclosing(operations.clocks.of_case(case_id, () if every else OBSERVED)) as found:
            pages = [page async for page in found]
    session.output.result(case_view(case_id, pages))
    for text, style in case_lines(case_id, pages):
        session.output.line(text, style)


def case_lines(case_id: str, pages: list[GetCaseClocksResponse]) -> Iterator[tuple[Text, str]]:
    """What people read, each line with its style."""
    first = pages[0]
    yield Text(f"案件 {case_id}", f"case {case_id}"), "bold"
    if first.is_cut:
        yield _CUT, "yellow"
    if first.related_case_ids:
        others = "、".join(first.related_case_ids)
        yield Text(f"并案、分案：{others}", f"merged or split: {others}"), ""
    yield from ((_moved_line(one), "") for one in first.moved_persons)
    if not any(page.case_clocks or page.persons for page in pages):
        yield Text("没有监测到期限。", "no clock was observed."), ""
    yield from _clock_lines(first.case_clocks)
    for page in pages:
        for one in page.persons:
            yield _person_line(one), "bold"
            yield from _clock_lines(one.clocks)


_CUT = Text(
    "案件数据包过多，最早的未计入，期限可能不全。",
    "the case has too many packages: the oldest are left out, and clocks may be missing.",
)


def _named(person_ids: Sequence[str]) -> str:
    return "、".join(person_ids[:3]) + (" …" if len(person_ids) > 3 else "")  # noqa: PLR2004 - a line's worth


def _moved_line(one: MovedPersons) -> Text:
    named, numbers = _named(one.person_ids), "、".join(each.number for each in one.case_numbers)
    into = f"{one.collaboration_case_id}（{numbers}）" if numbers else one.collaboration_case_id
    into_en = f"{one.collaboration_case_id} ({numbers})" if numbers else one.collaboration_case_id
    return Text(
        f"{named}（{one.person_count} 人）：已移至案件 {into}，期限在该案继续计算",
        f"{named} ({one.person_count}): moved to case {into_en}, where the clocks go on",
    )


def _person_line(one: PersonClocks) -> Text:
    named = _named(one.person_ids)
    zh = "，".join(filter(None, (one.state_zh, one.measure_zh)))
    en = ", ".join(filter(None, (one.state_en, one.measure_en)))
    count = len(one.person_ids)
    return Text(
        f"{named}（{count} 人）：{zh or '阶段未知'}",
        f"{named} ({count}): {en or 'it is not known where they stand'}",
    )


def _clock_lines(found: Iterable[Clock]) -> Iterator[tuple[Text, str]]:
    for clock in found:
        yield Text(f"  {clock.text_zh}", f"  {clock.text_en}"), STYLES.get(clock.phase, "")
        yield _small_print(clock), "dim"


def _small_print(clock: Clock) -> Text:
    units = [
        (party_label(unit.party), " ".join(filter(None, (unit.organ_code, unit.handler_ref))))
        for unit in clock.responsible
    ]
    zh = "、".join(f"{label.zh} {who}".rstrip() for label, who in units)
    en = ", ".join(f"{label.en} {who}".rstrip() for label, who in units)
    return Text(
        f"    {clock.clock_id}  {zh}  {clock.basis_zh}", f"    {clock.clock_id}  {en}  {clock.basis_en}"
    )


def case_view(case_id: str, pages: list[GetCaseClocksResponse]) -> View:
    """The clocks of a case and its persons."""
    first = pages[0]
    return {
        "collaboration_case_id": case_id,
        "standard_edition": first.standard_edition,
        "evaluation_time": time_view(first.evaluation_time),
        "package_count": first.package_count,
        "is_cut": first.is_cut,
        "related_case_ids": list(first.related_case_ids),
        "case_clocks": [clock_view(clock) for clock in first.case_clocks],
        "persons": [_person_view(one) for page in pages for one in page.persons],
        "moved_persons": [_moved_view(one) for one in first.moved_persons],
    }


def _person_view(one: PersonClocks) -> View:
    return {
        "person_ids": list(one.person_ids),
        "state": one.state,
        "state_label": text_view(Text(one.state_zh, one.state_en)),
        "measure": one.measure,
        "measure_label": text_view(Text(one.measure_zh, one.measure_en)),
        "clocks": [clock_view(clock) for clock in one.clocks],
    }


def _moved_view(one: MovedPersons) -> View:
    return {
        "person_ids": list(one.person_ids),
        "person_count": one.person_count,
        "collaboration_case_id": one.collaboration_case_id,
        "case_numbers": [
            {"party": party_name(each.party), "number": each.number} for each in one.case_numbers
        ],
        "move_time": time_view(one.move_time),
    }


def clock_view(clock: Clock) -> View:
    """A clock."""
    return {
        "clock_id": clock.clock_id,
        "name": text_view(Text(clock.name_zh, clock.name_en)),
        "phase": clock_phase_name(clock.phase),
        "start_time": time_view(clock.start_time) if clock.HasField("start_time") else None,
        "due_time": time_view(clock.due_time) if clock.HasField("due_time") else None,
        "last_day": clock.last_day,
        "end_time": time_view(clock.end_time) if clock.HasField("end_time") else None,
        "runs": clock.runs,
        "extensions": list(clock.extensions),
        "responsible": [
            {"party": party_name(one.party), "organ_code": one.organ_code, "handler_ref": one.handler_ref}
            for one in clock.responsible
        ],
        "basis": text_view(Text(clock.basis_zh, clock.basis_en)),
        "text": text_view(Text(clock.text_zh, clock.text_en)),
        "started_by": clock.started_by,
        "unsure": clock.unsure,
        "standard_edition": clock.standard_edition,
    }
