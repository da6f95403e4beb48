"""Problems that people have with a package that arrived, for the operators of a node."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Collection

import grpc

from xietong.exchange.v1.evidence_pb2 import Actor
from xietong.exchange.v1.problem_pb2 import ProblemAct, ProblemKind
from xietong.supervision.v1.problem_service_pb2 import (
    AddNoteRequest,
    GetProblemRequest,
    GetProblemResponse,
    ListProblemsRequest,
    ListProblemsResponse,
    Problem,
    ProblemState,
    ReportProblemRequest,
)
from xietong.supervision.v1.problem_service_pb2_grpc import ProblemServiceStub
from xietong_client.rpc import CALL_DEADLINE_SECONDS, call

_PAGE_SIZE = 500


class Problems:
    """The problem reports of the node behind a channel. All calls raise XietongClientError."""

    def __init__(self, channel: grpc.aio.Channel, *, deadline_seconds: float = CALL_DEADLINE_SECONDS) -> None:
        self._stub = ProblemServiceStub(channel)
        self._deadline_seconds = deadline_seconds

    async def report(
        self,
        package_id: str,
        kind: ProblemKind.ValueType,
        text: str = "",
        *,
        part: int = 0,
        report_id: str = "",
        actor: Actor | None = None,
    ) -> Problem:
        """Reports a problem; the same `report_id` again changes nothing. A business system says who reports it.

        Raises NotFound.
        """
        request = ReportProblemRequest(
            report_id=report_id or str(uuid.uuid4()),
            package_id=package_id,
            kind=kind,
            part=part,
            text=text,
            actor=actor,
        )
        answer = await call(self._stub.ReportProblem, request, deadline_seconds=self._deadline_seconds)
        return answer.problem

    async def page(self, request: ListProblemsRequest) -> ListProblemsResponse:
        """One page of the problems that the request asks for, the newest first."""
        return await call(self._stub.ListProblems, request, deadline_seconds=self._deadline_seconds)

    async def find(
        self, states: Collection[ProblemState.ValueType] = (), *, package_id: str = ""
    ) -> AsyncGenerator[Problem, None]:
        """Problems in these states, or all, of all packages or of one, the newest first, page by page."""
        request = ListProblemsRequest(states=states, package_id=package_id, page_size=_PAGE_SIZE)
        while True:
            page = await self.page(request)
            for problem in page.problems:
                yield problem
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def get(self, report_id: str) -> GetProblemResponse:
        """A problem with its notes. Raises NotFound."""
        request = GetProblemRequest(report_id=report_id)
        return await call(self._stub.GetProblem, request, deadline_seconds=self._deadline_seconds)

    async def pass_on(self, report_id: str, text: str = "") -> Problem:
        """Passes it to the operators of the other party. Raises NotFound, Conflict."""
        return await self._add(report_id, ProblemAct.PROBLEM_ACT_PASSED, text)

    async def comment(self, report_id: str, text: str) -> Problem:
        """Says something about it. Raises NotFound, Conflict."""
        return await self._add(report_id, ProblemAct.PROBLEM_ACT_COMMENTED, text)

    async def close(self, report_id: str, text: str = "") -> Problem:
        """Closes it. Raises NotFound, Conflict."""
        return await self._add(report_id, ProblemAct.PROBLEM_ACT_CLOSED, text)

    async def _add(self, report_id: str, act: ProblemAct.ValueType, text: str) -> Problem:
        request = AddNoteRequest(report_id=report_id, note_id=str(uuid.uuid4()), act=act, text=text)
        return (await call(self._stub.AddNote, request, deadline_seconds=self._deadline_seconds)).problem
