"""What peers need of the system: their programs, free ports, and an orderly end of what was started."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

HOST = "127.0.0.1"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where peers are looked for, and all that they see of the caller's environment."""
STOP_SECONDS = 20.0
_ENDS_WITH_US = ("setpriv", "--pdeathsig", "TERM")
"""Of util-linux: the kernel ends the server when this process is killed."""
_POLL_SECONDS = 0.05


class PeerMissing(Exception):
    """A peer is not installed; the text says how to install it."""


def program(name: str, package: str) -> str:
    """The path of a peer's program. Raises PeerMissing."""
    found = shutil.which(name, path=PATH)
    if found is None:
        raise PeerMissing(f"缺少 / missing: {name}. 安装 / install: sudo apt-get install {package}")
    return found


def free_port() -> int:
    """A loopback port that nobody uses now."""
    with socket.socket() as one:
        one.bind((HOST, 0))
        return int(one.getsockname()[1])


async def run(command: Sequence[str | Path], bound_seconds: float) -> str:
    """What a command prints. Raises RuntimeError with its last words, TimeoutError after it was killed."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env={"PATH": PATH}
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), bound_seconds)
    except BaseException:
        process.kill()
        await process.wait()
        raise
    text = output.decode(errors="replace")
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {text[-500:]}")
    return text


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A new folder that does not outlive its use."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def serving(
    command: Sequence[str | Path], log: Path, environment: Mapping[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A server in the foreground of a process group of its own, which is ended at the end, all of it."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *_ENDS_WITH_US,
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            env={"PATH": PATH, **environment},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        await asyncio.shield(_end(process))


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # what it left of its group, if anything
    await process.wait()


async def until_open(port: int, process: asyncio.subprocess.Process, log: Path, bound_seconds: float) -> None:
    """Returns as soon as the server's port is open. Raises RuntimeError with its log when it ends before."""
    async with asyncio.timeout(bound_seconds):
        while True:
            if process.returncode is not None:
                raise RuntimeError(f"a peer did not start: {log.read_text(errors='replace')[-500:]}")
            with suppress(OSError):
                _, writer = await asyncio.open_connection(HOST, port)
                writer.close()
                return
            await asyncio.sleep(_POLL_SECONDS)
