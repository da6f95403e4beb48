"""Bad lines: connections that die without a word, and connections that are cut again and again."""

from __future__ import annotations

import pytest
from tests.integration.faults.proof import DELIVERED, arrives_once, send
from tests.integration.faults.town import BOUND_SECONDS, HUB, MIB, PROCURATORATE, Town, content_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIZE_BYTES = 16 * MIB
NOTICED_SECONDS = 20.0
"""Until both ends know that a connection is dead: the keepalive's interval and the ping's timeout, see adapters/rpc."""


async def test_connections_that_die_without_a_word_are_replaced(town: Town) -> None:
    content = content_of(SIZE_BYTES)
    lines = {HUB: town.to_hub, PROCURATORATE: town.to_procuratorate}
    for line in lines.values():
        line.hold_after(SIZE_BYTES // 2)
    sent = await send(await town.police(), content)
    await town.moved(HUB, sent.package_id, SIZE_BYTES // 4)

    begun = town.to_hub.connections
    town.to_hub.freeze()
    town.to_procuratorate.freeze()
    for line in lines.values():
        line.heal()

    await town.state(PROCURATORATE, sent.package_id, DELIVERED, bound_seconds=NOTICED_SECONDS + BOUND_SECONDS)
    await arrives_once(town, sent.package_id, content)
    assert town.to_hub.connections > begun


async def test_lines_that_break_again_and_again_bring_everything(town: Town) -> None:
    content = content_of(SIZE_BYTES)
    for line in (town.to_hub, town.to_procuratorate):
        line.cut()
        line.cut_after_bytes = 3 * MIB
    begun = town.to_hub.connections, town.to_procuratorate.connections

    sent = await send(await town.police(), content)
    await arrives_once(town, sent.package_id, content)

    breaks = SIZE_BYTES // (3 * MIB)
    assert town.to_hub.connections - begun[0] >= breaks
    assert town.to_procuratorate.connections - begun[1] >= breaks
