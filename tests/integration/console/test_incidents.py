"""An incident: it shows up, says why and whom to call, is looked after, and is over when its cause is."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from playwright.async_api import expect
from tests.integration.console.conftest import Stage
from tests.integration.console.site import Visit

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.envelope_pb2 import Party

pytestmark = pytest.mark.asyncio(loop_scope="session")
AWAY = Party.PARTY_PROCURATORATE


async def appears(visit: Visit, path: str, selector: str) -> None:
    """Looks again until it is there; the test's own timeout is the bound."""
    await visit.go(path)
    while not await visit.page.locator(selector).count():
        await visit.go(path)


async def look_after(visit: Visit) -> None:
    """Acknowledge, hand over, silence."""
    await visit.page.fill("[name=note]", "checking the line")
    await visit.page.click("text=Acknowledge")
    await expect(visit.page.locator("ol.timeline")).to_contain_text("checking the line")
    await visit.page.fill("[name=assignee]", "network duty")
    await visit.page.click("button:has-text('Assign')")
    await expect(visit.page.locator("dl.facts").first).to_contain_text("with network duty")
    await visit.page.select_option("[name=minutes]", "240")
    await visit.page.click("text=Do it")
    await expect(visit.page.locator("ol.timeline")).to_contain_text("silenced")


async def test_from_standstill_to_all_is_well(stage: Stage) -> None:
    police = await stage.city.agency(Party.PARTY_POLICE, "case-handling")
    await stage.city.stop(AWAY)
    try:
        sent = await police.send("PB-04", AWAY, case_number="A4401990000002026039903")
        async with stage.site.visit(language="en") as visit:
            await appears(visit, f"/packages/{sent.package_id}", ".note a[href^='/incidents/']")
            await visit.page.click(".note a[href^='/incidents/']")
            await expect(visit.page.locator("main")).to_contain_text(sent.package_id)
            incident = visit.page.url.removeprefix(visit.origin)
            async with stage.site.visit("bob", language="en") as viewer:
                await viewer.go(incident)
                assert await viewer.page.locator("main form").count() == 0
            await look_after(visit)
            await visit.go("/incidents")
            await expect(visit.page.locator("tbody")).to_contain_text("with network duty")
    finally:
        await stage.city.start(AWAY)
    await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
    async with stage.site.visit(language="en") as visit:
        await appears(visit, "/incidents", ".empty")
        await visit.go("/incidents?closed=1")
        await expect(visit.page.locator("tbody")).to_contain_text("over")


async def test_what_is_no_incident(stage: Stage) -> None:
    unknown = "01a22000-0000-7000-8000-000000000000"
    async with stage.site.visit() as visit:
        for path in ("/incidents/x", f"/incidents/{unknown}"):
            answer = await visit.page.request.get(visit.origin + path)
            assert answer.status == HTTPStatus.NOT_FOUND
        await visit.go("/incidents")
        token = await visit.page.locator("[name=csrf]").first.input_value()
        for minutes in ("", "x", "-1", "10081", "9" * 99):
            answer = await visit.page.request.post(
                f"{visit.origin}/incidents/{unknown}/silence", form={"csrf": token, "minutes": minutes}
            )
            assert answer.status == HTTPStatus.BAD_REQUEST, minutes
        answer = await visit.page.request.post(
            f"{visit.origin}/incidents/{unknown}/acknowledge", form={"csrf": token}
        )
        assert "INCIDENT_NOT_FOUND" in await answer.text()
