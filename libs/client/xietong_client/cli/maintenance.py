"""Commands for operators about announcements of maintenance: maintenance list, announce, cancel."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

import typer

from xietong.exchange.v1.maintenance_pb2 import MaintenanceWindow
from xietong.supervision.v1.maintenance_service_pb2 import ListMaintenanceResponse
from xietong_client.cli.lines import format_time, party_label
from xietong_client.cli.session import Session
from xietong_client.cli.views import text_view, time_view
from xietong_client.errors import SettingsInvalid
from xietong_client.labels import party_name
from xietong_client.send import party_named
from xietong_client.text import Text


async def list_maintenance(session: Session) -> None:
    """Lists what is announced and not over."""
    async with session.operate() as operations:
        _tell(session, await operations.maintenance.announced())


async def announce(
    session: Session,
    *,
    begin: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="TIME",
            help="When it begins, such as 2027-01-01T22:00+08:00; without a zone that of this machine.",
        ),
    ],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="When it ends, in the same form.")],
    text: Annotated[str, typer.Option(help="What is done and what it means for others, in Chinese.")],
    text_en: Annotated[str, typer.Option(help="The same in English.")] = "",
    party: Annotated[
        str, typer.Option(help="Whose node it is; by default that of the node that is called.")
    ] = "",
) -> None:
    """Announces maintenance; the own node's, at the hub any node's."""
    window = MaintenanceWindow(maintenance_id=str(uuid.uuid4()), text_zh=text, text_en=text_en)
    window.start_time.FromDatetime(_moment(begin))
    window.end_time.FromDatetime(_moment(end))
    async with session.operate() as operations:
        window.party = party_named(party) if party else operations.status.party
        await operations.maintenance.announce(window)
        _tell(session, await operations.maintenance.announced())


async def cancel(
    session: Session,
    maintenance_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the announcement.")],
) -> None:
    """Takes an announcement of this node back; what is gone stays gone."""
    async with session.operate() as operations:
        await operations.maintenance.cancel(maintenance_id)
        _tell(session, await operations.maintenance.announced())


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise SettingsInvalid(
            reason="USAGE",
            text=Text(f"{text} 不是时间。", f"{text} is no time."),
            remedy=Text("格式如 2027-01-01T22:00+08:00。", "Write it as 2027-01-01T22:00+08:00."),
        ) from None


def _tell(session: Session, announced: ListMaintenanceResponse) -> None:
    own = set(announced.own_ids)
    session.output.result(
        {
            "windows": [
                {
                    "maintenance_id": one.maintenance_id,
                    "party": party_name(one.party),
                    "start_time": time_view(one.start_time),
                    "end_time": time_view(one.end_time),
                    "text": text_view(Text(one.text_zh, one.text_en)),
                    "is_own": one.maintenance_id in own,
                }
                for one in announced.windows
            ]
        }
    )
    if not announced.windows:
        session.output.line(Text("没有维护公告。", "no maintenance is announced."))
    for one in announced.windows:
        session.output.line(_line(one))


def _line(window: MaintenanceWindow) -> Text:
    party, text = party_label(window.party), Text(window.text_zh, window.text_en or window.text_zh)
    times = f"{format_time(window.start_time)} – {format_time(window.end_time)}"
    head = f"{window.maintenance_id}  {times}"
    return Text(f"{head}  {party.zh}  {text.zh}", f"{head}  {party.en}  {text.en}")
