"""Every reason of the error taxonomy, provoked at real nodes over the wire: one that nobody provokes fails here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.conftest import PostgresServer
from tests.contract import provocations_gateway, provocations_nodes
from tests.contract.every_reason import World
from tests.integration.exchange.city import (
    make_pki,
)
from tests.integration.exchange.shared_city import (
    BOUND_SECONDS,
    CityUnderAttack,
    city_under_attack,
    good_package_passes,
)

from xietong.exchange.v1.error_reason_pb2 import ErrorReason
from xietong_exchange.domain.errors import error_classes

PROVOCATIONS = provocations_gateway.PROVOCATIONS | provocations_nodes.PROVOCATIONS


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer
) -> AsyncIterator[CityUnderAttack]:
    pki, folder = make_pki(tmp_path_factory.mktemp("pki")), tmp_path_factory.mktemp("city")
    async with city_under_attack(postgres_server, folder, pki) as running:
        yield running
        await good_package_passes(running)


REASONS = sorted(set(ErrorReason.keys()) - {"ERROR_REASON_UNSPECIFIED"})
CODES = {cls.reason_name(): cls.code for cls in error_classes().values()}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", REASONS)
async def test_every_reason_is_given_by_a_node(
    name: str,
    city: CityUnderAttack,
    postgres_server: PostgresServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reason = name.removeprefix("ERROR_REASON_")
    assert reason in PROVOCATIONS, f"nobody provokes {reason}: write how it comes about"
    async with asyncio.timeout(BOUND_SECONDS * 2):
        refused = await PROVOCATIONS[reason](World(city, postgres_server, tmp_path, monkeypatch))
    assert refused.reason == reason
    assert refused.code in {CODES[reason], IN_EVIDENCE}


IN_EVIDENCE = ""
"""Reasons that a package's evidence or progress gives come without a code."""


def test_no_provocation_is_for_a_reason_that_is_gone() -> None:
    assert {f"ERROR_REASON_{reason}" for reason in PROVOCATIONS} == set(REASONS)
