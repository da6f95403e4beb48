"""Who comes in, and who does not: logins, forged sessions and forms, viewers that want to act."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import pytest
from playwright.async_api import expect
from tests.integration.console.conftest import Stage
from tests.integration.console.site import PASSWORD, Visit

from xietong_console.sessions import FREE_FAILURES
from xietong_console.web import security

pytestmark = pytest.mark.asyncio(loop_scope="session")
FORM = {"content-type": "application/x-www-form-urlencoded"}
REFUSED = ("Failed to load resource: the server responded with a status of 4",)


async def post(visit: Visit, path: str, content: str, **headers: str) -> int:
    answer = await visit.page.request.post(
        visit.origin + path, data=content, headers=FORM | headers, max_redirects=0
    )
    return answer.status


async def csrf(visit: Visit) -> str:
    return await visit.page.locator("[name=csrf]").first.input_value()


async def test_nobody_sees_anything_without_a_login(stage: Stage) -> None:
    async with stage.site.visit("", expected=REFUSED) as visit:
        package = f"/packages/{stage.sent[0].package_id}"
        for path in ("/", "/packages", package, f"{package}/evidence", "/flow", "/operations", "/standard"):
            await visit.go(path)
            assert "/login" in visit.page.url
        events = await visit.page.request.get(
            f"{visit.origin}{package}/live", headers={"accept": "text/event-stream"}
        )
        assert events.status == HTTPStatus.UNAUTHORIZED


async def test_the_login_leads_where_one_wanted_to_go_and_nowhere_else(stage: Stage) -> None:
    async with stage.site.visit("") as visit:
        await visit.go("/packages?search=A44&state=waiting")
        await visit.log_in("ann")
        await visit.page.wait_for_url("**/packages?search=A44&state=waiting")
    async with stage.site.visit() as visit:
        for elsewhere in ("https://example.org/", "//example.org/", "/\\example.org", "javascript:alert(1)"):
            await visit.go(f"/login?to={elsewhere}")
            assert visit.page.url == f"{visit.origin}/packages"


async def test_forged_and_ended_sessions(stage: Stage) -> None:
    stage.site.add_account("leaves")
    async with stage.site.visit("leaves") as visit:
        session = next(c for c in await visit.page.context.cookies() if c.get("name") == "xietong-session")
        for forged in ("", "x", str(session.get("value"))[:-1], "é", "a" * 3000):
            answer = await visit.page.request.get(
                f"{visit.origin}/packages", headers={"cookie": f"xietong-session={forged}"}, max_redirects=0
            )
            assert answer.status == HTTPStatus.SEE_OTHER, forged
        await visit.go("/packages")
        await visit.page.click("header button")
        await visit.page.wait_for_url("**/login")
        again = await visit.page.request.get(
            f"{visit.origin}/packages",
            headers={"cookie": f"xietong-session={session.get('value')}"},
            max_redirects=0,
        )
        assert again.status == HTTPStatus.SEE_OTHER


async def test_an_account_that_is_removed_is_out_at_once(stage: Stage) -> None:
    stage.site.add_account("eve")
    async with stage.site.visit("eve") as visit:
        stage.site.accounts.remove("eve")
        await visit.go("/packages")
        assert "/login" in visit.page.url


async def test_who_is_out_is_told_so_on_a_page_that_follows_something(stage: Stage) -> None:
    stage.site.add_account("follows")
    async with stage.site.visit("follows", language="en") as visit:
        await visit.go(f"/packages/{stage.sent[2].package_id}")
        sign = visit.page.locator("[data-live-sign]")
        await expect(sign).to_contain_text("live")
        stage.site.accounts.remove("follows")
        await expect(sign).to_contain_text("logged out")


async def test_a_one_time_login_works_once(stage: Stage) -> None:
    stage.site.add_account("once", once=True)
    async with stage.site.visit("once") as visit:
        assert await visit.go("/flow") == HTTPStatus.OK
    async with stage.site.visit("", expected=REFUSED) as visit:
        await visit.go("/login")
        await visit.log_in("once")
        assert "一次性登录已用过" in await visit.text()


async def test_guessing_has_to_wait(stage: Stage) -> None:
    stage.site.add_account("guessed")
    async with stage.site.visit("", expected=REFUSED, language="en") as visit:
        await visit.go("/login")
        for _ in range(FREE_FAILURES):
            await visit.log_in("guessed", "wrong password")
            assert "Wrong name or password" in await visit.text()
        await visit.log_in("guessed", PASSWORD)
        assert "Too many tries" in await visit.text()
        while "Too many tries" in await visit.text():  # for a second; trying in vain makes it no longer
            await visit.log_in("guessed", PASSWORD)
        assert visit.page.url == f"{visit.origin}/packages"


async def test_forms_that_no_page_of_ours_made_do_nothing(stage: Stage) -> None:
    async with stage.site.visit() as visit:
        for content in ("", "csrf=", "csrf=forged", "csrf=%ff", "csrf=" + "x" * 20_000, "&" * 100):
            for path in (
                "/operations/replay",
                "/operations/check",
                "/logout",
                f"/packages/{stage.sent[0].package_id}/replay",
            ):
                assert await post(visit, path, content) == HTTPStatus.FORBIDDEN, path
            assert (
                await post(visit, "/login", f"name=ann&password={PASSWORD}&{content}") == HTTPStatus.FORBIDDEN
            )
            assert await visit.go("/packages") == HTTPStatus.OK


async def test_a_form_that_does_not_end_holds_no_place(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "MOST_FORM_SECONDS", 0.05)
    async with stage.site.visit() as visit:
        cookies = await visit.page.context.cookies()
        session = next(one.get("value") for one in cookies if one.get("name") == "xietong-session")
        host = visit.origin.removeprefix("http://")
        reader, writer = await asyncio.open_connection(*host.split(":"))
        head = ("POST /operations/check HTTP/1.1", f"host: {host}", f"cookie: xietong-session={session}")
        more = (f"content-type: {FORM['content-type']}", "content-length: 100", "", "csrf=")
        writer.write("\r\n".join((*head, *more)).encode())
        assert b" 403 " in await asyncio.wait_for(reader.readline(), 10)
        writer.close()
        await writer.wait_closed()


async def test_a_form_from_elsewhere_is_refused_even_with_the_right_token(stage: Stage) -> None:
    async with stage.site.visit() as visit:
        await visit.go("/operations")
        content = f"csrf={await csrf(visit)}"
        assert (
            await post(visit, "/operations/check", content, origin="https://example.org")
            == HTTPStatus.FORBIDDEN
        )
        assert await post(visit, "/operations/check", content, origin=visit.origin) == HTTPStatus.OK


async def test_viewers_look_and_do_not_act(stage: Stage) -> None:
    async with stage.site.visit("bob") as visit:
        await visit.go("/operations")
        content = f"csrf={await csrf(visit)}&delivery=1"
        assert await post(visit, "/operations/replay", content) == HTTPStatus.FORBIDDEN


async def test_numbers_that_are_none(stage: Stage) -> None:
    async with stage.site.visit() as visit:
        await visit.go("/operations")
        token = await csrf(visit)
        for number in ("", "x", "-1", "0", "9" * 30, "1.5", "١"):
            status = await post(visit, "/operations/replay", f"csrf={token}&delivery={number}")
            assert status == HTTPStatus.BAD_REQUEST, number
