"""Fixtures of the exchange tests: one PKI for all, and a fresh city for each test or one that many share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from tests.conftest import PostgresServer
from tests.integration.exchange.city import City, make_pki
from tests.integration.exchange.commands import Said, Xietong
from tests.integration.exchange.shared_city import CityUnderAttack, city_under_attack, good_package_passes

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_client.cli.app import run

NewDatabase = Callable[[], Awaitable[str]]


@pytest.fixture(scope="session")
def pki_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
async def three(tmp_path: Path, pki_folder: Path, new_database: NewDatabase) -> AsyncIterator[City]:
    """Police, hub and procuratorate."""
    parties = [Party.PARTY_HUB, Party.PARTY_POLICE, Party.PARTY_PROCURATORATE]
    urls = {party: await new_database() for party in parties}
    async with City(tmp_path, pki_folder, urls, parties) as city:
        yield city


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def shared_three(
    tmp_path_factory: pytest.TempPathFactory, pki_folder: Path, postgres_server: PostgresServer
) -> AsyncIterator[CityUnderAttack]:
    """Police, hub and procuratorate, for all tests of this folder that run in the session's event loop."""
    async with city_under_attack(postgres_server, tmp_path_factory.mktemp("city"), pki_folder) as city:
        yield city


@pytest_asyncio.fixture(loop_scope="session")
async def xietong(
    steadfast: CityUnderAttack, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Xietong:
    """The command as the hub's operators run it; in a thread, as it has an event loop of its own."""
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    monkeypatch.setenv("XIETONG_NODE", f"127.0.0.1:{steadfast.ports[Party.PARTY_HUB]}")
    monkeypatch.setenv("XIETONG_CREDENTIALS", str(steadfast.pki_folder / "hub"))

    async def call(*arguments: str) -> Said:
        capfd.readouterr()
        code = await asyncio.to_thread(run, arguments)
        captured = capfd.readouterr()
        return Said(code, captured.out, captured.err)

    return call


@pytest_asyncio.fixture(loop_scope="session")
async def steadfast(shared_three: CityUnderAttack) -> AsyncIterator[CityUnderAttack]:
    """The shared city under attack: after the test a good package must pass."""
    yield shared_three
    await good_package_passes(shared_three)
