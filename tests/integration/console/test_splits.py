"""The page of a case of which somebody was split off: shown as moved, with the way to the new case and its number."""

from __future__ import annotations

import pytest
from playwright.async_api import expect
from tests.integration.console.conftest import Stage
from tests.integration.exchange.splitting import envelope_of, split_off

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.envelope_pb2 import Party

pytestmark = pytest.mark.asyncio(loop_scope="session")
NUMBER, NEW_NUMBER = "A4401990000002026039921", "A4401990000002026039922"
ARRIVED = package_pb2.DELIVERY_STATE_DELIVERED


async def test_who_was_split_off_is_shown_as_moved(stage: Stage) -> None:
    police = await stage.city.agency(Party.PARTY_POLICE, "case-handling")
    sent = await police.send("PB-01", Party.PARTY_PROCURATORATE, case_number=NUMBER)
    await police.reached(sent.package_id, ARRIVED)
    of_new_case, person = await split_off(police, sent, NEW_NUMBER)
    await police.reached(of_new_case.package_id, ARRIVED)
    case_id = envelope_of(sent).collaboration_case_id
    new_case_id = envelope_of(of_new_case).collaboration_case_id
    assert new_case_id != case_id
    async with stage.site.visit() as visit:
        moved = visit.page.locator("p.moved")
        while True:  # The case that was left is told within a round.
            await visit.go(f"/cases/{case_id}")
            if await moved.count():
                break
        await expect(moved.locator(f"[title='{person}']")).to_have_count(1)
        await expect(visit.page.locator("h3").locator(f"[title='{person}']")).to_have_count(0)
        await expect(visit.page.locator("h3 .code")).to_have_count(1)  # who stayed
        await moved.get_by_role("link").filter(has_text=NEW_NUMBER).click()
        await visit.page.wait_for_url(f"**/cases/{new_case_id}")
        await expect(visit.page.locator("h3").locator(f"[title='{person}']")).to_have_count(1)
        await expect(moved).to_have_count(0)
