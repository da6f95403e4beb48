"""The line between two nodes: a TCP proxy that can hold, freeze and cut what passes, and counts it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Self

_BLOCK_BYTES = 64 * 1024


@dataclass
class Line:
    """Forwards what comes to `port` to a node, until told otherwise. `sent_bytes` counts towards the node."""

    target_port: int
    sent_bytes: int = 0
    connections: int = 0
    cut_after_bytes: int | None = None
    """When set, each connection is cut after so many bytes towards the node."""
    _hold_at: int | None = None
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)
    _frozen: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._open.set()
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    def hold_after(self, more_bytes: int) -> None:
        """Let so many more bytes pass towards the node, then none until `heal`."""
        self._hold_at = self.sent_bytes + more_bytes

    def freeze(self) -> None:
        """From now on nothing passes over the connections that are open, and nobody is told; new ones work."""
        self._frozen |= self._under_way

    def cut(self) -> None:
        """Cut all connections."""
        for task in self._under_way:
            task.cancel()

    def heal(self) -> None:
        """A good line again; frozen connections stay dead."""
        self._hold_at = self.cut_after_bytes = None
        self._open.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        self.connections += 1
        try:
            await self._forward(task, reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # One end is gone or the line was cut: both ends see their connection end.
        finally:
            self._under_way.discard(task)
            self._frozen.discard(task)
            writer.transport.abort()

    async def _forward(
        self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.target_port)
        pumps = {
            asyncio.create_task(self._pump(task, reader, back, counts=True)),
            asyncio.create_task(self._pump(task, there, writer, counts=False)),
        }
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            back.transport.abort()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(
        self,
        task: asyncio.Task[None],
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        *,
        counts: bool,
    ) -> None:
        passed = 0
        while data := await source.read(_BLOCK_BYTES):
            if task in self._frozen:
                await asyncio.Event().wait()
            if counts:
                await self._pass(len(data))
                passed += len(data)
            sink.write(data)
            await sink.drain()
            if counts and self.cut_after_bytes is not None and passed >= self.cut_after_bytes:
                return

    async def _pass(self, size: int) -> None:
        if self._hold_at is not None and self.sent_bytes >= self._hold_at:
            self._open.clear()
            await self._open.wait()
        self.sent_bytes += size
