"""How long the console's pages take in a browser, with a million packages in the hub's database."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from playwright.async_api import Browser, Page, ViewportSize, async_playwright

from bench.city import START_SECONDS, WITH_HUB
from bench.history import HISTORY_PACKAGES, fill
from bench.large import Road, road
from bench.pairing import in_rounds
from bench.report import Report, Row, Target
from bench.run import Run
from xietong_client.trace import Trace
from xietong_demo.console import ConsoleLogin, prepare_console, start_console

_SIZE = ViewportSize(width=1366, height=768)
_PAGES = {
    "first page": "/packages",
    "a search that finds one": "/packages?search={package}",
    "a search that finds nothing": "/packages?search=" + Trace.begin().trace_id,
    "a beginning that all numbers have": "/packages?search=A",
    "one package": "/packages/{package}",
    "statistics": "/statistics",
    "incidents": "/incidents",
    "flow": "/flow",
}
_FIRST_PAGE_SECONDS = 1.0


async def console_pages(run: Run, report: Report) -> None:
    """Each page is opened anew in a window that has been used; the time ends when everything of it is there."""
    async with road(run, WITH_HUB, name="full") as full, _window(full) as window:
        await fill(full, run, HISTORY_PACKAGES, parties=("hub",))
        package = await _newest(full)
        for name, path in _PAGES.items():
            address = path.format(package=package)
            await _seconds(window, address)
            times = await in_rounds(run.budget(5, 60), partial(_seconds, window, address))
            target = Target("ours", "≤", _FIRST_PAGE_SECONDS) if name == "first page" else None
            work = f"console, {HISTORY_PACKAGES:,} packages: {name}"
            report.rows.append(Row.alone(work, "s", times, target=target))


async def _newest(full: Road) -> str:
    connection = await full.city.database("hub")
    try:
        return str(await connection.fetchval("SELECT package_id FROM package ORDER BY position DESC LIMIT 1"))
    finally:
        await connection.close()


@asynccontextmanager
async def _window(full: Road) -> AsyncIterator[Page]:
    """A browser's window, logged in at the hub's console."""
    login = prepare_console(full.city.stack)
    await start_console(full.city.stack, full.city.group, login, START_SECONDS)
    async with async_playwright() as playwright:
        chromium = shutil.which("chromium")
        if chromium is None:
            raise FileNotFoundError("chromium: apt-get install chromium")
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            yield await _logged_in(browser, login)
        finally:
            await browser.close()


async def _logged_in(browser: Browser, login: ConsoleLogin) -> Page:
    window = await (await browser.new_context(viewport=_SIZE, base_url=login.address)).new_page()
    await window.goto("/login")
    await window.fill("[name=name]", login.account)
    await window.fill("[name=password]", login.password)
    await window.click("main button")
    await window.wait_for_url("**/packages")
    return window


async def _seconds(window: Page, address: str) -> float:
    """From the click to the last byte that the page needs, by the browser's own clock."""
    answer = await window.goto(address, wait_until="load")
    if answer is None or not answer.ok:
        raise RuntimeError(f"{address}: the console answers {answer.status if answer else 'nothing'}")
    timing: Mapping[str, float] = await window.evaluate(
        "performance.getEntriesByType('navigation')[0].toJSON()"
    )
    return timing["loadEventEnd"] / 1000
