"""The line behind the hub is slow: the sender does not notice, the hub stays small, and small packages overtake."""

from __future__ import annotations

import pytest
from tests.integration.faults.proof import DELIVERED, RELAYED, arrives_once, send
from tests.integration.faults.town import HUB, MIB, POLICE, PROCURATORATE, Town, content_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

SLOW_BYTES_PER_SECOND = 200 * 1024
PACKAGES, SIZE_BYTES = 4, 24 * MIB
"""Eight minutes on the slow line, sixteen times the bound of any wait here. Two come and two go on at a time."""
MEMORY_BYTES = 64 * MIB
"""What a process may take beyond its idle memory, whatever is under way."""


async def test_a_slow_next_hop_slows_neither_the_sender_nor_small_packages(town: Town) -> None:
    police, contents = await town.police(), [content_of(SIZE_BYTES) for _ in range(PACKAGES)]
    met = await send(police, b"the hub has met the receiver")
    await town.state(POLICE, met.package_id, DELIVERED)
    town.to_procuratorate.there.bytes_per_second = SLOW_BYTES_PER_SECOND
    idle_bytes, before = town.nodes[HUB].begin_peak(), town.to_procuratorate.sent_bytes

    large = [await send(police, content) for content in contents]
    for package in large:
        await town.state(POLICE, package.package_id, RELAYED)
    await town.moved(PROCURATORATE, large[0].package_id, 1)
    small = await send(police, b"a decision that somebody waits for")
    await town.state(POLICE, small.package_id, DELIVERED)

    for package in large:
        overtaken = await town.seen(POLICE, package.package_id)
        assert overtaken is not None
        assert overtaken.state == RELAYED
    assert town.to_procuratorate.sent_bytes - before < PACKAGES * SIZE_BYTES // 2
    assert town.nodes[HUB].peak_bytes() - idle_bytes < MEMORY_BYTES
    town.to_procuratorate.heal()
    for package in large:
        await town.state(PROCURATORATE, package.package_id, DELIVERED)
    await arrives_once(town, large[-1].package_id, contents[-1])
    await town.state(PROCURATORATE, small.package_id, DELIVERED)
