"""The pace at which content leaves for a neighbour over one lane, where the settings name one.

Who waits for its turn holds nothing meanwhile: no lock of the stream, no bytes in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong_exchange.domain.bandwidth import TokenBucket


class Pace:
    """Shared by all transfers of a lane to a neighbour."""

    def __init__(self, bytes_per_second: int) -> None:
        self._bucket = TokenBucket(bytes_per_second)

    @property
    def chunk_bytes(self) -> int:
        """Largest chunk: a slow line is shared in small pieces, so that nobody waits long for its turn."""
        return self._bucket.burst_bytes

    async def turn(self, size_bytes: int) -> None:
        """Wait until so many bytes, `chunk_bytes` at most, may leave."""
        delay = self._bucket.take(size_bytes, asyncio.get_running_loop().time())
        if delay:
            await asyncio.sleep(delay)


Paces = Mapping[tuple[Party.ValueType, Lane.ValueType], Pace]
"""By neighbour and lane. What is not listed leaves as fast as it can."""
