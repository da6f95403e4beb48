"""A node as an operating-system process of its own, run by its console script, so that a test can kill it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xietong_exchange.runtime.settings import Settings

START_SECONDS = 30.0
STOP_SECONDS = 10.0
"""The bound that operators are promised for a stop (SIGTERM, Ctrl-C)."""
_LISTENS = "listens on"


@dataclass
class NodeProcess:
    """`xietong-<party> serve`. Its log and its settings file are in `folder`; `environment` adds to the test's own."""

    name: str
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    _process: asyncio.subprocess.Process | None = field(default=None, init=False)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    async def start(self, settings: Settings) -> None:
        """Start it and wait until it listens; its output is the message when it does not."""
        config = write_settings(self.folder / f"{self.name}.toml", settings)
        begin = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                script(self.name),
                "serve",
                "--config",
                config,
                stdout=log,
                stderr=STDOUT,
                env={**os.environ, **self.environment},
            )
        async with asyncio.timeout(START_SECONDS):
            while _LISTENS not in (said := self.log.read_bytes()[begin:].decode()):
                assert self.is_running, said
                await asyncio.sleep(0.02)

    def begin_peak(self) -> int:
        """Measure the most memory from now on; what it takes now, in bytes."""
        self._of_kernel("clear_refs").write_text("5")
        return self.peak_bytes()

    def peak_bytes(self) -> int:
        """The most memory that it took since `begin_peak`."""
        [line] = [line for line in self._of_kernel("status").read_text().splitlines() if "VmHWM" in line]
        return int(line.split()[1]) * 1024

    def _of_kernel(self, name: str) -> Path:
        assert self._process is not None
        return Path("/proc", str(self._process.pid), name)

    async def kill(self) -> None:
        """SIGKILL: it can do nothing any more."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """SIGTERM; its exit code. Raises TimeoutError when it takes longer than promised."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        process = self._process
        if process is None:
            return 0
        if process.returncode is None:
            process.send_signal(number)
        async with asyncio.timeout(STOP_SECONDS):
            return await process.wait()


@dataclass(frozen=True)
class Result:
    """What a command did."""

    code: int
    output: str


async def run_command(
    name: str, *arguments: str | Path, environment: Mapping[str, str] | None = None
) -> Result:
    """Run a service's command to its end, which must come within the bound of a start."""
    process = await asyncio.create_subprocess_exec(
        script(name), *arguments, stdout=PIPE, stderr=STDOUT, env={**os.environ, **(environment or {})}
    )
    try:
        async with asyncio.timeout(START_SECONDS):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Result(process.returncode, output.decode())


def script(name: str) -> Path:
    """The console script of a service."""
    return console_script(f"xietong-{name}")


def console_script(name: str) -> Path:
    """A console script, beside the interpreter that runs the tests."""
    return Path(sys.executable).parent / name


def write_settings(file: Path, settings: Settings) -> Path:
    """The settings as a TOML file."""
    content = settings.model_dump(mode="json", exclude_none=True, exclude={"contacts"})
    file.write_text("\n".join(_toml(content)) + "\n", encoding="utf-8")
    return file


def _toml(content: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Values first, then one table for each section."""
    plain = [f"{key} = {json.dumps(value)}" for key, value in content.items() if not isinstance(value, dict)]
    for name, section in content.items():
        if isinstance(section, dict):
            plain += [f"[{prefix}{name}]", *_toml(section, f"{prefix}{name}.")]
    return plain
