"""Dead letters over the wire: what operators find, what stays on record, and how it is put back with one command."""

from __future__ import annotations

import asyncio

import pytest
from tests.integration.exchange.commands import Xietong
from tests.integration.exchange.hostile_neighbour import Forged, hostile_node
from tests.integration.exchange.shared_city import BOUND_SECONDS, CityUnderAttack, good_package_passes

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_client.cli.exit_codes import ExitCode
from xietong_exchange.runtime.settings import RetrySettings

pytestmark = pytest.mark.asyncio(loop_scope="session")

IMPATIENT = RetrySettings(first_delay_seconds=0.05, longest_delay_seconds=0.1, give_up_after_hours=1e-7)
UNKNOWN_DELIVERY = "999999"


async def given_up(city: CityUnderAttack, package: Forged) -> int:
    """The number of the delivery of the court's evidence about this package, once the hub has given it up."""
    ledger = await city.ledger(Party.PARTY_HUB)
    query = "SELECT delivery_id FROM delivery WHERE package_id = $1 AND evidence_id IS NOT NULL AND status = 'dead'"
    async with asyncio.timeout(BOUND_SECONDS):
        while (found := await ledger.fetchval(query, package.package_id)) is None:
            await asyncio.sleep(0.02)
    return int(found)


async def test_operators_find_inspect_and_replay_what_was_given_up(
    steadfast: CityUnderAttack, xietong: Xietong
) -> None:
    async with steadfast.changed(Party.PARTY_HUB, retry=IMPATIENT):
        await good_package_passes(steadfast)
        package = (await hostile_node(steadfast)).forge(b"dead letters")
        await (await hostile_node(steadfast)).bring(package)
        number = await given_up(steadfast, package)

        listed = (
            await xietong("dead", "list", "--to", "court", "--reason", "DELIVERY_GIVEN_UP", "--json")
        ).json
        [found] = [one for one in listed["deliveries"] if one["delivery_id"] == number]
        assert (found["to"], found["lane"], found["state"]) == ("court", "evidence", "DEAD")
        assert not (await xietong("dead", "list", "--to", "police", "--json")).json["deliveries"]
        assert not (await xietong("dead", "list", "--reason", "STORAGE_FULL", "--json")).json["deliveries"]

        shown = (await xietong("dead", "inspect", str(number), "--json")).json
        assert shown["delivery"] == found
        [event] = shown["events"]
        assert (event["operation"], event["caller"]) == ("give_up_delivery", "hub/exchange")
        assert (event["reason"], found["last_reason"]["code"]) == ("NODE_UNREACHABLE", "DELIVERY_GIVEN_UP")
        assert shown["package"]["package_id"] == found["package_id"] == package.package_id
        assert found["evidence_id"] in [piece["evidence_id"] for piece in shown["package"]["evidence"]]

        chinese = (await xietong("dead", "inspect", str(number), "--lang", "zh")).out
        assert "原因：DELIVERY_GIVEN_UP" in chinese
        assert "停止投递  hub/exchange  NODE_UNREACHABLE" in chinese
        english = (await xietong("dead", "list", "--lang", "en")).out
        assert package.package_id in english

    replayed = (await xietong("dead", "replay", "--reason", "DELIVERY_GIVEN_UP", "--json")).json
    assert number in [one["delivery_id"] for one in replayed["replayed"]]
    assert not replayed["passed_over"]
    assert "no dead letters" in (await xietong("dead", "list", "--reason", "DELIVERY_GIVEN_UP")).out
    after = (await xietong("dead", "inspect", str(number), "--json")).json
    assert after["delivery"]["state"] != "DEAD"
    assert [act["operation"] for act in after["events"]] == ["give_up_delivery", "replay_delivery"]
    assert after["events"][1]["caller"] == "hub/operator"


async def test_what_a_script_learns_from_the_exit_code(steadfast: CityUnderAttack, xietong: Xietong) -> None:
    nothing = await xietong("dead", "replay", "--reason", "NO_SUCH_REASON", "--json")
    assert (nothing.code, nothing.json) == (ExitCode.OK, {"replayed": [], "passed_over": []})
    for unclear in (("dead", "replay"), ("dead", "replay", "1", "--all"), ("dead", "list", "--to", "moon")):
        assert (await xietong(*unclear)).code == ExitCode.USAGE
    unknown = await xietong("dead", "inspect", UNKNOWN_DELIVERY, "--json")
    assert (unknown.code, unknown.json["error"]["reason"]) == (ExitCode.REFUSED, "PACKAGE_NOT_FOUND")
    ledger = await steadfast.ledger(Party.PARTY_HUB)
    done = await ledger.fetchval("SELECT max(delivery_id) FROM delivery WHERE status = 'done'")
    assert "reason:" not in (await xietong("dead", "inspect", str(done))).out  # there is none
    conflict = await xietong("dead", "replay", str(done), "--json")
    assert (conflict.code, conflict.json["error"]["reason"]) == (ExitCode.CONFLICT, "STATE_CONFLICT")
