"""Every rpc of every service of the contract, called over the wire at real nodes: an rpc without a script fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.conftest import PostgresServer
from tests.contract import scripts_gateway, scripts_nodes, scripts_standard, scripts_supervision
from tests.contract.every_rpc import (
    RPCS,
    Rpc,
    World,
)
from tests.integration.exchange.city import (
    make_pki,
)
from tests.integration.exchange.hostile_neighbour import hostile_node
from tests.integration.exchange.shared_city import (
    BOUND_SECONDS,
    PROCESS,
    THREE,
    CityUnderAttack,
    case_number,
    databases,
    good_package_passes,
)

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.envelope_pb2 import Party
from xietong_exchange.runtime.settings import ContactSettings, SupervisionSettings

SCRIPTS = (
    scripts_gateway.SCRIPTS | scripts_nodes.SCRIPTS | scripts_standard.SCRIPTS | scripts_supervision.SCRIPTS
)
CONTACT = ContactSettings(
    party="police", system="exchange", vendor="示例厂商", level="lead", reach="值班电话"
)

WATCHFUL = SupervisionSettings(round_seconds=1, standstill_minutes=0.001)
"""The court, where nobody listens, is missed at once."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer
) -> AsyncIterator[World]:
    pki, folder = make_pki(tmp_path_factory.mktemp("pki")), tmp_path_factory.mktemp("city")
    overrides: dict[Party.ValueType, dict[str, object]] = {
        Party.PARTY_HUB: {"contacts": [CONTACT], "supervision": WATCHFUL}
    }
    async with (
        databases(postgres_server, THREE) as urls,
        CityUnderAttack(folder, pki, urls, THREE, overrides=overrides) as city,
    ):
        police = await city.agency(Party.PARTY_POLICE, "case-handling")
        procuratorate = await city.agency(Party.PARTY_PROCURATORATE, "prosecution")
        async with asyncio.timeout(BOUND_SECONDS):
            sent = await police.send(PROCESS, Party.PARTY_PROCURATORATE, case_number=case_number())
            await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
        yield World(city, police, procuratorate, await hostile_node(city), sent)
        await good_package_passes(city)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", sorted(RPCS))
async def test_every_rpc_answers(name: str, world: World) -> None:
    assert name in SCRIPTS, f"nobody calls {name}: write a script for it"
    (party, credentials, owner), script = SCRIPTS[name]
    rpc = Rpc(RPCS[name], await world.city.channel(party, credentials, owner))
    async with asyncio.timeout(BOUND_SECONDS):
        await script(rpc, world)
    assert rpc.answered


def test_no_script_is_for_an_rpc_that_is_gone() -> None:
    assert set(SCRIPTS) == set(RPCS)
