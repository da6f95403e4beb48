"""Incidents over the wire: a node stops, the hub's operators are told, see whom to call, act, and it ends by itself."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.integration.exchange.commands import Xietong
from tests.integration.exchange.shared_city import (
    BOUND_SECONDS,
    PROCESS,
    CityUnderAttack,
    case_number,
)

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.envelope_pb2 import Party
from xietong_client.cli.exit_codes import ExitCode
from xietong_exchange.runtime.settings import ContactSettings, SupervisionSettings

pytestmark = pytest.mark.asyncio(loop_scope="session")

WATCHFUL = SupervisionSettings(round_seconds=1, standstill_minutes=1 / 60)
CONTACT = ContactSettings(
    party="procuratorate", system="exchange", vendor="示例厂商", level="lead", reach="值班电话 0000"
)
WAITING = 2


async def test_a_node_stops_and_comes_back(steadfast: CityUnderAttack, xietong: Xietong) -> None:
    async def about_procuratorate(*options: str) -> dict[str, Any] | None:
        found: list[dict[str, Any]] = (await xietong("incidents", "list", *options, "--json")).json[
            "incidents"
        ]
        wanted = ("procuratorate", "NEIGHBOUR_AWAY")  # a package may have stood still before that was noticed
        return next((one for one in found if (one["hop"], one["kind"]) == wanted), None)

    async with (
        steadfast.changed(Party.PARTY_HUB, supervision=WATCHFUL, contacts=[CONTACT]),
        asyncio.timeout(BOUND_SECONDS * 2),
    ):
        police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
        await steadfast.stop(Party.PARTY_PROCURATORATE)
        sent = [
            await police.send(PROCESS, Party.PARTY_PROCURATORATE, case_number=case_number())
            for _ in range(WAITING)
        ]
        while (told := await about_procuratorate()) is None or told["package_count"] < WAITING:
            await asyncio.sleep(0.1)  # between two looks at what no event tells
        assert told["system"] == "exchange"
        assert told["package_id"] in {one.package_id for one in sent}
        assert told["relay_time"] >= told["submit_time"]
        number = told["incident_id"]
        of_package = await about_procuratorate("--package", sent[1].package_id)
        assert of_package is not None
        assert of_package["incident_id"] == number

        shown = (await xietong("incidents", "show", number)).out
        assert "resending does not help" in shown
        assert "exchange · 示例厂商 (lead) 值班电话 0000" in shown
        assert (await xietong("incidents", "ack", number, "--note", "called")).code == ExitCode.OK
        assert "夜班" in (await xietong("incidents", "assign", number, "夜班", "--lang", "zh")).out
        silenced = (await xietong("incidents", "silence", number, "60", "--json")).json
        assert silenced["silence_until_time"] > silenced["open_time"]
        assert "silent until" in (await xietong("incidents", "show", number)).out
        events = (await xietong("incidents", "show", number, "--json")).json["events"]
        assert [(one["operation"], one["caller"]) for one in events] == [
            ("acknowledge_incident", "hub/operator"),
            ("assign_incident", "hub/operator"),
            ("silence_incident", "hub/operator"),
        ]

        await steadfast.start(Party.PARTY_PROCURATORATE)
        for one in sent:
            await police.reached(one.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
        while (closed := (await xietong("incidents", "show", number, "--json")).json)["state"] != "CLOSED":
            await asyncio.sleep(0.1)  # between two looks at what no event tells
        assert closed["package_count"] == 0
        assert set(closed["packages"]) == {one.package_id for one in sent}
        refused = await xietong("incidents", "ack", number, "--json")
        assert (refused.code, refused.json["error"]["reason"]) == (ExitCode.CONFLICT, "STATE_CONFLICT")
