"""A package is given up half-way: both ends learn of it, and a replay brings it after all."""

from __future__ import annotations

import pytest
from tests.integration.faults.proof import FAILED, arrives_once, send
from tests.integration.faults.town import HUB, MIB, POLICE, PROCURATORATE, Town, content_of

from xietong.exchange.v1 import operations_service_pb2 as operations_pb
from xietong.exchange.v1.package_pb2 import HopState
from xietong_exchange.runtime.settings import LimitSettings

pytestmark = pytest.mark.asyncio(loop_scope="session")

SMALL = LimitSettings(reserve_bytes=0, max_package_bytes=4 * MIB)


async def test_both_ends_learn_of_it_and_a_replay_brings_it_after_all(town: Town) -> None:
    content = content_of(8 * MIB)
    town.to_procuratorate.hold_after(4 * MIB)
    sent = await send(await town.police(), content)
    await town.moved(PROCURATORATE, sent.package_id, MIB)

    await town.kill(PROCURATORATE)
    town.to_procuratorate.heal()
    await town.start(PROCURATORATE, limits=SMALL)
    for party in (POLICE, HUB, PROCURATORATE):
        ended = await town.state(party, sent.package_id, FAILED)
        assert [reason.code for reason in ended.reasons] == ["PACKAGE_TOO_LARGE"]

    await town.restart(PROCURATORATE)
    await town.restart(HUB)  # it would keep to the limits that it was told last, for a while
    operations = await town.operations(HUB)
    dead = operations_pb.ListDeliveriesRequest(state=HopState.HOP_STATE_DEAD)
    [delivery] = [
        found
        for found in (await operations.ListDeliveries(dead)).deliveries
        if found.package_id == sent.package_id
    ]
    await operations.ReplayDelivery(operations_pb.ReplayDeliveryRequest(delivery_id=delivery.delivery_id))
    await arrives_once(town, sent.package_id, content, "FAILED")
