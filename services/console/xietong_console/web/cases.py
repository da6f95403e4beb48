"""A case: its whole way through the parties, package after package, and how its statutory clocks stand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.supervision.v1.clock_service_pb2 import GetCaseClocksRequest, GetCaseClocksResponse
from xietong.supervision.v1.flow_service_pb2 import Flow
from xietong_client import NotFound
from xietong_client.clocks import OBSERVED
from xietong_client.labels import party_name
from xietong_console.node import NodeLink, answer_of, failures_of
from xietong_console.web.console import console_of
from xietong_console.web.identifiers import require_identifier
from xietong_console.web.rendering import page
from xietong_console.web.security import Viewer

router = APIRouter()
MOST_STEPS = 500
"""Packages of one case that a page shows."""


@router.get("/cases/{case_id}")
async def show_case(request: Request, _session: Viewer, case_id: str, persons: str = "") -> Response:
    """The way of a case, the oldest package first; at the hub with its clocks, by pages of persons."""
    require_identifier(case_id)
    node = console_of(request).node
    found, clocks = await asyncio.gather(
        answer_of(_steps, node, case_id), answer_of(_clocks, node, case_id, persons)
    )
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
        clocks=clocks.value,
        failures=failures_of(found, clocks),
    )


async def _clocks(node: NodeLink, case_id: str, token: str) -> GetCaseClocksResponse | None:
    """Clocks that were seen to start; None at a branch, as only the hub knows the whole case."""
    if node.party != party_name(Party.PARTY_HUB):
        return None
    found = await node.clocks.page(
        GetCaseClocksRequest(collaboration_case_id=case_id, phases=OBSERVED, page_token=token)
    )
    for one in found.persons:
        one.clocks.sort(key=lambda clock: OBSERVED.index(clock.phase))
    return found


async def _steps(node: NodeLink, case_id: str) -> Sequence[Flow]:
    flows = []
    async for flow in node.flows.case(case_id):
        flows.append(flow)
        if len(flows) > MOST_STEPS:
            break
    return flows
