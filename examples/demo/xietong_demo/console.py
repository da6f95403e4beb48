"""The console beside the services: for the hub's people, on a loopback address, with a login for this run."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from xietong_demo.processes import ProcessFailed, ProcessGroup
from xietong_demo.stack import HOST, Stack, free_ports, listens

PORT = 7180
ACCOUNT = "demo"
_COMMAND = "xietong-console"


@dataclass(frozen=True, slots=True)
class ConsoleLogin:
    """Where the console is, and how to log in; once."""

    address: str
    account: str
    password: str


def prepare_console(stack: Stack) -> ConsoleLogin:
    """Writes its settings and an account. Raises ProcessFailed."""
    home = stack.home("console")
    home.mkdir(exist_ok=True)
    [port] = free_ports([PORT])
    lines = [
        f'listen = "{HOST}:{port}"',
        f"node = {json.dumps(stack.address('hub'))}",
        f"credentials = {json.dumps(str(stack.pki / 'hub'), ensure_ascii=False)}",
        "insecure_loopback = true",
    ]
    _config(stack).write_text("\n".join(lines) + "\n", encoding="utf-8")
    program = Path(sys.executable).with_name(_COMMAND)
    arguments = ("account", "add", ACCOUNT, "--once", "--generate", "--config", _config(stack))
    done = subprocess.run([program, *arguments], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise ProcessFailed(f"{_COMMAND}: {done.stderr}")
    account, password = done.stdout.split()
    return ConsoleLogin(f"http://{HOST}:{port}", account, password)


async def start_console(stack: Stack, group: ProcessGroup, login: ConsoleLogin, bound_seconds: float) -> None:
    """Starts it, and returns when it answers. Raises ProcessFailed."""
    group.start("console", (_COMMAND, "serve", "--config", _config(stack)))
    port = int(login.address.rpartition(":")[2])
    await group.until_ready([listens(port)], bound_seconds)


def _config(stack: Stack) -> Path:
    return stack.home("console") / "console.toml"
