"""`ProblemService`: people report problems with packages, their operators deal with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc

from xietong.supervision.v1 import problem_service_pb2 as pb
from xietong.supervision.v1.problem_service_pb2_grpc import ProblemServiceServicer
from xietong_exchange.adapters.rpc.caller import caller
from xietong_exchange.adapters.rpc.paging import decode_token, fit, page_size
from xietong_exchange.supervision.problem_desk import ProblemDesk

_Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class ProblemServicer(ProblemServiceServicer):
    """The rpcs of `ProblemService`."""

    desk: ProblemDesk

    async def ReportProblem(
        self, request: pb.ReportProblemRequest, context: _Context
    ) -> pb.ReportProblemResponse:
        """Report a problem."""
        return pb.ReportProblemResponse(problem=await self.desk.report(request, caller.get()))

    async def ListProblems(
        self, request: pb.ListProblemsRequest, context: _Context
    ) -> pb.ListProblemsResponse:
        """List problems, the newest first."""
        limit, before = page_size(request.page_size), decode_token("ListProblems", request.page_token)
        found, positions = await self.desk.page(
            request.states, request.package_id, before=before, limit=limit + 1
        )
        more = len(found) > limit
        problems, token = fit("ListProblems", found[:limit], positions[:limit], more=more)
        return pb.ListProblemsResponse(problems=problems, next_page_token=token)

    async def GetProblem(self, request: pb.GetProblemRequest, context: _Context) -> pb.GetProblemResponse:
        """A problem with its notes."""
        problem, notes = await self.desk.get(request.report_id)
        return pb.GetProblemResponse(problem=problem, notes=notes)

    async def AddNote(self, request: pb.AddNoteRequest, context: _Context) -> pb.AddNoteResponse:
        """Pass it on, say something, or close it."""
        return pb.AddNoteResponse(problem=await self.desk.add(request, caller.get()))
