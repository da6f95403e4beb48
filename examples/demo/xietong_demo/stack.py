"""The five services: their settings, ports and certificates, and whether they answer."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import grpc

from xietong.exchange.v1.operations_service_pb2 import GetStatusRequest
from xietong.exchange.v1.operations_service_pb2_grpc import OperationsServiceStub
from xietong_client import Credentials, pki
from xietong_client.channel import open_channel
from xietong_demo.processes import ProcessGroup

PARTIES = ("hub", "police", "procuratorate", "court", "justice")
HOST = "127.0.0.1"
# Whom to call in the story: roles, and extensions that nobody has.
_CONTACTS = tuple(
    line
    for party, system, vendor in (
        ("hub", "exchange", "中心平台运维组"),
        ("police", "exchange", "公安数据交换运维组"),
        ("procuratorate", "exchange", "检察院信息中心"),
        ("court", "exchange", "法院信息中心"),
        ("justice", "exchange", "司法局信息中心"),
    )
    for line in (
        "",
        "[[contacts]]",
        f'party = "{party}"',
        f'system = "{system}"',
        f'vendor = "{vendor}"',
        'level = "operations"',
        f'reach = "值班分机 {party}-01（示例）"',
        'duty_hours = "全天"',
    )
)
PROBE_SECONDS = 0.05
PROBE_DEADLINE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Stack:
    """Where the services of a run live: `<folder>/<party>`, certificates in `<folder>/pki`, ports by party."""

    folder: Path
    ports: dict[str, int]

    @classmethod
    def prepare(
        cls, folder: Path, ports: Sequence[int] | None = None, parties: Sequence[str] = PARTIES
    ) -> Stack:
        """Writes certificates and settings. Ports are these as far as they are free."""
        folder.mkdir(parents=True, exist_ok=True)
        stack = cls(
            folder.resolve(), dict(zip(parties, free_ports(ports or [0] * len(parties)), strict=True))
        )
        pki.init(stack.pki)
        for party in parties:
            stack.home(party).mkdir(exist_ok=True)
            stack.config(party).write_text(stack.settings(party), encoding="utf-8")
        return stack

    @property
    def pki(self) -> Path:
        """The folder of the certificates."""
        return self.folder / "pki"

    def home(self, party: str) -> Path:
        """The folder of a party's service."""
        return self.folder / party

    def config(self, party: str) -> Path:
        """The settings file of a service."""
        return self.home(party) / "node.toml"

    def address(self, party: str) -> str:
        """Where a service listens."""
        return f"{HOST}:{self.ports[party]}"

    def state(self, party: str) -> Path:
        """The folder with a service's parts and its embedded database."""
        return _state(self.folder, party)

    def settings(self, party: str) -> str:
        """The settings of a service as TOML."""
        certificates = self.pki / party
        others = [other for other in self.ports if other != party]
        neighbours = ["hub"] if "hub" in others else others
        lines = [
            f"listen = {_quoted(self.address(party))}",
            'state_dir = "state"',
            "",
            "[tls]",
            f"ca = {_quoted(self.pki / 'ca.pem')}",
            f"certificate = {_quoted(certificates / 'exchange.pem')}",
            f"key = {_quoted(certificates / 'exchange-key.pem')}",
            "",
            "[signer]",
            f"certificate = {_quoted(certificates / 'signer.pem')}",
            f"key = {_quoted(certificates / 'signer-key.pem')}",
            "",
            "[neighbours]",
            *(f"{other} = {_quoted(self.address(other))}" for other in neighbours),
            *_CONTACTS,
        ]
        return "\n".join(lines) + "\n"

    def start(self, group: ProcessGroup) -> None:
        """Starts the services."""
        for party in self.ports:
            self.start_one(group, party)

    def start_one(self, group: ProcessGroup, party: str) -> None:
        """Starts the service of a party."""
        command = (f"xietong-{party}", "serve", "--config", self.config(party))
        group.start(party, command, cluster=self.state(party))

    def operator(self, party: str) -> grpc.aio.Channel:
        """A channel to a service with the certificate of its operator."""
        return open_channel(self.address(party), Credentials.from_folder(self.pki / party, operator=True))

    async def answers(self, party: str) -> None:
        """Returns as soon as a service answers its operator."""
        await listens(self.ports[party])
        async with self.operator(party) as channel:
            stub = OperationsServiceStub(channel)
            while True:
                try:
                    await stub.GetStatus(GetStatusRequest(), timeout=PROBE_DEADLINE_SECONDS)
                except grpc.aio.AioRpcError:
                    await asyncio.sleep(PROBE_SECONDS)
                else:
                    return


def states_in(folder: Path) -> list[Path]:
    """The state folders of the services of a run in `folder`, also where it was not prepared yet."""
    return [_state(folder, party) for party in PARTIES]


def _state(folder: Path, party: str) -> Path:
    return folder / party / "state"


async def listens(port: int) -> None:
    """Returns as soon as a port is open: a gRPC channel that found it closed waits longer and longer."""
    while True:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(PROBE_SECONDS)
        else:
            writer.close()
            return


def free_ports(wanted: Sequence[int]) -> list[int]:
    """These ports, and a free one in place of each that is taken. 0 stands for any."""
    with ExitStack() as stack:  # all stay open until the last is found, so that none is given twice
        sockets = [stack.enter_context(socket.socket()) for _ in wanted]
        for each, port in zip(sockets, wanted, strict=True):
            _bind(each, port)
        return [each.getsockname()[1] for each in sockets]


def _bind(one: socket.socket, port: int) -> None:
    # As the services do: connections of an earlier run that linger (TIME_WAIT) do not make a port taken.
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        one.bind((HOST, port))
    except OSError:
        one.bind((HOST, 0))


def _quoted(value: object) -> str:
    """A TOML string; its escapes are those of JSON."""
    return json.dumps(str(value), ensure_ascii=False)
