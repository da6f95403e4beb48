"""The flow: a live map of the five parties, with what runs between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_console.board import Line, Picture
from xietong_console.web.console import console_of
from xietong_console.web.live import Look, live
from xietong_console.web.rendering import page, render
from xietong_console.web.security import Viewer

router = APIRouter()
HUB = Party.PARTY_HUB


@dataclass(frozen=True, slots=True)
class Place:
    """Where a party is on the map, and where the numbers of its two lines are."""

    party: Party.ValueType
    x: int
    y: int


PLACES = (
    Place(Party.PARTY_POLICE, 120, 60),
    Place(Party.PARTY_PROCURATORATE, 980, 60),
    Place(Party.PARTY_COURT, 980, 300),
    Place(Party.PARTY_JUSTICE, 120, 300),
)


@router.get("/flow")
async def show_flow(request: Request, _session: Viewer) -> Response:
    """The map as it is now; it follows by itself."""
    picture = await console_of(request).board.look()
    return page(request, "flow.html", **_values(picture))


@router.get("/flow/live")
async def follow_flow(request: Request, _session: Viewer) -> Response:
    """The map, whenever something changed."""

    async def look() -> Look:
        picture = await console_of(request).board.look()
        return Look(render(request, "flow_live.html", **_values(picture)))

    return live(request, look)


def _values(picture: Picture) -> dict[str, Any]:
    reachable = {each.party: each.reachable for each in picture.status.neighbours} if picture.status else {}
    both = {
        place.party: (
            picture.lines.get((place.party, HUB), Line()),
            picture.lines.get((HUB, place.party), Line()),
        )
        for place in PLACES
    }
    return {"picture": picture, "places": PLACES, "lines": both, "reachable": reachable, "hub": HUB}
