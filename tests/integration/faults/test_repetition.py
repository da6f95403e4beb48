"""The same thing once more: clicks, corrections, replays. Each has the effect that the person means, and only once."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from tests.integration.exchange.city import ACTOR, Agency, content_of, draft_key, manifest_for
from tests.integration.faults.proof import (
    DELIVERED,
    FAILED,
    RETURNED,
    arrives_once,
    kind_of,
    send,
)
from tests.integration.faults.town import (
    FILE,
    HUB,
    MIB,
    POLICE,
    PROCESS,
    PROCURATORATE,
    Town,
    case_number,
)
from tests.integration.faults.town import content_of as fresh_bytes

from xietong.exchange.v1 import operations_service_pb2 as operations_pb
from xietong.exchange.v1.draft_pb2 import Contribution, Outcome, Returned
from xietong.exchange.v1.evidence_pb2 import Reason
from xietong.exchange.v1.gateway_drafts_pb2 import ContributeRequest
from xietong.exchange.v1.package_pb2 import HopState
from xietong_exchange.runtime.settings import RetrySettings

pytestmark = pytest.mark.asyncio(loop_scope="session")

RECORDING = "讯问录像.mp4"
CLICKS, CONNECTIONS = 20, 4


async def test_many_clicks_on_send_make_one_package(town: Town) -> None:
    content, key = fresh_bytes(MIB), draft_key(PROCESS, case_number())
    agencies = [await town.police() for _ in range(CONNECTIONS)]
    files = {FILE: content}
    await agencies[0].contribute(key, manifest_for(PROCESS, files), files)
    await agencies[0].open(key, PROCURATORATE)
    request_id = str(uuid.uuid4())

    answers = await asyncio.gather(
        *(  # half of the clicks repeat one request, the others are requests of their own
            agencies[click % CONNECTIONS].submit(key, request_id if click % 2 else "")
            for click in range(CLICKS)
        )
    )
    await town.kill(POLICE)
    await town.start(POLICE)
    answers.append(await (await town.police()).submit(key, request_id))

    packages = {package.package_id for answer in answers for package in answer.packages}
    assert len(packages) == 1
    assert [answer.attached for answer in answers].count(False) == 1
    counting = "SELECT count(*) FROM package JOIN draft USING (draft_id) WHERE case_number = :number"
    assert await town.rows(POLICE, counting, number=key.case_number) == [(1,)]
    await arrives_once(town, packages.pop(), content)


async def test_a_correction_sends_only_what_changed(town: Town) -> None:
    number, wrong, right, recording = case_number(), *map(fresh_bytes, (1000, 1200, 64 * MIB))
    police = await town.police()
    files = {FILE: wrong, RECORDING: recording}
    first = await police.send(PROCESS, PROCURATORATE, case_number=number, files=files)
    await town.state(PROCURATORATE, first.package_id, DELIVERED)
    reasons = [Reason(code="DOCUMENT_WRONG", path=FILE, text_zh="文书有误", text_en="wrong document")]
    procuratorate = await town.procuratorate()
    await procuratorate.report(first.package_id, Outcome(returned=Returned(reasons=reasons)))
    returned = await town.state(POLICE, first.package_id, RETURNED)
    assert [reason.path for reason in returned.reasons] == [FILE]

    before = town.to_hub.sent_bytes, town.to_procuratorate.sent_bytes
    second = await _correct(police, number, first.package_id, {FILE: right, RECORDING: recording})
    await arrives_once(town, second, recording)

    assert right in [await procuratorate.read(second, part) for part in range(4)]
    assert town.to_hub.sent_bytes - before[0] < MIB
    assert town.to_procuratorate.sent_bytes - before[1] < MIB


async def _correct(police: Agency, number: str, package_id: str, files: dict[str, bytes]) -> str:
    """Open the correction, replace the document, upload nothing but that, submit."""
    key = draft_key(PROCESS, number)
    await police.open(key, PROCURATORATE, corrects_package_id=package_id)
    fragment = manifest_for(PROCESS, files)
    content_of(fragment, files)
    contribution = Contribution(name="case-data", fragment=fragment)
    await police.gateway.Contribute(ContributeRequest(key=key, contribution=contribution, actor=ACTOR))
    await police.upload(key, files[FILE])
    return (await police.submit(key)).packages[0].package_id


async def test_a_delivery_that_was_given_up_is_replayed(town: Town) -> None:
    hasty = RetrySettings(first_delay_seconds=0.05, longest_delay_seconds=0.1, give_up_after_hours=1e-4)
    await town.restart(POLICE, retry=hasty)
    await town.kill(HUB)
    content = fresh_bytes(1000)
    sent = await send(await town.police(), content)

    failed = await town.state(POLICE, sent.package_id, FAILED)
    assert [reason.code for reason in failed.reasons] == ["DELIVERY_GIVEN_UP", "NODE_UNREACHABLE"]
    assert "FAILED" in [kind_of(piece.statement) for piece in failed.evidence]
    stub = await town.operations(POLICE)
    listed = await stub.ListDeliveries(operations_pb.ListDeliveriesRequest(state=HopState.HOP_STATE_DEAD))
    dead = [delivery for delivery in listed.deliveries if delivery.package_id == sent.package_id]
    assert [delivery.last_reason.code for delivery in dead] == ["DELIVERY_GIVEN_UP"]

    await town.start(HUB)
    await town.restart(POLICE)  # as hasty as before it would give up again before the connection is back
    stub = await town.operations(POLICE)
    await stub.ReplayDelivery(operations_pb.ReplayDeliveryRequest(delivery_id=dead[0].delivery_id))
    await arrives_once(town, sent.package_id, content, "FAILED")
