"""Announcements of maintenance: what is announced, and operators announcing and taking back."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from xietong.exchange.v1.maintenance_pb2 import MaintenanceWindow
from xietong_client import XietongClientError
from xietong_client.labels import party_by_name
from xietong_console.node import answer_of, failures_of
from xietong_console.web.console import console_of
from xietong_console.web.identifiers import require_identifier
from xietong_console.web.operating import BRANCHES
from xietong_console.web.rendering import page
from xietong_console.web.security import Act, Viewer
from xietong_console.words import CHINA

router = APIRouter()
PATH = "/operations/maintenance"
_SEE_OTHER = 303


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
    text_zh, text_en = (form.get(name, "").strip() for name in ("text_zh", "text_en"))
    window = MaintenanceWindow(maintenance_id=maintenance_id, party=party, text_zh=text_zh, text_en=text_en)
    window.start_time.FromDatetime(_moment(form.get("begin", "")))
    window.end_time.FromDatetime(_moment(form.get("end", "")))
    return await _done(request, console_of(request).node.maintenance.announce(window))


@router.post(f"{PATH}/cancel")
async def cancel(request: Request, form: Act) -> Response:
    """Take it back."""
    maintenance_id = form.get("maintenance", "")
    require_identifier(maintenance_id)
    return await _done(request, console_of(request).node.maintenance.cancel(maintenance_id))


def _moment(text: str) -> datetime:
    """What a browser's field for a time holds; all times of the console are China Standard Time."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=CHINA)
    except ValueError:
        raise HTTPException(400) from None


async def _done(request: Request, asked: Awaitable[None]) -> Response:
    try:
        await asked
    except XietongClientError as error:
        return page(request, "refused.html", back=PATH, failures=[error])
    return RedirectResponse(PATH, _SEE_OTHER)
