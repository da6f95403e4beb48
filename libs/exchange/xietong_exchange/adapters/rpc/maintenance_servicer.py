"""`MaintenanceService`: operators announce when their node is away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc

from xietong.supervision.v1 import maintenance_service_pb2 as pb
from xietong.supervision.v1.maintenance_service_pb2_grpc import MaintenanceServiceServicer
from xietong_exchange.adapters.rpc.caller import caller
from xietong_exchange.flow.maintenance import Maintenance

_Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class MaintenanceServicer(MaintenanceServiceServicer):
    """The rpcs of `MaintenanceService`."""

    maintenance: Maintenance

    async def ListMaintenance(
        self, request: pb.ListMaintenanceRequest, context: _Context
    ) -> pb.ListMaintenanceResponse:
        """What is announced."""
        await self.maintenance.refresh()
        own = [window.maintenance_id for window in self.maintenance.own]
        return pb.ListMaintenanceResponse(windows=self.maintenance.known(), own_ids=own)

    async def AnnounceMaintenance(
        self, request: pb.AnnounceMaintenanceRequest, context: _Context
    ) -> pb.AnnounceMaintenanceResponse:
        """Announce it."""
        await self.maintenance.announce(request.window, caller.get())
        return pb.AnnounceMaintenanceResponse()

    async def CancelMaintenance(
        self, request: pb.CancelMaintenanceRequest, context: _Context
    ) -> pb.CancelMaintenanceResponse:
        """Take it back."""
        await self.maintenance.cancel(request.maintenance_id, caller.get())
        return pb.CancelMaintenanceResponse()
