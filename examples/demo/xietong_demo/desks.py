"""The five business systems: their folders, their registers of case numbers, and their processes."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from xietong_demo.processes import ProcessGroup
from xietong_demo.stack import Stack
from xietong_system_desk.folders import DeskFolders, write_json

POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class DeskSetup:
    """A business system of the example: its party, its name, whether it submits, and what its handler starts from.

    `register` holds the last case numbers that were given before the story begins.
    """

    party: str
    system: str
    actor: str
    register: dict[str, object]
    submits: bool = True


DESKS = (
    DeskSetup(
        party="police",
        system="case-handling",
        actor="440199000000:SAMPLE-POLICE-0017",
        register={
            "names": {"organ": "示公样", "organ_code": "440199000000"},
            "year": 2026,
            "last": {"执": 18},
        },
    ),
    DeskSetup(
        party="police",
        system="evidence-archive",
        actor="440199000000:SAMPLE-ARCHIVE-0004",
        register={},
        submits=False,
    ),
    DeskSetup(
        party="procuratorate",
        system="prosecution",
        actor="440199100000:SAMPLE-PROSECUTOR-0005",
        register={"names": {"organ": "示样检"}, "year": 2026, "last": {"捕受": 30, "诉受": 57}},
    ),
    DeskSetup(
        party="court",
        system="trial",
        actor="440199200000:SAMPLE-JUDGE-0003",
        register={"names": {"court": "粤0199"}, "year": 2026, "last": {"刑初": 87}},
    ),
    DeskSetup(
        party="justice",
        system="legal-aid",
        actor="440199300000:SAMPLE-LEGAL-AID-0002",
        register={"names": {"organ": "示样援"}, "year": 2026, "last": {"刑指": 76}},
    ),
)


@dataclass(frozen=True, slots=True)
class Desks:
    """The desks of a run, below `<folder>/<party>/<system>`."""

    stack: Stack

    def folders(self, setup: DeskSetup) -> DeskFolders:
        """Where a business system works."""
        return DeskFolders(self.stack.home(setup.party) / setup.system)

    def prepare(self) -> None:
        """Makes the folders, with the connection and the register of each."""
        for setup in DESKS:
            folders = self.folders(setup)
            folders.create()
            connection = {
                "node": self.stack.address(setup.party),
                "credentials": str(self.stack.pki / setup.party),
                "system": setup.system,
                "actor": setup.actor,
            }
            lines = [
                f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in connection.items()
            ]
            (folders.root / "xietong.toml").write_text("".join(lines), encoding="utf-8")
            write_json(folders.register, setup.register)

    async def start(self, setup: DeskSetup, group: ProcessGroup) -> None:
        """Starts a business system when its node answers; returns when it looks at its folders."""
        await self.stack.answers(setup.party)
        folders = self.folders(setup)
        folders.running.unlink(missing_ok=True)  # of a system that was killed
        command = (f"xietong-system-{setup.party}", "--system", setup.system, "--folder", folders.root)
        group.start(f"{setup.party}-{setup.system}", command)
        while not await asyncio.to_thread(folders.running.exists):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(POLL_SECONDS)


def desk_of(party: str, *, submits: bool = True) -> DeskSetup:
    """The business system of a party that submits and decides, or the one that only contributes."""
    return next(setup for setup in DESKS if setup.party == party and setup.submits is submits)
