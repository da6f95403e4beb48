"""As in production: over TLS, with cookies that only this host gets, and a bound on pages that follow something."""

from __future__ import annotations

import asyncio
import ssl
from http import HTTPStatus

import pytest
from tests.integration.console.conftest import Stage
from tests.integration.console.site import PASSWORD, console_at

from xietong.exchange.v1.envelope_pb2 import Party

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_over_tls(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> None:
    pki = stage.city.pki_folder
    files = {"certificate": pki / "hub" / "exchange.pem", "key": pki / "hub" / "exchange-key.pem"}
    node, folder = f"127.0.0.1:{stage.city.ports[Party.PARTY_HUB]}", tmp_path_factory.mktemp("tls")
    async with console_at(node, pki / "hub", folder, stage.site.browser, tls=files) as site:
        context = await stage.site.browser.new_context(ignore_https_errors=True)
        page = await context.new_page()
        origin = site.origin.replace("http:", "https:")
        answer = await page.goto(f"{origin}/login")
        assert answer is not None
        assert "max-age" in (await answer.all_headers())["strict-transport-security"]
        await page.fill("[name=name]", "ann")
        await page.fill("[name=password]", PASSWORD)
        await page.click("main button")
        await page.wait_for_url("**/packages")
        cookies = {cookie.get("name"): cookie for cookie in await context.cookies()}
        assert cookies["__Host-xietong-session"].get("secure")
        assert "xietong-session" not in cookies
        await context.close()
        with pytest.raises((OSError, ssl.SSLError, asyncio.IncompleteReadError)):
            await plain(int(origin.rpartition(":")[2]))


async def plain(port: int) -> bytes:
    """What somebody gets who speaks plain HTTP."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /login HTTP/1.1\r\nHost: x\r\n\r\n")
    await writer.drain()
    try:
        return await reader.readexactly(12)
    finally:
        writer.close()


async def test_only_so_many_pages_follow_something(
    stage: Stage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    node, folder = f"127.0.0.1:{stage.city.ports[Party.PARTY_HUB]}", tmp_path_factory.mktemp("bound")
    credentials = stage.city.pki_folder / "hub"
    busy = ("Failed to load resource: the server responded with a status of 503",)
    async with (
        console_at(node, credentials, folder, stage.site.browser, live_streams=1) as site,
        site.visit() as visit,
        site.visit(expected=busy) as other,
    ):
        await visit.go("/flow")
        await visit.page.locator("[data-live-sign]").filter(has_text="实时更新").wait_for()
        await other.go("/flow")
        await other.page.locator("[data-live-sign].lost").wait_for()
        answer = await other.page.request.get(f"{site.origin}/flow/live")
        assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE
