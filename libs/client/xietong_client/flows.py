"""What a node knows of packages and cases, for its operators and supervisors: found by envelopes and evidence."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime

import grpc

from xietong.supervision.v1.flow_service_pb2 import (
    Flow,
    GetCaseFlowRequest,
    GetStatisticsRequest,
    GetStatisticsResponse,
    ListFlowsRequest,
    ListFlowsResponse,
)
from xietong.supervision.v1.flow_service_pb2_grpc import FlowServiceStub
from xietong_client.rpc import CALL_DEADLINE_SECONDS, call

_PAGE_SIZE = 500


class Flows:
    """The flows of the node behind a channel. All calls raise XietongClientError."""

    def __init__(self, channel: grpc.aio.Channel, *, deadline_seconds: float = CALL_DEADLINE_SECONDS) -> None:
        self._stub = FlowServiceStub(channel)
        self._deadline_seconds = deadline_seconds

    async def page(self, request: ListFlowsRequest) -> ListFlowsResponse:
        """One page of the flows that the request asks for, the newest first."""
        return await call(self._stub.ListFlows, request, deadline_seconds=self._deadline_seconds)

    async def find(self, request: ListFlowsRequest) -> AsyncGenerator[Flow, None]:
        """All flows that the request asks for, the newest first, page by page."""
        wanted = ListFlowsRequest()
        wanted.CopyFrom(request)
        wanted.page_size = wanted.page_size or _PAGE_SIZE
        while True:
            page = await self.page(wanted)
            for flow in page.flows:
                yield flow
            if not page.next_page_token:
                return
            wanted.page_token = page.next_page_token

    async def statistics(self, start: datetime, end: datetime) -> GetStatisticsResponse:
        """Counts of the packages of a span of 32 days at most."""
        request = GetStatisticsRequest()
        request.start_time.FromDatetime(start)
        request.end_time.FromDatetime(end)
        return await call(self._stub.GetStatistics, request, deadline_seconds=self._deadline_seconds)

    async def case(self, collaboration_case_id: str) -> AsyncGenerator[Flow, None]:
        """The whole way of a case through the parties, the oldest package first. Raises NotFound."""
        request = GetCaseFlowRequest(collaboration_case_id=collaboration_case_id, page_size=_PAGE_SIZE)
        while True:
            page = await call(self._stub.GetCaseFlow, request, deadline_seconds=self._deadline_seconds)
            for flow in page.flows:
                yield flow
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token
