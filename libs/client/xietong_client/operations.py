"""An operator's connection to a node of the own party or of the hub: what it gave up, and trying that again."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import TracebackType
from typing import Self

import grpc

from xietong.exchange.v1.diagnostics_pb2 import GetDiagnosticsRequest
from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.operations_service_pb2 import (
    Delivery,
    ExportEvidenceRequest,
    ExportEvidenceResponse,
    GetDeliveryRequest,
    GetDeliveryResponse,
    GetStatusRequest,
    GetStatusResponse,
    GetTransitRequest,
    GetTransitResponse,
    ListDeliveriesRequest,
    ListDeliveriesResponse,
    ReplayDeliveryRequest,
)
from xietong.exchange.v1.operations_service_pb2_grpc import OperationsServiceStub
from xietong.exchange.v1.operator_packages_pb2 import SendTestPackageRequest, WithdrawPackageRequest
from xietong.exchange.v1.package_pb2 import HopState, Package
from xietong.exchange.v1.rehearsal_pb2 import RehearseEditionRequest, RehearseEditionResponse
from xietong_client.channel import open_channel
from xietong_client.clocks import Clocks
from xietong_client.credentials import Credentials
from xietong_client.directory import Directory
from xietong_client.flows import Flows
from xietong_client.incidents import Incidents
from xietong_client.maintenance import Maintenance
from xietong_client.problems import Problems
from xietong_client.rpc import CALL_DEADLINE_SECONDS, call, receive

CONNECT_SECONDS = 30.0
_PAGE_SIZE = 500


class Operations:
    """The node as its operators see it, for as long as the `async with` block runs.

    All calls try again while the node is away. They raise XietongClientError. `flows` finds packages and cases,
    `clocks` tells at the hub how long there is time, `incidents` what is late, `directory` whom to call, `maintenance`
    which node is announced to be away, `problems` what people report about packages.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        deadline_seconds: float = CALL_DEADLINE_SECONDS,
    ) -> None:
        self._channel = channel
        self._stub = OperationsServiceStub(channel)
        self._connect_seconds = connect_seconds
        self._deadline_seconds = deadline_seconds
        self.clocks = Clocks(channel, deadline_seconds=deadline_seconds)
        self.flows = Flows(channel, deadline_seconds=deadline_seconds)
        self.directory = Directory(channel, deadline_seconds=deadline_seconds)
        self.incidents = Incidents(channel, deadline_seconds=deadline_seconds)
        self.maintenance = Maintenance(channel, deadline_seconds=deadline_seconds)
        self.problems = Problems(channel, deadline_seconds=deadline_seconds)
        self.status = GetStatusResponse()
        """How the node was when the block began."""

    @classmethod
    def connect(
        cls,
        target: str,
        credentials: Credentials,
        *,
        server_name: str | None = None,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> Self:
        """The node at `target` (`host:port`); the credentials are an operator's.

        Raises:
            CredentialsInvalid: The certificate is not valid now.
        """
        credentials.check_validity()
        return cls(open_channel(target, credentials, server_name), connect_seconds=connect_seconds)

    async def __aenter__(self) -> Self:
        try:
            self.status = await self.current_status(deadline_seconds=self._connect_seconds)
        except BaseException:
            await self._channel.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close()

    async def current_status(self, *, deadline_seconds: float | None = None) -> GetStatusResponse:
        """How the node is now."""
        bound = deadline_seconds or self._deadline_seconds
        return await call(self._stub.GetStatus, GetStatusRequest(), deadline_seconds=bound)

    async def deliveries(self, request: ListDeliveriesRequest) -> ListDeliveriesResponse:
        """One page of the outbox, the oldest first."""
        return await call(self._stub.ListDeliveries, request, deadline_seconds=self._deadline_seconds)

    async def evidence(self, package_id: str) -> ExportEvidenceResponse:
        """The evidence of a package as a bundle that verifies offline, and what of it does not verify."""
        request = ExportEvidenceRequest(package_id=package_id)
        return await call(self._stub.ExportEvidence, request, deadline_seconds=self._deadline_seconds)

    async def dead_letters(
        self, *, to: Party.ValueType | None = None, reason: str = ""
    ) -> AsyncGenerator[Delivery, None]:
        """Deliveries that the node gave up, the oldest first, page by page; to this neighbour and for this reason."""
        request = ListDeliveriesRequest(state=HopState.HOP_STATE_DEAD, page_size=_PAGE_SIZE)
        while True:
            page = await self.deliveries(request)
            for delivery in page.deliveries:
                if to in (None, delivery.destination) and reason in ("", delivery.last_reason.code):
                    yield delivery
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def delivery(self, delivery_id: int) -> GetDeliveryResponse:
        """A delivery and what was done about it."""
        request = GetDeliveryRequest(delivery_id=delivery_id)
        return await call(self._stub.GetDelivery, request, deadline_seconds=self._deadline_seconds)

    async def package(self, package_id: str) -> Package:
        """A package with its evidence, also one that the node only relays."""
        return (await self.transit(package_id)).package

    async def transit(self, package_id: str) -> GetTransitResponse:
        """A package with its evidence, and what of it is or was in the outbox."""
        request = GetTransitRequest(package_id=package_id)
        return await call(self._stub.GetTransit, request, deadline_seconds=self._deadline_seconds)

    async def rehearse(self, edition: str, days: int = 0) -> AsyncGenerator[RehearseEditionResponse, None]:
        """Packages sent in the last days (0: 30) that would fail under this edition, then a summary.

        Raises Refused when the node does not have the edition.
        """
        request = RehearseEditionRequest(edition=edition, days=days)
        async with aclosing(receive(self._stub.RehearseEdition, request)) as answers:
            async for answer in answers:
                yield answer

    async def withdraw(self, package_id: str, reason: str) -> Package:
        """Asks to withdraw a package that the own party sent. Raises NotFound, Conflict."""
        request = WithdrawPackageRequest(package_id=package_id, reason=reason)
        answer = await call(self._stub.WithdrawPackage, request, deadline_seconds=self._deadline_seconds)
        return answer.package

    async def send_test(self, receiver: Party.ValueType, request_id: str = "") -> Package:
        """Sends a test package, which the receiver's node answers itself; the same id again is the same package.

        Raises Refused where it can't go.
        """
        request = SendTestPackageRequest(receiver=receiver, request_id=request_id or str(uuid.uuid4()))
        answer = await call(self._stub.SendTestPackage, request, deadline_seconds=self._deadline_seconds)
        return answer.package

    async def diagnostics(self) -> bytes:
        """What a vendor's support needs of the node: JSON for people, without secrets and personal values."""
        request = GetDiagnosticsRequest()
        answer = await call(self._stub.GetDiagnostics, request, deadline_seconds=self._deadline_seconds)
        return answer.document

    async def replay(self, delivery_id: int) -> Delivery:
        """Puts a delivery that was given up, or that waits, back into the queue at once."""
        request = ReplayDeliveryRequest(delivery_id=delivery_id)
        answer = await call(self._stub.ReplayDelivery, request, deadline_seconds=self._deadline_seconds)
        return answer.delivery
