"""The page of deadlines: what ends when, of whom, asked by party, state and days; the hub's console alone has it."""

from __future__ import annotations

import pytest
from playwright.async_api import expect
from tests.integration.console.conftest import Stage, console_of

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.envelope_pb2 import Envelope, Party
from xietong_console.web import deadlines

pytestmark = pytest.mark.asyncio(loop_scope="session")
NUMBER = "A4401990000002026039904"


async def test_deadlines_are_asked_for_and_lead_to_their_case(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    police = await stage.city.agency(Party.PARTY_POLICE, "case-handling")
    sent = await police.send("PB-01", Party.PARTY_PROCURATORATE, case_number=NUMBER)
    await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
    case_id = Envelope.FromString(sent.envelope.envelope).collaboration_case_id
    async with stage.site.visit() as visit:
        rows = visit.page.locator("tbody tr")
        ours = rows.filter(has_text=NUMBER)
        while True:  # The list follows within a round.
            await visit.go("/deadlines?phase=running&party=procuratorate&days=7")
            if await ours.count():
                break
        arrest = ours.filter(has_text="审查逮捕")
        for words in ("还有 7 天", "计算中", "检察院", "刑事诉讼法"):
            await expect(arrest).to_contain_text(words)
        await visit.page.get_by_label("责任单位").select_option("court")
        await visit.page.click("text=查找")
        await visit.page.wait_for_url("**party=court**")
        await expect(visit.page.locator(".empty")).to_contain_text("没有符合条件的期限")

        await visit.go("/deadlines")  # what needs a look; the detention of the example was long ago
        await expect(ours.filter(has_text="拘留后讯问")).to_have_count(0)
        await visit.go("/deadlines?phase=passed")
        passed = ours.filter(has_text="拘留后讯问")
        await expect(passed.locator(".state")).to_have_text("已到期限")
        await expect(passed).to_contain_text("已过")
        await passed.get_by_role("link", name=NUMBER).click()
        await visit.page.wait_for_url(f"**/cases/{case_id}")

        monkeypatch.setattr(deadlines, "PAGE_SIZE", 1)
        await visit.go("/deadlines?phase=all")
        first = await rows.inner_text()
        await visit.page.click("text=更晚的")
        await visit.page.wait_for_url("**token=**")
        assert await rows.inner_text() != first
        await visit.page.click("text=回到最早的")
        await expect(rows).to_have_text(first, use_inner_text=True)


async def test_absurd_questions_restrict_nothing(stage: Stage) -> None:
    async with stage.site.visit() as visit:
        for query in ("party=%00", "phase=no", "days=9999999999999", "days=-1", "days=٣", "days=<b>"):
            assert await visit.go(f"/deadlines?{query}") == 200
            assert await visit.page.locator("[role=alert]").count() == 0, query
        assert await visit.go("/deadlines?token=none") == 200
        assert await visit.page.locator("[role=alert]").count() == 1


async def test_a_branch_has_no_such_page(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> None:
    missing = ("Failed to load resource: the server responded with a status of 404",)
    async with (
        console_of(stage, Party.PARTY_POLICE, tmp_path_factory) as site,
        site.visit(expected=missing) as visit,
    ):
        assert await visit.go("/deadlines") == 404
        assert await visit.page.locator(".side a", has_text="办案期限").count() == 0
