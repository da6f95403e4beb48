"""Incidents: what stands still or is late, why, whom to call, and who looks after it."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from xietong.supervision.v1.incident_service_pb2 import ListIncidentsRequest
from xietong_client import NotFound
from xietong_client.incidents import NOT_CLOSED
from xietong_console.node import answer_of, failures_of
from xietong_console.web.acts import carry_out
from xietong_console.web.console import console_of
from xietong_console.web.identifiers import require_identifier
from xietong_console.web.rendering import page
from xietong_console.web.security import Act, Viewer

router = APIRouter()
PAGE_SIZE = 50
_MOST_MINUTES = 7 * 24 * 60


@router.get("/incidents")
async def list_incidents(request: Request, _session: Viewer, closed: str = "", token: str = "") -> Response:
    """Incidents that are open, or all of them."""
    asked = ListIncidentsRequest(states=() if closed else NOT_CLOSED, page_size=PAGE_SIZE, page_token=token)
    node = console_of(request).node
    found, announced = await asyncio.gather(
        answer_of(node.incidents.page, asked), answer_of(node.maintenance.announced)
    )
    values: dict[str, Any] = {
        "announced": announced.value,
        "found": found.value,
        "closed": bool(closed),
        "token": token,
    }
    return page(request, "incidents.html", failures=failures_of(found, announced), **values)


@router.get("/incidents/{incident_id}")
async def show_incident(request: Request, _session: Viewer, incident_id: str) -> Response:
    """One incident, its packages, and what was done about it."""
    require_identifier(incident_id)
    found = await answer_of(console_of(request).node.incidents.get, incident_id)
    if isinstance(found.failure, NotFound):
        raise HTTPException(404)
    return page(
        request, "incident.html", incident_id=incident_id, found=found.value, failures=failures_of(found)
    )


@router.post("/incidents/{incident_id}/acknowledge")
async def acknowledge(request: Request, form: Act, incident_id: str) -> Response:
    """Say that somebody has taken notice."""
    require_identifier(incident_id)
    act = partial(console_of(request).node.incidents.acknowledge, incident_id, form.get("note", ""))
    return await carry_out(request, form, act, back=f"/incidents/{incident_id}")


@router.post("/incidents/{incident_id}/assign")
async def assign(request: Request, form: Act, incident_id: str) -> Response:
    """Say who works on it, or hand it over."""
    require_identifier(incident_id)
    assignee, note = form.get("assignee", "").strip(), form.get("note", "")
    act = partial(console_of(request).node.incidents.assign, incident_id, assignee, note)
    return await carry_out(request, form, act, back=f"/incidents/{incident_id}")


@router.post("/incidents/{incident_id}/silence")
async def silence(request: Request, form: Act, incident_id: str) -> Response:
    """Tell nobody about it for a while."""
    require_identifier(incident_id)
    minutes, note = form.get("minutes", ""), form.get("note", "")
    if not minutes.isascii() or not minutes.isdecimal() or int(minutes[:9]) > _MOST_MINUTES:
        raise HTTPException(400)
    act = partial(console_of(request).node.incidents.silence, incident_id, int(minutes), note)
    return await carry_out(request, form, act, back=f"/incidents/{incident_id}")
