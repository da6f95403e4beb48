"""Fixtures of the exchange tests: one PKI for all, a fresh city for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from tests.integration.exchange.city import City, make_pki

from xietong.exchange.v1.envelope_pb2 import Party

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
