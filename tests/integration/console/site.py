"""A console on a running city, and a browser that looks at it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, StorageState
from tests.integration.exchange.city import free_port

from xietong_console.accounts import Account, Accounts, Role
from xietong_console.command import web_server
from xietong_console.settings import Settings

PASSWORD = "a password for tests"
BOUND_MILLISECONDS = 20_000
CHROMIUM = shutil.which("chromium")
SIZES = {"1366×768": (1366, 768), "1920×1080": (1920, 1080)}


@dataclass
class Visit:
    """A page of a browser, with what it said that it should not, and whom it asked."""

    page: Page
    origin: str
    complaints: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()
    """Beginnings of complaints that belong to what the test does."""

    @classmethod
    def of(cls, page: Page, origin: str) -> Visit:
        visit = cls(page, origin)
        page.set_default_timeout(BOUND_MILLISECONDS)
        page.on("console", visit._hear)
        page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        page.on("request", visit._notice)
        return visit

    async def go(self, path: str) -> int:
        """Opens a path; returns the status of the answer."""
        answer = await self.page.goto(self.origin + path)
        assert answer is not None
        return answer.status

    async def log_in(self, name: str, password: str = PASSWORD) -> None:
        await self.page.fill("[name=name]", name)
        await self.page.fill("[name=password]", password)
        async with self.page.expect_navigation():
            await self.page.click("main button")

    async def text(self) -> str:
        return await self.page.inner_text("main")

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(self.expected or ("\0",)):
            self.complaints.append(f"{message.type}: {message.text}")

    def _notice(self, request: Request) -> None:
        if not request.url.startswith((self.origin + "/", "data:")):
            self.complaints.append(f"asked {request.url}")


@dataclass
class Site:
    """A running console."""

    origin: str
    accounts: Accounts
    browser: Browser
    sessions: dict[str, StorageState] = field(default_factory=dict)
    """Of accounts that logged in before: a login for every test would be most of its time."""

    @asynccontextmanager
    async def visit(
        self,
        name: str = "ann",
        *,
        language: str = "zh",
        theme: str = "light",
        size: tuple[int, int] = SIZES["1366×768"],
        expected: tuple[str, ...] = (),
    ) -> AsyncIterator[Visit]:
        """A browser of its own, logged in; at the end nothing must have been complained of."""
        context = await self.browser.new_context(
            viewport={"width": size[0], "height": size[1]}, storage_state=self.sessions.get(name)
        )
        try:
            visit = Visit.of(await context.new_page(), self.origin)
            visit.expected = expected
            await self._prefer(context, language, theme)
            if name and name not in self.sessions:
                await visit.go("/login")
                await visit.log_in(name)
                await visit.page.wait_for_url("**/packages")
                self.sessions[name] = await context.storage_state()
            elif name:
                await visit.go("/packages")
            yield visit
            assert visit.complaints == []
        finally:
            await context.close()

    async def _prefer(self, context: BrowserContext, language: str, theme: str) -> None:
        for kind, value in (("language", language), ("theme", theme)):
            await context.add_cookies([{"name": f"xietong-{kind}", "value": value, "url": self.origin}])

    def add_account(self, name: str, role: Role = "operator", *, once: bool = False) -> None:
        self.accounts.put(Account.make(name, role, PASSWORD, once=once))


@asynccontextmanager
async def console_at(
    node: str, credentials: Path, folder: Path, browser: Browser, **more: object
) -> AsyncIterator[Site]:
    """A console of this node, with an operator `ann` and a viewer `bob`."""
    port = free_port()
    settings = Settings.model_validate(
        {
            "listen": f"127.0.0.1:{port}",
            "node": node,
            "credentials": credentials,
            "accounts": folder / "accounts.json",
            "insecure_loopback": True,
            "answer_seconds": 5.0,
        }
        | more
    )
    site = Site(f"http://127.0.0.1:{port}", Accounts(settings.accounts), browser)
    site.add_account("ann")
    site.add_account("bob", "viewer")
    server = web_server(settings)
    running = asyncio.create_task(server.serve())
    try:
        while not server.started:
            assert not running.done()
            await asyncio.sleep(0.01)
        yield site
    finally:
        server.should_exit = True
        await running
