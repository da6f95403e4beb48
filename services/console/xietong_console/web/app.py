"""The application: its pages, what every answer carries, and what becomes of who may not do something."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from xietong_console.settings import Settings
from xietong_console.web import (
    cases,
    changes,
    contacts,
    deadlines,
    flow,
    incidents,
    login,
    maintenance,
    operating,
    package,
    packages,
    preferences,
    problems,
    standard,
    statistics,
)
from xietong_console.web.console import Console
from xietong_console.web.headers import WithHeaders
from xietong_console.web.rendering import page
from xietong_console.web.security import ActRefused, FormRefused, LoginNeeded

_STATIC = Path(__file__).parents[1] / "static"
_SEE_OTHER = 303


def build_app(settings: Settings) -> FastAPI:
    """The console as an ASGI application; it connects to the node when it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        console = app.state.console = Console.make(settings)
        yield
        await console.node.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    app.add_middleware(WithHeaders, is_encrypted=settings.tls is not None)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    for module in (
        login,
        preferences,
        packages,
        package,
        cases,
        flow,
        incidents,
        deadlines,
        problems,
        operating,
        contacts,
        maintenance,
        changes,  # before the editions, whose addresses begin alike
        standard,
        statistics,
    ):
        app.include_router(module.router)
    app.exception_handler(LoginNeeded)(_login_needed)
    app.exception_handler(FormRefused)(_form_refused)
    app.exception_handler(ActRefused)(_act_refused)
    app.exception_handler(HTTPException)(_other)
    return app


async def _login_needed(request: Request, _error: Exception) -> Response:
    if request.method == "GET" and "text/event-stream" not in request.headers.get("accept", ""):
        return RedirectResponse(login.login_path(request), _SEE_OTHER)
    return page(request, "message.html", http_status=401, kind="login")


async def _form_refused(request: Request, _error: Exception) -> Response:
    return page(request, "message.html", http_status=403, kind="form")


async def _act_refused(request: Request, _error: Exception) -> Response:
    return page(request, "message.html", http_status=403, kind="viewer")


async def _other(request: Request, error: Exception) -> Response:
    status, headers = 500, None
    if isinstance(error, HTTPException):
        status, headers = error.status_code, error.headers  # such as which methods there are
    answer = page(request, "message.html", http_status=status, kind="missing" if status == 404 else "other")  # noqa: PLR2004 - HTTP's own number
    answer.headers.update(headers or {})
    return answer
