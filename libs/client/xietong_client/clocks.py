"""Statutory clocks of cases, for the operators and supervisors at the hub."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection

import grpc

from xietong.supervision.v1.clock_service_pb2 import (
    ClockPhase,
    Deadline,
    GetCaseClocksRequest,
    GetCaseClocksResponse,
    ListDeadlinesRequest,
    ListDeadlinesResponse,
)
from xietong.supervision.v1.clock_service_pb2_grpc import ClockServiceStub
from xietong_client.rpc import CALL_DEADLINE_SECONDS, call

OBSERVED = (
    ClockPhase.CLOCK_PHASE_PASSED,
    ClockPhase.CLOCK_PHASE_WARNING,
    ClockPhase.CLOCK_PHASE_SUSPENDED,
    ClockPhase.CLOCK_PHASE_RUNNING,
    ClockPhase.CLOCK_PHASE_ENDED,
)
"""How a clock stands that was seen to start, the most urgent first."""
_PAGE_SIZE = 500


class Clocks:
    """The clocks that the hub behind a channel evaluates. All calls raise XietongClientError."""

    def __init__(self, channel: grpc.aio.Channel, *, deadline_seconds: float = CALL_DEADLINE_SECONDS) -> None:
        self._stub = ClockServiceStub(channel)
        self._deadline_seconds = deadline_seconds

    async def page(self, request: GetCaseClocksRequest) -> GetCaseClocksResponse:
        """One page of the clocks of a case. Raises NotFound when the hub knows no package of it."""
        return await call(self._stub.GetCaseClocks, request, deadline_seconds=self._deadline_seconds)

    async def of_case(
        self, collaboration_case_id: str, phases: Collection[ClockPhase.ValueType] = ()
    ) -> AsyncGenerator[GetCaseClocksResponse, None]:
        """The clocks of a case, page by page: those of the case itself come first. Raises NotFound.

        phases: only clocks that stand so; empty for all.
        """
        request = GetCaseClocksRequest(collaboration_case_id=collaboration_case_id, phases=phases)
        while True:
            page = await self.page(request)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def deadlines_page(self, request: ListDeadlinesRequest) -> ListDeadlinesResponse:
        """One page of the deadlines that the request asks for, the earliest end first."""
        return await call(self._stub.ListDeadlines, request, deadline_seconds=self._deadline_seconds)

    async def deadlines(self, request: ListDeadlinesRequest) -> AsyncGenerator[Deadline, None]:
        """All deadlines that the request asks for, the earliest end first, page by page."""
        wanted = ListDeadlinesRequest()
        wanted.CopyFrom(request)
        wanted.page_size = wanted.page_size or _PAGE_SIZE
        while True:
            page = await self.deadlines_page(wanted)
            for deadline in page.deadlines:
                yield deadline
            if not page.next_page_token:
                return
            wanted.page_token = page.next_page_token
