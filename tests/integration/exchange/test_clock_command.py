"""The command `clocks` over a real hub: what a package that was really sent says of the clocks of its case."""

from __future__ import annotations

import pytest
from tests.integration.exchange.commands import Xietong
from tests.integration.exchange.shared_city import CityUnderAttack, case_number

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.envelope_pb2 import Envelope, Party
from xietong_client.cli.exit_codes import ExitCode

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_clocks_of_a_case_are_told_by_its_number(
    steadfast: CityUnderAttack, xietong: Xietong
) -> None:
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    number = case_number()
    sent = await police.send("PB-01", Party.PARTY_PROCURATORATE, case_number=number)
    await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
    case_id = Envelope.FromString(sent.envelope.envelope).collaboration_case_id

    told = (await xietong("clocks", number, "--json")).json
    assert (told["collaboration_case_id"], told["package_count"], told["is_cut"]) == (case_id, 1, False)
    clocks = {clock["clock_id"]: clock for one in told["persons"] for clock in one["clocks"]}
    arrest = clocks.get("D03") or clocks["D04"]  # of a detained suspect or not: both are valid
    assert (arrest["phase"], arrest["started_by"]) == ("RUNNING", sent.package_id)
    assert arrest["responsible"][0]["party"] == "procuratorate"
    assert "NOT_OBSERVED" not in {clock["phase"] for clock in clocks.values()}
    every = (await xietong("clocks", sent.package_id, "--all", "--json")).json
    assert "NOT_OBSERVED" in {clock["phase"] for one in every["persons"] for clock in one["clocks"]}
    shown = (await xietong("clocks", case_id, "--lang", "zh")).out
    for words in ("审查逮捕", "人民检察院", "届满"):
        assert words in shown
    unknown = await xietong("clocks", "A4409", "--json")
    assert (unknown.code, unknown.json["error"]["reason"]) == (ExitCode.REFUSED, "PACKAGE_NOT_FOUND")
