"""A package that the receiver's system can never parse: its sender is told once, and nobody else waits for it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.conftest import PostgresServer
from tests.integration.exchange.city import ACTOR, Agency
from tests.integration.exchange.hostile_neighbour import Forged, hostile_node
from tests.integration.exchange.shared_city import (
    BOUND_SECONDS,
    PROCESS,
    CityUnderAttack,
    case_number,
    city_under_attack,
    seen_at_hub,
)

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind, Statement
from xietong_client import Credentials, Node, Text
from xietong_system_desk import DeskProfile, NumberSeries
from xietong_system_desk.case_numbers import CaseRegister
from xietong_system_desk.desk import Desk
from xietong_system_desk.folders import DeskFolders
from xietong_system_desk.receiving import Receiver
from xietong_system_desk.replies import ReplyRule
from xietong_system_desk.sending import Sender

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROFILE = DeskProfile(
    system="prosecution",
    title=Text("检察业务系统", "prosecution"),
    series={"": NumberSeries("受", "示检受〔{year}〕{n}号")},
)
MOST_TRIES = 3
"""Of one package by one life of the desk: one, and one more for each change that its own report makes."""


@asynccontextmanager
async def desk_at_work(city: CityUnderAttack, folder: Path) -> AsyncIterator[None]:
    """The procuratorate's business system at its node."""
    folders = DeskFolders(folder)
    folders.create()
    register = CaseRegister.load(folders.register)
    credentials = Credentials.from_folder(city.pki_folder / "procuratorate", PROFILE.system)
    target = f"127.0.0.1:{city.ports[Party.PARTY_PROCURATORATE]}"
    async with Node.connect(target, credentials, actor=ACTOR) as node:
        sender = Sender(node, PROFILE, ReplyRule(PROFILE, folders, register))
        working = asyncio.create_task(
            Desk(node, folders, sender, Receiver(node, PROFILE, folders, register)).run()
        )
        try:
            yield
            assert not working.done()
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)


async def is_accepted(police: Agency) -> None:
    """A good package, from submit to the handler's acceptance."""
    sent = await police.send(PROCESS, Party.PARTY_PROCURATORATE, case_number=case_number())
    await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_ACCEPTED)


async def failures_at_hub(city: CityUnderAttack, poison: Forged) -> list[str]:
    """The reasons of each failure to parse that the hub knows of, on its way to the sender."""
    seen = await seen_at_hub(city, poison.package_id)
    assert seen is not None
    statements = [Statement.FromString(piece.statement) for piece in seen.evidence]
    kind = EvidenceKind.EVIDENCE_KIND_PARSE_FAILED
    return [one.reasons[0].code for one in statements if one.kind == kind]


async def told(city: CityUnderAttack, poison: Forged) -> None:
    """Until the hub knows that the package can't be parsed."""
    while not await failures_at_hub(city, poison):
        await asyncio.sleep(0.02)


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the desk took up each package."""
    counted, handle = Counter[str](), Receiver.handle

    async def counting(receiver: Receiver, package: package_pb2.Package) -> None:
        counted[package.package_id] += 1
        await handle(receiver, package)

    monkeypatch.setattr(Receiver, "handle", counting)
    return counted


async def test_poison_packages_are_reported_once_and_others_are_handled_meanwhile(
    postgres_server: PostgresServer, pki_folder: Path, tmp_path: Path, tries: Counter[str]
) -> None:
    async with (
        asyncio.timeout(3 * BOUND_SECONDS),
        city_under_attack(postgres_server, tmp_path / "city", pki_folder) as city,
    ):
        police = await city.agency(Party.PARTY_POLICE, "case-handling")
        court = await hostile_node(city)
        poison = [court.forge(b"\xff\xff no manifest at all %d" % number) for number in range(8)]
        for package in poison:
            assert (await court.bring(package)).HasField("acceptance")
        for _life in range(2):  # a restarted desk tries again what it could not parse
            tries.clear()
            async with desk_at_work(city, tmp_path / "desk"):
                for package in poison:
                    await told(city, package)
                await is_accepted(police)
                await is_accepted(police)
            assert all(1 <= tries[package.package_id] <= MOST_TRIES for package in poison), tries
        for package in poison:
            assert await failures_at_hub(city, package) == ["CONTENT_MISMATCH"]
