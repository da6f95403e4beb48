"""The line between two ends: a TCP proxy that can slow, hold, freeze and cut what passes, and counts it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Self

_BLOCK_BYTES = 64 * 1024


@dataclass
class Way:
    """One direction of a line: counts what passes, over all connections, and holds it when told so."""

    passed_bytes: int = 0
    bytes_per_second: int | None = None
    """When set, no more passes, over all connections together."""
    _free_at: float = 0.0
    _hold_at: int | None = None
    _open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._open.set()

    def hold_after(self, more_bytes: int) -> None:
        """Let so many more bytes pass, then none until `heal`."""
        self._hold_at = self.passed_bytes + more_bytes

    def heal(self) -> None:
        """Hold and slow nothing any more."""
        self.bytes_per_second = None
        self._hold_at = None
        self._open.set()

    async def held(self) -> bool:
        """Whether something waits until `heal`."""
        return not self._open.is_set()

    async def let_pass(self, size: int) -> None:
        """Return when so many bytes may pass; they are counted."""
        if self._hold_at is not None and self.passed_bytes >= self._hold_at:
            self._open.clear()
            await self._open.wait()
        if self.bytes_per_second is not None:
            now = asyncio.get_running_loop().time()
            self._free_at = max(now, self._free_at) + size / self.bytes_per_second
            await asyncio.sleep(self._free_at - now)
        self.passed_bytes += size


@dataclass
class Line:
    """Forwards what comes to `port` to a node, until told otherwise."""

    target_port: int
    there: Way = field(default_factory=Way)
    """Towards the node."""
    back: Way = field(default_factory=Way)
    """From the node."""
    connections: int = 0
    cut_after_bytes: int | None = None
    """When set, each connection is cut after so many bytes in one direction."""
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)
    _frozen: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
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

    @property
    def address(self) -> str:
        """Where a client finds the node by this line."""
        return f"127.0.0.1:{self.port}"

    @property
    def sent_bytes(self) -> int:
        """What passed towards the node."""
        return self.there.passed_bytes

    def hold_after(self, more_bytes: int) -> None:
        """Let so many more bytes pass towards the node, then none until `heal`."""
        self.there.hold_after(more_bytes)

    def freeze(self) -> None:
        """From now on nothing passes over the connections that are open, and nobody is told; new ones work."""
        self._frozen |= self._under_way

    def cut(self) -> None:
        """Cut all connections."""
        for task in self._under_way:
            task.cancel()

    def heal(self) -> None:
        """A good line again; frozen connections stay dead."""
        self.cut_after_bytes = None
        self.there.heal()
        self.back.heal()

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
            asyncio.create_task(self._pump(task, reader, back, self.there)),
            asyncio.create_task(self._pump(task, there, writer, self.back)),
        }
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            back.transport.abort()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(
        self, task: asyncio.Task[None], source: asyncio.StreamReader, sink: asyncio.StreamWriter, way: Way
    ) -> None:
        passed = 0
        while data := await source.read(_BLOCK_BYTES):
            if task in self._frozen:
                await asyncio.Event().wait()
            await way.let_pass(len(data))
            passed += len(data)
            sink.write(data)
            await sink.drain()
            if self.cut_after_bytes is not None and passed >= self.cut_after_bytes:
                return
