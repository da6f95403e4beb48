"""A change of the data standard in the hub's console, from the request to the edition in force."""

from __future__ import annotations

from datetime import datetime

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect
from tests.integration.console.conftest import Stage
from tests.integration.console.site import Visit

from xietong_console.words import CHINA

pytestmark = pytest.mark.asyncio(loop_scope="session")
REASON = "嫌疑人的民族字段改为代码；涉及提请批准逮捕与移送审查起诉。\n" * 60
"""Long enough that the form, in which a Chinese character takes nine bytes, is larger than a login may be."""


async def asked_for(visit: Visit, title: str, *parties: str) -> None:
    await visit.go("/standard/changes/new")
    await visit.page.fill("[name=title]", title)
    await visit.page.fill("[name=reason]", REASON)
    await visit.page.fill("[name=contact_point]", "示例专班 标准岗")
    await visit.page.fill("[name=process_codes]", "pb-01，QS-01")
    for party in parties:
        await visit.page.check(f"[name=parties][value={party}]")
    await visit.page.click("main form button")
    await visit.page.wait_for_url("**/standard/changes/*-*")


async def sees(visit: Visit, *words: str) -> None:
    for word in words:
        await expect(visit.page.locator("main")).to_contain_text(word)


async def test_from_the_request_to_the_notice_and_what_is_missing_for_its_day(stage: Stage) -> None:
    async with stage.site.visit() as visit:
        await asked_for(visit, "民族字段改为代码 <b>𠮷</b>", "police", "procuratorate")
        await sees(visit, "民族字段改为代码 <b>𠮷</b>", "已提出", "跨单位", "公安机关、", "PB-01 QS-01")
        address = visit.page.url.removeprefix(visit.origin)
        await visit.page.fill("[name=reason]", "同意，列入 2026.2 版")
        await visit.page.click("button[value=approve]")
        await sees(visit, "已决定", "同意")
        await visit.page.fill("[name=number]", "数标通〔2026〕2号")
        await visit.page.fill("[name=edition]", "2026.2")
        await visit.page.fill("[name=effective_date]", f"{datetime.now(CHINA):%Y-%m-%d}")
        await visit.page.click("form[action$=publish] button")
        await sees(visit, "推进中", "数标通〔2026〕2号", "未上报")
        for reader in ("中心平台", "人民检察院"):  # of both the hub is sure to know: it sent packages there
            await expect(visit.page.locator("tbody tr", has_text=reader)).to_contain_text("尚不能")
        await expect(visit.page.locator("tbody tr")).to_have_count(len(("hub", "police", "procuratorate")))
        found = (await Axe().run(visit.page)).response["violations"]
        assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []

        await visit.page.select_option("[name=level]", label="测试中")
        await visit.page.fill("[name=planned_date]", "2026-12-31")
        await visit.page.click("form[action$=readiness] button")
        await expect(visit.page.locator("tbody tr", has_text="2026-12-31")).to_contain_text("测试中")
        await visit.page.check("[name=staying_parties][value=police]")
        await visit.page.click("form[action$=in-force] button")
        await sees(visit, "尚未就绪：人民检察院、中心平台", "CHANGE_STEP_REFUSED")
        await visit.go(address)
        for party in ("hub", "police", "procuratorate"):
            await visit.page.check(f"[name=staying_parties][value={party}]")
        await visit.page.click("form[action$=in-force] button")
        await sees(visit, "已生效", "暂留旧版")

        await visit.go("/standard/changes")
        row = visit.page.locator("tbody tr", has_text="<b>𠮷</b>")
        await expect(row).to_contain_text("已生效")
    async with stage.site.visit("bob", language="en") as viewer:
        await viewer.go(address)
        await sees(viewer, "in force", "stays on the older")
        assert await viewer.page.locator("main form").count() == 0


async def test_the_older_edition_is_retired_when_nobody_stays_on_it(stage: Stage) -> None:
    notice = "第一条 民族字段改为代码。\n" * 1_428
    notice += "完" * (20_000 - len(notice))  # the most that it may have
    async with stage.site.visit(language="en") as visit:
        page = visit.page
        await asked_for(visit, "retired in the end", "hub")
        await page.fill("[name=reason]", "good")
        await page.click("button[value=approve]")
        await page.fill("[name=number]", "数标通〔2026〕3号")
        await page.fill("[name=edition]", "2026.2")
        await page.fill("[name=effective_date]", f"{datetime.now(CHINA):%Y-%m-%d}")
        await page.fill("[name=text]", notice)
        await page.click("form[action$=publish] button")
        await sees(visit, "being rolled out")
        await page.wait_for_load_state()
        assert await page.input_value("[name=text]") == notice, "all of it, with its line ends"
        await page.check("[name=staying_parties][value=hub]")
        await page.click("form[action$=in-force] button")
        await sees(visit, "stays on the older")
        await page.fill("form[action$=retire] [name=note]", "now")
        await page.click("form[action$=retire] button")
        await sees(visit, "hub stay on the older edition", "CHANGE_STEP_REFUSED")
        await expect(page.locator("form[action$=retire] [name=note]")).to_have_value("now")
        await page.select_option("[name=level]", label="ready")
        await page.click("form[action$=readiness] button")
        await sees(visit, "exchange: ready")
        await page.uncheck("[name=staying_parties][value=hub]")
        await page.click("form[action$=in-force] button")
        await expect(page.locator(".state", has_text="stays on the older")).to_have_count(0)
        await page.click("form[action$=retire] button")
        await expect(page.locator("main .state").first).to_have_text("older edition retired")
        await expect(page.locator("main form")).to_have_count(0)


async def test_a_local_change_is_closed_by_who_asked(stage: Stage) -> None:
    async with stage.site.visit(language="en") as visit:
        await asked_for(visit, "local only")
        await sees(visit, "requested", "local")
        await visit.page.click("form[action$=close] button")
        await sees(visit, "closed locally")
        await expect(visit.page.locator("main form")).to_have_count(0)
        await visit.go("/standard/changes?state=CLOSED")
        await sees(visit, "local only")
        await visit.page.select_option("[name=state]", label="in force")
        await visit.page.click("text=Search")
        await visit.page.wait_for_url("**state=IN_FORCE")
        await expect(visit.page.locator("tr", has_text="local only")).to_have_count(0)
        await visit.page.select_option("[name=state]", label="all")
        await visit.page.click("text=Search")
        await sees(visit, "local only", "closed locally")


async def test_what_is_no_change_is_no_page(stage: Stage) -> None:
    missing = ("Failed to load resource: the server responded with a status of 404",)
    async with stage.site.visit(expected=missing) as visit:
        for path in ("none", "01a22000-0000-7000-8000-000000000000"):
            assert await visit.go(f"/standard/changes/{path}") == 404
        assert await visit.go("/standard/changes?token=none") == 200
        assert await visit.page.locator("[role=alert]").count() == 1
