"""The frames of one transfer that wait to be written: bounded, so that only this transfer's sender has to wait."""

from __future__ import annotations

import asyncio
from collections import deque

from xietong_exchange.flow.frames import DataFrame, Frame

FRAME_BYTES = 256
"""About what a frame takes in memory beside its data: a flood of tiny frames is bounded, too."""


class FrameQueue:
    """From the reader of a stream to the reception of a package. One task puts, another takes."""

    def __init__(self, bound_bytes: int) -> None:
        """bound_bytes: the credit window; who keeps to it is never made to wait."""
        self._bound_bytes = bound_bytes
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._ended = False
        self._changed = asyncio.Event()

    async def put(self, frame: Frame) -> None:
        """Add a frame; waits while the bound is reached. After `end` the frame is dropped."""
        while self._bytes >= self._bound_bytes and not self._ended:
            await self._change()
        if not self._ended:
            self._frames.append(frame)
            self._bytes += _size(frame)
            self._changed.set()

    def end(self) -> None:
        """No frame follows."""
        self._ended = True
        self._changed.set()

    async def take(self) -> list[Frame]:
        """All frames that are there, at least one; nothing when no frame follows."""
        while not self._frames and not self._ended:
            await self._change()
        taken = list(self._frames)
        self._frames.clear()
        self._bytes = 0
        self._changed.set()
        return taken

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


def _size(frame: Frame) -> int:
    return FRAME_BYTES + (len(frame.data) if isinstance(frame, DataFrame) else 0)
