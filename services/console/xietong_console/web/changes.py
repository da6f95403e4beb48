"""Changes of the data standard, at the hub: asked for, decided, announced, who is ready, in force, and every step."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.operations_service_pb2 import GetStatusResponse
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
from xietong.supervision.v1.standard_service_pb2 import ListChangesRequest
from xietong_client import NotFound, Text
from xietong_client.labels import CHANGE_STATES, PARTIES, READINESS_LEVELS, party_by_name
from xietong_client.standard_changes import StandardChanges
from xietong_console.node import answer_of, failures_of
from xietong_console.refusals import Fields
from xietong_console.web.acts import carry_out
from xietong_console.web.console import console_of
from xietong_console.web.identifiers import require_identifier
from xietong_console.web.rendering import page
from xietong_console.web.security import Act, Viewer, written
from xietong_standard import available_editions

PATH = "/standard/changes"
router = APIRouter(prefix=PATH)
PAGE_SIZE = 50
_State = StandardChangeState
_Level = StandardReadinessLevel
OVER = (
    _State.STANDARD_CHANGE_STATE_CLOSED,
    _State.STANDARD_CHANGE_STATE_DECLINED,
    _State.STANDARD_CHANGE_STATE_RETIRED,
)
NOT_OVER = tuple(state for state in CHANGE_STATES if state not in OVER)
UNDER_WAY = "under-way"
FILTERS: Mapping[str, tuple[Text, Sequence[StandardChangeState.ValueType]]] = {
    UNDER_WAY: (Text("进行中", "under way"), NOT_OVER),
    **{
        _State.Name(state).removeprefix("STANDARD_CHANGE_STATE_"): (word, (state,))
        for state, word in CHANGE_STATES.items()
    },
    "all": (Text("全部", "all"), ()),
}
"""What the list can be asked for, by name."""
TONES = {
    _State.STANDARD_CHANGE_STATE_REQUESTED: "warning",
    _State.STANDARD_CHANGE_STATE_APPROVED: "moving",
    _State.STANDARD_CHANGE_STATE_ROLLING_OUT: "moving",
    _State.STANDARD_CHANGE_STATE_IN_FORCE: "good",
}
LEVEL_TONES = {
    _Level.STANDARD_READINESS_LEVEL_NOT_BEGUN: "bad",
    _Level.STANDARD_READINESS_LEVEL_DEVELOPING: "warning",
    _Level.STANDARD_READINESS_LEVEL_TESTING: "moving",
    _Level.STANDARD_READINESS_LEVEL_READY: "good",
}
_WORDS: Mapping[str, Any] = {
    "change_states": CHANGE_STATES,
    "change_tones": TONES,
    "levels": READINESS_LEVELS,
    "level_tones": LEVEL_TONES,
    "parties": PARTIES,
    "State": _State,
    "Scope": StandardScope,
}


@router.get("")
async def list_changes(
    request: Request, _session: Viewer, state: str = UNDER_WAY, token: str = ""
) -> Response:
    """Changes that are not over, those in one state, or all of them."""
    wanted = state if state in FILTERS else UNDER_WAY
    asked = ListChangesRequest(states=FILTERS[wanted][1], page_size=PAGE_SIZE, page_token=token)
    found = await answer_of(_kept_here(request).page, asked)
    return page(
        request,
        "changes.html",
        found=found.value,
        wanted=wanted,
        filters=FILTERS,
        token=token,
        failures=failures_of(found),
        **_WORDS,
    )


@router.get("/new")
async def show_request(request: Request, _session: Viewer) -> Response:
    """The form of a request; its id makes a second click the same request."""
    _kept_here(request)
    return page(request, "change_request.html", request_id=str(uuid.uuid4()), **_WORDS)


@router.post("")
async def ask(request: Request, form: Act) -> Response:
    """Ask for a change."""
    changes, request_id = _kept_here(request), form.get("request", "")
    require_identifier(request_id)
    parties = _parties(form, "parties")
    scope = StandardScope.STANDARD_SCOPE_ACROSS_UNITS if parties else StandardScope.STANDARD_SCOPE_LOCAL
    draft = StandardChangeDraft(
        title=form.get("title", "").strip(),
        reason=written(form, "reason"),
        contact_point=form.get("contact_point", "").strip(),
        scope=scope,
        parties=parties,
        process_codes=form.get("process_codes", "").upper().replace(",", " ").replace("，", " ").split(),
    )
    return await carry_out(
        request,
        form,
        partial(changes.request, draft, request_id),
        back=f"{PATH}/new",
        onward=lambda change: f"{PATH}/{change.change_id}",
    )


@router.get("/{change_id}")
async def show_change(request: Request, session: Viewer, change_id: str) -> Response:
    """A change with all that was done about it."""
    require_identifier(change_id)
    changes, operations = _kept_here(request), console_of(request).node.operations
    found, status = await asyncio.gather(
        answer_of(changes.get, change_id), answer_of(operations.current_status)
    )
    if isinstance(found.failure, NotFound):
        raise HTTPException(404)
    return page(
        request,
        "change.html",
        change_id=change_id,
        change=found.value,
        editions=available_editions(),
        readers=_readers(status.value, found.value.notice.edition if found.value else ""),
        acts=session.account.role == "operator",
        own=party_by_name(console_of(request).node.party),
        failures=failures_of(found, status),
        **_WORDS,
    )


@router.post("/{change_id}/{act}")
async def take_step(request: Request, form: Act, change_id: str, act: str) -> Response:
    """One step of a change; the hub refuses what its state does not allow."""
    require_identifier(change_id)
    step = _STEPS.get(act)
    if step is None:
        raise HTTPException(404)
    taken = partial(step, _kept_here(request), change_id, form)
    return await carry_out(request, form, taken, back=f"{PATH}/{change_id}")


def _kept_here(request: Request) -> StandardChanges:
    """The books, which only the hub keeps. Raises HTTPException (404) at a branch."""
    changes = console_of(request).node.changes
    if changes is None:
        raise HTTPException(404)
    return changes


def _readers(status: GetStatusResponse | None, edition: str) -> dict[Party.ValueType, bool]:
    """Whether the nodes of parties read an edition; a party is missing of which the hub knows nothing."""
    if status is None:
        return {}
    told = {one.party: one.standard_editions for one in status.node_versions}
    told[status.party] = status.standard_editions
    return {party: edition in editions for party, editions in told.items() if editions}


def _decide(changes: StandardChanges, change_id: str, form: Fields) -> Awaitable[StandardChange]:
    chosen = form.get("decision", "")
    if chosen not in ("approve", "decline"):
        raise HTTPException(400)
    decision = StandardDecision(approved=chosen == "approve", reason=written(form, "reason"))
    return changes.decide(change_id, decision)


def _publish(changes: StandardChanges, change_id: str, form: Fields) -> Awaitable[StandardChange]:
    notice = StandardNotice(
        number=form.get("number", "").strip(),
        edition=form.get("edition", "").strip(),
        replaced_edition=form.get("replaced_edition", "").strip(),
        effective_date=form.get("effective_date", ""),
        text=written(form, "text"),
    )
    return changes.publish(change_id, notice)


def _report(changes: StandardChanges, change_id: str, form: Fields) -> Awaitable[StandardChange]:
    level = next((one for one in READINESS_LEVELS if str(int(one)) == form.get("level")), None)
    if level is None:
        raise HTTPException(400)
    said = StandardReadiness(
        system=form.get("system", "").strip(),
        vendor=form.get("vendor", "").strip(),
        level=level,
        planned_date=form.get("planned_date", ""),
        remark=written(form, "remark"),
    )
    return changes.report(change_id, said)


def _put_in_force(changes: StandardChanges, change_id: str, form: Fields) -> Awaitable[StandardChange]:
    return changes.put_in_force(change_id, _parties(form, "staying_parties"), written(form, "note"))


_STEPS: Mapping[str, Callable[[StandardChanges, str, Fields], Awaitable[StandardChange]]] = {
    "close": lambda changes, change_id, form: changes.close(change_id, written(form, "note")),
    "decide": _decide,
    "publish": _publish,
    "readiness": _report,
    "in-force": _put_in_force,
    "retire": lambda changes, change_id, form: changes.retire(change_id, written(form, "note")),
}


def _parties(form: Fields, name: str) -> list[Party.ValueType]:
    """Those that were ticked. Raises HTTPException (400) for one that there is not."""
    found = [party_by_name(value) for value in form.getlist(name)]
    if None in found:
        raise HTTPException(400)
    return [party for party in found if party is not None]
