"""Language and look: kept in the reader's browser, not in the session, so that the login page has them too."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from xietong_console.web.console import console_of
from xietong_console.web.rendering import LANGUAGES, THEMES

router = APIRouter()
_SEE_OTHER = 303
_YEAR_SECONDS = 365 * 24 * 3600


def own_path(wanted: str) -> str:
    """Where to go on: a path of this console, or the first page."""
    is_own = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if is_own else "/packages"


@router.get("/language/{language}")
async def switch_language(request: Request, language: str, to: str = "/") -> Response:
    """Chinese or English from here on."""
    return _keep(request, "language", language if language in LANGUAGES else "zh", to)


@router.get("/theme/{theme}")
async def switch_theme(request: Request, theme: str, to: str = "/") -> Response:
    """Light, dark, or as the system is."""
    return _keep(request, "theme", theme if theme in THEMES else "auto", to)


def _keep(request: Request, name: str, value: str, to: str) -> Response:
    response = RedirectResponse(own_path(to), _SEE_OTHER)
    is_encrypted = console_of(request).is_encrypted
    response.set_cookie(
        f"xietong-{name}", value, max_age=_YEAR_SECONDS, samesite="lax", secure=is_encrypted, httponly=True
    )
    return response
