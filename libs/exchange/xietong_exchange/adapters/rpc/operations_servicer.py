"""`OperationsService`: the operators of this node."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import grpc

from xietong.exchange.v1 import operations_service_pb2 as pb
from xietong.exchange.v1.diagnostics_pb2 import GetDiagnosticsRequest, GetDiagnosticsResponse
from xietong.exchange.v1.operations_service_pb2_grpc import OperationsServiceServicer
from xietong.exchange.v1.operator_packages_pb2 import (
    SendTestPackageRequest,
    SendTestPackageResponse,
    WithdrawPackageRequest,
    WithdrawPackageResponse,
)
from xietong.exchange.v1.rehearsal_pb2 import RehearseEditionRequest, RehearseEditionResponse
from xietong_exchange.adapters.rpc.caller import caller
from xietong_exchange.adapters.rpc.paging import decode_token, fit, page_size
from xietong_exchange.domain.evidence import timestamp
from xietong_exchange.flow.chain_test import ChainTest
from xietong_exchange.flow.operations import Operations
from xietong_exchange.flow.records import DeliveryRecord, OperationRecord
from xietong_exchange.flow.rehearsal import Rehearsal
from xietong_exchange.flow.views import Views, hop_state, last_reason
from xietong_exchange.flow.withdrawal import Withdrawal
from xietong_exchange.supervision.diagnostics import Diagnostics

_Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class OperationsServicer(OperationsServiceServicer):
    """The rpcs of `OperationsService`."""

    operations: Operations
    views: Views
    rehearsal: Rehearsal
    withdrawal: Withdrawal
    chain_test: ChainTest
    diagnostics: Diagnostics

    async def GetStatus(self, request: pb.GetStatusRequest, context: _Context) -> pb.GetStatusResponse:
        """How the node is."""
        return await self.operations.status()

    async def GetTransit(self, request: pb.GetTransitRequest, context: _Context) -> pb.GetTransitResponse:
        """Show a package."""
        record = await self.operations.package(request.package_id)
        package = await self.views.package(record, with_evidence=True)
        deliveries = map(_delivery, await self.operations.deliveries_of(record.package_id))
        return pb.GetTransitResponse(package=package, deliveries=deliveries)

    async def ListDeliveries(
        self, request: pb.ListDeliveriesRequest, context: _Context
    ) -> pb.ListDeliveriesResponse:
        """List the outbox, the oldest first."""
        limit, after = page_size(request.page_size), decode_token("ListDeliveries", request.page_token)
        found = await self.operations.deliveries(request.state, after=after or 0, limit=limit)
        positions, views = [record.delivery_id for record in found], [_delivery(record) for record in found]
        deliveries, token = fit("ListDeliveries", views, positions, more=len(found) == limit)
        return pb.ListDeliveriesResponse(deliveries=deliveries, next_page_token=token)

    async def GetDelivery(self, request: pb.GetDeliveryRequest, context: _Context) -> pb.GetDeliveryResponse:
        """Show a delivery and what was done about it."""
        delivery, done = await self.operations.delivery(request.delivery_id)
        return pb.GetDeliveryResponse(delivery=_delivery(delivery), events=map(_event, done))

    async def ReplayDelivery(
        self, request: pb.ReplayDeliveryRequest, context: _Context
    ) -> pb.ReplayDeliveryResponse:
        """Make a delivery due at once."""
        delivery = await self.operations.replay(request.delivery_id, caller.get())
        return pb.ReplayDeliveryResponse(delivery=_delivery(delivery))

    async def ExportEvidence(
        self, request: pb.ExportEvidenceRequest, context: _Context
    ) -> pb.ExportEvidenceResponse:
        """Export and verify the evidence of a package."""
        bundle, defects = await self.operations.export(request.package_id)
        return pb.ExportEvidenceResponse(bundle=bundle, defects=defects)

    async def WithdrawPackage(
        self, request: WithdrawPackageRequest, context: _Context
    ) -> WithdrawPackageResponse:
        """Ask to withdraw a package that this party sent."""
        record = await self.withdrawal.by_operator(request.package_id, request.reason, caller.get())
        return WithdrawPackageResponse(package=await self.views.package(record, with_evidence=True))

    async def SendTestPackage(
        self, request: SendTestPackageRequest, context: _Context
    ) -> SendTestPackageResponse:
        """Send a test package through the chain."""
        record = await self.chain_test.send(request.receiver, request.request_id, caller.get())
        return SendTestPackageResponse(package=await self.views.package(record, with_evidence=True))

    async def GetDiagnostics(
        self, request: GetDiagnosticsRequest, context: _Context
    ) -> GetDiagnosticsResponse:
        """Write the bundle for a vendor's support."""
        return GetDiagnosticsResponse(document=await self.diagnostics.document())

    async def RehearseEdition(
        self, request: RehearseEditionRequest, context: _Context
    ) -> AsyncIterator[RehearseEditionResponse]:
        """Stream what would fail under another edition."""
        async with aclosing(self.rehearsal.run(request.edition, request.days)) as answers:
            async for answer in answers:
                yield answer


def _event(record: OperationRecord) -> pb.DeliveryEvent:
    return pb.DeliveryEvent(
        operation=record.operation,
        event_time=timestamp(record.time),
        caller=record.caller,
        reason_code=record.reason,
    )


def _delivery(record: DeliveryRecord) -> pb.Delivery:
    delivery = pb.Delivery(
        delivery_id=record.delivery_id,
        destination=record.destination,
        package_id=record.package_id,
        evidence_id=record.evidence_id,
        lane=record.lane,
        state=hop_state(record),
        attempts=record.attempts,
        create_time=timestamp(record.create_time),
        next_attempt_time=timestamp(record.due_time),
        progress_time=timestamp(record.progress_time),
    )
    if record.last_reason:
        delivery.last_reason.CopyFrom(last_reason(record))
    return delivery
