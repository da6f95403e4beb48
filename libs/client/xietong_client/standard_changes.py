"""The life of the data standard at the hub, for operators: changes asked for, decided, announced, rolled out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import asynccontextmanager
from uuid import uuid4

import grpc

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.supervision.v1.standard_change_pb2 import (
    StandardChange,
    StandardChangeDraft,
    StandardChangeState,
    StandardDecision,
    StandardNotice,
    StandardReadiness,
)
from xietong.supervision.v1.standard_service_pb2 import (
    CloseChangeRequest,
    DecideChangeRequest,
    GetChangeRequest,
    ListChangesRequest,
    ListChangesResponse,
    PublishNoticeRequest,
    PutInForceRequest,
    ReportReadinessRequest,
    RequestChangeRequest,
    RetireEditionRequest,
)
from xietong.supervision.v1.standard_service_pb2_grpc import StandardServiceStub
from xietong_client.channel import open_channel
from xietong_client.credentials import Credentials
from xietong_client.rpc import CALL_DEADLINE_SECONDS, call

_PAGE_SIZE = 500


class StandardChanges:
    """The changes that the hub behind a channel keeps. Each step may be repeated; all raise XietongClientError."""

    def __init__(self, channel: grpc.aio.Channel, *, deadline_seconds: float = CALL_DEADLINE_SECONDS) -> None:
        self._stub = StandardServiceStub(channel)
        self._deadline_seconds = deadline_seconds

    async def page(self, request: ListChangesRequest) -> ListChangesResponse:
        """One page of the changes that the request asks for, the newest first."""
        return await call(self._stub.ListChanges, request, deadline_seconds=self._deadline_seconds)

    async def find(
        self, states: Collection[StandardChangeState.ValueType] = ()
    ) -> AsyncGenerator[StandardChange, None]:
        """Changes in these states, or all, the newest first, page by page."""
        request = ListChangesRequest(states=states, page_size=_PAGE_SIZE)
        while True:
            page = await self.page(request)
            for change in page.changes:
                yield change
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def get(self, change_id: str) -> StandardChange:
        """A change with all that was done about it. Raises NotFound."""
        request = GetChangeRequest(change_id=change_id)
        return (await call(self._stub.GetChange, request, deadline_seconds=self._deadline_seconds)).change

    async def request(self, draft: StandardChangeDraft, request_id: str = "") -> StandardChange:
        """Asks for a change; the same `request_id` (a UUID) again is the same request."""
        request = RequestChangeRequest(request_id=request_id or str(uuid4()), draft=draft)
        return (await call(self._stub.RequestChange, request, deadline_seconds=self._deadline_seconds)).change

    async def close(self, change_id: str, note: str = "") -> StandardChange:
        """A local change is done. Raises NotFound, Refused."""
        request = CloseChangeRequest(change_id=change_id, note=note)
        return (await call(self._stub.CloseChange, request, deadline_seconds=self._deadline_seconds)).change

    async def decide(self, change_id: str, decision: StandardDecision) -> StandardChange:
        """What the task force decided. Raises NotFound, Refused."""
        request = DecideChangeRequest(change_id=change_id, decision=decision)
        return (await call(self._stub.DecideChange, request, deadline_seconds=self._deadline_seconds)).change

    async def publish(self, change_id: str, notice: StandardNotice) -> StandardChange:
        """The notice is out. Raises NotFound, Refused."""
        request = PublishNoticeRequest(change_id=change_id, notice=notice)
        return (await call(self._stub.PublishNotice, request, deadline_seconds=self._deadline_seconds)).change

    async def report(self, change_id: str, readiness: StandardReadiness) -> StandardChange:
        """How ready a system of the own party is. Raises NotFound, Refused."""
        request = ReportReadinessRequest(change_id=change_id, readiness=readiness)
        answer = await call(self._stub.ReportReadiness, request, deadline_seconds=self._deadline_seconds)
        return answer.change

    async def put_in_force(
        self, change_id: str, staying: Collection[Party.ValueType] = (), note: str = ""
    ) -> StandardChange:
        """The change takes effect; these parties stay on the older edition. Raises NotFound, Refused."""
        request = PutInForceRequest(change_id=change_id, staying_parties=staying, note=note)
        return (await call(self._stub.PutInForce, request, deadline_seconds=self._deadline_seconds)).change

    async def retire(self, change_id: str, note: str = "") -> StandardChange:
        """The edition that was replaced is retired. Raises NotFound, Refused."""
        request = RetireEditionRequest(change_id=change_id, note=note)
        return (await call(self._stub.RetireEdition, request, deadline_seconds=self._deadline_seconds)).change


@asynccontextmanager
async def open_standard_changes(
    target: str, credentials: Credentials, *, server_name: str = ""
) -> AsyncIterator[StandardChanges]:
    """The books of the hub at `target` (`host:port`), for an operator of any party.

    Raises:
        CredentialsInvalid: The certificate is not valid now.
    """
    credentials.check_validity()
    name = server_name or f"hub.{credentials.trust_domain}"
    async with open_channel(target, credentials, name) as channel:
        yield StandardChanges(channel)
