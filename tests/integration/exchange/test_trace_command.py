"""The commands `trace` and `status` for operators: by whatever id somebody has, at the sender, hub and receiver."""

from __future__ import annotations

import uuid

import pytest
from tests.integration.exchange.commands import Said, Xietong
from tests.integration.exchange.shared_city import PROCESS, CityUnderAttack, case_number

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.envelope_pb2 import Envelope, Party
from xietong_client.cli.exit_codes import ExitCode

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_package_is_traced_by_each_id_at_each_node(
    steadfast: CityUnderAttack, xietong: Xietong
) -> None:
    async def at(party: Party.ValueType, wanted: str, command: str = "trace") -> Said:
        node = f"127.0.0.1:{steadfast.ports[party]}"
        credentials = str(steadfast.pki_folder / Party.Name(party).removeprefix("PARTY_").lower())
        return await xietong(
            command, wanted, "--json", "--node", node, "--credentials", credentials, "--system", "operator"
        )

    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    number = case_number()
    sent, other = [
        await police.send(process, Party.PARTY_PROCURATORATE, case_number=number)
        for process in (PROCESS, "PB-01")
    ]
    for package in (sent, other):
        await police.reached(package.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
    envelope = Envelope.FromString(sent.envelope.envelope)
    trace_context = envelope.trace_context.traceparent

    for party in (Party.PARTY_POLICE, Party.PARTY_HUB, Party.PARTY_PROCURATORATE):
        for wanted in (sent.package_id, trace_context, trace_context.split("-")[1]):
            told = (await at(party, wanted)).json
            assert told["package_id"] == sent.package_id
            assert {"hub", "procuratorate"} <= {stage["party"] for stage in told["stages"]}
    assert (await at(Party.PARTY_POLICE, envelope.send_id)).json["package_id"] == sent.package_id

    at_hub = (await at(Party.PARTY_HUB, sent.package_id, "status")).json
    assert (at_hub["package_id"], at_hub["progress"]["peer"]) == (sent.package_id, "procuratorate")

    several = await at(Party.PARTY_HUB, number)
    assert (several.code, several.json["error"]["reason"]) == (ExitCode.CONFLICT, "AMBIGUOUS")
    offered = [one["path"] for one in several.json["error"]["violations"]]
    assert offered == [other.package_id, sent.package_id]
    for nothing in (uuid.uuid4().hex, str(uuid.uuid4()), "（2026）粤9999刑初1号"):
        unknown = await at(Party.PARTY_HUB, nothing)
        assert (unknown.code, unknown.json["error"]["reason"]) == (ExitCode.REFUSED, "PACKAGE_NOT_FOUND")
