"""Commands about changes of the data standard: standard request, requests, change, close, decide, publish, and so on.

They call the hub with an operator's certificate, whatever party it is of.
"""

from __future__ import annotations

from typing import Annotated

import typer

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.supervision.v1.standard_change_pb2 import (
    StandardChange,
    StandardChangeDraft,
    StandardChangeState,
    StandardDecision,
    StandardNotice,
    StandardReadiness,
    StandardReadinessLevel,
    StandardScope,
)
from xietong_client.cli.lines import format_time, party_label
from xietong_client.cli.session import Session
from xietong_client.cli.views import View, time_view
from xietong_client.errors import SettingsInvalid
from xietong_client.labels import CHANGE_STATES, READINESS_LEVELS, party_name
from xietong_client.send import party_named
from xietong_client.text import Text

Change = Annotated[str, typer.Argument(metavar="CHANGE", help="Id of the change.")]
Note = Annotated[str, typer.Option(help="What there is to say.")]
Parties = Annotated[
    list[str] | None, typer.Option("--party", metavar="PARTY", help="A party concerned; may be repeated.")
]
_LEVELS = {
    StandardReadinessLevel.Name(level)
    .removeprefix("STANDARD_READINESS_LEVEL_")
    .lower()
    .replace("_", "-"): level
    for level in READINESS_LEVELS
}
_OVER = (
    StandardChangeState.STANDARD_CHANGE_STATE_CLOSED,
    StandardChangeState.STANDARD_CHANGE_STATE_DECLINED,
    StandardChangeState.STANDARD_CHANGE_STATE_RETIRED,
)


async def request(
    session: Session,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="What it is about, in one line.")],
    *,
    reason: Annotated[str, typer.Option(help="Why it is needed, and what exactly.")],
    contact: Annotated[
        str, typer.Option(help="The unit's contact point for business matters: a role, not a name.")
    ],
    party: Parties = None,
    process: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="A process that changes; may be repeated.")
    ] = None,
    request_id: Annotated[
        str, typer.Option(metavar="UUID", help="The same id again is the same request.")
    ] = "",
) -> None:
    """Asks for a change; without --party it is a local one, for your own vendor."""
    draft = StandardChangeDraft(
        title=title,
        reason=reason,
        contact_point=contact,
        scope=_scope(party),
        parties=_parties(party),
        process_codes=process or [],
    )
    async with session.call_task_force() as changes:
        _tell(session, await changes.request(draft, request_id))


async def requests(
    session: Session, *, every: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False
) -> None:
    """Lists changes that are not over, the newest first."""
    states = () if every else [state for state in CHANGE_STATES if state not in _OVER]
    async with session.call_task_force() as changes:
        found = [one async for one in changes.find(states)]
    session.output.result({"changes": [change_view(one) for one in found]})
    if not found:
        session.output.line(Text("没有变更。", "no changes."), "green")
    for one in found:
        session.output.line(_head(one))


async def show(session: Session, change: Change) -> None:
    """Shows a change: what was asked for, decided, announced, who is ready, and every step."""
    async with session.call_task_force() as changes:
        _tell(session, await changes.get(change))


async def close(session: Session, change: Change, *, note: Note = "") -> None:
    """Closes a local change that your own vendor has made."""
    async with session.call_task_force() as changes:
        _tell(session, await changes.close(change, note))


async def decide(
    session: Session,
    change: Change,
    *,
    approve: Annotated[
        bool, typer.Option("--approve/--decline", help="For it, or against it.", show_default=False)
    ],
    reason: Annotated[str, typer.Option(help="Why, in words.")],
) -> None:
    """Records what the task force decided."""
    async with session.call_task_force() as changes:
        _tell(session, await changes.decide(change, StandardDecision(approved=approve, reason=reason)))


async def publish(
    session: Session,
    change: Change,
    *,
    number: Annotated[str, typer.Option(help="Number of the notice.")],
    edition: Annotated[str, typer.Option(metavar="ID", help="The edition that holds the change.")],
    effective: Annotated[str, typer.Option(metavar="DATE", help="First day in force, such as 2027-01-01.")],
    replaces: Annotated[str, typer.Option(metavar="ID", help="The edition that it replaces.")] = "",
    text: Annotated[str, typer.Option(help="What changes, in words.")] = "",
) -> None:
    """Publishes the notice with the effective date; the roll-out begins."""
    notice = StandardNotice(
        number=number, edition=edition, replaced_edition=replaces, effective_date=effective, text=text
    )
    async with session.call_task_force() as changes:
        _tell(session, await changes.publish(change, notice))


async def readiness(
    session: Session,
    change: Change,
    level: Annotated[
        str, typer.Argument(metavar="LEVEL", help="One of: not-begun, developing, testing, ready.")
    ],
    *,
    of_system: Annotated[
        str, typer.Option("--of", metavar="NAME", help="The system; `exchange` is the node.")
    ] = "exchange",
    vendor: Annotated[str, typer.Option(help="The vendor who does it.")] = "",
    planned: Annotated[str, typer.Option(metavar="DATE", help="The day on which it is to be ready.")] = "",
    remark: Annotated[str, typer.Option(help="What there is to say.")] = "",
) -> None:
    """Reports how ready a system of your party is."""
    said = StandardReadiness(
        system=of_system, vendor=vendor, level=_level(level), planned_date=planned, remark=remark
    )
    async with session.call_task_force() as changes:
        _tell(session, await changes.report(change, said))


