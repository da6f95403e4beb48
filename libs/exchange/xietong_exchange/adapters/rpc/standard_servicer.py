"""`StandardService`: the life of the data standard, at the hub."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc

from xietong.supervision.v1 import standard_service_pb2 as pb
from xietong.supervision.v1.standard_service_pb2_grpc import StandardServiceServicer
from xietong_exchange.adapters.rpc.caller import caller
from xietong_exchange.adapters.rpc.paging import decode_token, fit, page_size
from xietong_exchange.supervision.standard_desk import StandardDesk

_Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class StandardServicer(StandardServiceServicer):
    """The rpcs of `StandardService`."""

    desk: StandardDesk

    async def RequestChange(
        self, request: pb.RequestChangeRequest, context: _Context
    ) -> pb.RequestChangeResponse:
        """Ask for a change."""
        return pb.RequestChangeResponse(change=await self.desk.request(request, caller.get()))

    async def ListChanges(self, request: pb.ListChangesRequest, context: _Context) -> pb.ListChangesResponse:
        """List changes, the newest first."""
        limit, before = page_size(request.page_size), decode_token("ListChanges", request.page_token)
        found = await self.desk.page(request.states, before=before, limit=limit + 1)
        changes, positions = [one for _, one in found[:limit]], [position for position, _ in found[:limit]]
        page, token = fit("ListChanges", changes, positions, more=len(found) > limit)
        return pb.ListChangesResponse(changes=page, next_page_token=token)

    async def GetChange(self, request: pb.GetChangeRequest, context: _Context) -> pb.GetChangeResponse:
        """One change."""
        return pb.GetChangeResponse(change=await self.desk.get(request.change_id))

    async def CloseChange(self, request: pb.CloseChangeRequest, context: _Context) -> pb.CloseChangeResponse:
        """A local change is done."""
        return pb.CloseChangeResponse(change=await self.desk.close(request, caller.get()))

    async def DecideChange(
        self, request: pb.DecideChangeRequest, context: _Context
    ) -> pb.DecideChangeResponse:
        """Record the decision of the task force."""
        return pb.DecideChangeResponse(change=await self.desk.decide(request, caller.get()))

    async def PublishNotice(
        self, request: pb.PublishNoticeRequest, context: _Context
    ) -> pb.PublishNoticeResponse:
        """Publish the notice."""
        return pb.PublishNoticeResponse(change=await self.desk.publish(request, caller.get()))

    async def ReportReadiness(
        self, request: pb.ReportReadinessRequest, context: _Context
    ) -> pb.ReportReadinessResponse:
        """Report how ready a system is."""
        return pb.ReportReadinessResponse(change=await self.desk.report(request, caller.get()))

    async def PutInForce(self, request: pb.PutInForceRequest, context: _Context) -> pb.PutInForceResponse:
        """Put the change into force."""
        return pb.PutInForceResponse(change=await self.desk.put_in_force(request, caller.get()))

    async def RetireEdition(
        self, request: pb.RetireEditionRequest, context: _Context
    ) -> pb.RetireEditionResponse:
        """Retire the edition that was replaced."""
        return pb.RetireEditionResponse(change=await self.desk.retire(request, caller.get()))
