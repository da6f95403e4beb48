"""Lists of large envelopes come in pages that a gRPC client reads which nobody configured, and leave nothing out."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.integration.exchange.city import City
from tests.integration.store.records import package
from tests.unit.exchange.packages import signature_of

from xietong.exchange.v1.envelope_pb2 import Envelope, Party, PartyCaseNumber
from xietong.exchange.v1.gateway_packages_pb2 import ListPackagesRequest
from xietong.exchange.v1.package_pb2 import Direction
from xietong.supervision.v1.flow_service_pb2 import GetCaseFlowRequest, ListFlowsRequest
from xietong.supervision.v1.flow_service_pb2_grpc import FlowServiceStub
from xietong_exchange.adapters.postgres import PostgresStore

SIGNATURE = signature_of(Party.PARTY_POLICE).SerializeToString()
LARGEST_PAGE = 500


@asynccontextmanager
async def store_of(city: City, party: Party.ValueType) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.connect(city.urls[party], 1)
    yield store
    await store.close()


async def pages(call: Callable[[Any], Awaitable[Any]], request: Any) -> list[Any]:
    """All pages of a list."""
    found = [await call(request)]
    while token := found[-1].next_page_token:
        request.page_token = token
        found.append(await call(request))
    return found


async def test_packages_with_large_envelopes_are_listed(three: City) -> None:
    records = [package(envelope=b"\0" * (1 << 20), signature=SIGNATURE, complete=True) for _ in range(7)]
    async with store_of(three, Party.PARTY_POLICE) as store, store.transaction() as tx:
        for record in records:
            await tx.packages.add(record)
    police = await three.agency(Party.PARTY_POLICE, "case-handling")
    request = ListPackagesRequest(page_size=LARGEST_PAGE)
    found = await pages(police.gateway.ListPackages, request)
    assert len(found) > 1
    seen = [listed.package_id for page in found for listed in page.packages]
    assert seen == [record.package_id for record in reversed(records)]


async def test_flows_with_long_case_numbers_are_listed(three: City) -> None:
    """Their envelopes fill several pages; so would the flows, were the envelopes not read page by page."""
    numbers = [PartyCaseNumber(party=Party.PARTY_POLICE, number="号" * 100) for _ in range(100)]
    case_id = str(uuid.uuid4())
    envelope = Envelope(case_numbers=numbers).SerializeToString()
    records = [
        package(
            envelope=envelope,
            signature=SIGNATURE,
            direction=Direction.DIRECTION_TRANSIT,
            collaboration_case_id=case_id,
        )
        for _ in range(150)
    ]
    async with store_of(three, Party.PARTY_HUB) as store, store.transaction() as tx:
        for record in records:
            await tx.packages.add(record)
    hub = FlowServiceStub(await three.channel(Party.PARTY_HUB, "operator"))
    of_case = GetCaseFlowRequest(collaboration_case_id=case_id, page_size=LARGEST_PAGE)
    latest = ListFlowsRequest(page_size=LARGEST_PAGE)
    expected = [record.package_id for record in records]
    assert [
        flow.package_id for page in await pages(hub.GetCaseFlow, of_case) for flow in page.flows
    ] == expected
    assert [
        flow.package_id for page in await pages(hub.ListFlows, latest) for flow in page.flows
    ] == expected[::-1]
