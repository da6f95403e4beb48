"""One city, one console and one browser for all tests of the console."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright
from tests.conftest import PostgresServer
from tests.integration.console.site import CHROMIUM, Site, console_at
from tests.integration.exchange.city import City, make_pki
from tests.integration.exchange.shared_city import THREE, databases

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.envelope_pb2 import Party
from xietong_exchange.domain.party import party_name
from xietong_exchange.runtime.settings import ContactSettings, Settings, SupervisionSettings

CONTACT = ContactSettings(
    party="police", system="exchange", vendor="示例厂商", level="lead", reach="分机 0000（示例）"
)


# Below what an operator may set: a test does not wait for minutes.
HASTY = SupervisionSettings.model_construct(round_seconds=0.2, standstill_minutes=0.5 / 60)


class CityWithContact(City):
    """Its hub knows whom to call at the police, and soon notices what stands still."""

    def settings(self, party: Party.ValueType) -> Settings:
        settings = super().settings(party)
        of_hub = {"contacts": [CONTACT], "supervision": HASTY}
        return settings.model_copy(update=of_hub) if party == Party.PARTY_HUB else settings


@dataclass(frozen=True)
class Stage:
    """The console of the hub, its city, and packages that have arrived."""

    site: Site
    city: City
    sent: list[package_pb2.Package]


@asynccontextmanager
async def console_of(
    stage: Stage, party: Party.ValueType, folders: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """The console of another party's node in the same city."""
    node, name = f"127.0.0.1:{stage.city.ports[party]}", party_name(party)
    credentials = stage.city.pki_folder / name
    async with console_at(node, credentials, folders.mktemp(name), stage.site.browser) as site:
        yield site


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        assert not os.environ.get("CI"), ".ci/run installs chromium"
        pytest.skip("needs Debian's chromium: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage(
    browser: Browser, postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("console")
    pki = make_pki(folder / "pki")
    async with (
        databases(postgres_server, THREE) as urls,
        CityWithContact(folder / "city", pki, urls, THREE) as city,
        console_at(f"127.0.0.1:{city.ports[Party.PARTY_HUB]}", pki / "hub", folder, browser) as site,
    ):
        police = await city.agency(Party.PARTY_POLICE, "case-handling")
        sent = [
            await police.send(
                "PB-04", Party.PARTY_PROCURATORATE, case_number=f"A44019900000020260300{number:02}"
            )
            for number in range(1, 4)
        ]
        for package in sent:
            await police.reached(package.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
        yield Stage(site, city, sent)
