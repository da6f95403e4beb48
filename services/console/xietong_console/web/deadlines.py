"""Deadlines: which statutory clocks of which cases end when, and who has to act; at the hub, which alone sees all."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.supervision.v1.clock_service_pb2 import ClockPhase, ListDeadlinesRequest
from xietong_client import Text
from xietong_client.labels import party_by_name, party_name
from xietong_console.node import answer_of, failures_of
from xietong_console.web.console import console_of
from xietong_console.web.rendering import page
from xietong_console.web.security import Viewer

router = APIRouter()
PAGE_SIZE = 50
MOST_DAYS = 3660
RECENT_DAYS = 30
"""What ended longer ago is no news: it is asked for as such."""
RESPONSIBLE = sorted(set(Party.values()) - {Party.PARTY_UNSPECIFIED, Party.PARTY_HUB})
PHASES = {
    "pressing": (
        Text("即将届满和近 30 天到期的", "near their end or past it for 30 days"),
        (ClockPhase.CLOCK_PHASE_WARNING, ClockPhase.CLOCK_PHASE_PASSED),
    ),
    "warning": (Text("即将届满", "near their end"), (ClockPhase.CLOCK_PHASE_WARNING,)),
    "passed": (Text("已到期限", "end passed"), (ClockPhase.CLOCK_PHASE_PASSED,)),
    "running": (Text("计算中", "running"), (ClockPhase.CLOCK_PHASE_RUNNING,)),
    "suspended": (Text("暂不计算", "suspended"), (ClockPhase.CLOCK_PHASE_SUSPENDED,)),
    "all": (Text("全部", "all"), ()),
}
DAYS = (0, 3, 7, 15, 30, 90)


class Wanted(BaseModel):
    """What the form says, as it was said, and which page of it."""

    model_config = ConfigDict(frozen=True)

    party: str = ""
    phase: str = "pressing"
    days: str = ""
    token: str = ""

    def request(self) -> ListDeadlinesRequest:
        """The same for the node; what the form does not offer does not restrict."""
        asked = ListDeadlinesRequest(
            party=party_by_name(self.party) or Party.PARTY_UNSPECIFIED,
            phases=PHASES[self.phase if self.phase in PHASES else "pressing"][1],
            page_size=PAGE_SIZE,
            page_token=self.token,
        )
        if self.phase not in PHASES or self.phase == "pressing":
            asked.passed_days = RECENT_DAYS
        if self.days.isascii() and self.days.isdecimal() and int(self.days[:9]) <= MOST_DAYS:
            asked.within_days = int(self.days)
        return asked

    def query(self, token: str = "") -> str:
        """The address of this list, and of a page of it."""
        fields = self.model_dump() | {"token": token}
        return "/deadlines?" + urlencode({name: value for name, value in fields.items() if value})


@router.get("/deadlines")
async def list_deadlines(request: Request, _session: Viewer, wanted: Annotated[Wanted, Query()]) -> Response:
    """A page of deadlines, the earliest end first."""
    node = console_of(request).node
    if node.party != party_name(Party.PARTY_HUB):
        raise HTTPException(404)
    found = await answer_of(node.clocks.deadlines_page, wanted.request())
    return page(
        request,
        "deadlines.html",
        found=found.value,
        failures=failures_of(found),
        wanted=wanted,
        phases=PHASES,
        days=DAYS,
        parties=RESPONSIBLE,
    )
