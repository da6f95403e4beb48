"""Announcements of maintenance: what is announced, and operators announcing and taking back."""

from __future__ import annotations

import uuid
from datetime import datetime
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from google.protobuf.timestamp_pb2 import Timestamp
from starlette.exceptions import HTTPException

from xietong.exchange.v1.maintenance_pb2 import MaintenanceWindow
from xietong_client import ContentInvalid, Text, Violation
from xietong_client.labels import party_by_name
from xietong_console.node import answer_of, failures_of
from xietong_console.web.acts import carry_out
from xietong_console.web.console import console_of
from xietong_console.web.identifiers import require_identifier
from xietong_console.web.operating import BRANCHES
from xietong_console.web.rendering import page
from xietong_console.web.security import Act, Viewer
from xietong_console.words import CHINA

router = APIRouter()
PATH = "/operations/maintenance"
_NO_TIME = Text("不是日历上的时间，请重新填写。", "This is no time of the calendar: give another one.")


@router.get(PATH)
async def show_maintenance(request: Request, _session: Viewer) -> Response:
    """What is announced, and the form of a new announcement; its id makes a second click the same one."""
    node = console_of(request).node
    found = await answer_of(node.maintenance.announced)
    own = party_by_name(node.party)
    values: dict[str, Any] = {
        "announced": found.value,
        "parties": [own, *(party for party in BRANCHES if node.party == "hub")],
        "maintenance_id": str(uuid.uuid4()),
    }
    return page(request, "maintenance.html", failures=failures_of(found), **values)


@router.post(PATH)
async def announce(request: Request, form: Act) -> Response:
    """Announce it."""
    maintenance_id, party = form.get("maintenance", ""), party_by_name(form.get("party", ""))
    require_identifier(maintenance_id)
    if party is None:
        raise HTTPException(400)
    window = MaintenanceWindow(maintenance_id=maintenance_id, party=party)
    window.text_zh, window.text_en = (form.get(name, "").strip() for name in ("text_zh", "text_en"))

    async def announced() -> None:
        for name in ("start_time", "end_time"):
            getattr(window, name).CopyFrom(_moment(name, form.get(name, "")))
        await console_of(request).node.maintenance.announce(window)

    return await carry_out(request, form, announced, back=PATH)


@router.post(f"{PATH}/cancel")
async def cancel(request: Request, form: Act) -> Response:
    """Take it back."""
    maintenance_id = form.get("maintenance", "")
    require_identifier(maintenance_id)
    cancelled = partial(console_of(request).node.maintenance.cancel, maintenance_id)
    return await carry_out(request, form, cancelled, back=PATH)


def _moment(name: str, text: str) -> Timestamp:
    """What a browser's field for a time holds, in China Standard Time as all times of the console.

    Raises ContentInvalid for what is no time of the calendar.
    """
    stamp = Timestamp()
    try:
        stamp.FromDatetime(datetime.fromisoformat(text).replace(tzinfo=CHINA))
    except (ValueError, OverflowError):
        raise ContentInvalid(
            reason="INVALID_FIELD", text=_NO_TIME, violations=(Violation(name, "", _NO_TIME),)
        ) from None
    return stamp
