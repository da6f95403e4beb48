"""How a neighbour, and the surroundings, provoke each reason that a node may give."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable

from sqlalchemy import make_url
from tests.contract.every_reason import Provocations, World
from tests.integration.exchange.hostile_neighbour import (
    MIB,
    Conversation,
    Forged,
    HostileNode,
    envelope_of,
)
from tests.integration.exchange.refusals import Refused, read_reason, read_status, refusal
from tests.integration.exchange.shared_city import (
    PROCESS,
    case_number,
)

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.envelope_pb2 import Address, Party, SignedEnvelope
from xietong.exchange.v1.evidence_pb2 import Evidence
from xietong.exchange.v1.gateway_packages_pb2 import (
    ListPackagesRequest,
    WatchInboxRequest,
)
from xietong.supervision.v1.incident_service_pb2 import GetIncidentRequest
from xietong.supervision.v1.incident_service_pb2_grpc import IncidentServiceStub
from xietong.supervision.v1.problem_service_pb2 import GetProblemRequest
from xietong.supervision.v1.problem_service_pb2_grpc import ProblemServiceStub
from xietong.supervision.v1.standard_change_pb2 import StandardChangeDraft, StandardScope
from xietong.supervision.v1.standard_service_pb2 import (
    GetChangeRequest,
    RequestChangeRequest,
    RetireEditionRequest,
)
from xietong.supervision.v1.standard_service_pb2_grpc import StandardServiceStub
from xietong_exchange.adapters.postgres.packages import PostgresPackages
from xietong_exchange.runtime.settings import RetrySettings

PROVOCATIONS = Provocations()


@PROVOCATIONS.add
async def too_many_transfers(world: World) -> Refused:
    court = await world.court()
    async with court.talk() as talk:
        for number in range(17):
            await talk.offer(court.forge(uuid.uuid4().bytes), transfer=number)
        return await talk.refusal(transfer=16)


@PROVOCATIONS.add
async def incident_not_found(world: World) -> Refused:
    incidents = IncidentServiceStub(await world.city.channel(Party.PARTY_HUB, "operator"))
    return await refusal(incidents.GetIncident(GetIncidentRequest(incident_id=str(uuid.uuid4()))))


@PROVOCATIONS.add
async def problem_not_found(world: World) -> Refused:
    problems = ProblemServiceStub(await world.city.channel(Party.PARTY_HUB, "operator"))
    return await refusal(problems.GetProblem(GetProblemRequest(report_id=str(uuid.uuid4()))))


@PROVOCATIONS.add
async def change_not_found(world: World) -> Refused:
    standard = StandardServiceStub(await world.city.channel(Party.PARTY_HUB, "operator"))
    return await refusal(standard.GetChange(GetChangeRequest(change_id=str(uuid.uuid4()))))


@PROVOCATIONS.add
async def change_step_refused(world: World) -> Refused:
    standard = StandardServiceStub(await world.city.channel(Party.PARTY_HUB, "operator"))
    draft = StandardChangeDraft(
        title="增加字段",
        reason="需要",
        scope=StandardScope.STANDARD_SCOPE_ACROSS_UNITS,
        contact_point="业务接口人",
    )
    request = RequestChangeRequest(request_id=str(uuid.uuid4()), draft=draft)
    change_id = (await standard.RequestChange(request)).change.change_id
    return await refusal(standard.RetireEdition(RetireEditionRequest(change_id=change_id)))


# Envelopes


async def refused_offer(court: HostileNode, package: Forged) -> Refused:
    """What the offer of a package is refused with."""
    async with court.talk() as talk:
        await talk.offer(package)
        return await talk.refusal()


@PROVOCATIONS.add
async def envelope_invalid(world: World) -> Refused:
    court, envelope = await world.court(), envelope_of([b"x"])
    envelope.parts[0].number = 1
    return await refused_offer(court, court.sign(envelope))


@PROVOCATIONS.add
async def signature_invalid(world: World) -> Refused:
    package = (await world.court()).forge(b"x")
    changed = package.signed.envelope[:-1] + bytes([package.signed.envelope[-1] ^ 1])
    signed = SignedEnvelope(envelope=changed, signature=package.signed.signature)
    return await refused_offer(await world.court(), Forged(package.envelope, (), signed))


@PROVOCATIONS.add
async def sender_mismatch(world: World) -> Refused:
    package = (await world.court()).forge(b"x", sender=Address(party=Party.PARTY_POLICE))
    return await refused_offer(await world.court(), package)


@PROVOCATIONS.add
async def route_not_found(world: World) -> Refused:
    package = (await world.court()).forge(b"x", receiver=Address(party=Party.PARTY_PRISON))
    return await refused_offer(await world.court(), package)


@PROVOCATIONS.add
async def package_conflict(world: World) -> Refused:
    court = await world.court()
    package = court.forge(b"first")
    await court.bring(package)
    return await refused_offer(court, court.forge(b"other", package_id=package.package_id))


@PROVOCATIONS.add
async def evidence_invalid(world: World) -> Refused:
    court = await world.court()
    nothing = Evidence(statement=b"\xff", signature=court.notary.sign("Statement", b"\xff"))
    (result,) = await court.deliver(nothing)
    return read_status(result.error)


# Frames


async def refused_talk(world: World, *says: Callable[[Conversation], Awaitable[None]]) -> Refused:
    """What a transfer of a part of 1 MiB is refused with, after its offer and these frames."""
    court = await world.court()
    async with court.talk() as talk:
        await talk.offer(court.forge(uuid.uuid4().bytes * (MIB // 16)))
        for say in says:
            await say(talk)
        return await talk.refusal()


@PROVOCATIONS.add
async def chunk_out_of_order(world: World) -> Refused:
    return await refused_talk(world, lambda talk: talk.chunk(0, b"x", offset=5))


@PROVOCATIONS.add
async def chunk_beyond_size(world: World) -> Refused:
    return await refused_talk(world, lambda talk: talk.chunk(0, b"x", offset=MIB))


@PROVOCATIONS.add
async def unknown_part(world: World) -> Refused:
    return await refused_talk(world, lambda talk: talk.chunk(1, b"x"))


@PROVOCATIONS.add
async def frame_too_large(world: World) -> Refused:
    return await refused_talk(world, lambda talk: talk.chunk(0, bytes(MIB + 1)))


@PROVOCATIONS.add
async def commit_too_early(world: World) -> Refused:
    return await refused_talk(world, lambda talk: talk.commit())


@PROVOCATIONS.add
async def protocol_violation(world: World) -> Refused:
    async with (await world.court()).talk() as talk:
        await talk.commit()
        return await talk.refusal()


@PROVOCATIONS.add
async def stream_superseded(world: World) -> Refused:
    court = await world.court()
    package = court.forge(uuid.uuid4().bytes)
    async with court.talk() as old, court.talk() as new:
        for talk in (old, new):
            await talk.offer(package)
            await talk.until("need")
        await old.commit()
        return await old.refusal()


# Trouble


@PROVOCATIONS.add
async def database_unavailable(world: World) -> Refused:
    name = make_url(world.city.urls[Party.PARTY_POLICE]).database
    police = await world.police()
    await world.server.execute(
        f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
    )
    try:
        return await refusal(police.get(str(uuid.uuid4())))
    finally:
        await world.server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


@PROVOCATIONS.add
async def internal(world: World) -> Refused:
    async def defect(*_arguments: object, **_named: object) -> None:
        raise RuntimeError("a defect that names 张某某 and /tmp/private")

    police = await world.police()
    with world.patch.context() as patch:
        patch.setattr(PostgresPackages, "page", defect)
        refused = await refusal(police.gateway.ListPackages(ListPackagesRequest()))
    assert "张某某" not in f"{refused}"
    assert refused.facts["incident"] in refused.text_en
    return refused


@PROVOCATIONS.add
async def shutting_down(world: World) -> Refused:
    inbox = (await world.procuratorate()).gateway.WatchInbox(WatchInboxRequest())
    await world.delivered()
    await anext(aiter(inbox))

    async def the_rest() -> None:
        async for _ in inbox:
            pass

    refused = asyncio.create_task(refusal(the_rest()))
    await world.city.restart(Party.PARTY_PROCURATORATE)
    return await refused


async def send_without_a_hub(world: World) -> package_pb2.Package:
    police = await world.police()
    return await police.send(PROCESS, Party.PARTY_PROCURATORATE, case_number=case_number())


@PROVOCATIONS.add
async def node_unreachable(world: World) -> Refused:
    """In the progress of a package: the sender's rpc was answered long ago."""
    await world.city.stop(Party.PARTY_HUB)
    try:
        sent, police = await send_without_a_hub(world), await world.police()
        while not (reason := (await police.get(sent.package_id)).progress.last_reason).code:
            await asyncio.sleep(0.01)
    finally:
        await world.city.start(Party.PARTY_HUB)
    return read_reason(reason)


@PROVOCATIONS.add
async def delivery_given_up(world: World) -> Refused:
    """In the evidence of a package that was given up, beside the reason of the last try."""
    impatient = RetrySettings(first_delay_seconds=0.01, longest_delay_seconds=0.01, give_up_after_hours=1e-6)
    await world.city.stop(Party.PARTY_HUB)
    try:
        async with world.city.changed(Party.PARTY_POLICE, retry=impatient):
            sent = await send_without_a_hub(world)
            failed = await (await world.police()).reached(sent.package_id, package_pb2.DELIVERY_STATE_FAILED)
    finally:
        await world.city.start(Party.PARTY_HUB)
    given_up, cause = map(read_reason, failed.reasons)
    assert cause.reason == "NODE_UNREACHABLE"
    return given_up
