"""A case: its whole way through the parties, package after package."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from xietong.supervision.v1.flow_service_pb2 import Flow
from xietong_client import NotFound
from xietong_console.node import NodeLink, answer_of
from xietong_console.web.console import console_of
from xietong_console.web.identifiers import require_identifier
from xietong_console.web.rendering import page
from xietong_console.web.security import Viewer

router = APIRouter()
MOST_STEPS = 500
"""Packages of one case that a page shows."""


@router.get("/cases/{case_id}")
async def show_case(request: Request, _session: Viewer, case_id: str) -> Response:
    """The way of a case, the oldest package first."""
    require_identifier(case_id)
    found = await answer_of(_steps(console_of(request).node, case_id))
    if isinstance(found.failure, NotFound):
        raise HTTPException(404)
    flows = found.value or ()
    numbers = {(each.party, each.number) for flow in flows for each in flow.case_numbers}
    numbers |= {
        (flow.receiver.party, flow.receiver_case_number) for flow in flows if flow.receiver_case_number
    }
    return page(
        request,
        "case.html",
        case_id=case_id,
        flows=flows[:MOST_STEPS],
        has_more=len(flows) > MOST_STEPS,
        numbers=sorted(numbers),
        failures=[found.failure] if found.failure else [],
    )


async def _steps(node: NodeLink, case_id: str) -> Sequence[Flow]:
    flows = []
    async for flow in node.flows.case(case_id):
        flows.append(flow)
        if len(flows) > MOST_STEPS:
            break
    return flows