async def in_force(
    session: Session,
    change: Change,
    *,
    staying: Annotated[
        list[str] | None,
        typer.Option(metavar="PARTY", help="A party that stays on the older edition; may be repeated."),
    ] = None,
    note: Note = "",
) -> None:
    """Puts a change into force, from its effective date on."""
    async with session.call_task_force() as changes:
        _tell(session, await changes.put_in_force(change, _parties(staying), note))


async def retire(session: Session, change: Change, *, note: Note = "") -> None:
    """Retires the edition that a change replaced, once nobody stays on it."""
    async with session.call_task_force() as changes:
        _tell(session, await changes.retire(change, note))


def _level(name: str) -> StandardReadinessLevel.ValueType:
    if name not in _LEVELS:
        raise SettingsInvalid(
            reason="USAGE",
            text=Text(f"没有名为 {name} 的就绪程度。", f"there is no level of readiness named {name}."),
            remedy=Text(f"请填写其一：{'、'.join(_LEVELS)}。", f"Give one of: {', '.join(_LEVELS)}."),
        )
    return _LEVELS[name]


def _parties(names: list[str] | None) -> list[Party.ValueType]:
    return [party_named(name) for name in names or []]


def _scope(names: list[str] | None) -> StandardScope.ValueType:
    return StandardScope.STANDARD_SCOPE_ACROSS_UNITS if names else StandardScope.STANDARD_SCOPE_LOCAL


def _tell(session: Session, change: StandardChange) -> None:
    session.output.result(change_view(change))
    session.output.line(_head(change))
    for line in _lines(change):
        session.output.line(line)
    for step in change.steps:
        state, time = CHANGE_STATES[step.state], format_time(step.time)
        head = f"{time}  {step.caller}"
        session.output.line(
            Text(f"{head}  {state.zh}  {step.note}", f"{head}  {state.en}  {step.note}"), "dim"
        )


def _head(change: StandardChange) -> Text:
    state, title = CHANGE_STATES[change.state], change.draft.title
    head, asker = f"{change.change_id}  {format_time(change.request_time)}", party_label(change.requested_by)
    return Text(f"{head}  {state.zh}  {asker.zh}：{title}", f"{head}  {state.en}  {asker.en}: {title}")


def _lines(change: StandardChange) -> list[Text]:
    parties = [party_label(party) for party in change.draft.parties]
    lines = [
        Text(
            f"所涉单位：{'、'.join(one.zh for one in parties)}；业务接口人：{change.draft.contact_point}",
            f"concerns: {', '.join(one.en for one in parties)}; contact point: {change.draft.contact_point}",
        )
    ]
    if change.HasField("notice"):
        notice = change.notice
        lines.append(
            Text(
                f"通知 {notice.number}：版本 {notice.edition}，{notice.effective_date} 起生效",
                f"notice {notice.number}: edition {notice.edition}, in force from {notice.effective_date}",
            )
        )
    lines.extend(_readiness_line(one) for one in change.readiness)
    if change.staying_parties:
        names = [party_label(party) for party in change.staying_parties]
        lines.append(
            Text(
                f"暂留旧版：{'、'.join(one.zh for one in names)}",
                f"staying on the older edition: {', '.join(one.en for one in names)}",
            )
        )
    return lines


def _readiness_line(said: StandardReadiness) -> Text:
    party, level = party_label(said.party), READINESS_LEVELS[said.level]
    rest = "  ".join(part for part in (said.vendor, said.planned_date, said.remark) if part)
    return Text(
        f"{party.zh} {said.system}：{level.zh}  {rest}".rstrip(),
        f"{party.en} {said.system}: {level.en}  {rest}".rstrip(),
    )


def change_view(change: StandardChange) -> View:
    """A change as `--json` prints it."""
    draft, notice = change.draft, change.notice
    return {
        "change_id": change.change_id,
        "state": CHANGE_STATES[change.state].en,
        "title": draft.title,
        "reason": draft.reason,
        "scope": "local" if draft.scope == StandardScope.STANDARD_SCOPE_LOCAL else "across-units",
        "parties": [party_name(party) for party in draft.parties],
        "processes": list(draft.process_codes),
        "contact_point": draft.contact_point,
        "requested_by": party_name(change.requested_by),
        "request_time": time_view(change.request_time),
        "decision": (
            {"approved": change.decision.approved, "reason": change.decision.reason}
            if change.HasField("decision")
            else None
        ),
        "notice": (
            {
                "number": notice.number,
                "edition": notice.edition,
                "replaced_edition": notice.replaced_edition,
                "effective_date": notice.effective_date,
                "text": notice.text,
            }
            if change.HasField("notice")
            else None
        ),
        "readiness": [_readiness_view(one) for one in change.readiness],
        "staying_parties": [party_name(party) for party in change.staying_parties],
        "steps": [
            {
                "state": CHANGE_STATES[step.state].en,
                "time": time_view(step.time),
                "caller": step.caller,
                "note": step.note,
            }
            for step in change.steps
        ],
    }


def _readiness_view(said: StandardReadiness) -> View:
    return {
        "party": party_name(said.party),
        "system": said.system,
        "vendor": said.vendor,
        "level": READINESS_LEVELS[said.level].en,
        "planned_date": said.planned_date,
        "remark": said.remark,
        "report_time": time_view(said.report_time),
    }
