"""One town of processes for all fault tests; each test begins with every node up and every line good."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.conftest import PostgresServer
from tests.integration.exchange.city import make_pki
from tests.integration.exchange.shared_city import databases
from tests.integration.faults.town import PARTIES, Town


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def started_town(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer
) -> AsyncIterator[Town]:
    """Started once: a start costs more than most tests."""
    folder = tmp_path_factory.mktemp("town")
    async with (
        databases(postgres_server, PARTIES) as urls,
        Town(folder, make_pki(folder / "pki"), urls) as town,
    ):
        yield town


@pytest_asyncio.fixture(loop_scope="session")
async def town(started_town: Town) -> Town:
    """The town, whole."""
    await started_town.heal()
    return started_town
