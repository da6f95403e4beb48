"""A service as an operating-system process of its own, run by its console script with settings of the test."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xietong_exchange.runtime.settings import Settings

READY_SECONDS = 30
STOP_SECONDS = 10


@dataclass
class ServiceProcess:
    """`xietong-<party> serve`; its log is in `folder`."""

    party: str
    settings: Settings
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> Path:
        return self.folder / f"{self.party}.log"

    async def start(self) -> None:
        """Start and wait until it listens."""
        config = self.folder / f"{self.party}.toml"
        config.write_text(to_toml(self.settings), encoding="utf-8")
        script = Path(sys.executable).parent / f"xietong-{self.party}"
        seen = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                script,
                "serve",
                "--config",
                config,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
            )
        async with asyncio.timeout(READY_SECONDS):
            while b"listens on" not in self.log.read_bytes()[seen:]:
                if self._process.returncode is not None:
                    raise AssertionError(self.log.read_text()[-2000:])
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """SIGKILL."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL when it does not end in time."""
        try:
            await self._end(signal.SIGTERM)
        except TimeoutError:
            await self._end(signal.SIGKILL)
            raise

    async def _end(self, number: signal.Signals) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(number)
        async with asyncio.timeout(STOP_SECONDS):
            await self._process.wait()


def to_toml(settings: Settings) -> str:
    """The settings that these tests vary, as a file."""
    tls, signer = settings.tls, settings.signer
    neighbours = "\n".join(f'{name} = "{address}"' for name, address in settings.neighbours.items())
    return f"""
listen = "{settings.listen}"
state_dir = "{settings.state_dir}"
database_url = "{settings.database_url}"
trust_domain = "{settings.trust_domain}"
[tls]
ca = "{tls.ca}"
certificate = "{tls.certificate}"
key = "{tls.key}"
[signer]
certificate = "{signer.certificate}"
key = "{signer.key}"
[limits]
reserve_bytes = 0
[retry]
first_delay_seconds = {settings.retry.first_delay_seconds}
longest_delay_seconds = {settings.retry.longest_delay_seconds}
[neighbours]
{neighbours}
"""
