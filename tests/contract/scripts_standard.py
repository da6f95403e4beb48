"""Scripts for the rpcs of the data standard's life: a change goes its whole way, one rpc after the other."""

from __future__ import annotations

import uuid
from typing import cast

from google.protobuf.message import Message
from tests.contract.every_rpc import OPERATOR, POLICE_AT_HUB, RPCS, STANDARD, Rpc, Scripts, World

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.supervision.v1 import standard_change_pb2 as change_pb
from xietong.supervision.v1 import standard_service_pb2 as pb
from xietong.supervision.v1.standard_change_pb2 import StandardChange

SCRIPTS = Scripts()
NOTICE = change_pb.StandardNotice(number="数标〔2026〕1号", edition="2026.2", effective_date="2026-11-01")
STAYING = [Party.PARTY_POLICE, Party.PARTY_COURT, Party.PARTY_HUB]


async def step(rpc: Rpc, name: str, request: Message) -> StandardChange:
    """Another rpc of the service, as the same caller."""
    (answer,) = await Rpc(RPCS[f"xietong.{STANDARD}/{name}"], rpc.channel)(request)
    return cast("StandardChange", answer.change)


async def asked(rpc: Rpc, scope: change_pb.StandardScope.ValueType) -> str:
    draft = change_pb.StandardChangeDraft(
        title="增加字段", reason="需要", scope=scope, parties=STAYING[:2], contact_point="法制支队业务接口人"
    )
    change = await step(
        rpc, "RequestChange", pb.RequestChangeRequest(request_id=str(uuid.uuid4()), draft=draft)
    )
    return change.change_id


async def approved(rpc: Rpc) -> str:
    change_id = await asked(rpc, change_pb.STANDARD_SCOPE_ACROSS_UNITS)
    decision = change_pb.StandardDecision(approved=True, reason="需要")
    await step(rpc, "DecideChange", pb.DecideChangeRequest(change_id=change_id, decision=decision))
    return change_id


async def announced(rpc: Rpc) -> str:
    change_id = await approved(rpc)
    await step(rpc, "PublishNotice", pb.PublishNoticeRequest(change_id=change_id, notice=NOTICE))
    return change_id


async def in_force(rpc: Rpc) -> str:
    """In force with nobody left behind: the hub is the only party."""
    draft = change_pb.StandardChangeDraft(
        title="增加字段", reason="需要", scope=change_pb.STANDARD_SCOPE_ACROSS_UNITS, contact_point="专班秘书"
    )
    asked_for = pb.RequestChangeRequest(request_id=str(uuid.uuid4()), draft=draft)
    change_id = (await step(rpc, "RequestChange", asked_for)).change_id
    decision = change_pb.StandardDecision(approved=True, reason="需要")
    await step(rpc, "DecideChange", pb.DecideChangeRequest(change_id=change_id, decision=decision))
    await step(rpc, "PublishNotice", pb.PublishNoticeRequest(change_id=change_id, notice=NOTICE))
    ready = change_pb.StandardReadiness(
        system="exchange", level=change_pb.STANDARD_READINESS_LEVEL_READY, vendor="示例厂商"
    )
    await step(rpc, "ReportReadiness", pb.ReportReadinessRequest(change_id=change_id, readiness=ready))
    await step(rpc, "PutInForce", pb.PutInForceRequest(change_id=change_id))
    return change_id


@SCRIPTS.calls(STANDARD, "RequestChange", POLICE_AT_HUB)
async def request_change(rpc: Rpc, world: World) -> None:
    draft = change_pb.StandardChangeDraft(
        title="增加字段", reason="需要", scope=change_pb.STANDARD_SCOPE_LOCAL, contact_point="业务接口人"
    )
    request = pb.RequestChangeRequest(request_id=str(uuid.uuid4()), draft=draft)
    (first,) = await rpc(request)
    (again,) = await rpc(request)
    assert first.change.change_id == again.change.change_id
    assert first.change.requested_by == Party.PARTY_POLICE


@SCRIPTS.calls(STANDARD, "ListChanges", OPERATOR)
async def list_changes(rpc: Rpc, world: World) -> None:
    older, newer = [await asked(rpc, change_pb.STANDARD_SCOPE_ACROSS_UNITS) for _ in range(2)]
    request = pb.ListChangesRequest(states=[change_pb.STANDARD_CHANGE_STATE_REQUESTED], page_size=1)
    (page,) = await rpc(request)
    assert [one.change_id for one in page.changes] == [newer]
    request.page_token = page.next_page_token
    (page,) = await rpc(request)
    assert [one.change_id for one in page.changes] == [older]


@SCRIPTS.calls(STANDARD, "GetChange", OPERATOR)
async def get_change(rpc: Rpc, world: World) -> None:
    (answer,) = await rpc(pb.GetChangeRequest(change_id=await announced(rpc)))
    assert answer.change.notice == NOTICE
    assert [one.caller for one in answer.change.steps] == ["hub/operator"] * 3


@SCRIPTS.calls(STANDARD, "CloseChange", POLICE_AT_HUB)
async def close_change(rpc: Rpc, world: World) -> None:
    change_id = await asked(rpc, change_pb.STANDARD_SCOPE_LOCAL)
    (answer,) = await rpc(pb.CloseChangeRequest(change_id=change_id, note="厂商已改"))
    assert answer.change.state == change_pb.STANDARD_CHANGE_STATE_CLOSED


@SCRIPTS.calls(STANDARD, "DecideChange", OPERATOR)
async def decide_change(rpc: Rpc, world: World) -> None:
    change_id = await asked(rpc, change_pb.STANDARD_SCOPE_ACROSS_UNITS)
    decision = change_pb.StandardDecision(reason="与国家标准冲突")
    (answer,) = await rpc(pb.DecideChangeRequest(change_id=change_id, decision=decision))
    assert answer.change.state == change_pb.STANDARD_CHANGE_STATE_DECLINED


@SCRIPTS.calls(STANDARD, "PublishNotice", OPERATOR)
async def publish_notice(rpc: Rpc, world: World) -> None:
    (answer,) = await rpc(pb.PublishNoticeRequest(change_id=await approved(rpc), notice=NOTICE))
    assert answer.change.state == change_pb.STANDARD_CHANGE_STATE_ROLLING_OUT


@SCRIPTS.calls(STANDARD, "ReportReadiness", OPERATOR)
async def report_readiness(rpc: Rpc, world: World) -> None:
    said = change_pb.StandardReadiness(system="exchange", level=change_pb.STANDARD_READINESS_LEVEL_TESTING)
    (answer,) = await rpc(pb.ReportReadinessRequest(change_id=await announced(rpc), readiness=said))
    (kept,) = answer.change.readiness
    assert (kept.party, kept.level) == (Party.PARTY_HUB, said.level)


@SCRIPTS.calls(STANDARD, "PutInForce", OPERATOR)
async def put_in_force(rpc: Rpc, world: World) -> None:
    (answer,) = await rpc(pb.PutInForceRequest(change_id=await announced(rpc), staying_parties=STAYING))
    assert answer.change.state == change_pb.STANDARD_CHANGE_STATE_IN_FORCE
    assert set(answer.change.staying_parties) == set(STAYING)


@SCRIPTS.calls(STANDARD, "RetireEdition", OPERATOR)
async def retire_edition(rpc: Rpc, world: World) -> None:
    (answer,) = await rpc(pb.RetireEditionRequest(change_id=await in_force(rpc)))
    assert answer.change.state == change_pb.STANDARD_CHANGE_STATE_RETIRED
