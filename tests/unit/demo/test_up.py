"""`make up`: one city per folder, ports that are told when they are not those of the README, an end by any signal."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from xietong_demo import up
from xietong_demo.processes import ProcessFailed, only_one
from xietong_demo.stack import PARTIES, Stack

BOUND_SECONDS = 20.0


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        yield one.getsockname()[1]


async def test_a_second_one_is_refused_and_leaves_the_first_alone(tmp_path: Path) -> None:
    ledger = tmp_path / "processes.json"
    ledger.write_text(json.dumps([{"name": "hub", "pid": os.getpid()}]), encoding="utf-8")
    with only_one(tmp_path), pytest.raises(ProcessFailed, match="already running; stop that first"):
        await up.keep_up(tmp_path, Console(file=io.StringIO()))
    assert ledger.exists()


def test_only_the_port_that_is_taken_is_replaced_and_that_is_told(tmp_path: Path, taken: int) -> None:
    free = Stack.prepare(tmp_path / "other").ports
    wanted = [free["hub"], taken, free["procuratorate"], free["court"], free["justice"]]
    stack = Stack.prepare(tmp_path / "city", wanted)
    assert [stack.ports[party] == port for party, port in zip(PARTIES, wanted, strict=True)] == [
        *(True, False, True, True, True)
    ]


def test_a_port_with_connections_that_linger_is_not_taken(tmp_path: Path) -> None:
    port = linger()
    assert Stack.prepare(tmp_path, [port, 0, 0, 0, 0]).ports["hub"] == port


def linger() -> int:
    """A port whose server has closed a connection first, which then stays in TIME_WAIT."""
    with socket.socket() as server, socket.socket() as client:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gRPC does
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.connect(server.getsockname())
        accepted, _ = server.accept()
        accepted.close()
        client.recv(1)
        return int(server.getsockname()[1])


def test_other_ports_than_those_of_the_readme_are_told(
    tmp_path: Path, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(up, "PORTS", (taken, 0, 0, 0, 0))
    output = io.StringIO()
    stack = Stack.prepare(tmp_path, up.PORTS)
    up._tell_ports(stack, Console(file=output, width=200))
    assert f"port {taken} is taken: hub → {stack.address('hub')}" in output.getvalue()


HELD = """
import asyncio, sys
from pathlib import Path
from xietong_demo import __main__ as command, up
from xietong_demo.processes import ProcessGroup

async def keep_up(folder, console):
    async with ProcessGroup(folder) as group:
        one = group.start("one", (Path(sys.executable).name, "-c", "import time; time.sleep(60)"))
        print(one.process.pid, flush=True)
        await asyncio.Event().wait()

command.keep_up = keep_up
sys.argv = ["demo", "up", "--state", sys.argv[1]]
sys.exit(command.main())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_any_end_of_the_terminal_stops_what_was_started(tmp_path: Path, number: signal.Signals) -> None:
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HELD, str(tmp_path)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert program.stdout is not None
    async with asyncio.timeout(BOUND_SECONDS):
        started = int(await program.stdout.readline())
        program.send_signal(number)
        assert await program.wait() == 0
    with pytest.raises(ProcessLookupError):
        os.kill(started, 0)


async def test_under_nohup_a_closed_terminal_changes_nothing(tmp_path: Path) -> None:
    ignoring = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ignoring + HELD, str(tmp_path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert program.stdout is not None
    async with asyncio.timeout(BOUND_SECONDS):
        started = int(await program.stdout.readline())
        program.send_signal(signal.SIGHUP)
        program.send_signal(signal.SIGTERM)
        _, said = await program.communicate()
    assert said.decode().count("stopping") == 1
    assert program.returncode == 0
    with pytest.raises(ProcessLookupError):
        os.kill(started, 0)
