"""Repeated clicks: the same send once more is the same send, as long as it is not finished."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from tests.integration.exchange.city import ACTOR, Agency, City, draft_key, manifest_for

from xietong.exchange.v1 import gateway_drafts_pb2, package_pb2
from xietong.exchange.v1.draft_pb2 import Accepted, Outcome
from xietong.exchange.v1.envelope_pb2 import Party


async def police_of(city: City) -> Agency:
    return await city.agency(Party.PARTY_POLICE, "case-handling")


async def test_twenty_clicks_over_several_connections_are_one_package(three: City) -> None:
    clicks = [await police_of(three) for _ in range(4)]
    key = draft_key("PB-01")
    await clicks[0].contribute(key, manifest_for("PB-01", {}), {})
    await clicks[0].open(key, Party.PARTY_PROCURATORATE)

    answers = await asyncio.gather(*(clicks[n % 4].submit(key) for n in range(20)))

    assert len({answer.packages[0].package_id for answer in answers}) == 1
    assert sum(not answer.attached for answer in answers) == 1


async def test_the_whole_send_again_attaches_until_it_has_an_outcome(three: City) -> None:
    police = await police_of(three)
    procuratorate = await three.agency(Party.PARTY_PROCURATORATE, "prosecution")

    first = await police.send("PB-01", Party.PARTY_PROCURATORATE)
    again = await police.send("PB-01", Party.PARTY_PROCURATORATE)
    await procuratorate.arrived(first.package_id)
    await procuratorate.report(first.package_id, Outcome(accepted=Accepted(receiver_case_number="1")))
    await police.reached(first.package_id, package_pb2.DELIVERY_STATE_ACCEPTED)
    deliberate = await police.send("PB-01", Party.PARTY_PROCURATORATE)

    assert again.package_id == first.package_id
    assert deliberate.package_id != first.package_id


async def test_other_content_under_the_same_key_is_another_package(three: City) -> None:
    police = await police_of(three)
    first = await police.send("PB-01", Party.PARTY_PROCURATORATE)
    second = await police.send("PB-01", Party.PARTY_PROCURATORATE, files={"document-0.pdf": b"%PDF other"})
    assert second.package_id != first.package_id


async def test_a_request_id_is_for_one_send(three: City) -> None:
    police = await police_of(three)
    key, other = draft_key("PB-01"), draft_key("PB-01", "A4401990000012026030002")
    for each in (key, other):
        await police.contribute(each, manifest_for("PB-01", {}), {})
        await police.open(each, Party.PARTY_PROCURATORATE)
    first = await police.submit(key, "request-0001")
    again = await police.submit(key, "request-0001")
    request = gateway_drafts_pb2.SubmitRequest(request_id="request-0001", key=other, actor=ACTOR)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await police.gateway.Submit(request)

    assert again.attached
    assert again.packages[0].package_id == first.packages[0].package_id
    assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS
