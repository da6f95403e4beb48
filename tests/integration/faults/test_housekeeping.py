"""SIGKILL in the middle of housekeeping: what is needed stays, however old; the rest goes after the restart."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest
from tests.integration.faults.proof import RELAYED, arrives_once, evidence_is_sound, send, stopped_halfway
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
from tests.integration.faults.withheld import withheld

from xietong.exchange.v1.envelope_pb2 import Envelope
from xietong_exchange.runtime.settings import RetentionSettings

pytestmark = pytest.mark.asyncio(loop_scope="session")

WASTE: Final = 600
"""Files on nearly all shelves, so that their removal, a sync for each shelf, takes longer than a kill. More than a
batch of housekeeping."""
LONG_AGO_SECONDS: Final = 30 * 86_400.0
HASTY: Final = RetentionSettings(outcome_hours=1e-6, grace_hours=0.1, round_seconds=1.0)


def _shelved(parts: Path, digest: str) -> Path:
    return parts / "complete" / "police" / digest[:2] / digest


def _lay_waste(parts: Path) -> list[Path]:
    """Parts that no package needs, as a kill before their row is written leaves them, and abandoned beginnings."""
    digests = [hashlib.sha256(f"waste {number}".encode()).hexdigest() for number in range(WASTE)]
    complete = [_shelved(parts, digest) for digest in digests]
    begun = [parts / "partial" / "police" / digest for digest in digests[: WASTE // 10]]
    for number, file in enumerate([*complete, *begun]):
        file.write_bytes(f"waste {number}".encode())
    return [*complete, *begun]


def _age(files: Iterable[Path]) -> None:
    moment = time.time() - LONG_AGO_SECONDS
    for file in files:
        os.utime(file, (moment, moment))


def _left(files: Iterable[Path]) -> list[Path]:
    return [file for file in files if file.exists()]


async def _parts_of(town: Town, package_id: str) -> set[Path]:
    seen = await town.seen(POLICE, package_id)
    assert seen is not None
    parts = Envelope.FromString(seen.envelope.envelope).parts
    return {_shelved(town.parts(HUB), part.digest.value.hex()) for part in parts}


async def test_the_hub_is_killed_while_it_removes_what_is_not_needed(town: Town) -> None:
    content = content_of(MIB)
    decided = await send(await town.police(), content)
    await arrives_once(town, decided.package_id, content)
    await town.kill(PROCURATORATE)
    waiting = await send(await town.police(), content)
    await town.state(HUB, waiting.package_id, RELAYED)
    needed = await _parts_of(town, waiting.package_id)
    [released] = await _parts_of(town, decided.package_id) - needed  # its manifest; both need the document
    await town.kill(HUB)
    waste = [*_lay_waste(town.parts(HUB)), released]
    _age([*waste, *needed])

    async def is_under_way() -> bool:
        return len(_left(waste)) < len(waste)

    async def is_done() -> bool:
        return not _left(waste)

    await town.start(HUB, retention=HASTY)
    await eventually(is_under_way)
    await town.kill(HUB)
    assert _left(waste), "the kill came too late for its purpose"
    assert set(_left(needed)) == needed

    await town.start(HUB, retention=HASTY)
    await eventually(is_done)
    assert set(_left(needed)) == needed
    await town.start(PROCURATORATE)
    await arrives_once(town, waiting.package_id, content)
    await evidence_is_sound(
        town, decided.package_id, "SUBMITTED", "RELAYED", "DELIVERED", "RETRIEVED", "ACCEPTED"
    )


async def test_the_hub_is_killed_while_it_lets_go_of_a_package(town: Town) -> None:
    """The row says already that the contents are gone, and the list of needed contents is about to: neither counts."""
    content = content_of(1000)
    sent = await send(await town.police(), content)
    await arrives_once(town, sent.package_id, content)
    parts = await _parts_of(town, sent.package_id)
    await town.kill(HUB)
    async with town.ledger(HUB) as ledger:
        async with ledger.transaction():
            needing = "FROM package_content WHERE package_id = $1::uuid"
            assert await ledger.fetch(f"SELECT * {needing} FOR UPDATE", sent.package_id)
            await town.start(HUB, retention=HASTY)
            waiting = (
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                " AND wait_event_type = 'Lock' AND query LIKE 'DELETE FROM package_content%'"
            )
            # Not by the ledger: what a transaction has once seen of the server's activity it sees to its end.
            [(release,)] = await eventually(lambda: town.rows(HUB, waiting))
            await town.kill(HUB)
        gone = "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $1"
        await eventually(lambda: ledger.fetchval(gone, release))
        assert await ledger.fetch(f"SELECT * {needing}", sent.package_id)
        removal = "SELECT contents_removed_time FROM package WHERE package_id = $1::uuid"
        assert await ledger.fetchval(removal, sent.package_id) is None
        assert set(_left(parts)) == parts

        await town.start(HUB, retention=HASTY)
        await eventually(lambda: ledger.fetchval(removal, sent.package_id))
        assert not await ledger.fetch(f"SELECT * {needing}", sent.package_id)
    await evidence_is_sound(
        town, sent.package_id, "SUBMITTED", "RELAYED", "DELIVERED", "RETRIEVED", "ACCEPTED"
    )


async def test_the_hub_is_killed_while_it_sweeps_what_nobody_goes_on_with(town: Town) -> None:
    content = content_of(12 * MIB)
    before = town.to_hub.sent_bytes
    sent = await stopped_halfway(town, content)
    await town.kill(HUB)
    begun = [
        town.parts(HUB) / "partial" / "police" / hashlib.sha256(bytes([n])).hexdigest() for n in range(20)
    ]
    for file in begun:
        file.write_bytes(b"begun")
        file.with_name(f"{file.name}.durable").write_bytes(b"5")
    _age(begun)

    async def is_done() -> bool:
        return not _left([mark for file in begun for mark in (file, file.with_name(f"{file.name}.durable"))])

    with withheld(begun[7]) as is_wanted:
        await town.start(HUB, retention=HASTY)
        await eventually(is_wanted)
        await town.kill(HUB)
    assert begun[7].exists()
    await town.start(HUB, retention=HASTY)
    await eventually(is_done)
    for line in (town.to_hub, town.to_procuratorate):
        line.heal()
    await arrives_once(town, sent.package_id, content)
    assert town.to_hub.sent_bytes - before < len(content) + WINDOW_BYTES, "what was on its way was swept, too"
