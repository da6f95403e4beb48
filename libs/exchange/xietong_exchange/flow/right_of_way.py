"""Who goes first in one process: small packages and evidence. Large transfers pause between chunks for them.

All share one event loop and the machine's processors. What is small needs many short turns of both, one for each
step, and would wait for a large chunk's work at every one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

LONGEST_PAUSE_SECONDS = 0.05
"""For each chunk: a large transfer keeps about 20 MiB/s however many small packages there are."""
LONGEST_CLAIM_SECONDS = 2.0
"""What is small and takes longer waits for something else than this process, for example a neighbour that is away."""


class RightOfWay:
    """Knows what is small and under way, and holds up what is large, for a bounded time."""

    def __init__(self) -> None:
        self._claims: set[object] = set()
        self._clear = asyncio.Event()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Inside, something small is under way."""
        claim = object()
        self._claims.add(claim)
        self._clear.clear()
        end = asyncio.get_running_loop().call_later(LONGEST_CLAIM_SECONDS, self._let_go, claim)
        try:
            yield
        finally:
            end.cancel()
            self._let_go(claim)

    def _let_go(self, claim: object) -> None:
        self._claims.discard(claim)
        if not self._claims:
            self._clear.set()

    async def give_way(self) -> None:
        """Wait, before a large piece of work, until nothing small is under way, or long enough."""
        if self._claims:
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_PAUSE_SECONDS):
                    await self._clear.wait()
