"""Scripts for the rpcs between nodes, and for operators and supervisors."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import cast

from tests.contract.every_rpc import (
    COURT,
    FLOW,
    OPERATIONS,
    OPERATOR,
    POLICE_OPERATOR,
    RPCS,
    TRANSFER,
    Rpc,
    Scripts,
    World,
)
from tests.integration.exchange.city import (
    digest,
)
from tests.integration.exchange.shared_city import (
    PROCESS,
)

from xietong.exchange.v1 import operations_service_pb2 as operations
from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1 import transfer_service_pb2 as transfer
from xietong.exchange.v1.diagnostics_pb2 import GetDiagnosticsRequest
from xietong.exchange.v1.envelope_pb2 import Envelope, Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind, Statement
from xietong.exchange.v1.operator_packages_pb2 import SendTestPackageRequest, WithdrawPackageRequest
from xietong.exchange.v1.rehearsal_pb2 import RehearseEditionRequest
from xietong.supervision.v1 import flow_service_pb2 as flow

SCRIPTS = Scripts()


@SCRIPTS.calls(TRANSFER, "GetCapabilities", COURT)
async def get_capabilities(rpc: Rpc, world: World) -> None:
    (answer,) = await rpc(transfer.GetCapabilitiesRequest())
    assert answer.capabilities.party == Party.PARTY_HUB
    assert answer.capabilities.limits.credit_window_bytes > 0
    assert "xietong.exchange.v1" in answer.capabilities.contract_versions


@SCRIPTS.calls(TRANSFER, "Transfer", COURT)
async def transfer_package(rpc: Rpc, world: World) -> None:
    package = world.court.forge(uuid.uuid4().bytes)
    frames = [
        transfer.TransferRequest(offer=transfer.Offer(envelope=package.signed)),
        transfer.TransferRequest(chunk=transfer.Chunk(data=package.contents[0])),
        transfer.TransferRequest(commit=transfer.Commit()),
    ]
    *_, last = await rpc(*frames)
    statement = Statement.FromString(last.acceptance.evidence.statement)
    assert (statement.kind, statement.stated_by) == (EvidenceKind.EVIDENCE_KIND_RELAYED, Party.PARTY_HUB)
    assert statement.seal.value == package.seal


@SCRIPTS.calls(TRANSFER, "DeliverEvidence", COURT)
async def deliver_evidence(rpc: Rpc, world: World) -> None:
    package = await world.brought()
    statement = Statement(
        evidence_id=str(uuid.uuid4()),
        package_id=package.package_id,
        seal=digest(package.signed.envelope),
        kind=EvidenceKind.EVIDENCE_KIND_WITHDRAWAL_REQUESTED,
        stated_by=Party.PARTY_COURT,
    )
    statement.event_time.GetCurrentTime()
    (answer,) = await rpc(transfer.DeliverEvidenceRequest(evidence=[world.court.state(statement)]))
    assert list(answer.results) == [transfer.EvidenceResult(evidence_id=statement.evidence_id)]


@SCRIPTS.calls(OPERATIONS, "GetStatus", OPERATOR)
async def get_status(rpc: Rpc, world: World) -> None:
    (status,) = await rpc(operations.GetStatusRequest())
    assert status.party == Party.PARTY_HUB
    assert {one.party for one in status.neighbours if one.reachable} >= {
        Party.PARTY_POLICE,
        Party.PARTY_PROCURATORATE,
    }
    (court,) = [one for one in status.neighbours if one.party == Party.PARTY_COURT]
    assert (court.reachable, court.last_reason.code) == (False, "NODE_UNREACHABLE")
    assert status.free_bytes > 0
    assert status.certificate_expire_time.seconds > status.start_time.seconds
    assert status.schema_version
    versions = {one.party: one for one in status.node_versions}
    told = versions[Party.PARTY_PROCURATORATE]
    assert (told.software_version, told.told_by) == (status.software_version, Party.PARTY_PROCURATORATE)
    assert "2026.1" in status.standard_editions
    assert told.standard_editions == status.standard_editions


@SCRIPTS.calls(OPERATIONS, "GetTransit", OPERATOR)
async def get_transit(rpc: Rpc, world: World) -> None:
    (answer,) = await rpc(operations.GetTransitRequest(package_id=world.delivered.package_id))
    assert answer.package.direction == package_pb2.DIRECTION_TRANSIT
    assert answer.package.envelope == world.delivered.envelope
    assert answer.package.progress.state == package_pb2.HOP_STATE_DONE
    assert [one.destination for one in answer.deliveries if not one.evidence_id] == [
        Party.PARTY_PROCURATORATE
    ]


async def waiting_delivery(rpc: Rpc, world: World) -> operations.Delivery:
    """A delivery to the court, where nobody listens: the evidence that its package was delivered."""
    package = await world.brought()
    while True:
        (page,) = await rpc(
            operations.ListDeliveriesRequest(state=package_pb2.HOP_STATE_WAITING, page_size=500)
        )
        mine = [one for one in page.deliveries if one.package_id == package.package_id and one.evidence_id]
        if mine and mine[0].last_reason.code:
            return cast(operations.Delivery, mine[0])
        await asyncio.sleep(0.01)


@SCRIPTS.calls(OPERATIONS, "ListDeliveries", OPERATOR)
async def list_deliveries(rpc: Rpc, world: World) -> None:
    waiting = await waiting_delivery(rpc, world)
    assert waiting.destination == Party.PARTY_COURT
    assert waiting.last_reason.code == "NODE_UNREACHABLE"
    (page,) = await rpc(operations.ListDeliveriesRequest(page_size=1))
    (following,) = await rpc(operations.ListDeliveriesRequest(page_size=1, page_token=page.next_page_token))
    assert page.deliveries[0].delivery_id < following.deliveries[0].delivery_id


@SCRIPTS.calls(OPERATIONS, "GetDelivery", OPERATOR)
async def get_delivery(rpc: Rpc, world: World) -> None:
    waiting = await waiting_delivery(Rpc(RPCS[f"xietong.{OPERATIONS}/ListDeliveries"], rpc.channel), world)
    replaying = Rpc(RPCS[f"xietong.{OPERATIONS}/ReplayDelivery"], rpc.channel)
    await replaying(operations.ReplayDeliveryRequest(delivery_id=waiting.delivery_id))
    (answer,) = await rpc(operations.GetDeliveryRequest(delivery_id=waiting.delivery_id))
    assert answer.delivery.package_id == waiting.package_id
    assert answer.delivery.progress_time.seconds >= waiting.progress_time.seconds > 0
    for event in answer.events:  # none, when its courier had it just then
        assert (event.operation, event.caller) == ("replay_delivery", "hub/operator")


@SCRIPTS.calls(OPERATIONS, "ReplayDelivery", OPERATOR)
async def replay_delivery(rpc: Rpc, world: World) -> None:
    listing = Rpc(RPCS[f"xietong.{OPERATIONS}/ListDeliveries"], rpc.channel)
    waiting = await waiting_delivery(listing, world)
    (answer,) = await rpc(operations.ReplayDeliveryRequest(delivery_id=waiting.delivery_id))
    assert answer.delivery.delivery_id == waiting.delivery_id
    assert answer.delivery.state != package_pb2.HOP_STATE_DONE


@SCRIPTS.calls(OPERATIONS, "ExportEvidence", OPERATOR)
async def export_evidence(rpc: Rpc, world: World) -> None:
    (answer,) = await rpc(operations.ExportEvidenceRequest(package_id=world.delivered.package_id))
    assert list(answer.defects) == []
    assert answer.bundle.envelope == world.delivered.envelope
    assert len(answer.bundle.evidence) >= 2
    assert answer.bundle.trust_anchor


@SCRIPTS.calls(OPERATIONS, "WithdrawPackage", POLICE_OPERATOR)
async def withdraw_package(rpc: Rpc, world: World) -> None:
    sent = await world.sent()
    for _ in range(2):
        (answer,) = await rpc(WithdrawPackageRequest(package_id=sent.package_id, reason="误发"))
        assert answer.package.package_id == sent.package_id
    await world.police.reached(sent.package_id, package_pb2.DELIVERY_STATE_WITHDRAWN)


@SCRIPTS.calls(OPERATIONS, "SendTestPackage", OPERATOR)
async def send_test_package(rpc: Rpc, world: World) -> None:
    request = SendTestPackageRequest(receiver=Party.PARTY_PROCURATORATE, request_id=str(uuid.uuid4()))
    (sent,), (again,) = await rpc(request), await rpc(request)
    assert again.package.package_id == sent.package.package_id
    transit = Rpc(RPCS[f"xietong.{OPERATIONS}/GetTransit"], rpc.channel)
    state = sent.package.state
    while state != package_pb2.DELIVERY_STATE_ACCEPTED:
        (seen,) = await transit(operations.GetTransitRequest(package_id=sent.package.package_id))
        state = seen.package.state


@SCRIPTS.calls(OPERATIONS, "GetDiagnostics", OPERATOR)
async def get_diagnostics(rpc: Rpc, world: World) -> None:
    (answer,) = await rpc(GetDiagnosticsRequest())
    assert json.loads(answer.document)["party"] == "hub"


@SCRIPTS.calls(OPERATIONS, "RehearseEdition", POLICE_OPERATOR)
async def rehearse_edition(rpc: Rpc, world: World) -> None:
    (answer,) = await rpc(RehearseEditionRequest(edition="2026.1"))
    assert answer.summary.checked_count >= 1
    assert answer.summary.failing_count == 0


@SCRIPTS.calls(FLOW, "ListFlows", OPERATOR)
async def list_flows(rpc: Rpc, world: World) -> None:
    sent = await world.sent()
    (page,) = await rpc(flow.ListFlowsRequest(process_code=PROCESS, page_size=1))
    (newest,) = page.flows
    assert newest.package_id == sent.package_id
    assert newest.case_numbers[0].party == Party.PARTY_POLICE
    assert len(newest.trace_id) == 32
    (following,) = await rpc(
        flow.ListFlowsRequest(process_code=PROCESS, page_size=1, page_token=page.next_page_token)
    )
    assert following.flows[0].package_id != sent.package_id
    now = newest.announce_time.ToDatetime()
    for restriction, is_met in (
        ({"search": newest.case_numbers[0].number[:-1].lower()}, True),
        ({"search": newest.collaboration_case_id}, True),
        ({"search": "no such number"}, False),
        ({"sender": Party.PARTY_POLICE, "receiver": Party.PARTY_PROCURATORATE}, True),
        ({"sender": Party.PARTY_JUSTICE}, False),
        ({"start_time": now - timedelta(seconds=1), "end_time": now + timedelta(seconds=1)}, True),
        ({"start_time": now + timedelta(days=1)}, False),
    ):
        (page,) = await rpc(flow.ListFlowsRequest(page_size=1, **restriction))
        assert [one.package_id for one in page.flows] == [sent.package_id] * is_met, restriction


@SCRIPTS.calls(FLOW, "GetCaseFlow", OPERATOR)
async def get_case_flow(rpc: Rpc, world: World) -> None:
    case_id = Envelope.FromString(world.delivered.envelope.envelope).collaboration_case_id
    (answer,) = await rpc(flow.GetCaseFlowRequest(collaboration_case_id=case_id))
    assert [one.package_id for one in answer.flows] == [world.delivered.package_id]
    assert answer.flows[0].part_count == 3


@SCRIPTS.calls(FLOW, "GetStatistics", OPERATOR)
async def get_statistics(rpc: Rpc, world: World) -> None:
    request = flow.GetStatisticsRequest()
    request.start_time.FromDatetime(datetime.now(UTC) - timedelta(days=1))
    request.end_time.FromDatetime(datetime.now(UTC) + timedelta(days=1))
    (answer,) = await rpc(request)
    of_police = [one for one in answer.counts if one.sender == Party.PARTY_POLICE]
    assert sum(one.package_count for one in of_police) >= 1
    [arrival] = [one for one in answer.arrivals if one.sender == Party.PARTY_POLICE]
    assert arrival.package_count >= 1
    assert 0 <= arrival.p50_seconds <= arrival.p95_seconds
