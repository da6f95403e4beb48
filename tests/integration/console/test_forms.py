"""What was typed into a form that the node refuses stands in it again, with what is wrong; sent again, it is done."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect
from tests.integration.console.conftest import Stage
from tests.integration.console.obstacle import obstacle_before
from tests.integration.console.site import console_at

from xietong.exchange.v1 import draft_pb2, package_pb2
from xietong.exchange.v1.envelope_pb2 import Party

pytestmark = pytest.mark.asyncio(loop_scope="session")
TYPED = '<b onclick=alert(1)>已写 "好"</b> & 𠮷'


async def refused(page: Page, reason: str) -> None:
    await expect(page.locator("[role=alert]")).to_contain_text(reason)


async def test_a_field_says_what_is_wrong_with_it_and_all_others_keep_their_text(stage: Stage) -> None:
    async with stage.site.visit(language="en") as visit:
        page = visit.page
        await visit.go("/standard/changes/new")
        await page.fill("[name=title]", TYPED)
        await page.fill("[name=reason]", f"\n{TYPED}\nsecond line")
        await page.fill("[name=contact_point]", TYPED)
        await page.fill("[name=process_codes]", "PB-01 none")
        await page.check("[name=parties][value=court]")
        await page.click("main form button")
        await refused(page, "INVALID_FIELD")
        await page.click("text=中文")  # it is the page itself, and stays so in the other language
        await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        await refused(page, "INVALID_FIELD")
        assert page.url == f"{visit.origin}/standard/changes/new"
        codes = page.locator("label", has=page.locator("[name=process_codes][aria-invalid=true]"))
        await expect(codes.locator(".wrong")).to_have_count(1)
        await expect(page.locator(".wrong")).to_have_count(1)
        found = (await Axe().run(page)).response["violations"]
        assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []
        for name, text in (("title", TYPED), ("contact_point", TYPED), ("process_codes", "PB-01 none")):
            await expect(page.locator(f"[name={name}]")).to_have_value(text)
        await expect(page.locator("[name=reason]")).to_have_value(f"\n{TYPED}\nsecond line")
        await expect(page.locator("[name=parties]:checked")).to_have_count(1)

        await page.fill("[name=process_codes]", "PB-01")
        await page.click("main form button")
        await page.wait_for_url("**/standard/changes/*-*")
        await expect(page.locator("h1")).to_have_text(TYPED)
        await visit.go("/standard/changes/new")
        await expect(page.locator("[name=title]")).to_have_value("")


async def test_the_session_of_who_writes_does_not_end(stage: Stage) -> None:
    async with stage.site.visit(language="en") as visit:
        await visit.page.clock.install()
        await visit.go("/standard/changes/new")
        await visit.page.clock.fast_forward(61_000)
        async with visit.page.expect_response("**/alive") as said:
            await visit.page.locator("[name=reason]").press_sequentially("a long text")
        assert (await said.value).status == HTTPStatus.NO_CONTENT


async def test_what_was_refused_is_forgotten_when_its_page_is_left(stage: Stage) -> None:
    async with stage.site.visit(language="en") as visit:
        page = visit.page
        await visit.go("/operations/maintenance")
        await page.select_option("[name=party]", "court")
        await page.fill("[name=start_time]", "2031-05-05T10:00")
        await page.fill("[name=end_time]", "2031-05-05T09:00")
        await page.fill("[name=text_zh]", TYPED)
        await page.click("text=Announce it")
        await refused(page, "INVALID_FIELD")
        await expect(page.locator("[name=party]")).to_have_value("court")
        await expect(page.locator("[name=end_time]")).to_have_value("2031-05-05T09:00")
        await expect(page.locator("[name=text_zh]")).to_have_value(TYPED)
        await page.fill("[name=end_time]", "12031-05-05T11:00")  # a slip that browsers take for a year
        await page.click("text=Announce it")
        end = page.locator("label", has=page.locator("[name=end_time]"))
        await expect(end.locator(".wrong")).to_contain_text("no time of the calendar")
        await visit.go("/operations")
        await visit.go("/operations/maintenance")
        await expect(page.locator("[name=text_zh]")).to_have_value("")
        await expect(page.locator("[role=alert]")).to_have_count(0)


async def test_a_contact_that_is_changed_is_still_the_one_that_was_chosen(stage: Stage) -> None:
    async with stage.site.visit(language="en") as visit:
        page = visit.page
        await visit.go("/operations/contacts")
        await page.locator("tbody tr", has_text="示例厂商").first.locator("a:has-text('Change')").click()
        await page.fill("[name=reach]", "  ")
        await page.fill("[name=duty_hours]", TYPED)
        await page.click("text=Save")
        await refused(page, "INVALID_FIELD")
        await expect(page.locator("h2", has_text="Change a contact")).to_be_visible()
        await expect(page.locator("[name=reach][aria-invalid=true]")).to_have_value("  ")
        await expect(page.locator("[name=duty_hours]")).to_have_value(TYPED)


async def test_what_did_not_reach_the_node_is_sent_again_as_long_as_it_makes_sense(
    stage: Stage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    police = await stage.city.agency(Party.PARTY_POLICE, "case-handling")
    receiver = await stage.city.agency(Party.PARTY_PROCURATORATE, "prosecution")
    sent = await police.send("PB-04", Party.PARTY_PROCURATORATE, case_number="A4401990000002026039911")
    await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
    folder, credentials = tmp_path_factory.mktemp("sender"), stage.city.pki_folder / "police"
    async with (
        obstacle_before(stage.city, Party.PARTY_POLICE) as node,
        console_at(node.address, credentials, folder, stage.site.browser) as site,
        site.visit(language="en") as visit,
    ):
        page = visit.page
        await visit.go(f"/packages/{sent.package_id}/problem")
        await page.select_option("[name=kind]", label="a seal is not shown")
        await page.fill("[name=text]", TYPED)
        node.failing = "/xietong.supervision.v1.ProblemService/ReportProblem"
        await page.click("button:has-text('Report')")
        await refused(page, node.address)
        node.failing = ""
        await page.click("button:has-text('Report')")
        await expect(page.locator("ol.timeline")).to_contain_text(TYPED)
        await expect(page.locator("h1")).to_have_text("a seal is not shown")
        await page.click("text=Close it")
        await expect(page.locator("main .state")).to_have_text("closed")

        await visit.go(f"/packages/{sent.package_id}")
        await page.fill("[name=reason]", TYPED)
        node.failing = "/xietong.exchange.v1.OperationsService/WithdrawPackage"
        await page.click("text=Withdraw the package")
        await refused(page, node.address)
        node.failing = ""
        await expect(page.locator("[name=reason]")).to_have_value(TYPED)
        await receiver.report(sent.package_id, draft_pb2.Outcome(parsed=draft_pb2.Parsed()))
        await expect(page.locator("[data-live]")).to_contain_text("parsed")
        await expect(page.locator("[name=reason]")).to_have_value(TYPED)
        await expect(page.locator("[name=reason]")).to_be_visible()
        accepted = draft_pb2.Accepted(receiver_case_number="示例检受〔2027〕1号")
        await receiver.report(sent.package_id, draft_pb2.Outcome(accepted=accepted))
        await expect(page.locator("[name=reason]")).to_be_hidden()
