"""What is late on the way of a node's packages, for its operators: why, whom to call, what they do about it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection

import grpc

from xietong.supervision.v1.incident_pb2 import Incident, IncidentState
from xietong.supervision.v1.incident_service_pb2 import (
    AcknowledgeIncidentRequest,
    AssignIncidentRequest,
    GetArrivalRequest,
    GetArrivalResponse,
    GetIncidentRequest,
    GetIncidentResponse,
    ListIncidentsRequest,
    ListIncidentsResponse,
    SilenceIncidentRequest,
)
from xietong.supervision.v1.incident_service_pb2_grpc import IncidentServiceStub
from xietong_client.rpc import CALL_DEADLINE_SECONDS, call

NOT_CLOSED = (IncidentState.INCIDENT_STATE_OPEN, IncidentState.INCIDENT_STATE_ACKNOWLEDGED)
_PAGE_SIZE = 500


class Incidents:
    """The incidents of the node behind a channel. All calls raise XietongClientError."""

    def __init__(self, channel: grpc.aio.Channel, *, deadline_seconds: float = CALL_DEADLINE_SECONDS) -> None:
        self._stub = IncidentServiceStub(channel)
        self._deadline_seconds = deadline_seconds

    async def page(self, request: ListIncidentsRequest) -> ListIncidentsResponse:
        """One page of the incidents that the request asks for, the newest first."""
        return await call(self._stub.ListIncidents, request, deadline_seconds=self._deadline_seconds)

    async def find(
        self, states: Collection[IncidentState.ValueType] = NOT_CLOSED, *, package_id: str = ""
    ) -> AsyncGenerator[Incident, None]:
        """Incidents in these states, of all packages or of one, the newest first, page by page."""
        request = ListIncidentsRequest(states=states, package_id=package_id, page_size=_PAGE_SIZE)
        while True:
            page = await self.page(request)
            for incident in page.incidents:
                yield incident
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def get(self, incident_id: str) -> GetIncidentResponse:
        """An incident with its packages and what was done about it. Raises NotFound."""
        request = GetIncidentRequest(incident_id=incident_id)
        return await call(self._stub.GetIncident, request, deadline_seconds=self._deadline_seconds)

    async def acknowledge(self, incident_id: str, note: str = "") -> Incident:
        """Says that somebody has taken notice. Raises NotFound, Conflict."""
        request = AcknowledgeIncidentRequest(incident_id=incident_id, note=note)
        answer = await call(self._stub.AcknowledgeIncident, request, deadline_seconds=self._deadline_seconds)
        return answer.incident

    async def assign(self, incident_id: str, assignee: str, note: str = "") -> Incident:
        """Says who works on it, by role; hands it over when somebody did. Raises NotFound, Conflict."""
        request = AssignIncidentRequest(incident_id=incident_id, assignee=assignee, note=note)
        answer = await call(self._stub.AssignIncident, request, deadline_seconds=self._deadline_seconds)
        return answer.incident

    async def silence(self, incident_id: str, minutes: int, note: str = "") -> Incident:
        """Nobody is told about it for so long; 0 ends that. Raises NotFound, Conflict."""
        request = SilenceIncidentRequest(incident_id=incident_id, minutes=minutes, note=note)
        answer = await call(self._stub.SilenceIncident, request, deadline_seconds=self._deadline_seconds)
        return answer.incident

    async def arrival(self, package_id: str) -> GetArrivalResponse:
        """How punctual a package is. Raises NotFound."""
        request = GetArrivalRequest(package_id=package_id)
        return await call(self._stub.GetArrival, request, deadline_seconds=self._deadline_seconds)
