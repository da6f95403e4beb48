"""Clients of the town's nodes: the command `xietong` as a process of its own, the SDK, and a case folder to send."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from tests.integration.faults.line import Line
from tests.integration.faults.processes import STOP_SECONDS, console_script
from tests.integration.faults.town import BOUND_SECONDS, POLICE, PROCURATORATE, Town

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_client import Credentials, Node
from xietong_exchange.domain.party import party_name

RECORDING: Final = "讯问录像.mp4"
SYSTEMS: Final = {POLICE: "case-handling", PROCURATORATE: "prosecution"}
_EXAMPLE = Path(__file__).parents[3] / "examples" / "03-PB-04"


@dataclass(frozen=True)
class Command:
    """A run of the command."""

    process: asyncio.subprocess.Process

    def interrupt(self, number: int = signal.SIGINT) -> None:
        """Ctrl-C, or something worse."""
        self.process.send_signal(number)

    async def ended(self) -> int:
        """Its exit code. Raises TimeoutError when it does not end."""
        async with asyncio.timeout(STOP_SECONDS):
            await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode

    async def result(self) -> Any:
        """What it says at its end, which must be good."""
        async with asyncio.timeout(BOUND_SECONDS):
            out, err = await self.process.communicate()
        assert self.process.returncode == 0, (out + err).decode()
        return json.loads(out)


@asynccontextmanager
async def xietong(
    town: Town, party: Party.ValueType, line: Line, *arguments: str | Path
) -> AsyncIterator[Command]:
    """Run it as a system of this party, over the line to its node; it does not outlive the block."""
    process = await asyncio.create_subprocess_exec(
        console_script("xietong"),
        *arguments,
        "--json",
        *("--node", line.address),
        *("--credentials", town.pki_folder / party_name(party)),
        *("--system", SYSTEMS[party]),
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, "LANG": "en"},
    )
    try:
        yield Command(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def node_of(town: Town, party: Party.ValueType, line: Line) -> Node:
    """The node of this party, as the SDK reaches it over the line."""
    credentials = Credentials.from_folder(town.pki_folder / party_name(party), SYSTEMS[party])
    return Node.connect(line.address, credentials)


@dataclass(frozen=True)
class SentFolder:
    """A case folder of the process PB-04 and the recording in it."""

    path: Path
    case_number: str
    recording: Path

    @classmethod
    def write(cls, path: Path, case_number: str, recording: bytes) -> SentFolder:
        """The example's folder, under another case number and with a second contribution: the recording."""
        shutil.copytree(_EXAMPLE, path)
        package = yaml.safe_load((path / "package.yaml").read_text(encoding="utf-8"))
        del package["in_reply_to"]
        package["case_number"] = case_number
        added = {"system": SYSTEMS[POLICE], "name": "media", "data": "media.yaml", "files": "media"}
        package["contributions"].append(added)
        (path / "package.yaml").write_text(yaml.safe_dump(package), encoding="utf-8")
        parts = {"parts": [{"name": RECORDING, "kind": "PART_KIND_OTHER"}]}
        (path / "media.yaml").write_text(yaml.safe_dump(parts, allow_unicode=True), encoding="utf-8")
        file = path / "media" / RECORDING
        file.parent.mkdir()
        file.write_bytes(recording)
        return cls(path, case_number, file)
