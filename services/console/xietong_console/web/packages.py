"""Packages: found by what one knows of them, the newest first, page by page."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong.supervision.v1.flow_service_pb2 import ListFlowsRequest
from xietong_client import Text
from xietong_client.labels import party_by_name, state_name
from xietong_console.node import answer_of, failures_of
from xietong_console.web.console import console_of
from xietong_console.web.rendering import page
from xietong_console.web.security import Viewer
from xietong_console.words import CHINA, STATES

router = APIRouter()
PAGE_SIZE = 50
SENDING = (
    Party.PARTY_POLICE,
    Party.PARTY_PROCURATORATE,
    Party.PARTY_COURT,
    Party.PARTY_JUSTICE,
)
GROUPS = {
    "under-way": (
        Text("传输途中", "under way"),
        (DeliveryState.DELIVERY_STATE_SUBMITTED, DeliveryState.DELIVERY_STATE_RELAYED),
    ),
    "waiting": (
        Text("待接收方办理", "waiting for the receiver"),
        (
            DeliveryState.DELIVERY_STATE_DELIVERED,
            DeliveryState.DELIVERY_STATE_RETRIEVED,
            DeliveryState.DELIVERY_STATE_PARSED,
        ),
    ),
    "trouble": (
        Text("需要处理", "needs attention"),
        (
            DeliveryState.DELIVERY_STATE_FAILED,
            DeliveryState.DELIVERY_STATE_RETURNED,
            DeliveryState.DELIVERY_STATE_REJECTED,
        ),
    ),
}


class Search(BaseModel):
    """What the form says, as it was said, and which page of it."""

    model_config = ConfigDict(frozen=True)

    search: str = ""
    process: str = ""
    state: str = ""
    sender: str = ""
    receiver: str = ""
    since: str = ""
    until: str = ""
    token: str = ""

    def request(self) -> ListFlowsRequest:
        """The same for the node. Raises ValueError for what is no date."""
        request = ListFlowsRequest(
            search=self.search.strip(),
            process_code=self.process.strip().upper(),
            states=self._states(),
            sender=party_by_name(self.sender) or Party.PARTY_UNSPECIFIED,
            receiver=party_by_name(self.receiver) or Party.PARTY_UNSPECIFIED,
            page_size=PAGE_SIZE,
            page_token=self.token,
        )
        if self.since:
            request.start_time.FromDatetime(_midnight(self.since))
        if self.until:
            request.end_time.FromDatetime(_midnight(self.until) + timedelta(days=1))
        return request

    def query(self, token: str = "") -> str:
        """The address of this search, and of a page of it."""
        fields = self.model_dump() | {"token": token}
        return "/packages?" + urlencode({name: value for name, value in fields.items() if value})

    def _states(self) -> tuple[DeliveryState.ValueType, ...]:
        if self.state in GROUPS:
            return GROUPS[self.state][1]
        return tuple(state for state in STATES if state_name(state) == self.state)


@router.get("/packages")
async def list_packages(request: Request, _session: Viewer, wanted: Annotated[Search, Query()]) -> Response:
    """A page of packages."""
    values: dict[str, Any] = {"wanted": wanted, "groups": GROUPS, "states": STATES, "parties": SENDING}
    try:
        asked = wanted.request()
    except (ValueError, OverflowError):
        return page(request, "packages.html", found=None, wrong_date=True, **values)
    found = await answer_of(console_of(request).node.flows.page, asked)
    return page(
        request,
        "packages.html",
        found=found.value,
        wrong_date=False,
        failures=failures_of(found),
        **values,
    )


def _midnight(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(), CHINA)
