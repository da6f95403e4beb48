"""A problem with a package: reported at the receiver, passed to the sender's operators, answered there, closed."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from playwright.async_api import expect
from tests.integration.console.conftest import Stage, console_of
from tests.integration.console.site import Visit

from xietong.exchange.v1.envelope_pb2 import Party

pytestmark = pytest.mark.asyncio(loop_scope="session")
SCRIPT = "<b onclick=alert(1)>seal</b>\nsecond line"


async def report(visit: Visit, package_id: str) -> str:
    """Fills the form in on the page of the package; returns the path of the problem."""
    await visit.go(f"/packages/{package_id}")
    await visit.page.click("text=Report a problem")
    await visit.page.select_option("[name=kind]", label="a seal is not shown")
    await visit.page.fill("[name=text]", SCRIPT)
    await visit.page.click("button:has-text('Report')")
    await expect(visit.page.locator("ol.timeline")).to_contain_text("<b onclick=alert(1)>seal</b>")
    return visit.page.url.removeprefix(visit.origin)


async def test_from_one_side_to_the_other(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> None:
    package_id = stage.sent[1].package_id
    async with (
        console_of(stage, Party.PARTY_PROCURATORATE, tmp_path_factory) as receiver,
        console_of(stage, Party.PARTY_POLICE, tmp_path_factory) as sender,
        receiver.visit(language="en") as there,
        sender.visit(language="en") as here,
    ):
        problem = await report(there, package_id)
        await here.go("/problems")
        assert "None" in await here.text()
        await there.page.fill("[name=text]", "please look")
        await there.page.click("text=Pass to the other side")
        await expect(there.page.locator("main")).to_contain_text("passed to the other side")
        await here.go("/problems")
        while not await here.page.locator("tbody a").count():  # it travels; the test's timeout is the bound
            await here.go("/problems")
        await here.page.click("tbody a")
        await here.page.fill("[name=text]", "sent again")
        await here.page.click("text=Close it")
        await expect(here.page.locator("main .state")).to_have_text("closed")
        await there.go(problem)
        while "sent again" not in await there.text():
            await there.go(problem)
        assert await there.page.locator("main form").count() == 0
        await there.go("/problems?closed=1")
        assert await there.page.locator("tbody tr").count() == 1


async def test_what_is_no_problem(stage: Stage) -> None:
    unknown, package = "01a22000-0000-7000-8000-000000000000", stage.sent[0].package_id
    async with stage.site.visit() as visit:
        for path in ("/problems/x", f"/problems/{unknown}", "/packages/x/problem"):
            answer = await visit.page.request.get(visit.origin + path)
            assert answer.status == HTTPStatus.NOT_FOUND, path
        await visit.go("/problems")
        token = await visit.page.locator("[name=csrf]").first.input_value()
        for path, fields, status in (
            (f"/packages/{package}/problem", {"report": "x", "kind": "1"}, HTTPStatus.NOT_FOUND),
            (f"/packages/{package}/problem", {"report": unknown, "kind": "9"}, HTTPStatus.BAD_REQUEST),
            (f"/problems/{unknown}/burn", {}, HTTPStatus.NOT_FOUND),
            (f"/problems/{unknown}/close", {"text": "\x00"}, HTTPStatus.NOT_FOUND),
        ):
            answer = await visit.page.request.post(visit.origin + path, form={"csrf": token, **fields})
            assert answer.status == status, path
