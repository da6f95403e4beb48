"""Incidents: what stands still or is late, why, whom to call, and who looks after it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from xietong.supervision.v1.incident_pb2 import Incident
from xietong.supervision.v1.incident_service_pb2 import ListIncidentsRequest
from xietong_client import NotFound, XietongClientError
from xietong_client.incidents import NOT_CLOSED
from xietong_console.node import NodeLink, answer_of, failures_of
from xietong_console.web.console import console_of
from xietong_console.web.identifiers import require_identifier
from xietong_console.web.rendering import page
from xietong_console.web.security import Act, Viewer

router = APIRouter()
PAGE_SIZE = 50
_SEE_OTHER = 303
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
    return await _act(
        request, incident_id, lambda node: node.incidents.acknowledge(incident_id, form.get("note", ""))
    )


@router.post("/incidents/{incident_id}/assign")
async def assign(request: Request, form: Act, incident_id: str) -> Response:
    """Say who works on it, or hand it over."""
    assignee, note = form.get("assignee", "").strip(), form.get("note", "")
    return await _act(request, incident_id, lambda node: node.incidents.assign(incident_id, assignee, note))


@router.post("/incidents/{incident_id}/silence")
async def silence(request: Request, form: Act, incident_id: str) -> Response:
    """Tell nobody about it for a while."""
    minutes, note = form.get("minutes", ""), form.get("note", "")
    if not minutes.isascii() or not minutes.isdecimal() or int(minutes[:9]) > _MOST_MINUTES:
        raise HTTPException(400)
    return await _act(
        request, incident_id, lambda node: node.incidents.silence(incident_id, int(minutes), note)
    )


async def _act(
    request: Request, incident_id: str, act: Callable[[NodeLink], Awaitable[Incident]]
) -> Response:
    require_identifier(incident_id)
    try:
        await act(console_of(request).node)
    except XietongClientError as error:
        return page(request, "refused.html", back=f"/incidents/{incident_id}", failures=[error])
    return RedirectResponse(f"/incidents/{incident_id}", _SEE_OTHER)
