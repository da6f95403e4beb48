"""What every form has to prove: cookies, sessions, and that it comes from a page of ours."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request, Response
from starlette.requests import ClientDisconnect

from xietong_console.accounts import AccountError
from xietong_console.refusals import Fields
from xietong_console.sessions import Session
from xietong_console.web.console import Console, console_of

MOST_FORM_BYTES = 256 << 10
"""Of somebody who is logged in: the longest text of a notice, as browsers encode Chinese, has 180 KB."""
MOST_LOGIN_BYTES = 16 << 10
MOST_FORM_FIELDS = 30
MOST_FORM_SECONDS = 60.0
"""For a form to arrive; whoever sends it letter by letter holds a place meanwhile."""
_FORM = "application/x-www-form-urlencoded"


class LoginNeeded(Exception):
    """Whoever asks is not logged in, or no more."""


class FormRefused(Exception):
    """A form that is none of ours: forged, too large, or of a session that has ended."""


class ActRefused(Exception):
    """A viewer may not act."""


def cookie_name(console: Console, kind: str) -> str:
    """With TLS a name that browsers accept from this host alone, for all of its paths."""
    return f"__Host-xietong-{kind}" if console.is_encrypted else f"xietong-{kind}"


def set_cookie(console: Console, response: Response, kind: str, value: str) -> None:
    """A cookie that no script reads and no other site sends."""
    response.set_cookie(
        cookie_name(console, kind),
        value,
        httponly=True,
        samesite="strict",
        secure=console.is_encrypted,
        path="/",
    )


def get_cookie(request: Request, kind: str) -> str:
    """The value of a cookie, empty when there is none."""
    return request.cookies.get(cookie_name(console_of(request), kind), "")


def session_of(request: Request, *, touch: bool = True) -> Session | None:
    """The session of the browser that asks, as long as its account is there."""
    console = console_of(request)
    secret = get_cookie(request, "session")
    session = console.sessions.get(secret, touch=touch) if secret else None
    if session is None:
        return None
    try:
        account = console.accounts.get(session.account.name)
    except AccountError:
        account = None
    if account is None or account.salt != session.account.salt or account.role != session.account.role:
        console.sessions.end(secret)  # it was removed, has another password, or another role
        return None
    return session


def logged_in(request: Request) -> Session:
    """The session. Raises LoginNeeded."""
    session = session_of(request)
    if session is None:
        raise LoginNeeded
    return session


Viewer = Annotated[Session, Depends(logged_in)]


async def read_form(request: Request, *, most_bytes: int) -> Fields:
    """The fields of a form. Raises FormRefused."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise FormRefused
    content = bytearray()
    try:
        async with asyncio.timeout(MOST_FORM_SECONDS):
            async for chunk in request.stream():
                content += chunk
                if len(content) > most_bytes:
                    raise FormRefused
    except (TimeoutError, ClientDisconnect):
        raise FormRefused from None
    try:
        fields = parse_qsl(content.decode(), keep_blank_values=True, max_num_fields=MOST_FORM_FIELDS)
    except (UnicodeDecodeError, ValueError):
        raise FormRefused from None
    return Fields(fields)


def written(fields: Fields, name: str) -> str:
    """A text of several lines, with the line ends and spaces that the contract has; empty when it is not given."""
    return fields.get(name, "").replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ").strip()


async def confirmed(request: Request, session: Viewer) -> Fields:
    """The fields of a form that came from a page of this session. Raises LoginNeeded, FormRefused."""
    _require_own_origin(request)
    fields = await read_form(request, most_bytes=MOST_FORM_BYTES)
    if not session.confirms(fields.get("csrf", "")):
        raise FormRefused
    return fields


async def acting(fields: Annotated[Fields, Depends(confirmed)], session: Viewer) -> Fields:
    """The same for what only operators may do. Raises ActRefused too."""
    if session.account.role != "operator":
        raise ActRefused
    return fields


Form = Annotated[Fields, Depends(confirmed)]
Act = Annotated[Fields, Depends(acting)]


async def login_form(request: Request) -> Fields:
    """The fields of a login form that this console gave to this browser. Raises FormRefused."""
    _require_own_origin(request)
    fields = await read_form(request, most_bytes=MOST_LOGIN_BYTES)
    token = get_cookie(request, "login")
    if not token or not hmac.compare_digest(token.encode(), fields.get("csrf", "").encode()):
        raise FormRefused
    return fields


def login_token() -> str:
    """What binds a login form to the browser that it was given to."""
    return secrets.token_urlsafe(24)


def _require_own_origin(request: Request) -> None:
    """Browsers say from where a form comes; where they don't, the token alone decides."""
    origin = request.headers.get("origin")
    if origin is not None and origin != f"{request.url.scheme}://{request.headers.get('host', '')}":
        raise FormRefused
