"""Packages are found, paged, followed while they travel, and tried again."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.async_api import expect
from tests.integration.console.conftest import Stage
from tests.integration.console.site import console_at
from tests.integration.exchange.city import ACTOR

from xietong.exchange.v1 import draft_pb2, package_pb2
from xietong.exchange.v1.envelope_pb2 import Envelope, Party
from xietong_console.web import packages

pytestmark = pytest.mark.asyncio(loop_scope="session")


OURS = "search=A440199000000202603000"
FOUND = {
    "search=a4401990000002026030002": 1,
    OURS: 3,
    "search=nothing": 0,
    f"{OURS}&process=pb-04&sender=police&receiver=procuratorate&state=waiting": 3,
    f"{OURS}&sender=court": 0,
    f"{OURS}&since=2020-01-01&until=2020-12-31": 0,
    f"{OURS}&since=2020-01-01": 3,
    f"{OURS}&state=ACCEPTED": 0,
}


async def test_search(stage: Stage) -> None:
    async with stage.site.visit() as visit:
        for query, count in FOUND.items():
            await visit.go(f"/packages?{query}")
            assert await visit.page.locator("tbody tr").count() == count, query


async def test_by_package_and_by_case(stage: Stage) -> None:
    sent = stage.sent[0]
    case_id = Envelope.FromString(sent.envelope.envelope).collaboration_case_id
    async with stage.site.visit() as visit:
        for identifier in (sent.package_id, case_id):
            await visit.go(f"/packages?search={identifier}")
            await visit.page.click("tbody a")
            await visit.page.wait_for_url(f"**/packages/{sent.package_id}")
            await visit.page.click(f"text={case_id}")
            await visit.page.wait_for_url(f"**/cases/{case_id}")


async def test_page_after_page(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "PAGE_SIZE", 2)
    async with stage.site.visit(language="en") as visit:
        await visit.go(f"/packages?{OURS}")
        rows = visit.page.locator("tbody a")
        first = await rows.all_inner_texts()
        await visit.page.click("text=Older")
        await expect(rows).to_have_count(1)
        second = await rows.all_inner_texts()
        assert [len(first), len({*first, *second})] == [2, 3]
        await expect(visit.page.locator("text=Older")).to_have_count(0)
        await visit.page.click("text=Newest")
        await expect(rows).to_have_text(first)


async def test_a_package_is_followed_to_its_outcome(stage: Stage) -> None:
    police = await stage.city.agency(Party.PARTY_POLICE, "case-handling")
    procuratorate = await stage.city.agency(Party.PARTY_PROCURATORATE, "prosecution")
    sent = await police.send("PB-04", Party.PARTY_PROCURATORATE, case_number="A4401990000002026039901")
    await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
    async with stage.site.visit(language="en") as visit:
        await visit.go(f"/packages/{sent.package_id}")
        live = visit.page.locator("[data-live]")
        await expect(live).to_contain_text("delivered")
        await procuratorate.report(sent.package_id, draft_pb2.Outcome(parsed=draft_pb2.Parsed()))
        await expect(live).to_contain_text("parsed")
        number = "示例检受〔2026〕1号"
        accepted = draft_pb2.Outcome(accepted=draft_pb2.Accepted(receiver_case_number=number))
        await procuratorate.report(sent.package_id, accepted)
        await expect(live).to_contain_text(number)
        await expect(live).to_contain_text(ACTOR.handler_ref)
        await expect(visit.page.locator("[data-live-sign]")).to_have_text("final state")
        stages = visit.page.locator("table.bars").last
        await expect(stages).to_contain_text("procuratorate")
        assert await stages.locator("rect").count() >= 1
        await visit.go("/packages?search=示例检受(2026)")
        assert await visit.page.locator("tbody tr").count() == 0
        await visit.go("/packages?search=示例检受[2026]")
        assert await visit.page.locator("tbody tr").count() == 1


async def test_the_evidence_is_exported(stage: Stage) -> None:
    async with stage.site.visit() as visit:
        await visit.go(f"/packages/{stage.sent[0].package_id}")
        async with visit.page.expect_download() as download:
            await visit.page.click("text=导出存证")
        file = await (await download.value).path()
        assert file.stat().st_size > 1_000


async def test_statistics_are_drawn_and_exported(stage: Stage) -> None:
    async with stage.site.visit(language="en") as visit:
        await visit.go("/statistics?months=3")
        await expect(visit.page.locator(".chart canvas")).to_have_count(3)
        assert await visit.page.locator("tbody tr", has_text="police → procuratorate").count() >= 1
        async with visit.page.expect_download() as download:
            await visit.page.click("text=CSV")
        content = Path(await (await download.value).path()).read_text(encoding="utf-8-sig")
        [row] = [row for row in csv.DictReader(content.splitlines()) if row["sender"] == "police"]
        assert int(row["packages"]) >= int(row["arrived"]) >= 3
        assert 0 <= float(row["p50_seconds"]) <= float(row["p95_seconds"])


async def test_what_waits_is_tried_again(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The procuratorate is away; the hub's operator looks after the package, and it arrives when it is back."""
    police = await stage.city.agency(Party.PARTY_POLICE, "case-handling")
    await stage.city.stop(Party.PARTY_PROCURATORATE)
    try:
        sent = await police.send("PB-04", Party.PARTY_PROCURATORATE, case_number="A4401990000002026039902")
        async with stage.site.visit(language="en") as visit:
            await visit.go(f"/packages/{sent.package_id}")
            again = visit.page.locator("button:has-text('Try again now')")
            await expect(again).to_be_visible()
            async with stage.site.visit("bob", language="en") as viewer:
                await viewer.go(f"/packages/{sent.package_id}")
                await expect(viewer.page.locator("[data-live]")).to_contain_text("waiting for the next try")
                assert await viewer.page.locator("main form").count() == 0
            await visit.go("/flow")
            await expect(visit.page.locator("table")).to_contain_text(sent.package_id[-12:])
            await visit.go("/operations")
            await expect(visit.page.locator("main")).to_contain_text("1")
            await visit.go(f"/packages/{sent.package_id}")
            await again.click()
            await expect(visit.page.locator("[role=status]").first).to_contain_text("in the queue again")
    finally:
        await stage.city.start(Party.PARTY_PROCURATORATE)
    await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)


