"""What the tests of the embedded PostgreSQL act on: service processes, their folders, their user."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

SERVICE = Path(__file__).with_name("service.py")
PATIENCE_S = 60.0


@asynccontextmanager
async def connection(url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.begin() as connected:
            yield connected
    finally:
        await engine.dispose()


async def query(url: str, statement: str) -> object:
    async with connection(url) as connected:
        result = await connected.execute(text(statement))
        return result.scalar() if result.returns_rows else None


def socket_dir(url: str) -> Path:
    return Path(str(make_url(url).query["host"]))


def listens(url: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
        probe.connect(str(socket_dir(url) / ".s.PGSQL.5432"))
        return True
    return False


async def until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        await asyncio.sleep(0.005)


@dataclass
class Service:
    """A service process with its embedded database."""

    process: Process

    async def answer(self) -> dict[str, str]:
        assert self.process.stdout
        line = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE_S)
        assert line, await self.errors()
        answer: dict[str, str] = json.loads(line)
        return answer

    async def url(self) -> str:
        answer = await self.answer()
        assert "url" in answer, answer["error"]
        return answer["url"]

    def start_again(self) -> None:
        assert self.process.stdin
        self.process.stdin.write(b"start\n")

    async def errors(self) -> str:
        assert self.process.stderr
        return (await asyncio.wait_for(self.process.stderr.read(), PATIENCE_S)).decode()

    async def stop(self) -> str:
        assert self.process.stdin
        self.process.stdin.close()
        errors = await self.errors()
        assert await asyncio.wait_for(self.process.wait(), PATIENCE_S) == 0, errors
        return errors

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


@dataclass
class Site:
    """Folders, and the user, that services of one test run with."""

    base: Path
    uid: int
    wheel: Path
    cluster: Path
    state_dir: Path = field(init=False)
    services: list[Service] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state_dir = self.base / "state"

    @property
    def data_dir(self) -> Path:
        return (self.state_dir / "postgres").resolve()

    @property
    def reachable_dir(self) -> Path:
        return self.base / "reachable"

    def seed(self) -> None:
        """Begin with a cluster that exists, for tests that are not about making one."""
        self.state_dir.mkdir(parents=True)
        subprocess.run(["cp", "-a", self.cluster, self.state_dir / "postgres"], check=True)
        if self.uid != os.geteuid():
            subprocess.run(["chown", "-R", str(self.uid), self.base], check=True)

    def server_pid(self) -> int:
        return int((self.data_dir / "postmaster.pid").read_text().split()[0])

    def server_user(self) -> int | None:
        """Whom a process must be to pass for the server's."""
        return self.data_dir.stat().st_uid if os.geteuid() == 0 else None

    async def service(self, name: str = "xietong") -> Service:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, (str(self.wheel), os.environ.get("PYTHONPATH")))),
            "TMPDIR": str(self.base),
        }
        arguments = (str(self.uid), str(self.state_dir), str(self.reachable_dir), name)
        process = await asyncio.create_subprocess_exec(
            sys.executable, SERVICE, *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment
        )
        self.services.append(Service(process))
        return self.services[-1]

    async def clean(self) -> None:
        for service in self.services:
            if service.process.returncode is None:
                await service.kill()
        for pid_file in self.base.rglob("postmaster.pid"):
            with suppress(ProcessLookupError, FileNotFoundError):
                os.kill(int(pid_file.read_text().split()[0]), signal.SIGQUIT)
        await until(self._is_removed)

    def _is_removed(self) -> bool:
        shutil.rmtree(self.base, ignore_errors=True)
        return not self.base.exists()
