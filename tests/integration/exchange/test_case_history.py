"""Pre-flight knows where the persons of a case stand: by the packages that the node sent and received before."""

from __future__ import annotations

import asyncio

import pytest
from tests.integration.exchange.city import Agency, draft_key, manifest_for
from tests.integration.exchange.shared_city import BOUND_SECONDS, CityUnderAttack, case_number
from tests.unit.standard.packages import IDENTIFIED, UNIDENTIFIED

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.exchange.v1.draft_pb2 import Accepted, FindingSeverity, Outcome
from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.gateway_drafts_pb2 import PreflightRequest
from xietong.exchange.v1.package_pb2 import Package

pytestmark = pytest.mark.asyncio(loop_scope="session")

POLICE, PROCURATORATE = Party.PARTY_POLICE, Party.PARTY_PROCURATORATE


def content_for(process: str) -> Manifest:
    """A complete manifest that says for which process it is."""
    content = manifest_for(process, {})
    content.process_code = process
    return content


async def odd(agency: Agency, to: Party.ValueType, content: Manifest, number: str, **header: str) -> set[str]:
    """The persons for whom pre-flight finds the process of a new draft unusual now; it stays a warning."""
    key = draft_key(content.process_code, number, label="planned")
    await agency.contribute(key, content, {})
    await agency.open(key, to, **header)
    pieces = [piece async for piece in agency.gateway.Preflight(PreflightRequest(key=key))]
    found = [one.finding for one in pieces if one.finding.rule.startswith("XT-LIF")]
    assert {one.rule for one in found} <= {"XT-LIF-01"}
    assert {one.severity for one in found} <= {FindingSeverity.FINDING_SEVERITY_WARNING}
    assert pieces[-1].summary.error_count == 0
    positions = [int(one.path.removeprefix("persons[").removesuffix("]")) for one in found]
    return {content.persons[position].id for position in positions}


async def sent(sender: Agency, receiver: Agency, content: Manifest, number: str, **header: str) -> Package:
    """A package that its receiver has."""
    key = draft_key(content.process_code, number)
    await sender.contribute(key, content, {})
    await sender.open(key, receiver.party, **header)
    (package,) = (await sender.submit(key)).packages
    return await receiver.arrived(package.package_id)


async def answer(agency: Agency, process: str, received: Package) -> Manifest:
    """A package about the persons of one that was received, by the ids under which it names them."""
    known = Manifest.FromString(await agency.read(received.package_id, 0))
    ids = {person.id: person.collaboration_person_id for person in known.persons}
    content = content_for(process)
    for person in content.persons:
        person.collaboration_person_id = ids[person.id]
    return content


async def test_what_makes_no_sense_after_all_that_was_sent_and_received_is_warned_of(
    steadfast: CityUnderAttack,
) -> None:
    police = await steadfast.agency(POLICE, "case-handling")
    procuratorate = await steadfast.agency(PROCURATORATE, "prosecution")
    number, own_number, suspects = case_number(), case_number(), {IDENTIFIED, UNIDENTIFIED}
    async with asyncio.timeout(BOUND_SECONDS):
        assert await odd(police, PROCURATORATE, content_for("QS-01"), number) == set()
        request = await sent(police, procuratorate, content_for("PB-01"), number)
        approval = await answer(procuratorate, "PB-02", request)
        about = {"correlation_id": request.package_id}
        assert await odd(procuratorate, POLICE, approval, own_number, **about) == set()
        accepted = Outcome(accepted=Accepted(receiver_case_number=own_number))
        await procuratorate.report(request.package_id, accepted)
        await sent(procuratorate, police, approval, own_number, **about)

        assert await odd(police, PROCURATORATE, content_for("QS-01"), number) == set()
        await sent(police, procuratorate, content_for("QS-01"), number)
        assert await odd(police, PROCURATORATE, content_for("PB-01"), number) == suspects
        assert await odd(procuratorate, POLICE, approval, own_number, **about) == suspects
        assert await odd(police, PROCURATORATE, content_for("PB-01"), case_number()) == set()
        other = content_for("PB-01")
        for person in other.persons:
            if person.id == UNIDENTIFIED:
                person.collaboration_person_id = "5d0c4f9e-3b1a-4c7e-9a55-0d6b7c8e9f10"
        assert await odd(police, PROCURATORATE, other, number) == {IDENTIFIED}
        planned = draft_key("PB-01", number, label="planned")
        assert len((await police.submit(planned)).packages) == 1
