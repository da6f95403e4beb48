"""Processes that a run starts are ended by it, also stubborn ones, and those of a run that was killed."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from xietong_demo import processes
from xietong_demo.processes import ProcessFailed, ProcessGroup, end_leftovers

BOUND_SECONDS = 10.0
STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""


@pytest.fixture
def python() -> str:
    return Path(sys.executable).name


async def until_logged(log: Path, text: str) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        while text not in log.read_text(encoding="utf-8"):
            await asyncio.sleep(0.02)


async def test_all_processes_end_with_the_group_also_one_that_is_deaf(
    tmp_path: Path, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.3)
    async with ProcessGroup(tmp_path) as group:
        deaf = group.start("deaf", (python, "-c", STUBBORN))
        polite = group.start("polite", (python, "-c", "import time; print('up', flush=True); time.sleep(60)"))
        await until_logged(deaf.log, "deaf")
        await until_logged(polite.log, "up")
        assert len(json.loads((tmp_path / "processes.json").read_text(encoding="utf-8"))) == 2
    assert deaf.process.returncode == -signal.SIGKILL
    assert polite.process.returncode == -signal.SIGTERM
    assert not (tmp_path / "processes.json").exists()


async def test_the_group_ends_its_processes_when_the_run_fails(tmp_path: Path, python: str) -> None:
    group = ProcessGroup(tmp_path)
    started = []

    async def run() -> None:
        async with group:
            started.append(group.start("one", (python, "-c", "import time; time.sleep(60)")))
            raise LookupError

    with pytest.raises(LookupError):
        await run()
    assert not started[0].is_running


async def test_a_process_that_ends_early_is_told_with_its_last_words(tmp_path: Path, python: str) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    async with ProcessGroup(tmp_path) as group:
        group.start("short", (python, "-c", "import sys; sys.exit('the port is taken')"))
        with pytest.raises(ProcessFailed, match=r"(?s)short: ended with 1.*the port is taken"):
            await group.until_ready([never()], BOUND_SECONDS)


async def test_what_does_not_become_ready_is_not_waited_for_without_end(tmp_path: Path) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    async with ProcessGroup(tmp_path) as group:
        with pytest.raises(ProcessFailed, match="not ready within 0 s"):
            await group.until_ready([never()], 0.2)


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    program = "import time; print('up', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        process.stdout.readline()  # from here on it is known under its own command line
        yield process
        process.kill()


def write_ledger(folder: Path, pid: int) -> None:
    (folder / "processes.json").write_text(json.dumps([{"name": "x", "pid": pid}]), encoding="utf-8")


def test_processes_of_a_killed_run_are_ended(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    write_ledger(tmp_path, sleeper.pid)
    end_leftovers(tmp_path, [])
    assert sleeper.wait(BOUND_SECONDS) == -signal.SIGTERM
    assert not (tmp_path / "processes.json").exists()


def test_a_process_of_somebody_else_with_the_same_id_is_left_alone(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    folder = tmp_path / "another-demo"
    folder.mkdir()
    write_ledger(folder, sleeper.pid)
    begin = time.monotonic()
    end_leftovers(folder, [])
    assert sleeper.poll() is None
    assert time.monotonic() - begin < 1.0


async def test_the_reason_of_an_end_comes_last_whatever_was_logged_after_it(
    tmp_path: Path, python: str
) -> None:
    program = """
import sys
print("the port is taken")
print("2026-01-05 09:00:00,000 INFO alembic.runtime one thing more")
print("E0105 09:00:00.000000 1 ssl.cc:1] another")
sys.exit(1)
"""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "short.log").write_text("of an earlier run\n", encoding="utf-8")
    async with ProcessGroup(tmp_path) as group:
        one = group.start("short", (python, "-c", program))
        one.process.wait(BOUND_SECONDS)
        with pytest.raises(ProcessFailed) as failed:
            group.check()
    assert str(failed.value).splitlines()[-1] == "short: the port is taken"
    assert "of an earlier run" not in str(failed.value)


async def test_a_crash_of_native_code_says_where_it_was(tmp_path: Path, python: str) -> None:
    program = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    async with ProcessGroup(tmp_path) as group:
        one = group.start("native", (python, "-c", program))
        one.process.wait(BOUND_SECONDS)
        with pytest.raises(ProcessFailed, match=r"(?s)ended with -11.*Segmentation fault.*line 1"):
            group.check()
