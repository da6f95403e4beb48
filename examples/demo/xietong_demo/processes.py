"""Operating-system processes that this run started: their logs, their end, and what an earlier run left behind."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

STOP_SECONDS = 6.0
KILL_SECONDS = 2.0
_TAIL_LINES = 25
_POLL_SECONDS = 0.05
_LOCK = "lock"
# What logging (`2026-01-05 09:00:00,000 INFO`) and gRPC (`E0105 09:00:00`) write; the reason of an end is in neither.
_RECORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:|[IWEF]\d{4} \d\d:|WARNING: All log messages before absl")


class ProcessFailed(Exception):
    """A process ended that should run, or did not become ready; the text holds its last words and a remedy."""


@dataclass(slots=True)
class Started:
    """A process and its log, which earlier runs filled up to `log_begin` (bytes).

    `cluster` is the state folder of its embedded PostgreSQL, if it has one.
    """

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    cluster: Path | None = None
    log_begin: int = 0

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def failure(self, what: str) -> ProcessFailed:
        """The error for a process that did not do what it should."""
        lines = self.log.read_bytes()[self.log_begin :].decode(errors="replace").splitlines()
        tail = "".join(f"  | {line}\n" for line in lines[-_TAIL_LINES:])
        remedy = "请按最后一行处理后重试 / mend what the last line says, then run again"
        last_words = next((line for line in reversed(lines) if line.strip() and not _RECORD.match(line)), "")
        return ProcessFailed(
            f"{self.name}: {what}\n{tail}日志 / log: {self.log}\n{remedy}\n{self.name}: {last_words or what}"
        )


@dataclass(slots=True)
class ProcessGroup:
    """All processes of a run. `async with` ends every one of them, also when the run fails or is interrupted."""

    folder: Path
    started: list[Started] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await asyncio.shield(self.stop())

    def start(self, name: str, command: Sequence[str | Path], cluster: Path | None = None) -> Started:
        """Starts the console script `command[0]` of this environment; it writes to `logs/<name>.log`."""
        log = self.folder / "logs" / f"{name}.log"
        program = Path(sys.executable).with_name(str(command[0]))
        # The settings are in files: what the user's shell says about other nodes must not reach these.
        environment = {key: value for key, value in os.environ.items() if not key.startswith("XIETONG_")}
        environment["PYTHONFAULTHANDLER"] = "1"  # also a crash of native code says in the log where it was
        with log.open("ab") as output:
            log_begin = output.tell()
            # Not awaited: an interruption must not come between the start and its entry in our list.
            process = subprocess.Popen(
                [program, *command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,  # Ctrl-C in the terminal is ours: we stop them in order
            )
        one = Started(name, process, log, cluster, log_begin)
        self.started.append(one)
        self._write_ledger()
        return one

    def check(self) -> None:
        """Raises ProcessFailed when one of them has ended."""
        for one in self.started:
            if not one.is_running:
                raise one.failure(f"ended with {one.process.returncode} / 意外退出")

    async def until_ready(self, probes: Iterable[Awaitable[None]], bound_seconds: float) -> None:
        """Waits for all probes. Raises ProcessFailed when a process ends first or time is up."""
        tasks = [asyncio.ensure_future(probe) for probe in probes]
        deadline = time.monotonic() + bound_seconds
        try:
            while not all(task.done() for task in tasks):
                self.check()
                if time.monotonic() > deadline:
                    raise ProcessFailed(
                        f"not ready within {bound_seconds:.0f} s / 未能就绪: {self.folder / 'logs'}"
                    )
                await asyncio.wait(tasks, timeout=_POLL_SECONDS)
            for task in tasks:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def stop(self) -> None:
        """Ends them, the last started first: business systems let go of their nodes before those stop."""
        systems = [one for one in self.started if one.cluster is None]
        services = [one for one in self.started if one.cluster is not None]
        for ones in (systems, services):
            await asyncio.gather(*(_end(one) for one in ones))
        self.started.clear()
        self._ledger.unlink(missing_ok=True)

    @property
    def _ledger(self) -> Path:
        return self.folder / "processes.json"

    def _write_ledger(self) -> None:
        entries = [{"name": one.name, "pid": one.process.pid} for one in self.started]
        self._ledger.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")


async def _end(one: Started) -> None:
    one.process.terminate()
    try:
        await asyncio.to_thread(one.process.wait, STOP_SECONDS)
    except subprocess.TimeoutExpired:
        one.process.kill()
        await asyncio.to_thread(one.process.wait)
    if one.cluster is not None:
        await asyncio.to_thread(stop_cluster, one.cluster)


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Holds `folder` for this run, and makes it where it is missing.

    Raises ProcessFailed when another run has it. The system lets go of it however that run ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ProcessFailed(f"{folder}: 已在运行，请先停止 / already running; stop that first") from error
        yield


def end_leftovers(folder: Path, clusters: Iterable[Path]) -> None:
    """Ends what a killed run left in `folder`: its processes by the ids that it wrote down, and their databases."""
    ledger = folder / "processes.json"
    if ledger.exists():
        pids = [entry["pid"] for entry in json.loads(ledger.read_text(encoding="utf-8"))]
        # A process id may meanwhile be somebody else's: ours names the folder in its command line.
        _end_pids([pid for pid in pids if str(folder) in _command_line(pid)], signal.SIGTERM)
        ledger.unlink()
    for cluster in clusters:
        stop_cluster(cluster)


def stop_cluster(state_dir: Path) -> None:
    """Stops a PostgreSQL that outlived its service."""
    note = state_dir / "postgres" / "postmaster.pid"
    with suppress(OSError, ValueError, IndexError):
        pid = int(note.read_text(encoding="utf-8").splitlines()[0])
        if "postgres" in _command_line(pid):
            _end_pids([pid], signal.SIGQUIT)  # immediate shutdown: its data are recovered or thrown away


def remove_cluster(state_dir: Path) -> None:
    """Removes a cluster for good, also one that lies elsewhere because the server's account can't enter here."""
    link = state_dir / "postgres"
    if link.is_symlink():
        shutil.rmtree(link.resolve().parent, ignore_errors=True)


def _end_pids(pids: Sequence[int], number: signal.Signals) -> None:
    for stage, seconds in ((number, STOP_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
        alive = [pid for pid in pids if _command_line(pid)]
        for pid in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, stage)
        deadline = time.monotonic() + seconds
        while any(_command_line(pid) for pid in alive) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)


def _command_line(pid: int) -> str:
    """The command line of a process, empty when there is none (any more)."""
    entry = Path(f"/proc/{pid}/cmdline")
    if entry.parents[1].joinpath("self").exists():
        try:
            return entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    done = subprocess.run(
        ["ps", "-p", str(pid), "-o", "args="],  # noqa: S607 - systems without /proc have ps in different places
        check=False,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()
