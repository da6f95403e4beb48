"""Announcements of maintenance, for the operators of a node."""

from __future__ import annotations

import grpc

from xietong.exchange.v1.maintenance_pb2 import MaintenanceWindow
from xietong.supervision.v1.maintenance_service_pb2 import (
    AnnounceMaintenanceRequest,
    CancelMaintenanceRequest,
    ListMaintenanceRequest,
    ListMaintenanceResponse,
)
from xietong.supervision.v1.maintenance_service_pb2_grpc import MaintenanceServiceStub
from xietong_client.rpc import CALL_DEADLINE_SECONDS, call


class Maintenance:
    """What the node behind a channel knows of maintenance. All calls raise XietongClientError."""

    def __init__(self, channel: grpc.aio.Channel, *, deadline_seconds: float = CALL_DEADLINE_SECONDS) -> None:
        self._stub = MaintenanceServiceStub(channel)
        self._deadline_seconds = deadline_seconds

    async def announced(self) -> ListMaintenanceResponse:
        """What is announced and not over, here and by other nodes, the earliest first."""
        request = ListMaintenanceRequest()
        return await call(self._stub.ListMaintenance, request, deadline_seconds=self._deadline_seconds)

    async def announce(self, window: MaintenanceWindow) -> None:
        """Announces it; the same id again replaces it. Raises NotAllowed, Conflict."""
        request = AnnounceMaintenanceRequest(window=window)
        await call(self._stub.AnnounceMaintenance, request, deadline_seconds=self._deadline_seconds)

    async def cancel(self, maintenance_id: str) -> None:
        """Takes it back; what is gone stays gone."""
        request = CancelMaintenanceRequest(maintenance_id=maintenance_id)
        await call(self._stub.CancelMaintenance, request, deadline_seconds=self._deadline_seconds)
