"""The peer of small packages: a RabbitMQ of our own on loopback, persistent messages, publisher confirms.

One hop, without TLS: from the publisher into a durable queue, confirmed once the broker has synced it.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from bench import peers

if TYPE_CHECKING:
    from aio_pika.abc import AbstractChannel, AbstractQueue

NAME = "RabbitMQ, persistent, confirmed"
START_SECONDS = 60.0
CONFIRM_SECONDS = 60.0
_QUEUE = "packages"
_SERVER = "rabbitmq-server"


@dataclass(frozen=True, slots=True)
class RabbitMQ:
    """A running broker and an open channel to it."""

    client: ModuleType
    channel: AbstractChannel
    queue: AbstractQueue

    async def measure(self, payloads: Sequence[bytes], at_once: int) -> tuple[float, list[float]]:
        """Seconds for all messages, and from each publishing to its confirm; the queue is empty afterwards."""
        places = asyncio.Semaphore(at_once)
        start = time.perf_counter()
        latencies = await asyncio.gather(*(self._publish(payload, places) for payload in payloads))
        seconds = time.perf_counter() - start
        await self.queue.purge()
        return seconds, list(latencies)

    async def _publish(self, payload: bytes, places: asyncio.Semaphore) -> float:
        message = self.client.Message(payload, delivery_mode=self.client.DeliveryMode.PERSISTENT)
        async with places:
            start = time.perf_counter()
            await self.channel.default_exchange.publish(message, _QUEUE, timeout=CONFIRM_SECONDS)
            return time.perf_counter() - start


@asynccontextmanager
async def broker(folder: Path) -> AsyncIterator[RabbitMQ]:
    """A broker with its state in `folder`, and the port mapper it needs; both end with it. Raises PeerMissing."""
    client, server, mapper = _client(), _server(), peers.program("epmd", "erlang-base")
    with peers.scratch(folder):
        log, port = folder / "server.log", peers.free_port()
        environment = _environment(folder, port, mapper_port=peers.free_port())
        mapping = (mapper, "-port", environment["ERL_EPMD_PORT"], "-address", peers.HOST)
        async with (
            peers.serving(mapping, log, {}),
            peers.serving((server,), log, environment) as process,
        ):
            await peers.until_open(port, process, log, START_SECONDS)
            async with await client.connect(host=peers.HOST, port=port, timeout=START_SECONDS) as connection:
                channel = await connection.channel(publisher_confirms=True)
                yield RabbitMQ(client, channel, await channel.declare_queue(_QUEUE, durable=True))


def _client() -> ModuleType:
    """Of requirements/bench.txt: other rows, and ours alone, are measured without it. Raises PeerMissing."""
    try:
        return importlib.import_module("aio_pika")
    except ModuleNotFoundError:
        raise peers.PeerMissing("缺少 / missing: aio_pika. 安装 / install: make bench") from None


def _server() -> str:
    """Debian's own script would change to the account of its service, which can't enter our folder."""
    peers.program(_SERVER, _SERVER)
    inner = Path("/usr/lib/rabbitmq/bin") / _SERVER
    return str(inner) if inner.exists() else peers.program(_SERVER, _SERVER)


def _environment(folder: Path, port: int, mapper_port: int) -> dict[str, str]:
    settings, plugins = folder / "rabbitmq.conf", folder / "enabled_plugins"
    settings.write_text(
        f"listeners.tcp.1 = {peers.HOST}:{port}\nlog.file.level = warning\n", encoding="utf-8"
    )
    plugins.write_text("[].\n", encoding="utf-8")
    return {
        "HOME": str(folder),  # of the Erlang cookie
        "ERL_EPMD_ADDRESS": peers.HOST,
        "ERL_EPMD_PORT": str(mapper_port),
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_CONFIG_FILE": str(settings),
        "RABBITMQ_DIST_PORT": str(peers.free_port()),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_NODENAME": f"xietong-bench-{os.getpid()}@localhost",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
    }
