"""Calls of a business system that make no sense: what is not there, what is no value, what the state forbids."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Awaitable, Callable

import pytest
from tests.integration.exchange.city import ACTOR, Agency, draft_key
from tests.integration.exchange.refusals import refusal
from tests.integration.exchange.shared_city import PROCESS, CityUnderAttack, case_number, nothing_changes

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.draft_pb2 import Accepted, Outcome, Rejected, Returned
from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.evidence_pb2 import Actor, Reason
from xietong.exchange.v1.gateway_drafts_pb2 import DiscardDraftRequest
from xietong.exchange.v1.gateway_packages_pb2 import (
    GetPackageRequest,
    ListPackagesRequest,
    ReadPartRequest,
    ReportOutcomeRequest,
    WatchPackageRequest,
    WithdrawRequest,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

ACCEPTED = Outcome(accepted=Accepted(receiver_case_number="示检受〔2026〕1号"))
NOWHERE = str(uuid.UUID(int=7))
Call = Callable[[Agency, package_pb2.Package], Awaitable[object]]


def token(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


# A call that makes no sense, the reason, and the field or fact that names what is wrong.
SENSELESS: dict[str, tuple[Call, str, str]] = {
    "a package that is not here": (
        lambda a, _: a.gateway.GetPackage(GetPackageRequest(package_id=NOWHERE)),
        "PACKAGE_NOT_FOUND",
        "package_id",
    ),
    "a watch of it": (
        lambda a, _: anext(aiter(a.gateway.WatchPackage(WatchPackageRequest(package_id=NOWHERE)))),
        "PACKAGE_NOT_FOUND",
        "package_id",
    ),
    "an outcome of it": (lambda a, _: a.report(NOWHERE, ACCEPTED), "PACKAGE_NOT_FOUND", "package_id"),
    "an outcome of what we sent": (
        lambda a, p: a.report(p.package_id, ACCEPTED),
        "PACKAGE_NOT_FOUND",
        "package_id",
    ),
    "an id that is none": (
        lambda a, _: a.gateway.GetPackage(GetPackageRequest(package_id="1 OR 1=1")),
        "INVALID_FIELD",
        "package_id",
    ),
    "a part that is not in it": (
        lambda a, p: anext(aiter(a.gateway.ReadPart(ReadPartRequest(package_id=p.package_id, part=77)))),
        "PART_NOT_FOUND",
        "part",
    ),
    "a part beyond all packages": (
        lambda a, p: anext(aiter(a.gateway.ReadPart(ReadPartRequest(package_id=p.package_id, part=10_000)))),
        "INVALID_FIELD",
        "part",
    ),
    "an offset beyond all numbers": (
        lambda a, p: anext(
            aiter(a.gateway.ReadPart(ReadPartRequest(package_id=p.package_id, offset=2**64 - 1)))
        ),
        "INVALID_FIELD",
        "offset",
    ),
    "an outcome that says nothing": (
        lambda a, p: a.gateway.ReportOutcome(
            ReportOutcomeRequest(package_id=p.package_id, outcome=Outcome(), actor=ACTOR)
        ),
        "INVALID_FIELD",
        "outcome.outcome",
    ),
    "an acceptance without a number": (
        lambda a, p: a.report(p.package_id, Outcome(accepted=Accepted())),
        "INVALID_FIELD",
        "outcome.accepted.receiver_case_number",
    ),
    "a number with NUL": (
        lambda a, p: a.report(p.package_id, Outcome(accepted=Accepted(receiver_case_number="1\0"))),
        "INVALID_FIELD",
        "outcome.accepted.receiver_case_number",
    ),
    "a return without a reason": (
        lambda a, p: a.report(p.package_id, Outcome(returned=Returned())),
        "INVALID_FIELD",
        "outcome.returned.reasons",
    ),
    "a withdrawal without a reason": (
        lambda a, p: a.gateway.Withdraw(WithdrawRequest(package_id=p.package_id, actor=ACTOR)),
        "INVALID_FIELD",
        "reason",
    ),
    "a page of minus one": (
        lambda a, _: a.gateway.ListPackages(ListPackagesRequest(page_size=-1)),
        "INVALID_FIELD",
        "page_size",
    ),
    "a state that nobody knows": (
        lambda a, _: a.gateway.ListPackages(
            ListPackagesRequest(states=[package_pb2.DeliveryState.ValueType(2**31 - 1)])
        ),
        "INVALID_FIELD",
        "states[0]",
    ),
    "a process that is no code": (
        lambda a, _: a.gateway.ListPackages(ListPackagesRequest(process_code="PB-01\0")),
        "INVALID_FIELD",
        "process_code",
    ),
    "a case that is no id": (
        lambda a, _: a.gateway.ListPackages(ListPackagesRequest(collaboration_case_id="the theft")),
        "INVALID_FIELD",
        "collaboration_case_id",
    ),
    "a token that is none": (
        lambda a, _: a.gateway.ListPackages(ListPackagesRequest(page_token="%%%")),
        "PAGE_TOKEN_INVALID",
        "",
    ),
    "a token of another list": (
        lambda a, _: a.gateway.ListPackages(ListPackagesRequest(page_token=token("ListFlows:1"))),
        "PAGE_TOKEN_INVALID",
        "",
    ),
    "a token beyond all numbers": (
        lambda a, _: a.gateway.ListPackages(
            ListPackagesRequest(page_token=token("ListPackages:" + "9" * 40))
        ),
        "PAGE_TOKEN_INVALID",
        "",
    ),
    "a handler with NUL": (
        lambda a, _: a.gateway.DiscardDraft(
            DiscardDraftRequest(
                key=draft_key(PROCESS), actor=Actor(organ_code="440199000000", handler_ref="P\0")
            )
        ),
        "INVALID_FIELD",
        "actor.handler_ref",
    ),
    "a path that steers the terminal": (
        lambda a, p: a.report(
            p.package_id, Outcome(rejected=Rejected(reasons=[Reason(code="A", path="\x1b[2J", text_zh="无")]))
        ),
        "INVALID_FIELD",
        "outcome.rejected.reasons[0].path",
    ),
    "nobody who discards": (
        lambda a, _: a.gateway.DiscardDraft(DiscardDraftRequest(key=draft_key(PROCESS))),
        "INVALID_FIELD",
        "actor",
    ),
}


async def test_calls_that_make_no_sense_are_named_and_change_nothing(
    steadfast: CityUnderAttack, subtests: pytest.Subtests
) -> None:
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    sent = await police.send(PROCESS, Party.PARTY_PROCURATORATE, case_number=case_number())
    await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
    for name, (call, reason, what) in SENSELESS.items():
        with subtests.test(name):
            async with nothing_changes(steadfast, Party.PARTY_POLICE):
                refused = await refusal(call(police, sent))
            assert refused.reason == reason
            assert not what or what in refused.fields or what in refused.facts