async def test_a_branch_has_the_same_console_and_sees_its_own(
    stage: Stage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    node = f"127.0.0.1:{stage.city.ports[Party.PARTY_POLICE]}"
    folder = tmp_path_factory.mktemp("branch")
    credentials = stage.city.pki_folder / "police"
    async with (
        console_at(node, credentials, folder, stage.site.browser) as site,
        site.visit(language="en") as visit,
    ):
        await visit.go(f"/packages?{OURS}")
        assert await visit.page.locator("tbody tr").count() >= 3
        for path in ("/flow", "/operations", "/standard", f"/packages/{stage.sent[0].package_id}"):
            assert await visit.go(path) == 200
            assert await visit.page.locator("[role=alert]").count() == 0, path
        assert "The directory has no contact of these parties" in await visit.text()


async def test_a_case_shows_its_clocks_at_the_hub(stage: Stage) -> None:
    police = await stage.city.agency(Party.PARTY_POLICE, "case-handling")
    sent = await police.send("PB-01", Party.PARTY_PROCURATORATE, case_number="A4401990000002026039903")
    await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
    case_id = Envelope.FromString(sent.envelope.envelope).collaboration_case_id
    async with stage.site.visit() as visit:
        await visit.go(f"/cases/{case_id}")
        arrest = visit.page.locator(
            "tr", has_text="审查逮捕（"
        )  # of a detained suspect or not: both are valid
        await expect(arrest).to_contain_text("计算中")
        await expect(arrest).to_contain_text("检察院")
        await expect(arrest).to_contain_text("诉讼规则")
        await expect(visit.page.locator("h3")).to_contain_text("审查逮捕")
        assert "届满" in (await arrest.locator(".state").get_attribute("title") or "")
        await arrest.locator("a").click()
        await visit.page.wait_for_url(f"**/packages/{sent.package_id}")
        assert await visit.go(f"/cases/{case_id}?persons=none") == 200
        assert await visit.page.locator("[role=alert]").count() == 1
