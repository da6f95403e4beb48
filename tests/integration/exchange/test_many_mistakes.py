"""A draft of ten thousand mistakes over the wire: pre-flight tells them all, and submit refuses within its bound."""

from __future__ import annotations

import pytest
from tests.integration.exchange.city import draft_key, manifest_for
from tests.integration.exchange.refusals import refusal
from tests.integration.exchange.shared_city import PROCESS, CityUnderAttack, case_number

from xietong.casefile.v1.case_pb2 import CodedValue
from xietong.casefile.v1.charge_pb2 import Charge, ChargeStage
from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.gateway_drafts_pb2 import PreflightRequest

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHARGES = 10_000
"""The most that the contract allows."""


async def test_all_are_told_and_the_refusal_is_bounded(steadfast: CityUnderAttack) -> None:
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    number = case_number()
    key, manifest = draft_key(PROCESS, number), manifest_for(PROCESS, {})
    stage, offence = ChargeStage.CHARGE_STAGE_ARREST_REQUEST, CodedValue(name="盗窃罪")
    right = len(manifest.charges)
    manifest.charges.extend(
        Charge(person_id=f"𠮷·{index}", stage=stage, offence=offence) for index in range(CHARGES - right)
    )
    await police.contribute(key, manifest, {})
    await police.open(key, Party.PARTY_PROCURATORATE)
    pieces = [piece async for piece in police.gateway.Preflight(PreflightRequest(key=key))]
    *findings, last = pieces
    assert last.summary.error_count + last.summary.warning_count == len(findings)
    assert last.summary.error_count >= CHARGES - right
    told = await refusal(police.submit(key))  # which holds it to 4 KiB
    assert told.reason == "PREFLIGHT_FAILED"
    assert int(told.facts["count"]) == last.summary.error_count
    assert len(told.fields) <= 20
