"""Statutory clocks of cases, for the operators and supervisors at the hub."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection

import grpc

from xietong.supervision.v1.clock_service_pb2 import (
    ClockPhase,
    GetCaseClocksRequest,
    GetCaseClocksResponse,
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
