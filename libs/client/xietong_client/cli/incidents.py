"""Commands for operators about what is late: incidents list, show, ack, assign, silence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from google.protobuf.timestamp_pb2 import Timestamp

from xietong.supervision.v1.incident_pb2 import (
    Incident,
    IncidentEvent,
    IncidentKind,
    IncidentSeverity,
    IncidentState,
)
from xietong_client.cli.contacts import contact_line, contact_view
from xietong_client.cli.lines import format_bytes, format_time, reason_line
from xietong_client.cli.session import Session
from xietong_client.cli.views import View, reasons_view, text_view, time_view
from xietong_client.incidents import NOT_CLOSED
from xietong_client.labels import INCIDENT_EVENTS, INCIDENT_STATES, party_name, state_name
from xietong_client.text import NO_TEXT, Text

IncidentId = Annotated[str, typer.Argument(metavar="INCIDENT", help="Id of the incident.")]
Note = Annotated[str, typer.Option(help="What there is to say.")]
MAX_SILENCE_MINUTES = 7 * 24 * 60
_TIMES = (
    "submit_time",
    "relay_time",
    "open_time",
    "change_time",
    "close_time",
    "acknowledge_time",
    "silence_until_time",
)


async def list_incidents(
    session: Session,
    *,
    every: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    package: Annotated[str, typer.Option(metavar="ID", help="Only those of this package.")] = "",
) -> None:
    """Lists incidents, the newest first."""
    states = () if every else NOT_CLOSED
    async with session.operate() as operations:
        found = [one async for one in operations.incidents.find(states, package_id=package)]
    session.output.result({"incidents": [incident_view(one) for one in found]})
    if not found:
        session.output.line(Text("没有告警。", "no incidents."), "green")
    for one in found:
        session.output.line(_head(one), _style(one))


async def show(session: Session, incident: IncidentId) -> None:
    """Shows an incident: where, why, whom to call, what to do, and what was done."""
    async with session.operate() as operations:
        found = await operations.incidents.get(incident)
    packages, events = list(found.package_ids), list(found.events)
    view = {"packages": packages, "events": [_event_view(one) for one in events]}
    session.output.result(incident_view(found.incident) | view)
    _print(session, found.incident)
    for event in events:
        session.output.line(_event_line(event), "dim")


async def acknowledge(session: Session, incident: IncidentId, *, note: Note = "") -> None:
    """Says that somebody has taken notice."""
    async with session.operate() as operations:
        _done(session, await operations.incidents.acknowledge(incident, note))


async def assign(
    session: Session,
    incident: IncidentId,
    to: Annotated[str, typer.Argument(metavar="ROLE", help="Who works on it: a role, not a name.")],
    *,
    note: Note = "",
) -> None:
    """Says who works on it, or hands it over."""
    async with session.operate() as operations:
        _done(session, await operations.incidents.assign(incident, to, note))


async def silence(
    session: Session,
    incident: IncidentId,
    minutes: Annotated[
        int, typer.Argument(min=0, max=MAX_SILENCE_MINUTES, help="For how long; 0 ends the silence.")
    ],
    *,
    note: Note = "",
) -> None:
    """Keeps it from being told and escalated for a while."""
    async with session.operate() as operations:
        _done(session, await operations.incidents.silence(incident, minutes, note))


def _done(session: Session, incident: Incident) -> None:
    session.output.result(incident_view(incident))
    _print(session, incident)


def _print(session: Session, incident: Incident) -> None:
    session.output.line(_head(incident), _style(incident))
    for line in _lines(incident):
        session.output.line(line)


def _style(incident: Incident) -> str:
    if incident.state == IncidentState.INCIDENT_STATE_CLOSED:
        return "dim"
    return "red" if incident.severity == IncidentSeverity.INCIDENT_SEVERITY_ALARM else "yellow"


def _head(incident: Incident) -> Text:
    state = INCIDENT_STATES.get(incident.state, Text("未知", "unknown"))
    zh = "！" if incident.escalated else ""
    head = f"{incident.incident_id}  {format_time(incident.open_time)}"
    return Text(f"{head}  {state.zh}{zh}  {incident.text_zh}", f"{head}  {state.en}  {incident.text_en}")


def _lines(incident: Incident) -> list[Text]:
    lines = [Text(f"处置：{incident.advice_zh}", f"what to do: {incident.advice_en}")]
    if incident.HasField("last_reason"):
        reason = reason_line(incident.last_reason)
        lines.append(Text(f"最近一次错误：{reason.zh}", f"last error: {reason.en}"))
    if incident.package_id:
        moved = f"{format_bytes(incident.transferred_bytes)} / {format_bytes(incident.total_bytes)}"
        sent, relayed = format_time(incident.submit_time), _time_or_none(incident.relay_time)
        lines.append(
            Text(
                f"数据包 {incident.package_id}：{moved}，提交 {sent}，到中心 {relayed or '—'}",
                f"package {incident.package_id}: {moved}, submitted {sent}, at the hub {relayed or '—'}",
            )
        )
    lines.extend(contact_line(one) for one in incident.contacts)
    if incident.assignee:
        lines.append(Text(f"处理人：{incident.assignee}", f"assigned to: {incident.assignee}"))
    if incident.silence_until_time.ToDatetime(UTC) > datetime.now(UTC):
        until = format_time(incident.silence_until_time)
        lines.append(Text(f"静默至 {until}", f"silent until {until}"))
    return lines


def _time_or_none(time: Timestamp) -> str:
    return format_time(time) if time.seconds else ""


def _event_line(event: IncidentEvent) -> Text:
    name, time = INCIDENT_EVENTS.get(event.operation, NO_TEXT), format_time(event.event_time)
    tail = f"  {event.caller}  {event.note}".rstrip()
    return Text(f"{time}  {name.zh}{tail}", f"{time}  {name.en}{tail}")


def _event_view(event: IncidentEvent) -> View:
    return {
        "operation": event.operation,
        "event_time": time_view(event.event_time),
        "caller": event.caller,
        "note": event.note,
    }


def incident_view(incident: Incident) -> View:
    """An incident."""
    reason = incident.last_reason if incident.HasField("last_reason") else None
    return {
        "incident_id": incident.incident_id,
        "kind": IncidentKind.Name(incident.kind).removeprefix("INCIDENT_KIND_"),
        "severity": IncidentSeverity.Name(incident.severity).removeprefix("INCIDENT_SEVERITY_"),
        "state": IncidentState.Name(incident.state).removeprefix("INCIDENT_STATE_"),
        "hop": party_name(incident.hop),
        "system": incident.system,
        "package_count": incident.package_count,
        "package_id": incident.package_id,
        "package_state": state_name(incident.package_state),
        "transferred_bytes": incident.transferred_bytes,
        "total_bytes": incident.total_bytes,
        "last_reason": reasons_view([reason])[0] if reason is not None else None,
        "text": text_view(Text(incident.text_zh, incident.text_en)),
        "advice": text_view(Text(incident.advice_zh, incident.advice_en)),
        "contacts": [contact_view(one) for one in incident.contacts],
        "acknowledged_by": incident.acknowledged_by,
        "assignee": incident.assignee,
        "escalated": incident.escalated,
        **{name: time_view(getattr(incident, name)) for name in _TIMES},
    }
