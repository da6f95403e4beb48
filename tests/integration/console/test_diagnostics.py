"""The diagnostics bundle as a download: for operators, and a file that says what it is."""

from __future__ import annotations

import json
from http import HTTPStatus

import pytest
from tests.integration.console.conftest import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_operators_download_it_and_viewers_do_not(stage: Stage) -> None:
    async with stage.site.visit(language="en") as visit:
        await visit.go("/operations")
        async with visit.page.expect_download() as begun:
            await visit.page.click("text=Download diagnostics")
        download = await begun.value
        assert download.suggested_filename.startswith("xietong-hub-")
        content = (await download.path()).read_bytes()
        assert json.loads(content)["party"] == "hub"
    async with stage.site.visit("bob") as visit:
        await visit.go("/operations")
        assert await visit.page.locator("a[href='/operations/diagnostics']").count() == 0
        answer = await visit.page.request.get(f"{visit.origin}/operations/diagnostics")
        assert answer.status == HTTPStatus.FORBIDDEN
