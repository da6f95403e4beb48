"""Problems that people have with a package: reported, passed to the other side's operators, closed."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from xietong.supervision.v1.problem_service_pb2 import ListProblemsRequest, ProblemState
from xietong_client import NotFound
from xietong_client.labels import PROBLEM_ACTS, PROBLEM_KINDS, PROBLEM_STATES
from xietong_client.problems import Problems
from xietong_console.node import answer_of, failures_of
from xietong_console.web.acts import carry_out
from xietong_console.web.console import console_of
from xietong_console.web.identifiers import require_identifier
from xietong_console.web.rendering import page
from xietong_console.web.security import Act, Viewer, written

router = APIRouter()
PAGE_SIZE = 50
NOT_CLOSED = (ProblemState.PROBLEM_STATE_OPEN, ProblemState.PROBLEM_STATE_PASSED)
STATES = {
    state: (tone, PROBLEM_STATES[state])
    for state, tone in (
        (ProblemState.PROBLEM_STATE_OPEN, "warning"),
        (ProblemState.PROBLEM_STATE_PASSED, "moving"),
        (ProblemState.PROBLEM_STATE_CLOSED, "quiet"),
    )
}
_WORDS: dict[str, Any] = {"kinds": PROBLEM_KINDS, "problem_states": STATES, "acts": PROBLEM_ACTS}
_ADDING: dict[str, Callable[[Problems, str, str], Awaitable[object]]] = {
    "pass": Problems.pass_on,
    "say": Problems.comment,
    "close": Problems.close,
}


@router.get("/problems")
async def list_problems(request: Request, _session: Viewer, closed: str = "", token: str = "") -> Response:
    """Problems that are not closed, or all of them."""
    asked = ListProblemsRequest(states=() if closed else NOT_CLOSED, page_size=PAGE_SIZE, page_token=token)
    found = await answer_of(console_of(request).node.problems.page, asked)
    values = _WORDS | {"found": found.value, "closed": bool(closed), "token": token}
    return page(request, "problems.html", failures=failures_of(found), **values)


@router.get("/problems/{report_id}")
async def show_problem(request: Request, _session: Viewer, report_id: str) -> Response:
    """One problem with all that was said about it."""
    require_identifier(report_id)
    found = await answer_of(console_of(request).node.problems.get, report_id)
    if isinstance(found.failure, NotFound):
        raise HTTPException(404)
    values = _WORDS | {"report_id": report_id, "found": found.value}
    return page(request, "problem.html", failures=failures_of(found), **values)


@router.get("/packages/{package_id}/problem")
async def show_report(request: Request, _session: Viewer, package_id: str) -> Response:
    """The form of a report; its id makes a second click the same report."""
    require_identifier(package_id)
    return page(request, "report.html", package_id=package_id, report_id=str(uuid.uuid4()), **_WORDS)


@router.post("/packages/{package_id}/problem")
async def report(request: Request, form: Act, package_id: str) -> Response:
    """Report a problem with a package."""
    require_identifier(package_id)
    report_id = form.get("report", "")
    require_identifier(report_id)
    kind = next((each for each in PROBLEM_KINDS if str(int(each)) == form.get("kind")), None)
    if kind is None:
        raise HTTPException(400)
    problems, text = console_of(request).node.problems, written(form, "text")
    return await carry_out(
        request,
        form,
        partial(problems.report, package_id, kind, text, report_id=report_id),
        back=f"/packages/{package_id}/problem",
        onward=lambda _: f"/problems/{report_id}",
    )


@router.post("/problems/{report_id}/{act}")
async def add(request: Request, form: Act, report_id: str, act: str) -> Response:
    """Pass it on, say something, or close it."""
    require_identifier(report_id)
    if act not in _ADDING:
        raise HTTPException(404)
    added = partial(_ADDING[act], console_of(request).node.problems, report_id, written(form, "text"))
    return await carry_out(request, form, added, back=f"/problems/{report_id}")
