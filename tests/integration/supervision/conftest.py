"""Fixtures of the watch's tests: a node on a fresh database, whose time the test sets."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.integration.supervision.clock_cases import Hub
from tests.integration.supervision.scene import Scene, new_scene

from xietong_exchange.adapters.postgres import PostgresStore


@pytest.fixture
async def scene(postgres_url: str) -> AsyncIterator[Scene]:
    store = await PostgresStore.connect(postgres_url)
    yield new_scene(store)
    await store.close()


@pytest.fixture
async def hub(postgres_url: str) -> AsyncIterator[Hub]:
    store = await PostgresStore.connect(postgres_url)
    yield Hub(store)
    await store.close()
