"""Commands for operators about what people report of packages: problems list, show, report, say, pass, close."""

from __future__ import annotations

from typing import Annotated

import typer

from xietong.exchange.v1.problem_pb2 import ProblemAct, ProblemKind, ProblemNote
from xietong.supervision.v1.problem_service_pb2 import Problem, ProblemState
from xietong_client.cli.lines import format_time, party_label
from xietong_client.cli.session import Session
from xietong_client.cli.views import View, time_view
from xietong_client.errors import SettingsInvalid
from xietong_client.labels import PROBLEM_ACTS, PROBLEM_KINDS, PROBLEM_STATES, party_name
from xietong_client.text import NO_TEXT, Text

Report = Annotated[str, typer.Argument(metavar="REPORT", help="Id of the report.")]
Said = Annotated[str, typer.Option("--text", help="What there is to say; nothing personal.")]
MAX_PART = 9999
_NOT_CLOSED = (ProblemState.PROBLEM_STATE_OPEN, ProblemState.PROBLEM_STATE_PASSED)
_KINDS = {
    ProblemKind.Name(kind).removeprefix("PROBLEM_KIND_").lower().replace("_", "-"): kind
    for kind in PROBLEM_KINDS
}


async def list_problems(
    session: Session,
    *,
    every: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    package: Annotated[str, typer.Option(metavar="ID", help="Only those of this package.")] = "",
) -> None:
    """Lists problem reports, the newest first."""
    states = () if every else _NOT_CLOSED
    async with session.operate() as operations:
        found = [one async for one in operations.problems.find(states, package_id=package)]
    session.output.result({"problems": [problem_view(one) for one in found]})
    if not found:
        session.output.line(Text("没有问题。", "no problems."), "green")
    for one in found:
        session.output.line(_head(one), _style(one))


async def show(session: Session, report: Report) -> None:
    """Shows a problem and all that was said about it."""
    async with session.operate() as operations:
        found = await operations.problems.get(report)
    notes = list(found.notes)
    session.output.result(problem_view(found.problem) | {"notes": [_note_view(one) for one in notes]})
    session.output.line(_head(found.problem), _style(found.problem))
    for one in notes:
        session.output.line(_note_line(one))


async def report_problem(
    session: Session,
    package: Annotated[str, typer.Argument(metavar="PACKAGE", help="Id of the package.")],
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="One of: garbled-text, seal-not-shown, cannot-accept, cannot-parse, other.",
        ),
    ],
    *,
    text: Said = "",
    part: Annotated[
        int, typer.Option(min=0, max=MAX_PART, help="Number of the part; 0 is the whole package.")
    ] = 0,
    report_id: Annotated[
        str, typer.Option(metavar="UUID", help="The same id again is the same report.")
    ] = "",
) -> None:
    """Reports a problem with a package to the operators of the own party."""
    async with session.operate() as operations:
        problem = await operations.problems.report(
            package, _kind_named(kind), text, part=part, report_id=report_id
        )
    _done(session, problem)


async def say(
    session: Session,
    report: Report,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What there is to say; nothing personal.")],
) -> None:
    """Says something about a problem."""
    async with session.operate() as operations:
        _done(session, await operations.problems.comment(report, text))


async def pass_on(session: Session, report: Report, *, text: Said = "") -> None:
    """Passes a problem to the operators of the other party; both then see all that is said."""
    async with session.operate() as operations:
        _done(session, await operations.problems.pass_on(report, text))


async def close(session: Session, report: Report, *, text: Said = "") -> None:
    """Closes a problem."""
    async with session.operate() as operations:
        _done(session, await operations.problems.close(report, text))


def _kind_named(name: str) -> ProblemKind.ValueType:
    if (kind := _KINDS.get(name)) is not None:
        return kind
    zh, en = "、".join(_KINDS), ", ".join(_KINDS)
    raise SettingsInvalid(
        reason="USAGE",
        text=Text(f"没有 {name} 这类问题。", f"there is no kind of problem {name}."),
        remedy=Text(f"请填其一：{zh}。", f"Use one of {en}."),
    )


def _done(session: Session, problem: Problem) -> None:
    session.output.result(problem_view(problem))
    session.output.line(_head(problem), _style(problem))


def _style(problem: Problem) -> str:
    return "dim" if problem.state == ProblemState.PROBLEM_STATE_CLOSED else "yellow"


def _head(problem: Problem) -> Text:
    state, kind = PROBLEM_STATES.get(problem.state, NO_TEXT), PROBLEM_KINDS.get(problem.kind, NO_TEXT)
    party, head = party_label(problem.reported_by), f"{problem.report_id}  {format_time(problem.create_time)}"
    return Text(
        f"{head}  {state.zh}  {kind.zh}（{party.zh}）  数据包 {problem.package_id}",
        f"{head}  {state.en}  {kind.en} ({party.en})  package {problem.package_id}",
    )


def _note_line(note: ProblemNote) -> Text:
    act, party = PROBLEM_ACTS.get(note.act, NO_TEXT), party_label(note.stated_by)
    part = f" #{note.part}" if note.part else ""
    head, tail = f"{format_time(note.note_time)}  ", f"{part}  {note.caller}  {note.text}".rstrip()
    return Text(f"{head}{act.zh}（{party.zh}）{tail}", f"{head}{act.en} ({party.en}){tail}")


def problem_view(problem: Problem) -> View:
    """A problem report."""
    return {
        "report_id": problem.report_id,
        "package_id": problem.package_id,
        "kind": ProblemKind.Name(problem.kind).removeprefix("PROBLEM_KIND_"),
        "reported_by": party_name(problem.reported_by),
        "state": ProblemState.Name(problem.state).removeprefix("PROBLEM_STATE_"),
        "create_time": time_view(problem.create_time),
        "change_time": time_view(problem.change_time),
    }


def _note_view(note: ProblemNote) -> View:
    return {
        "act": ProblemAct.Name(note.act).removeprefix("PROBLEM_ACT_"),
        "part": note.part,
        "text": note.text,
        "stated_by": party_name(note.stated_by),
        "caller": note.caller,
        "note_time": time_view(note.note_time),
    }
