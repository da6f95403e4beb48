"""Absurd searches, scripts in names, pages beyond the end, identifiers that are none, a node that does not answer."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote

import pytest
from playwright.async_api import expect
from tests.integration.console.conftest import Stage
from tests.integration.console.obstacle import obstacle_before
from tests.integration.console.site import console_at
from tests.integration.exchange.city import free_port

from xietong.exchange.v1 import draft_pb2, evidence_pb2, package_pb2
from xietong.exchange.v1.envelope_pb2 import Envelope, Party
from xietong.supervision.v1.standard_change_pb2 import StandardChangeDraft, StandardScope
from xietong_client.standard_changes import StandardChanges
from xietong_console import board, months

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
        await expect(visit.page.locator("tbody tr").nth(2)).to_be_visible()


async def test_forged_pages_of_every_list_are_explained(stage: Stage) -> None:
    case_id = Envelope.FromString(stage.sent[0].envelope.envelope).collaboration_case_id
    lists = ("packages", "incidents", "problems", "deadlines", "operations", "standard/changes")
    async with stage.site.visit() as visit:
        for path in (*(f"{one}?token=" for one in lists), f"cases/{case_id}?persons="):
            for token in ("none", "A" * 10_000, "%00", "%EF%BC%91", quote(SCRIPT)):
                answer = await visit.page.request.get(f"{visit.origin}/{path}{token}")
                assert answer.status == HTTPStatus.OK, (path, token)
                text = await answer.text()
                assert text.count('role="alert"') == 1, (path, token)
                assert "<script>document" not in text, path


async def test_a_page_says_which_methods_it_has(stage: Stage) -> None:
    async with stage.site.visit() as visit:
        for method, path, allowed in (("DELETE", "/packages", "GET"), ("GET", "/operations/replay", "POST")):
            answer = await visit.page.request.fetch(visit.origin + path, method=method)
            assert answer.status == HTTPStatus.METHOD_NOT_ALLOWED, path
            assert answer.headers["allow"] == allowed
            assert "text/html" in answer.headers["content-type"]


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


async def asking_pages(stage: Stage) -> list[str]:
    """Every page that asks the node something."""
    books = StandardChanges(await stage.city.channel(Party.PARTY_HUB, "operator"))
    draft = StandardChangeDraft(
        title="looked at", reason="示例", contact_point="示例", scope=StandardScope.STANDARD_SCOPE_LOCAL
    )
    change = await books.close((await books.request(draft)).change_id)
    package = stage.sent[0]
    case_id = Envelope.FromString(package.envelope.envelope).collaboration_case_id
    lists = ("packages", "flow", "incidents", "deadlines", "problems", "operations", "statistics")
    more = (
        f"packages/{package.package_id}",
        f"cases/{case_id}",
        "operations/maintenance",
        "operations/contacts?party=court",
        "standard/changes",
        f"standard/changes/{change.change_id}",
    )
    return [*lists, *more]


async def test_a_look_that_fails_is_told_and_the_rest_of_the_page_works(
    stage: Stage, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in ((board, "FRESH_SECONDS"), (months, "FRESH_SECONDS"), (months, "OVER_SECONDS")):
        monkeypatch.setattr(module, name, 0.0)  # each page is looked at anew
    folder, credentials = tmp_path_factory.mktemp("half"), stage.city.pki_folder / "hub"
    async with (
        obstacle_before(stage.city, Party.PARTY_HUB) as node,
        console_at(node.address, credentials, folder, stage.site.browser) as site,
        site.visit(language="en") as visit,
    ):

        async def look(path: str, failing: str = "") -> tuple[set[str], str]:
            node.failing = failing
            node.asked.clear()
            answer = await visit.page.request.get(f"{visit.origin}/{path}")
            assert answer.status == HTTPStatus.OK, (path, failing)
            return set(node.asked), await answer.text()

        for path in await asking_pages(stage):
            asked, text = await look(path)
            assert asked, path
            assert 'role="alert"' not in text, path
            for method in sorted(asked):
                again, text = await look(path, method)
                assert text.count('role="alert"') == 1, (path, method)
                assert f"hub（{node.address}）" in text, (path, method)
                assert again == asked, (path, method)


async def test_a_node_that_holds_its_answers_holds_up_no_page(
    stage: Stage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, credentials = tmp_path_factory.mktemp("slow"), stage.city.pki_folder / "hub"
    bound_milliseconds = 5_000  # far below what it would take if one look waited for the other, or for ever
    async with (
        obstacle_before(stage.city, Party.PARTY_HUB) as node,
        console_at(node.address, credentials, folder, stage.site.browser, answer_seconds=0.2) as site,
        site.visit(language="en") as visit,
    ):
        node.holds = True
        for path in await asking_pages(stage):
            answer = await visit.page.request.get(f"{visit.origin}/{path}", timeout=bound_milliseconds)
            assert answer.status == HTTPStatus.OK, path
            text = await answer.text()
            assert f"hub（{node.address}）" in text, path
            assert "NODE_UNREACHABLE" in text, path
