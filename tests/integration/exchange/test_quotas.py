"""Quotas and drafts at real nodes: who has used up his place waits and loses nothing; abandoned drafts go."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.integration.exchange.city import City, draft_key
from tests.integration.exchange.refusals import refusal
from tests.integration.exchange.shared_city import (
    BOUND_SECONDS,
    HASTY,
    PROCESS,
    CityUnderAttack,
    at_rest,
    case_number,
    good_package_passes,
)

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.gateway_drafts_pb2 import GetDraftRequest
from xietong.exchange.v1.operations_service_pb2 import (
    GetStatusRequest,
    ListDeliveriesRequest,
    PartyUsage,
    ReplayDeliveryRequest,
)
from xietong.exchange.v1.operations_service_pb2_grpc import OperationsServiceStub
from xietong_client.doctor import Verdict, examine
from xietong_client.settings import ConnectionSettings
from xietong_exchange.domain.errors import StorageFull
from xietong_exchange.domain.party import party_name
from xietong_exchange.runtime.settings import LimitSettings

pytestmark = pytest.mark.asyncio(loop_scope="session")

POLICE, HUB, PROCURATORATE = Party.PARTY_POLICE, Party.PARTY_HUB, Party.PARTY_PROCURATORATE
RECORDING_BYTES = 1 << 20


async def operations(city: City, party: Party.ValueType) -> OperationsServiceStub:
    return OperationsServiceStub(await city.channel(party, "operator"))


async def usage(city: City, of: Party.ValueType) -> PartyUsage:
    status = await (await operations(city, HUB)).GetStatus(GetStatusRequest())
    return next((one for one in status.usage if one.party == of), PartyUsage(party=of))


async def examined(city: City, party: Party.ValueType) -> dict[str, Verdict]:
    settings = ConnectionSettings(
        node=f"127.0.0.1:{city.ports[party]}",
        credentials=str(city.pki_folder / party_name(party)),
        system="operator",
    )
    return {check.name: check.verdict async for check in examine(settings, Path.cwd())}


async def test_a_party_that_has_used_up_its_quota_waits_as_long_as_the_hub_says(
    steadfast: CityUnderAttack,
) -> None:
    await good_package_passes(steadfast)
    await at_rest(steadfast)
    kept = (await usage(steadfast, POLICE)).kept_bytes
    assert kept > 0
    limits = LimitSettings(reserve_bytes=0, quota_bytes={"police": kept + RECORDING_BYTES})
    police = await steadfast.agency(POLICE, "case-handling")
    files = {"recording.mp4": uuid.uuid4().bytes * (RECORDING_BYTES // 16)}
    async with steadfast.changed(HUB, limits=limits), asyncio.timeout(BOUND_SECONDS):
        assert await usage(steadfast, POLICE) == PartyUsage(
            party=POLICE, kept_bytes=kept, quota_bytes=kept + RECORDING_BYTES
        )
        assert (await examined(steadfast, HUB))["quota"] in {Verdict.OK, Verdict.WARNING}
        sent = await police.send(PROCESS, PROCURATORATE, case_number=case_number(), files=files)
        while (progress := (await police.get(sent.package_id)).progress).last_reason.code != "STORAGE_FULL":
            await asyncio.sleep(0.02)
        assert progress.state == package_pb2.HOP_STATE_WAITING
        patience = timedelta(seconds=(StorageFull.retry_after_seconds or 0) / 2)
        assert progress.next_attempt_time.ToDatetime(UTC) - datetime.now(UTC) > patience
    outbox = await operations(steadfast, POLICE)
    waiting = await outbox.ListDeliveries(ListDeliveriesRequest(state=package_pb2.HOP_STATE_WAITING))
    for delivery in waiting.deliveries:
        if delivery.package_id == sent.package_id:
            await outbox.ReplayDelivery(ReplayDeliveryRequest(delivery_id=delivery.delivery_id))
    async with asyncio.timeout(BOUND_SECONDS):
        await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
    assert (await usage(steadfast, POLICE)).kept_bytes == kept + sent.size_bytes


async def test_the_doctor_tells_operators_of_every_node_how_its_storage_is(
    steadfast: CityUnderAttack,
) -> None:
    for party in (POLICE, HUB):
        assert (await examined(steadfast, party))["storage"] is Verdict.OK
    async with steadfast.changed(HUB, limits=LimitSettings(reserve_bytes=1 << 60)):
        assert (await examined(steadfast, HUB))["storage"] is Verdict.FAILED


async def test_a_draft_that_nobody_fills_is_discarded_and_the_log_says_by_whom(
    steadfast: CityUnderAttack,
) -> None:
    police = await steadfast.agency(POLICE, "case-handling")
    key = draft_key(PROCESS, case_number())
    draft = await police.open(key, PROCURATORATE)
    ledger = await steadfast.ledger(POLICE)
    await ledger.execute(
        "UPDATE draft SET touch_time = now() - interval '3 days' WHERE draft_id = $1", draft.draft_id
    )
    hasty = HASTY.model_copy(update={"draft_days": 2.0})
    async with steadfast.changed(POLICE, retention=hasty), asyncio.timeout(BOUND_SECONDS):
        police = await steadfast.agency(POLICE, "case-handling")
        while True:
            logged = await ledger.fetch(
                "SELECT operation, caller FROM operation_log WHERE draft_id = $1 ORDER BY operation_id",
                draft.draft_id,
            )
            if len(logged) > 1:
                break
            await asyncio.sleep(0.02)
        told = await refusal(police.gateway.GetDraft(GetDraftRequest(key=key)))
    assert tuple(logged[-1]) == ("discard_draft", "police/exchange")
    assert told.reason == "DRAFT_NOT_FOUND"
