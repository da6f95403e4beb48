"""Test packages go through the whole chain, each hop states its part, and no business system sees them."""

from __future__ import annotations

import uuid

import pytest
from tests.integration.exchange.city import ACTOR, Agency
from tests.integration.exchange.commands import Xietong
from tests.integration.exchange.hostile_neighbour import hostile_node
from tests.integration.exchange.refusals import refusal
from tests.integration.exchange.shared_city import PROCESS, CityUnderAttack, case_number

from xietong.exchange.v1 import gateway_packages_pb2 as gateway
from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.draft_pb2 import Accepted, Outcome
from xietong.exchange.v1.envelope_pb2 import Address, Party
from xietong.supervision.v1.flow_service_pb2 import GetStatisticsRequest
from xietong.supervision.v1.flow_service_pb2_grpc import FlowServiceStub
from xietong_client.cli.exit_codes import ExitCode

pytestmark = pytest.mark.asyncio(loop_scope="session")
TEST = "XT-00"
STAGES = {("hub", "transfer"), ("hub", "commit"), ("procuratorate", "transfer"), ("procuratorate", "commit")}


@pytest.mark.parametrize("sender", ["hub", "police"])
async def test_every_hop_answers(steadfast: CityUnderAttack, xietong: Xietong, sender: str) -> None:
    party = Party.PARTY_HUB if sender == "hub" else Party.PARTY_POLICE
    node = ("--node", f"127.0.0.1:{steadfast.ports[party]}")
    credentials = ("--credentials", str(steadfast.pki_folder / sender))
    done = await xietong("operations", "test", "procuratorate", *node, *credentials, "--json")
    assert (done.code, done.json["state"]) == (ExitCode.OK, "ACCEPTED")
    stages = {(one["party"], one["stage"]) for one in done.json["stages"]}
    wanted = {one for one in STAGES if one[0] != sender} | {(sender, "intake"), ("procuratorate", "outcome")}
    assert stages >= wanted

    package_id = done.json["package_id"]
    receiver = await steadfast.agency(Party.PARTY_PROCURATORATE, "prosecution")
    await nothing_is_seen(receiver, package_id)
    outcome = Outcome(accepted=Accepted(receiver_case_number="示例"))
    report = gateway.ReportOutcomeRequest(package_id=package_id, outcome=outcome, actor=ACTOR)
    assert (await refusal(receiver.gateway.ReportOutcome(report))).reason == "PACKAGE_NOT_FOUND"
    if party == Party.PARTY_POLICE:
        police = await steadfast.agency(party, "case-handling")
        await nothing_is_seen(police, package_id)
        withdraw = gateway.WithdrawRequest(package_id=package_id, reason="误发", actor=ACTOR)
        assert (await refusal(police.gateway.Withdraw(withdraw))).reason == "PACKAGE_NOT_FOUND"


async def nothing_is_seen(agency: Agency, package_id: str) -> None:
    """A business system finds it neither by its id nor in a list, and cannot read it."""
    get = gateway.GetPackageRequest(package_id=package_id)
    assert (await refusal(agency.gateway.GetPackage(get))).reason == "PACKAGE_NOT_FOUND"
    for listing in (
        gateway.ListPackagesRequest(page_size=500),
        gateway.ListPackagesRequest(process_code=TEST),
    ):
        listed = (await agency.gateway.ListPackages(listing)).packages
        assert package_id not in {one.package_id for one in listed}


async def test_the_inbox_shows_what_comes_after_it_and_not_the_test(
    steadfast: CityUnderAttack, xietong: Xietong
) -> None:
    receiver = await steadfast.agency(Party.PARTY_PROCURATORATE, "prosecution")
    inbox = receiver.gateway.WatchInbox(gateway.WatchInboxRequest())
    tested = (await xietong("operations", "test", "procuratorate", "--json")).json["package_id"]
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    sent = await police.send(PROCESS, Party.PARTY_PROCURATORATE, case_number=case_number())
    async for seen in inbox:
        assert seen.package.package_id != tested
        if (seen.package.package_id, seen.package.state) == (
            sent.package_id,
            package_pb2.DELIVERY_STATE_DELIVERED,
        ):
            break
    inbox.cancel()


async def test_it_is_in_no_statistics(steadfast: CityUnderAttack, xietong: Xietong) -> None:
    await xietong("operations", "test", "procuratorate")
    request = GetStatisticsRequest()
    request.end_time.GetCurrentTime()
    request.end_time.seconds += 3600
    request.start_time.seconds = request.end_time.seconds - 24 * 3600
    for party in (Party.PARTY_HUB, Party.PARTY_PROCURATORATE):
        flows = FlowServiceStub(await steadfast.channel(party, "operator"))
        counted = await flows.GetStatistics(request)
        assert TEST not in {one.process_code for one in counted.counts}
        assert Party.PARTY_HUB not in {one.sender for one in counted.arrivals}


async def test_what_is_no_test(steadfast: CityUnderAttack, xietong: Xietong) -> None:
    for party, reason in (("hub", "ROUTE_NOT_FOUND"), ("prison", "ROUTE_NOT_FOUND")):
        assert (await xietong("operations", "test", party, "--json")).json["error"]["reason"] == reason
    police = ("--node", f"127.0.0.1:{steadfast.ports[Party.PARTY_POLICE]}")
    credentials = ("--credentials", str(steadfast.pki_folder / "police"))
    to_hub = await xietong("operations", "test", "hub", *police, *credentials, "--json")
    assert to_hub.json["error"]["reason"] == "RECEIVER_NOT_ALLOWED"
    court = await hostile_node(steadfast)
    for fields, content, reason in (
        ({"receiver": Address(party=Party.PARTY_PROCURATORATE)}, b"x" * 65_537, "ENVELOPE_INVALID"),
        ({"receiver": Address(party=Party.PARTY_HUB)}, b"x", "RECEIVER_NOT_ALLOWED"),
    ):
        forged = court.forge(content, process_code=TEST, **fields)
        async with court.talk() as talk:
            await talk.offer(forged)
            assert (await talk.refusal()).reason == reason


async def test_a_node_that_is_away_is_told(steadfast: CityUnderAttack, xietong: Xietong) -> None:
    told = await xietong("operations", "test", "court", "--wait", "1")
    assert told.code == ExitCode.UNREACHABLE
    assert "did not come through" in told.out


async def test_operators_withdraw_what_their_party_sent(steadfast: CityUnderAttack, xietong: Xietong) -> None:
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    sent = await police.send(PROCESS, Party.PARTY_PROCURATORATE, case_number=case_number())
    await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
    words = ("operations", "withdraw", sent.package_id, "--reason", "误发", "--json")
    assert (await xietong(*words)).json["error"]["reason"] == "PACKAGE_NOT_FOUND"  # the hub only relays it
    own = ("--node", f"127.0.0.1:{steadfast.ports[Party.PARTY_POLICE]}")
    credentials = ("--credentials", str(steadfast.pki_folder / "police"))
    for _ in range(2):
        assert (await xietong(*words, *own, *credentials)).json["package_id"] == sent.package_id
    await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_WITHDRAWN)
    ledger = await steadfast.ledger(Party.PARTY_POLICE)
    logged = await ledger.fetch(
        "SELECT operation, caller, note FROM operation_log WHERE package_id = $1", uuid.UUID(sent.package_id)
    )
    assert [tuple(row) for row in logged] == [("withdraw_package", "police/operator", "误发")]
