"""`make up`: the five services and the console, until Ctrl-C."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rich.console import Console
from rich.table import Table

from xietong_demo.console import ConsoleLogin, prepare_console, start_console
from xietong_demo.display import announced, typed
from xietong_demo.processes import ProcessGroup, end_leftovers, only_one
from xietong_demo.stack import PARTIES, Stack, states_in

PORTS = (7100, 7101, 7102, 7103, 7104)
READY_SECONDS = 90.0
_CHECK_SECONDS = 0.5


async def keep_up(folder: Path, console: Console, *, until: asyncio.Event | None = None) -> None:
    """Starts the five services in `folder`, which keeps their state, and keeps them running until cancelled.

    Raises ProcessFailed when one does not start or ends by itself, or another run has the folder.
    """
    with only_one(folder):
        stack = await asyncio.to_thread(_prepare, folder)
        _tell_ports(stack, console)
        async with ProcessGroup(stack.folder) as group:
            console.print("启动五个服务 / starting five services …", highlight=False)
            stack.start(group)
            probes = {party: stack.answers(party) for party in PARTIES}
            await group.until_ready(announced(console, probes), READY_SECONDS)
            login = await asyncio.to_thread(prepare_console, stack)
            await start_console(stack, group, login, READY_SECONDS)
            _explain(stack, login, console)
            await _watch(group, until or asyncio.Event())


async def _watch(group: ProcessGroup, stop: asyncio.Event) -> None:
    while not stop.is_set():
        group.check()
        try:
            await asyncio.wait_for(stop.wait(), _CHECK_SECONDS)
        except TimeoutError:
            continue


def _prepare(folder: Path) -> Stack:
    end_leftovers(folder.resolve(), states_in(folder.resolve()))  # first: they may hold the ports
    return Stack.prepare(folder, PORTS)


def _tell_ports(stack: Stack, console: Console) -> None:
    for party, wanted in zip(PARTIES, PORTS, strict=True):
        if stack.ports[party] != wanted:
            text = f"端口 {wanted} 已被占用 / port {wanted} is taken: {party} → {stack.address(party)}"
            console.print(text, style="yellow", highlight=False)


def _explain(stack: Stack, login: ConsoleLogin, console: Console) -> None:
    table = Table("单位 party", "地址 address", title="Xietong 协同")
    table.add_column("证书 credentials", overflow="fold")  # copied from here
    for party in PARTIES:
        table.add_row(party, stack.address(party), typed(stack.pki / party))
    console.print(table)
    console.print(f"日志 / logs: {typed(stack.folder / 'logs')}", highlight=False, soft_wrap=True)
    command = (
        f"xietong send examples/01-PB-01 --node {stack.address('police')} "
        f"--credentials {typed(stack.pki / 'police')} --system case-handling"
    )
    console.print(f"例如 / for example: .venv/bin/{command}", highlight=False, soft_wrap=True)
    console.print(
        f"监督控制台 / console: {login.address}  一次性登录 / one-time login: {login.account} {login.password}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    console.print("按 Ctrl-C 停止 / Ctrl-C stops them", highlight=False)
