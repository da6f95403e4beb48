"""`FlowService` of a node, for its operators."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import grpc

from xietong.exchange.v1.package_pb2 import Package
from xietong.supervision.v1 import flow_service_pb2 as pb
from xietong.supervision.v1.flow_service_pb2_grpc import FlowServiceServicer
from xietong_exchange.adapters.rpc.paging import decode_token, fit, page_size
from xietong_exchange.domain.case_numbers import spellings
from xietong_exchange.flow.exchange import sealed
from xietong_exchange.flow.operations import Operations
from xietong_exchange.flow.records import PackagePage, PackageRecord, PackageSearch
from xietong_exchange.flow.views import Views
from xietong_exchange.supervision.statistics import FlowStatistics

_IDENTIFIER = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TRACE = re.compile(r"(00-)?(?P<id>[0-9a-fA-F]{32})(-[0-9a-fA-F]{16}-[0-9a-fA-F]{2})?")
"""A trace id, also within a traceparent."""
_Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class FlowServicer(FlowServiceServicer):
    """The rpcs of `FlowService`."""

    operations: Operations
    views: Views
    statistics: FlowStatistics

    async def ListFlows(self, request: pb.ListFlowsRequest, context: _Context) -> pb.ListFlowsResponse:
        """List flows, the newest first."""
        limit, before = page_size(request.page_size), decode_token("ListFlows", request.page_token)
        page = await self.operations.flows(_wanted(request), before=before, limit=limit)
        flows, token = await self._flows("ListFlows", page)
        return pb.ListFlowsResponse(flows=flows, next_page_token=token)

    async def GetCaseFlow(self, request: pb.GetCaseFlowRequest, context: _Context) -> pb.GetCaseFlowResponse:
        """The whole way of a case."""
        limit, after = page_size(request.page_size), decode_token("GetCaseFlow", request.page_token)
        page = await self.operations.case(request.collaboration_case_id, after=after or 0, limit=limit)
        flows, token = await self._flows("GetCaseFlow", page)
        return pb.GetCaseFlowResponse(flows=flows, next_page_token=token)

    async def GetStatistics(
        self, request: pb.GetStatisticsRequest, context: _Context
    ) -> pb.GetStatisticsResponse:
        """Count a span of time."""
        start, end = request.start_time.ToDatetime(tzinfo=UTC), request.end_time.ToDatetime(tzinfo=UTC)
        return await self.statistics.of(start, end)

    async def _flows(self, call: str, page: PackagePage) -> tuple[Sequence[pb.Flow], str]:
        views = await self.views.packages(page.records)
        flows = [_flow(record, view) for record, view in zip(page.records, views, strict=True)]
        return fit(call, flows, [record.position for record in page.records], more=page.more)


def _wanted(request: pb.ListFlowsRequest) -> PackageSearch:
    searched = request.search.strip()
    identifier, trace = _IDENTIFIER.fullmatch(searched), _TRACE.fullmatch(searched)
    is_number = searched and not identifier and not trace
    return PackageSearch(
        identifier=searched if identifier else "",
        trace_id=trace["id"] if trace else "",
        numbers=spellings(searched) if is_number else frozenset(),
        states=tuple(request.states),
        process_code=request.process_code,
        sender=request.sender,
        receiver=request.receiver,
        start_time=_time(request, "start_time"),
        end_time=_time(request, "end_time"),
    )


def _time(request: pb.ListFlowsRequest, name: Literal["start_time", "end_time"]) -> datetime | None:
    return getattr(request, name).ToDatetime(tzinfo=UTC) if request.HasField(name) else None


def _flow(record: PackageRecord, view: Package) -> pb.Flow:
    package = sealed(record)
    envelope = package.envelope
    return pb.Flow(
        package_id=record.package_id,
        process_code=envelope.process_code,
        collaboration_case_id=envelope.collaboration_case_id,
        sender=envelope.sender,
        receiver=envelope.receiver,
        case_numbers=envelope.case_numbers,
        correlation_id=envelope.correlation_id,
        state=view.state,
        state_time=view.state_time,
        create_time=envelope.create_time,
        announce_time=view.create_time,
        progress=view.progress,
        part_count=len(envelope.parts),
        size_bytes=record.size_bytes,
        receiver_case_number=record.receiver_case_number,
        trace_id=package.trace_id,
    )
