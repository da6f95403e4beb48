"""Every page, in both languages and sizes, light and dark: nothing is complained of, and everybody can use it."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect
from tests.integration.console.conftest import Stage
from tests.integration.console.site import SIZES

from xietong.exchange.v1.envelope_pb2 import Envelope

pytestmark = pytest.mark.asyncio(loop_scope="session")
PAGES = {
    "packages": ("数据包", "Packages"),
    "packages?state=EXPIRED": ("没有符合条件", "No package is as you asked"),
    "package": ("附件与摘要", "Parts and digests"),
    "case": ("案件流转", "The way of a case"),
    "flow": ("实时流转", "Flow"),
    "incidents": ("没有异常", "all is well"),
    "deadlines?phase=all": ("供提醒之用", "no finding of delay"),
    "deadlines?phase=suspended": ("没有符合条件的期限", "No deadline is as you asked"),
    "problems": ("没有待处理的问题", "None"),
    "operations": ("相邻节点", "Versions of the other nodes"),
    "operations/maintenance": ("发布公告", "Announce it"),
    "operations/contacts?party=police": ("按顺序联系", "Call in this order"),
    "statistics": ("一次通过率", "First pass"),
    "standard": ("必填字段", "Required fields"),
    "standard/changes": ("数据标准变更", "Changes of the data standard"),
    "standard/changes/new": ("业务接口人", "Contact point"),
    "standard/2026.1/PB-01": ("提请批准逮捕", "Request"),
    "nothing": ("没有这个页面", "There is no such page"),
}
SERIOUS = ("serious", "critical")


def path_of(page: str, stage: Stage) -> str:
    sent = stage.sent[0]
    envelope = Envelope.FromString(sent.envelope.envelope)
    paths = {"package": f"packages/{sent.package_id}", "case": f"cases/{envelope.collaboration_case_id}"}
    return "/" + paths.get(page, page)


@pytest.mark.parametrize(
    ("language", "theme", "size"), [("zh", "light", "1366×768"), ("en", "dark", "1920×1080")]
)
async def test_every_page(stage: Stage, language: str, theme: str, size: str) -> None:
    missing = ("Failed to load resource: the server responded with a status of 404",)
    async with stage.site.visit(language=language, theme=theme, size=SIZES[size], expected=missing) as visit:
        for page, words in PAGES.items():
            status = await visit.go(path_of(page, stage))
            assert status == (404 if page == "nothing" else 200), page
            assert words[language == "en"] in await visit.text(), page
            found = (await Axe().run(visit.page)).response["violations"]
            assert [each["id"] for each in found if each["impact"] in SERIOUS] == [], page
            width = await visit.page.evaluate("document.documentElement.scrollWidth")
            assert width <= SIZES[size][0], f"{page} is wider than the window"


async def test_the_login_page(stage: Stage) -> None:
    for language, word in (("zh", "登录"), ("en", "Log in")):
        async with stage.site.visit("", language=language) as visit:
            await visit.go("/login")
            assert word in await visit.text()
            found = (await Axe().run(visit.page)).response["violations"]
            assert [each["id"] for each in found if each["impact"] in SERIOUS] == []


async def test_language_and_look_are_switched_where_one_is(stage: Stage) -> None:
    async with stage.site.visit() as visit:
        await visit.go("/packages?search=A44")
        await visit.page.click("text=English")
        await expect(visit.page.locator("main")).to_contain_text("Case number")
        await visit.page.click("text=Dark")
        await expect(visit.page.locator("html")).to_have_attribute("data-theme", "dark")
        assert visit.page.url.endswith("/packages?search=A44")
        await expect(visit.page.locator("body")).to_have_css("background-color", "rgb(16, 21, 28)")


async def test_by_keyboard_alone(stage: Stage) -> None:
    async with stage.site.visit() as visit:
        await visit.page.keyboard.press("Tab")
        assert await visit.page.evaluate("document.activeElement.className") == "skip"
        await visit.page.keyboard.press("/")
        assert await visit.page.evaluate("document.activeElement.name") == "search"
        await visit.page.keyboard.type("A4401990000002026030002")
        await visit.page.keyboard.press("Enter")
        await visit.page.wait_for_url("**/packages?search=A44*")
        await expect(visit.page.locator("tbody tr")).to_have_count(1)


async def test_a_page_keeps_nothing_and_takes_nothing_from_elsewhere(stage: Stage) -> None:
    async with stage.site.visit() as visit:
        answer = await visit.page.goto(f"{stage.site.origin}/packages")
        assert answer is not None
        headers = await answer.all_headers()
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "server" not in headers
        cookies = {cookie.get("name"): cookie for cookie in await visit.page.context.cookies()}
        session = cookies["xietong-session"]
        assert session.get("httpOnly")
        assert session.get("sameSite") == "Strict"
