"""Parts on their way to the disk: whenever that ends, nobody finds one of them locked."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest
from tests.unit.exchange.nodes import LONG_SECONDS
from tests.unit.exchange.packages import new_envelope, sealed_package
from tests.unit.exchange.slow_disk import MOST_TURNS, slow_disk
from tests.unit.exchange.test_receive import Frames, new_node
from tests.unit.exchange.test_receive_cancelled import FRAMES, LARGE, OFFER

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.transfer_service_pb2 import Cancel, TransferRequest
from xietong_exchange.flow.exchange import part_key
from xietong_exchange.flow.frames import DataFrame, Frame
from xietong_exchange.flow.landing import Landing
from xietong_exchange.flow.part_store import DigestMismatch
from xietong_exchange.testing.memory_parts import MemoryPartStore

ROUNDS = 15
CANCEL = TransferRequest(transfer=1, cancel=Cancel())


class Nobody:
    """Wants to know nothing of the parts."""

    async def part_moved(self, number: int, written: int, durable: int) -> None:
        """Nothing."""

    async def part_is_here(self, number: int) -> None:
        """Nothing."""

    async def part_is_wrong(self, number: int, mismatch: DigestMismatch) -> None:
        """Nothing."""

    def part_failed(self) -> None:
        """Nothing."""


async def test_a_part_whose_verification_has_not_begun_is_let_go_of() -> None:
    parts, package = MemoryPartStore(), sealed_package(new_envelope(b"manifest", LARGE))
    landing = Landing(parts, package, Nobody())
    await landing.append([DataFrame(1, 0, 0, LARGE)])
    await landing.finish(1)
    await landing.close()  # its task has not taken a step
    async with asyncio.timeout(LONG_SECONDS):
        await (await parts.write(part_key(package, 1), len(LARGE))).close()


def of_transfer(frame: Frame, number: int) -> Frame:
    """The frame as one of another transfer."""
    if isinstance(frame, DataFrame):
        return replace(frame, transfer=number)
    renumbered = TransferRequest()
    renumbered.CopyFrom(frame)
    renumbered.transfer = number
    return renumbered


class Jerky(Frames):
    """Frames that come at once or after a while, as chance will have it."""

    def __init__(self, frames: list[Frame], chance: random.Random) -> None:
        super().__init__(frames, "ends")
        self._chance = chance

    async def __anext__(self) -> Frame:
        for _ in range(self._chance.randint(0, MOST_TURNS)):
            await asyncio.sleep(0)
        return await super().__anext__()


AGAIN = of_transfer(OFFER, 2)


@pytest.mark.parametrize(
    "turn", [[CANCEL, AGAIN], [AGAIN, CANCEL], [AGAIN]], ids=["cancelled", "both", "superseded"]
)
async def test_a_package_that_is_offered_anew_in_the_same_stream_is_taken(
    turn: list[Frame], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a hub does that begins to send a package onwards, breaks off and begins again."""
    slow_disk(monkeypatch)
    chance = random.Random(1)
    for so_far in list(range(1, len(FRAMES) + 1)) * ROUNDS:
        exchange, _, receiver = new_node()
        frames = [*FRAMES[:so_far], *turn, *(of_transfer(frame, 2) for frame in FRAMES[1:])]
        async with asyncio.timeout(LONG_SECONDS):
            given = [answer async for answer in receiver.stream(Jerky(frames, chance), Party.PARTY_HUB)]
        assert [answer for answer in given if answer.transfer == 2][-1].HasField("acceptance"), so_far
        assert exchange.space.promised_bytes == 0
