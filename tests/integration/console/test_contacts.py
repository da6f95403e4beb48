"""The directory in the console: operators add, change and retire contacts; it is on record; viewers only look."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from playwright.async_api import expect
from tests.integration.console.conftest import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")
PATH = "/operations/contacts"
Form = dict[str, str | float | bool]
SCRIPT = "<b onclick=alert(1)>值班</b>"


async def test_a_contact_is_added_changed_and_retired(stage: Stage) -> None:
    async with stage.site.visit(language="en") as visit:
        page = visit.page
        await visit.go("/operations")
        await page.click("text=Open the directory")
        add = page.locator(f"form[action='{PATH}']", has=page.locator("[name=reach]"))
        await add.locator("[name=party]").select_option("court")
        await add.locator("[name=system]").fill("trial")
        await add.locator("[name=vendor]").fill("示例厂商丙 & 丁")
        await add.locator("[name=level]").select_option(label="operations")
        await add.locator("[name=reach]").fill(SCRIPT)
        await add.locator("button").click()
        row = page.locator("tbody tr", has_text="示例厂商丙 & 丁")
        await expect(row).to_contain_text(SCRIPT)

        await row.locator("text=Change").click()
        await page.fill("[name=reach]", "分机 0003（示例）")
        await page.fill("[name=duty_hours]", "工作日")
        await page.click("text=Save")
        await expect(row).to_contain_text("分机 0003（示例）")
        await expect(row).to_contain_text("工作日")

        look_up = page.locator(f"form[action='{PATH}']", has_text="Look up")
        await look_up.locator("[name=party]").select_option("court")
        await look_up.locator("button").click()
        await expect(page.locator("main")).to_contain_text("Call in this order")

        await row.locator("text=Retire").click()
        await expect(page.locator("main [role=status]")).to_contain_text("Retired")
        await expect(row).to_have_count(0)


async def test_viewers_look_and_do_not_change(stage: Stage) -> None:
    async with stage.site.visit("bob") as visit:
        await visit.go(PATH)
        assert "示例厂商" in await visit.text()
        assert await visit.page.locator("main form[method=post]").count() == 0
        token = await visit.page.locator("[name=csrf]").first.input_value()
        form: Form = {"csrf": token, "party": "court", "system": "trial", "level": "1", "reach": "0"}
        for path in (PATH, f"{PATH}/remove"):
            answer = await visit.page.request.post(visit.origin + path, form=form)
            assert answer.status == HTTPStatus.FORBIDDEN, path


async def test_what_no_contact_can_be(stage: Stage) -> None:
    async with stage.site.visit() as visit:
        await visit.go(f"{PATH}?party=nobody&system=x&vendor=y&level=9")
        token = await visit.page.locator("[name=csrf]").first.input_value()
        good: Form = {"csrf": token, "party": "court", "system": "trial", "level": "1", "reach": "0"}
        wrongs: tuple[Form, ...] = ({"party": "nobody"}, {"level": "9"}, {"level": ""})
        for wrong in wrongs:
            answer = await visit.page.request.post(visit.origin + PATH, form=good | wrong)
            assert answer.status == HTTPStatus.BAD_REQUEST, wrong
        refused = await visit.page.request.post(visit.origin + PATH, form=good | {"system": "x" * 61})
        assert "INVALID_FIELD" in await refused.text()
        long = good | {"changed": "1", "vendor": "y" * 100_000}
        refused = await visit.page.request.post(visit.origin + PATH, form=long)
        assert "INVALID_FIELD" in await refused.text()
        forged = await visit.page.request.post(visit.origin + PATH, form=good | {"csrf": "forged"})
        assert forged.status == HTTPStatus.FORBIDDEN
