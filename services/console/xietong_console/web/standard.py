"""The data standard: its editions and processes, as installed with this console."""

from __future__ import annotations

from functools import cache

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from xietong_console.web.rendering import page
from xietong_console.web.security import Viewer
from xietong_standard import Edition, available_editions, load_edition, statistics
from xietong_standard.description import describe

router = APIRouter()


@router.get("/standard")
async def show_newest(request: Request, _session: Viewer) -> Response:
    """The newest edition."""
    return _edition_page(request, available_editions()[-1])


@router.get("/standard/{edition_id}")
async def show_edition(request: Request, _session: Viewer, edition_id: str) -> Response:
    """The processes of an edition."""
    return _edition_page(request, edition_id)


@router.get("/standard/{edition_id}/{code}")
async def show_process(request: Request, _session: Viewer, edition_id: str, code: str) -> Response:
    """All that a process needs."""
    edition = _edition(edition_id)
    process = edition.processes.get(code)
    if process is None:
        raise HTTPException(404)
    sections = describe(process, edition)
    return page(request, "process.html", edition=edition, process=process, sections=sections)


def _edition_page(request: Request, edition_id: str) -> Response:
    edition = _edition(edition_id)
    return page(
        request,
        "standard.html",
        edition=edition,
        editions=available_editions(),
        counts=statistics(edition),
    )


def _edition(edition_id: str) -> Edition:
    """An installed edition. Raises HTTPException (404)."""
    if edition_id not in available_editions():
        raise HTTPException(404)
    return _loaded(edition_id)


@cache
def _loaded(edition_id: str) -> Edition:
    return load_edition(edition_id)
