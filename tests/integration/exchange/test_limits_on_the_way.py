"""What the receiver behind the hub would refuse is refused at the sender's node, before anything leaves."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.conftest import PostgresServer
from tests.integration.exchange.city import content_of, draft_key, manifest_for
from tests.integration.exchange.refusals import refusal
from tests.integration.exchange.shared_city import PROCESS, CityUnderAttack, case_number, databases

from xietong.exchange.v1.draft_pb2 import Finding
from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.gateway_drafts_pb2 import PreflightRequest
from xietong.exchange.v1.gateway_service_pb2 import ListPartiesRequest, PartyStatus
from xietong_exchange.runtime.settings import LimitSettings

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROCURATORATE = Party.PARTY_PROCURATORATE
ORDER = (PROCURATORATE, Party.PARTY_HUB, Party.PARTY_POLICE)
"""The receiver first, so that the hub knows of it when the sender asks."""
MAX_PARTS = 2
BOUND_SECONDS = 60.0
"""Two rounds of asking neighbours, and more."""


async def test_a_limit_of_the_receiver_is_known_at_the_sender(
    postgres_server: PostgresServer, tmp_path: Path, pki_folder: Path
) -> None:
    limits = LimitSettings(reserve_bytes=0, max_parts=MAX_PARTS)
    async with (
        databases(postgres_server, ORDER) as urls,
        CityUnderAttack(
            tmp_path, pki_folder, urls, ORDER, overrides={PROCURATORATE: {"limits": limits}}
        ) as city,
        asyncio.timeout(BOUND_SECONDS),
    ):
        await city.restart(Party.PARTY_POLICE)
        police = await city.agency(Party.PARTY_POLICE, "case-handling")

        async def receiver() -> PartyStatus:
            parties = (await police.gateway.ListParties(ListPartiesRequest())).parties
            return next(one for one in parties if one.party == PROCURATORATE)

        while (await receiver()).capabilities.limits.max_parts != MAX_PARTS:
            await asyncio.sleep(0.05)
        assert (await receiver()).neighbour.limits.max_parts > MAX_PARTS  # the hub itself would take it

        key, files = draft_key(PROCESS, case_number()), {"另一份材料.pdf": b"%PDF"}
        fragment = manifest_for(PROCESS, files)
        contents = content_of(fragment, files)
        await police.contribute(key, fragment, files)
        await police.open(key, PROCURATORATE)
        found: list[Finding] = [
            answer.finding
            async for answer in police.gateway.Preflight(PreflightRequest(key=key))
            if answer.HasField("finding") and answer.finding.rule.startswith("XT-LIM")
        ]
        parts, excess = len(contents) + 1, len(contents) + 1 - MAX_PARTS
        assert [one.rule for one in found] == ["XT-LIM-01"]
        assert f"{parts}, {excess} above the limit of {MAX_PARTS}" in found[0].text_en
        refused = await refusal(police.submit(key))
        assert refused.reason == "PREFLIGHT_FAILED"
