"""An upload that ends at any moment leaves nothing that the next one would wait for, and keeps what had come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from tests.unit.exchange.drafts import KEY, SYSTEM, police_node
from tests.unit.exchange.nodes import LONG_SECONDS
from tests.unit.exchange.packages import digest_of
from tests.unit.exchange.slow_disk import slow_disk

from xietong.exchange.v1.gateway_drafts_pb2 import UploadHeader, UploadPartRequest, UploadPartResponse
from xietong_exchange.flow.frames import DataFrame, UploadFrame
from xietong_exchange.flow.upload import Upload

CONTENT = bytes(range(256)) * 4
HEADER = UploadPartRequest(header=UploadHeader(key=KEY, size_bytes=len(CONTENT), digest=digest_of(CONTENT)))
PIECE = 300


@pytest.fixture(autouse=True)
def _disk(monkeypatch: pytest.MonkeyPatch) -> None:
    slow_disk(monkeypatch)


class Sending:
    """A caller that sends from where the node wants it."""

    def __init__(self) -> None:
        self.wanted = asyncio.get_running_loop().create_future()

    async def frames(self) -> AsyncIterator[UploadFrame]:
        yield HEADER
        for offset in range(await self.wanted, len(CONTENT), PIECE):
            yield DataFrame(0, 0, offset, CONTENT[offset : offset + PIECE])

    async def to(self, upload: Upload) -> list[UploadPartResponse]:
        """All answers."""
        given = []
        async with aclosing(upload.stream(self.frames(), SYSTEM)) as answers:
            async for answer in answers:
                given.append(answer)
                if answer.HasField("need"):
                    self.wanted.set_result(answer.need.offset)
        return given


@pytest.mark.parametrize("others", [0, 1], ids=["alone", "while another one waits for it"])
async def test_who_ends_at_any_moment_leaves_no_content_locked_and_no_place_taken(others: int) -> None:
    steps, is_over = 0, False
    while not is_over:
        exchange = police_node().exchange
        upload = Upload(exchange)
        first = asyncio.create_task(Sending().to(upload))
        beside = [asyncio.create_task(Sending().to(upload)) for _ in range(others)]
        for _ in range(steps):
            await asyncio.sleep(0)
        is_over = first.done()
        first.cancel()
        async with asyncio.timeout(LONG_SECONDS):
            await asyncio.wait([first])
            given = [*(await asyncio.gather(*beside)), await Sending().to(upload)]
        assert all(answers[-1].HasField("stored") for answers in given), steps
        assert (exchange.space.promised_bytes, upload._under_way) == (0, 0), steps
        steps += 1
    assert steps > len(CONTENT) // PIECE * 2
