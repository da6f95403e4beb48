"""Logging in and out."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from xietong_console.accounts import NOBODY, Account, AccountError
from xietong_console.refusals import Fields
from xietong_console.web.console import Console, console_of
from xietong_console.web.preferences import own_path
from xietong_console.web.rendering import address_of, page
from xietong_console.web.security import (
    Form,
    Viewer,
    cookie_name,
    get_cookie,
    login_form,
    login_token,
    session_of,
    set_cookie,
)

router = APIRouter()
_SEE_OTHER = 303
_LONGEST_NAME = 40
_HASHING = asyncio.Semaphore(2)
"""Each check takes a core and 16 MiB for a moment: many at once must not stop the pages."""


def login_path(request: Request) -> str:
    """The login page, which leads back to where the request wanted to go."""
    wanted = address_of(request)
    return "/login" if wanted == "/" else f"/login?to={quote(wanted, safe='')}"


@router.get("/")
async def start() -> Response:
    """The first page."""
    return RedirectResponse("/packages", _SEE_OTHER)


@router.get("/login")
async def show_login(request: Request, to: str = "") -> Response:
    """The login page."""
    if session_of(request) is not None:
        return RedirectResponse(own_path(to), _SEE_OTHER)
    return _login_page(request, to)


@router.post("/login")
async def log_in(request: Request, form: Annotated[Fields, Depends(login_form)]) -> Response:
    """Check name and password, and begin a session."""
    console = console_of(request)
    name, to = form.get("name", "").strip().lower()[:_LONGEST_NAME], form.get("to", "")
    address = request.client.host if request.client else ""
    wait = max(console.names.wait_seconds(name), console.addresses.wait_seconds(address))
    if wait > 0:
        return _login_page(request, to, status=429, wait=round(wait) + 1)
    account = await _account(console, name, form.get("password", ""))
    if account is None:
        console.names.failed(name)
        console.addresses.failed(address)
        return _login_page(request, to, status=403, refused=True)
    console.names.succeeded(name)
    response = RedirectResponse(own_path(to), _SEE_OTHER)
    set_cookie(console, response, "session", console.sessions.begin(account))
    response.delete_cookie(cookie_name(console, "login"), path="/", secure=console.is_encrypted)
    return response


@router.get("/alive")
async def stay(_session: Viewer) -> Response:
    """Somebody is writing: the session must not end before the form is sent."""
    return Response(status_code=204)


@router.post("/logout")
async def log_out(request: Request, _form: Form) -> Response:
    """End the session."""
    console = console_of(request)
    console.sessions.end(get_cookie(request, "session"))
    response = RedirectResponse("/login", _SEE_OTHER)
    response.delete_cookie(cookie_name(console, "session"), path="/", secure=console.is_encrypted)
    return response


async def _account(console: Console, name: str, password: str) -> Account | None:
    """The account, if this is its password."""
    try:
        account = console.accounts.get(name)
        async with _HASHING:
            is_right = await asyncio.to_thread((account or NOBODY).accepts, password)
        if account is None or not is_right:
            return None
        if account.once and not await asyncio.to_thread(console.accounts.use_up, account):
            return None
    except AccountError:
        return None  # the file is damaged: nobody gets in; `check-config` says what is wrong
    return account


def _login_page(
    request: Request, to: str, *, status: int = 200, refused: bool = False, wait: int = 0
) -> Response:
    token = get_cookie(request, "login") or login_token()
    values: dict[str, Any] = {"to": own_path(to), "token": token, "refused": refused, "wait": wait}
    response = page(request, "login.html", http_status=status, **values)
    set_cookie(console_of(request), response, "login", token)
    return response
