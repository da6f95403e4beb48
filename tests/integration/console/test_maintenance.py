"""Maintenance in the console: announced, shown where people look, taken back; viewers only look."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from http import HTTPStatus

import pytest
from playwright.async_api import expect
from tests.integration.console.conftest import Stage

from xietong_console.words import CHINA

pytestmark = pytest.mark.asyncio(loop_scope="session")
PATH = "/operations/maintenance"
TEXT = "<b onclick=alert(1)>更换磁盘</b>"


def hours(number: int) -> str:
    """So many hours from now, as the browser's field has it."""
    return f"{datetime.now(CHINA) + timedelta(hours=number):%Y-%m-%dT%H:%M}"


async def test_it_is_announced_shown_and_taken_back(stage: Stage) -> None:
    async with stage.site.visit(language="en") as visit, stage.site.visit("bob") as viewer:
        await visit.go(PATH)
        await visit.page.select_option("[name=party]", "court")
        await visit.page.fill("[name=start_time]", hours(24))
        await visit.page.fill("[name=end_time]", hours(26))
        await visit.page.fill("[name=text_zh]", TEXT)
        await visit.page.click("text=Announce it")
        await expect(visit.page.locator("tbody tr")).to_contain_text(TEXT)
        for path in ("/operations", "/incidents", PATH):
            await viewer.go(path)
            assert TEXT in await viewer.text(), path
        assert await viewer.page.locator("main form").count() == 0
        await visit.page.click("text=Take back")
        await expect(visit.page.locator("main")).to_contain_text("No maintenance is announced")


async def test_what_cannot_be_announced(stage: Stage) -> None:
    for name, change, status in (
        ("bob", {}, HTTPStatus.FORBIDDEN),
        ("ann", {"party": "nobody"}, HTTPStatus.BAD_REQUEST),
        ("ann", {"start_time": "soon"}, HTTPStatus.OK),
        ("ann", {"maintenance": "x"}, HTTPStatus.NOT_FOUND),
        ("ann", {"end_time": hours(1)}, HTTPStatus.OK),  # before its begin: told on a page
    ):
        async with stage.site.visit(name) as visit:
            await visit.go(PATH)
            form: dict[str, str | float | bool] = {
                "csrf": await visit.page.locator("[name=csrf]").first.input_value(),
                "maintenance": str(uuid.uuid4()),
                "party": "court",
                "start_time": hours(2),
                "end_time": hours(3),
                "text_zh": "维护",
                **change,
            }
            answer = await visit.page.request.post(visit.origin + PATH, form=form)
            assert answer.status == status, change
            if status == HTTPStatus.OK:
                assert "INVALID_FIELD" in await answer.text()
