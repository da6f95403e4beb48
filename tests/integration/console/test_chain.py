"""A test package through the whole chain, and taking back what was sent, with two clicks each."""

from __future__ import annotations

import re
import uuid
from http import HTTPStatus

import pytest
from playwright.async_api import expect
from tests.integration.console.conftest import Stage, console_of

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.envelope_pb2 import Party

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_every_hop_answers_a_test(stage: Stage) -> None:
    async with stage.site.visit(language="en") as visit:
        await visit.go("/operations")
        await visit.page.select_option("form[action='/operations/test'] [name=party]", "procuratorate")
        await visit.page.click("text=Send a test package")
        await expect(visit.page.locator("h1")).to_contain_text("full-chain test")
        await expect(visit.page.locator("main .state").first).to_have_text("accepted")
        await expect(visit.page.locator("table.bars").first).to_contain_text("procuratorate")
        await expect(visit.page.locator("main")).to_contain_text("A test of the whole chain")
        for act in ("Report a problem", "Withdraw the package"):
            assert await visit.page.locator(f"text={act}").count() == 0


async def test_who_may_not_test(stage: Stage) -> None:
    for name, form, status in (
        ("bob", {"party": "procuratorate", "test": str(uuid.uuid4())}, HTTPStatus.FORBIDDEN),
        ("ann", {"party": "procuratorate", "test": "x"}, HTTPStatus.NOT_FOUND),
        ("ann", {"party": "nobody", "test": str(uuid.uuid4())}, HTTPStatus.BAD_REQUEST),
    ):
        async with stage.site.visit(name) as visit:
            await visit.go("/operations")
            fields: dict[str, str | float | bool] = {
                "csrf": await visit.page.locator("[name=csrf]").first.input_value(),
                **form,
            }
            answer = await visit.page.request.post(visit.origin + "/operations/test", form=fields)
            assert answer.status == status, form


async def test_a_package_is_taken_back(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> None:
    police = await stage.city.agency(Party.PARTY_POLICE, "case-handling")
    sent = await police.send("PB-04", Party.PARTY_PROCURATORATE, case_number="A4401990000002026030077")
    await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
    path = f"/packages/{sent.package_id}"
    async with stage.site.visit(language="en") as visit:
        await visit.go(path)
        assert await visit.page.locator("text=Withdraw the package").count() == 0  # the hub only relays it
    async with (
        console_of(stage, Party.PARTY_POLICE, tmp_path_factory) as sender,
        sender.visit(language="en") as visit,
    ):
        await visit.go(path)
        await visit.page.fill("[name=reason]", "<b>sent by mistake</b>")
        await visit.page.click("text=Withdraw the package")
        await expect(visit.page.locator("main .state").first).to_have_text(
            re.compile("withdrawn", re.IGNORECASE)
        )
        await expect(visit.page.locator("main")).to_contain_text("Withdrawal was asked for")
        await visit.go(path)
        assert await visit.page.locator("text=Withdraw the package").count() == 0
