"""The frames of one transfer that wait to be written: bounded, so that only this transfer's sender has to wait.

What all transfers of a node hold together is bounded, too: where that is much, each goes on frame by frame.
"""

from __future__ import annotations

import asyncio
from collections import deque

from xietong_exchange.flow.frames import DataFrame, Frame

FRAME_BYTES = 256
"""About what a frame takes in memory beside its data: a flood of tiny frames is bounded, too."""


class Room:
    """Bytes that all queues of a node hold, those included that are being written."""

    def __init__(self, bound_bytes: int) -> None:
        self.held_bytes = 0
        self._bound_bytes = bound_bytes

    @property
    def is_scarce(self) -> bool:
        """Who has something already has to wait until that is written."""
        return self.held_bytes >= self._bound_bytes


class FrameQueue:
    """From the reader of a stream to the reception of a package. One task puts, another takes."""

    def __init__(self, bound_bytes: int, room: Room) -> None:
        """bound_bytes: the credit window; who keeps to it is never made to wait while there is room."""
        self._bound_bytes = bound_bytes
        self._room = room
        self._frames: deque[Frame] = deque()
        self._bytes = 0
        self._taken_bytes = 0
        self._ended = False
        self._changed = asyncio.Event()

    async def put(self, frame: Frame) -> None:
        """Add a frame; waits while the bound is reached. After `end` the frame is dropped."""
        while self._is_full and not self._ended:
            await self._change()
        if not self._ended:
            size = _size(frame)
            self._frames.append(frame)
            self._bytes += size
            self._room.held_bytes += size
            self._changed.set()

    @property
    def _is_full(self) -> bool:
        """An empty queue takes a frame in any case, so that nobody waits for the room of others for ever."""
        return self._bytes >= self._bound_bytes or (self._bytes > 0 and self._room.is_scarce)

    def end(self) -> None:
        """No frame follows."""
        self._ended = True
        self._changed.set()

    async def take(self, patience_seconds: float | None = None) -> list[Frame]:
        """All frames that are there, at least one; nothing when no frame follows. Those that were taken before are
        written by now.

        Raises:
            TimeoutError: nothing has come for so long.
        """
        self._written()
        if not self._frames:
            async with asyncio.timeout(patience_seconds):
                while not self._frames and not self._ended:
                    await self._change()
        taken = list(self._frames)
        self._frames.clear()
        self._taken_bytes, self._bytes = self._bytes, 0
        self._changed.set()
        return taken

    def _written(self) -> None:
        self._room.held_bytes -= self._taken_bytes
        self._taken_bytes = 0

    def close(self) -> None:
        """Drop what nobody takes any more; may be repeated."""
        self.end()
        self._written()
        self._room.held_bytes -= self._bytes
        self._bytes = 0
        self._frames.clear()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


def _size(frame: Frame) -> int:
    return FRAME_BYTES + (len(frame.data) if isinstance(frame, DataFrame) else frame.ByteSize())
