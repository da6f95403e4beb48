"""`IncidentService`: operators see what is late and whom to call, and say what they do about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc

from xietong.supervision.v1 import incident_pb2
from xietong.supervision.v1 import incident_service_pb2 as pb
from xietong.supervision.v1.incident_service_pb2_grpc import IncidentServiceServicer
from xietong_exchange.adapters.rpc.caller import caller
from xietong_exchange.adapters.rpc.paging import decode_token, fit, page_size
from xietong_exchange.domain.evidence import timestamp
from xietong_exchange.flow.records import OperationRecord
from xietong_exchange.supervision.incident_desk import IncidentDesk

_Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class IncidentServicer(IncidentServiceServicer):
    """The rpcs of `IncidentService`."""

    desk: IncidentDesk

    async def ListIncidents(
        self, request: pb.ListIncidentsRequest, context: _Context
    ) -> pb.ListIncidentsResponse:
        """List incidents, the newest first."""
        limit, before = page_size(request.page_size), decode_token("ListIncidents", request.page_token)
        found, positions = await self.desk.page(
            request.states, request.package_id, before=before, limit=limit + 1
        )
        more = len(found) > limit
        incidents, token = fit("ListIncidents", found[:limit], positions[:limit], more=more)
        return pb.ListIncidentsResponse(incidents=incidents, next_page_token=token)

    async def GetIncident(self, request: pb.GetIncidentRequest, context: _Context) -> pb.GetIncidentResponse:
        """An incident with its packages and events."""
        incident, packages, events = await self.desk.get(request.incident_id)
        return pb.GetIncidentResponse(
            incident=incident, package_ids=packages, events=[_event(one) for one in events]
        )

    async def AcknowledgeIncident(
        self, request: pb.AcknowledgeIncidentRequest, context: _Context
    ) -> pb.AcknowledgeIncidentResponse:
        """Somebody takes notice."""
        done = await self.desk.acknowledge(request.incident_id, request.note, caller.get())
        return pb.AcknowledgeIncidentResponse(incident=done)

    async def AssignIncident(
        self, request: pb.AssignIncidentRequest, context: _Context
    ) -> pb.AssignIncidentResponse:
        """Somebody works on it."""
        done = await self.desk.assign(request.incident_id, request.assignee, request.note, caller.get())
        return pb.AssignIncidentResponse(incident=done)

    async def SilenceIncident(
        self, request: pb.SilenceIncidentRequest, context: _Context
    ) -> pb.SilenceIncidentResponse:
        """Nobody is told for a while."""
        duration = timedelta(minutes=request.minutes)
        done = await self.desk.silence(request.incident_id, duration, request.note, caller.get())
        return pb.SilenceIncidentResponse(incident=done)

    async def GetArrival(self, request: pb.GetArrivalRequest, context: _Context) -> pb.GetArrivalResponse:
        """How punctual a package is."""
        return await self.desk.arrival(request.package_id)


def _event(record: OperationRecord) -> incident_pb2.IncidentEvent:
    return incident_pb2.IncidentEvent(
        operation=record.operation,
        event_time=timestamp(record.time),
        caller=record.caller,
        note=record.note,
    )
