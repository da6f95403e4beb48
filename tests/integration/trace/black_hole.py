"""A collector that takes every connection and never answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def black_hole() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Its endpoint, and whether somebody has come."""
    come = asyncio.Event()
    writers: list[asyncio.StreamWriter] = []

    async def swallow(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        writers.append(target)
        come.set()
        while await source.read(1 << 16):
            pass

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", come
    finally:
        server.close()
        for writer in writers:
            writer.close()
