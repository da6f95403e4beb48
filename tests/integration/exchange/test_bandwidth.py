"""A lane with a limit keeps to it over real nodes, and nobody else waits for it: no other lane, no other transfer."""

from __future__ import annotations

import asyncio
import hashlib

import pytest
from tests.integration.exchange.city import Agency
from tests.integration.exchange.shared_city import (
    BOUND_SECONDS,
    PROCESS,
    CityUnderAttack,
    case_number,
    good_package_passes,
)

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong_exchange.domain.bandwidth import BURST_SECONDS
from xietong_exchange.runtime.settings import RouteSettings

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECONDS = 5
RATE = 1 << 20
CONTENT = hashlib.shake_256(b"bandwidth").digest(SECONDS * RATE)


async def bulk(police: Agency, content: bytes) -> package_pb2.Package:
    return await police.send(
        PROCESS,
        Party.PARTY_PROCURATORATE,
        case_number=case_number(),
        files={"recording": content},
        lane=Lane.LANE_BULK,
    )


async def test_a_limited_lane_keeps_to_its_rate_and_holds_up_nobody_else(steadfast: CityUnderAttack) -> None:
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    routes = {"procuratorate": RouteSettings(bulk_bytes_per_second=RATE)}
    clock = asyncio.get_running_loop().time
    async with steadfast.changed(Party.PARTY_HUB, routes=routes), asyncio.timeout(BOUND_SECONDS):
        await good_package_passes(steadfast)
        begin = clock()
        large = await bulk(police, CONTENT)
        await police.reached(large.package_id, package_pb2.DELIVERY_STATE_RELAYED)
        await good_package_passes(steadfast)  # in the other lane
        small = await bulk(police, b"little")  # in the same stream
        await police.reached(small.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
        overtaken = await police.get(large.package_id)
        await police.reached(large.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
        took = clock() - begin
    assert overtaken.state == package_pb2.DELIVERY_STATE_RELAYED
    assert took >= SECONDS - BURST_SECONDS
