"""SIGKILL in the middle of a transfer: whoever dies, the package arrives once, and goes on where it was."""

from __future__ import annotations

import pytest
from tests.integration.faults.line import Line
from tests.integration.faults.proof import arrives_once, send
from tests.integration.faults.town import (
    HUB,
    MIB,
    POLICE,
    PROCURATORATE,
    QUICK,
    WINDOW_BYTES,
    Town,
    content_of,
)

from xietong.exchange.v1.envelope_pb2 import Party

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIZE_BYTES = 32 * MIB
OVERHEAD_BYTES = MIB
"""Of TLS and gRPC, and of what is said beside the package."""
HELD_BYTES = 16 * MIB
"""After so many bytes the line holds the transfer, so that the kill comes in its middle and not by chance."""


async def _kill_in_the_middle(
    town: Town, victim: Party.ValueType, line: Line, writer: Party.ValueType, **changes: object
) -> None:
    """Kill `victim` when the held line has let half of the package through to `writer`.

    changes: settings with which it comes back.
    """
    content = content_of(SIZE_BYTES)
    line.hold_after(HELD_BYTES)
    before = line.sent_bytes
    sent = await send(await town.police(), content)
    await town.moved(writer, sent.package_id, HELD_BYTES - WINDOW_BYTES)

    await town.kill(victim)
    line.cut()
    line.heal()
    await town.start(victim, **changes)

    await arrives_once(town, sent.package_id, content)
    again = line.sent_bytes - before - SIZE_BYTES
    assert again < WINDOW_BYTES + OVERHEAD_BYTES, "the transfer began anew instead of going on"


async def test_a_sender_that_was_killed_takes_back_what_it_held(town: Town) -> None:
    """Its lease would end long after this test has lost its patience."""
    retry = QUICK.model_copy(update={"lease_seconds": 600.0})
    await town.restart(POLICE, retry=retry)
    await _kill_in_the_middle(town, POLICE, town.to_hub, HUB, retry=retry)


async def test_the_sender_is_killed(town: Town) -> None:
    await _kill_in_the_middle(town, POLICE, town.to_hub, HUB)


async def test_the_hub_is_killed_while_it_receives(town: Town) -> None:
    await _kill_in_the_middle(town, HUB, town.to_hub, HUB)


async def test_the_hub_is_killed_while_it_forwards(town: Town) -> None:
    await _kill_in_the_middle(town, HUB, town.to_procuratorate, PROCURATORATE)


async def test_the_receiver_is_killed(town: Town) -> None:
    await _kill_in_the_middle(town, PROCURATORATE, town.to_procuratorate, PROCURATORATE)
