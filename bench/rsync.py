"""The peer of large packages: rsync to a daemon on loopback, synced, then a digest of what arrived.

One hop, without TLS, without evidence: what an administrator would do by hand.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import peers

NAME = "rsync --fsync + openssl dgst -sha256"
START_SECONDS = 10.0
BOUND_SECONDS = 900.0
_MODULE = "bench"


@dataclass(frozen=True, slots=True)
class Rsync:
    """A running daemon."""

    rsync: str
    openssl: str
    port: int
    folder: Path

    async def measure(self, source: Path) -> float:
        """Seconds until the file is there, synced, and its digest known."""
        arrived = self.folder / source.name
        start = time.perf_counter()
        try:
            url = f"rsync://{peers.HOST}:{self.port}/{_MODULE}/"
            await peers.run((self.rsync, "--fsync", source, url), BOUND_SECONDS)
            await peers.run((self.openssl, "dgst", "-sha256", arrived), BOUND_SECONDS)
            seconds = time.perf_counter() - start
            if arrived.stat().st_size != source.stat().st_size:
                raise RuntimeError(f"rsync brought {arrived} in another size")
            return seconds
        finally:
            arrived.unlink(missing_ok=True)


@asynccontextmanager
async def daemon(folder: Path) -> AsyncIterator[Rsync]:
    """An rsync daemon that writes into `folder`. Raises PeerMissing."""
    rsync, openssl = peers.program("rsync", "rsync"), peers.program("openssl", "openssl")
    with peers.scratch(folder):
        settings, log, port = folder / "rsyncd.conf", folder / "rsyncd.log", peers.free_port()
        settings.write_text(_settings(folder), encoding="utf-8")
        command = (rsync, "--daemon", "--no-detach", f"--config={settings}")
        options = (f"--address={peers.HOST}", f"--port={port}")
        async with peers.serving((*command, *options), log, {}) as process:
            await peers.until_open(port, process, log, START_SECONDS)
            yield Rsync(rsync, openssl, port, folder)


def _settings(folder: Path) -> str:
    owner = [f"uid = {os.getuid()}", f"gid = {os.getgid()}"] if os.getuid() == 0 else []
    lines = [*owner, "use chroot = no", f"[{_MODULE}]", f"path = {folder}", "read only = no"]
    return "\n".join(lines) + "\n"
