"""A wire between two nodes that counts the bytes towards the second: a TCP proxy in the benchmark's process."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from xietong_demo.stack import HOST

_BLOCK_BYTES = 256 * 1024


@dataclass(slots=True)
class Wire:
    """Leads to a port of this machine for as long as the block runs."""

    target_port: int
    passed_bytes: int = 0
    """Towards the target, over all connections, with what TLS and gRPC add."""
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, HOST, 0)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    @property
    def address(self) -> str:
        """Where it begins."""
        if self._server is None:
            raise RuntimeError("the wire has no end yet; enter it first")
        return f"{HOST}:{self._server.sockets[0].getsockname()[1]}"

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        with suppress(OSError, asyncio.CancelledError):  # an end was killed: the other one sees it, too
            await self._carry(reader, writer)
        writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(HOST, self.target_port)
        pumps = [
            asyncio.create_task(self._pump(reader, back, counts=True)),
            asyncio.create_task(self._pump(there, writer, counts=False)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            back.transport.abort()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, counts: bool) -> None:
        while data := await source.read(_BLOCK_BYTES):
            sink.write(data)
            if counts:
                self.passed_bytes += len(data)
            await sink.drain()
