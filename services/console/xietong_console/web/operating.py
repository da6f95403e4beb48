"""Operations: how the node is, its neighbours, certificates, what it gave up, and whom to call."""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import UTC, datetime
from functools import partial

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.operations_service_pb2 import GetStatusResponse, ListDeliveriesRequest
from xietong.exchange.v1.package_pb2 import HopState
from xietong_client.labels import party_by_name, party_name
from xietong_console.node import answer_of, failures_of
from xietong_console.web.acts import carry_out
from xietong_console.web.console import Console, console_of
from xietong_console.web.identifiers import require_identifier
from xietong_console.web.package import delivery_number
from xietong_console.web.rendering import page
from xietong_console.web.security import Act, ActRefused, Form, Viewer
from xietong_console.words import moment

router = APIRouter()
_DAY_SECONDS = 24 * 3600
BRANCHES = (Party.PARTY_POLICE, Party.PARTY_PROCURATORATE, Party.PARTY_COURT, Party.PARTY_JUSTICE)
"""Whose nodes answer test packages."""
DEAD_LETTERS = 100
"""Dead letters on one page."""


@router.get("/operations")
async def show_operations(request: Request, _session: Viewer, token: str = "", done: str = "") -> Response:
    """How the node is."""
    return await _page(request, token=token, done=done == "replay")


@router.get("/operations/check")
async def after_check(_session: Viewer) -> Response:
    """Where whoever switches the language after a test of the connection comes by."""
    return RedirectResponse("/operations", 303)


@router.post("/operations/check")
async def check_connection(request: Request, _form: Form) -> Response:
    """Ask the node now, and say how long the way there and back took."""
    begin = time.perf_counter()
    found = await answer_of(console_of(request).node.operations.current_status)
    seconds = time.perf_counter() - begin if found.value is not None else None
    return await _page(request, checked=seconds)


@router.post("/operations/replay")
async def replay(request: Request, form: Act) -> Response:
    """Put a dead letter back into the queue."""
    act = partial(console_of(request).node.operations.replay, delivery_number(form.get("delivery", "")))
    return await carry_out(request, form, act, back="/operations", onward=lambda _: "/operations?done=replay")


@router.post("/operations/test")
async def send_test(request: Request, form: Act) -> Response:
    """Send a test package; its page shows, live, which hops answered and what each took."""
    party, test_id = party_by_name(form.get("party", "")), form.get("test", "")
    require_identifier(test_id)
    if party is None:
        raise HTTPException(400)
    act = partial(console_of(request).node.operations.send_test, party, test_id)
    return await carry_out(
        request, form, act, back="/operations", onward=lambda package: f"/packages/{package.package_id}"
    )


@router.get("/operations/diagnostics")
async def download_diagnostics(request: Request, session: Viewer) -> Response:
    """The bundle for a vendor's support as a file; for operators, who know to whom they give it."""
    if session.account.role != "operator":
        raise ActRefused
    node = console_of(request).node
    found = await answer_of(node.operations.diagnostics)
    if found.value is None:
        return page(request, "refused.html", back="/operations", failures=[found.failure])
    name = f"xietong-{node.party}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    return Response(
        found.value,
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _page(
    request: Request, *, token: str = "", done: bool = False, checked: float | None = None
) -> Response:
    console = console_of(request)
    operations = console.node.operations
    asked = ListDeliveriesRequest(state=HopState.HOP_STATE_DEAD, page_size=DEAD_LETTERS, page_token=token)
    status, dead, contacts, announced = await asyncio.gather(
        answer_of(operations.current_status),
        answer_of(operations.deliveries, asked),
        answer_of(console.node.directory.contacts),
        answer_of(console.node.maintenance.announced),
    )
    return page(
        request,
        "operations.html",
        status=status.value,
        dead=dead.value,
        token=token,
        contacts=contacts.value,
        announced=announced.value,
        certificates=_certificates(console, status.value),
        testable=[party for party in BRANCHES if party_name(party) != console.node.party],
        test_id=str(uuid.uuid4()),
        done=done,
        checked=checked,
        failures=failures_of(status, dead, contacts, announced),
    )


def _certificates(console: Console, status: GetStatusResponse | None) -> list[tuple[str, datetime, int]]:
    """Whose certificate ends when, and in how many days."""
    ends = [("console", console.node.certificate_end)]
    if status is not None and (end := moment(status.certificate_expire_time)) is not None:
        ends.append(("node", end))
    now = datetime.now(UTC)
    return [(whose, end, int((end - now).total_seconds() // _DAY_SECONDS)) for whose, end in ends]
