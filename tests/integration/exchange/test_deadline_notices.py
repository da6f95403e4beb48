"""Notices of deadlines from a real hub to a real endpoint: the police send a package, and the endpoint is told."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.integration.exchange.city import draft_key, manifest_for
from tests.integration.exchange.shared_city import BOUND_SECONDS, CityUnderAttack, case_number
from tests.unit.exchange.test_webhook import Server

from xietong.casefile.v1.measure_pb2 import MeasureKind
from xietong.exchange.v1.envelope_pb2 import Party
from xietong_exchange.runtime.settings import NotificationSettings, SupervisionSettings

pytestmark = pytest.mark.asyncio(loop_scope="session")


def passed(server: Server, number: str) -> dict[str, Any] | None:
    events: list[dict[str, Any]] = [json.loads(body) for body in server.bodies if number in body.decode()]
    return next((one for one in events if one["type"] == "org.xietong.deadline.passed.v1"), None)


async def test_the_endpoint_is_told_of_a_clock_whose_end_has_passed(steadfast: CityUnderAttack) -> None:
    """A detention of two days ago: who was detained had to be heard within 24 hours."""
    manifest, begin = manifest_for("PB-01", {}), datetime.now(UTC) - timedelta(days=2)
    del manifest.measures[1:]
    [detention] = manifest.measures
    assert detention.kind == MeasureKind.MEASURE_KIND_DETENTION
    detention.start_time.FromDatetime(begin)
    detention.decision_date = begin.date().isoformat()
    detention.expiry_date = (begin + timedelta(days=30)).date().isoformat()
    number, server = case_number(), Server()
    async with server.running(), asyncio.timeout(BOUND_SECONDS):
        told = NotificationSettings(url=f"http://127.0.0.1:{server.port}/", per_minute=600)
        async with steadfast.changed(
            Party.PARTY_HUB, notification=told, supervision=SupervisionSettings(round_seconds=1)
        ):
            police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
            key = draft_key("PB-01", number)
            await police.contribute(key, manifest, {})
            await police.open(key, Party.PARTY_PROCURATORATE)
            await police.submit(key)
            while not (ours := passed(server, number)):
                await asyncio.sleep(0.1)  # between two looks at what no event tells
    clocks = {one["clock"]["clock_id"] for one in ours["data"]["deadlines"]}
    assert "D01.interrogation" in clocks
