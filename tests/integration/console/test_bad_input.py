"""Absurd searches, scripts in names, pages beyond the end, identifiers that are none, and a node that is away."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote

import pytest
from playwright.async_api import expect
from tests.integration.console.conftest import Stage
from tests.integration.console.site import console_at
from tests.integration.exchange.city import free_port

from xietong.exchange.v1 import draft_pb2, evidence_pb2, package_pb2
from xietong.exchange.v1.envelope_pb2 import Party

pytestmark = pytest.mark.asyncio(loop_scope="session")
SCRIPT = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"


SEARCHES = (
    SCRIPT, "%", "_", "'", '"', "\\", "'; DROP TABLE package; --", "x" * 500, "\x00", "a\nb", "𠮷", "\udcff",
    "%25%00", "{{ 7*7 }}",
)  # fmt: skip
FILTERS = {
    "since=yesterday": True,
    "until=2026-02-30": True,
    "since=9999-12-31&until=9999-12-31": True,
    "since=0001-01-01": True,
    f"token={'A' * 300}": True,
    "token=x": True,
    "process=XX": True,
    "state=NO": False,
    "sender=moon": False,
}
"""Filters, and whether there is something to say about them."""


async def test_absurd_searches_are_answered(stage: Stage) -> None:
    async with stage.site.visit() as visit:
        for search in SEARCHES:
            path = f"/packages?search={quote(search, errors='surrogatepass')}"
            assert await visit.go(path) == HTTPStatus.OK
            assert await visit.page.title() == "数据包 · 协同监督控制台", search
            assert await visit.page.locator("tbody tr").count() == 0, search


async def test_absurd_filters_are_explained(stage: Stage) -> None:
    async with stage.site.visit() as visit:
        for query, is_told in FILTERS.items():
            assert await visit.go(f"/packages?{query}") == HTTPStatus.OK
            assert (await visit.page.locator("[role=alert]").count() == 1) == is_told, query


async def test_a_page_beyond_the_end_says_so(stage: Stage) -> None:
    beyond = "TGlzdEZsb3dzOjE"  # before the very first package
    async with stage.site.visit(language="en") as visit:
        await visit.go(f"/packages?token={beyond}")
        assert "There are no more packages" in await visit.text()
        await visit.page.click("text=Newest")
        assert await visit.page.locator("tbody tr").count() >= 3


async def test_what_is_no_identifier_leads_nowhere(stage: Stage) -> None:
    async with stage.site.visit() as visit:
        for path in ("packages/x", "packages/1/live", "cases/x", "packages/%00", "packages/" + "a" * 5000):
            answer = await visit.page.request.get(f"{visit.origin}/{path}")
            assert answer.status == HTTPStatus.NOT_FOUND, path


async def test_identifiers_that_nobody_has(stage: Stage) -> None:
    unknown = "01a22000-0000-7000-8000-000000000000"
    async with stage.site.visit() as visit:
        for path in (
            f"packages/{unknown}",
            f"packages/{unknown}/evidence",
            f"cases/{unknown}",
            "standard/1999.1",
            "standard/2026.1/XX-99",
        ):
            answer = await visit.page.request.get(f"{visit.origin}/{path}")
            assert answer.status == HTTPStatus.NOT_FOUND, path


async def test_scripts_in_what_others_wrote_stay_text(stage: Stage) -> None:
    police = await stage.city.agency(Party.PARTY_POLICE, "case-handling")
    procuratorate = await stage.city.agency(Party.PARTY_PROCURATORATE, "prosecution")
    sent = await police.send("PB-04", Party.PARTY_PROCURATORATE, case_number=SCRIPT)
    await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
    async with stage.site.visit(language="en") as visit:
        await visit.go(f"/packages/{sent.package_id}")
        reason = evidence_pb2.Reason(code=SCRIPT[:60], text_zh=SCRIPT, text_en=SCRIPT)
        await procuratorate.report(
            sent.package_id, draft_pb2.Outcome(returned=draft_pb2.Returned(reasons=[reason]))
        )
        await expect(visit.page.locator("[data-live]")).to_contain_text(SCRIPT)
        for path in (f"/packages/{sent.package_id}", f"/packages?search={quote(SCRIPT)}", "/packages"):
            await visit.go(path)
            await expect(visit.page.locator("main")).to_contain_text(SCRIPT)
            assert "owned" not in await visit.page.title()


async def test_a_node_that_is_away_is_named_and_the_rest_works(
    stage: Stage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    node = f"127.0.0.1:{free_port()}"
    folder, credentials = tmp_path_factory.mktemp("away"), stage.city.pki_folder / "hub"
    async with (
        console_at(node, credentials, folder, stage.site.browser, answer_seconds=0.3) as site,
        site.visit(language="en") as visit,
    ):
        for path in ("/packages", f"/packages/{stage.sent[0].package_id}", "/flow", "/operations"):
            assert await visit.go(path) == HTTPStatus.OK
            alert = visit.page.locator("[role=alert]").first
            await expect(alert).to_contain_text(f"hub（{node}）")
            await expect(alert).to_contain_text("NODE_UNREACHABLE")
        assert await visit.go("/standard") == HTTPStatus.OK
        assert await visit.page.locator("[role=alert]").count() == 0
