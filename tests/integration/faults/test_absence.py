"""Somebody is away when a package is sent, or goes away: nothing is lost, nobody has to send again."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.integration.exchange.refusals import refusal
from tests.integration.faults.proof import DELIVERED, RELAYED, SUBMITTED, arrives_once, send, stopped_halfway
from tests.integration.faults.town import (
    HUB,
    MIB,
    POLICE,
    PROCURATORATE,
    WINDOW_BYTES,
    Town,
    content_of,
    eventually,
)

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong_exchange.runtime.embedded_postgres import EmbeddedPostgres
from xietong_exchange.runtime.settings import RetrySettings

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG_LEASE = RetrySettings(first_delay_seconds=0.05, longest_delay_seconds=0.2, lease_seconds=600.0)
"""A delivery that keeps this lease over a restart is not taken up again within any test's bound."""


@pytest.mark.parametrize(
    ("away", "waits_as"), [(PROCURATORATE, RELAYED), (HUB, SUBMITTED)], ids=["receiver", "hub"]
)
async def test_a_node_is_down_at_submit(
    town: Town, away: Party.ValueType, waits_as: DeliveryState.ValueType
) -> None:
    content = content_of(2 * MIB)
    await town.kill(away)

    sent = await send(await town.police(), content)
    holder = POLICE if away == HUB else HUB

    async def tried() -> bool:
        package = await town.seen(holder, sent.package_id)
        return package is not None and package.progress.last_reason.code == "NODE_UNREACHABLE"

    await eventually(tried)
    await town.state(POLICE, sent.package_id, waits_as)
    await town.start(away)
    await arrives_once(town, sent.package_id, content)


@pytest.mark.parametrize("stopped", [POLICE, HUB, PROCURATORATE], ids=["sender", "hub", "receiver"])
async def test_a_node_is_stopped_while_a_transfer_is_under_way(town: Town, stopped: Party.ValueType) -> None:
    line, writer = (town.to_hub, HUB) if stopped == POLICE else (town.to_procuratorate, PROCURATORATE)
    if stopped != PROCURATORATE:  # It holds the lease, and gives it back, or the transfer would rest.
        await town.restart(stopped, retry=LONG_LEASE)
    content = content_of(24 * MIB)
    line.hold_after(12 * MIB)
    before = line.sent_bytes
    sent = await send(await town.police(), content)
    await town.moved(writer, sent.package_id, 8 * MIB)

    assert await town.nodes[stopped].stop() == 0  # within the promised time, or it raises
    line.heal()
    await town.start(stopped)

    await arrives_once(town, sent.package_id, content)
    assert line.sent_bytes - before < 24 * MIB + 8 * MIB, "the transfer began anew instead of going on"


async def test_nodes_are_started_anew_with_other_addresses_of_their_neighbours(town: Town) -> None:
    content, lines = content_of(12 * MIB), (town.to_hub, town.to_procuratorate)
    before = [line.sent_bytes for line in lines]
    sent = await stopped_halfway(town, content)

    async with town.line_to(HUB) as hub, town.line_to(PROCURATORATE) as procuratorate:
        await town.restart(POLICE, neighbours={"hub": hub.address})
        known = town.settings(HUB).neighbours
        await town.restart(HUB, neighbours={**known, "procuratorate": procuratorate.address})
        await arrives_once(town, sent.package_id, content)
        for line, begin, other in zip(lines, before, (hub, procuratorate), strict=True):
            assert line.sent_bytes - begin + other.sent_bytes < len(content) + WINDOW_BYTES
            assert other.sent_bytes > 4 * MIB
        await town.heal()


@pytest_asyncio.fixture(loop_scope="session")
async def database() -> AsyncIterator[EmbeddedPostgres]:
    """A database server of the test's own, which it may stop."""
    with tempfile.TemporaryDirectory(prefix="xietong-test-", dir="/tmp") as folder:
        site = Path(folder)
        site.chmod(0o755)
        async with (server := EmbeddedPostgres(site / "state", reachable_dir=site / "reachable")):
            yield server


async def test_the_database_is_away_for_a_while(town: Town, database: EmbeddedPostgres) -> None:
    await town.restart(POLICE, database_url=await database.start())
    police, content = await town.police(), content_of(8 * MIB)
    town.to_hub.hold_after(4 * MIB)
    sent = await send(police, content)
    await town.moved(HUB, sent.package_id, 2 * MIB)

    await database.stop()
    assert (await refusal(police.get(sent.package_id))).reason == "DATABASE_UNAVAILABLE"
    town.to_hub.heal()
    await town.state(PROCURATORATE, sent.package_id, DELIVERED)  # what was under way needs no database here
    assert (await refusal(police.get(sent.package_id))).reason == "DATABASE_UNAVAILABLE"
    await database.start()

    assert town.nodes[POLICE].is_running
    await arrives_once(town, sent.package_id, content)
