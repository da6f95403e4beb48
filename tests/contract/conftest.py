"""The part stores under test: each test that asks for one runs on every adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.contract.part_stores import ADAPTERS, OpenStore, open_local, open_memory

from xietong_exchange.flow.part_store import PartStore


@pytest.fixture(params=ADAPTERS)
def open_store(request: pytest.FixtureRequest) -> OpenStore:
    return open_local if request.param == "local" else open_memory


@pytest.fixture
async def store(open_store: OpenStore, tmp_path: Path) -> AsyncIterator[PartStore]:
    async with open_store(tmp_path) as opened:
        yield opened
