"""A package: what happened to it, live, its parts, whom to call, and trying its delivery again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

from fastapi import APIRouter, Request, Response
from google.protobuf.message import DecodeError
from starlette.exceptions import HTTPException

from xietong.exchange.v1.envelope_pb2 import Envelope, Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind, Statement
from xietong.exchange.v1.operations_service_pb2 import Delivery, GetTransitResponse
from xietong.exchange.v1.package_pb2 import HopState, Package
from xietong.supervision.v1.directory_service_pb2 import Contact
from xietong.supervision.v1.incident_service_pb2 import GetArrivalResponse, Punctuality
from xietong_client import (
    NotFound,
    Text,
    XietongClientError,
    envelope_of,
    is_final,
    statements_of,
    trace_id_of,
)
from xietong_client.labels import TEST_PROCESS
from xietong_console.node import Answer, answer_of, failures_of
from xietong_console.web.acts import carry_out
from xietong_console.web.console import console_of
from xietong_console.web.drawing import Drawing, drawing_of
from xietong_console.web.identifiers import require_identifier
from xietong_console.web.live import Look, live
from xietong_console.web.rendering import page, render
from xietong_console.web.security import Act, Viewer

router = APIRouter()
_REPLAYABLE = (HopState.HOP_STATE_DEAD, HopState.HOP_STATE_WAITING)
_OUTCOMES = {
    EvidenceKind.EVIDENCE_KIND_ACCEPTED,
    EvidenceKind.EVIDENCE_KIND_RETURNED,
    EvidenceKind.EVIDENCE_KIND_REJECTED,
}
_TAKEN_BACK = {EvidenceKind.EVIDENCE_KIND_WITHDRAWAL_REQUESTED, EvidenceKind.EVIDENCE_KIND_WITHDRAWN}
TONES = {
    EvidenceKind.EVIDENCE_KIND_ACCEPTED: "good",
    EvidenceKind.EVIDENCE_KIND_RETURNED: "warning",
    EvidenceKind.EVIDENCE_KIND_PARSE_FAILED: "warning",
    EvidenceKind.EVIDENCE_KIND_WITHDRAWAL_REFUSED: "warning",
    EvidenceKind.EVIDENCE_KIND_REJECTED: "bad",
    EvidenceKind.EVIDENCE_KIND_FAILED: "bad",
    EvidenceKind.EVIDENCE_KIND_EXPIRED: "bad",
}


PUNCTUALITY = {
    Punctuality.PUNCTUALITY_ON_TIME: ("good", Text("按时", "on time")),
    Punctuality.PUNCTUALITY_SLOW: ("warning", Text("偏慢", "slow")),
    Punctuality.PUNCTUALITY_STALLED: ("bad", Text("停滞", "stalled")),
    Punctuality.PUNCTUALITY_OVERDUE: ("bad", Text("超时", "overdue")),
    Punctuality.PUNCTUALITY_ARRIVED: ("good", Text("已到", "arrived")),
}
"""How each looks, and its word."""


@dataclass(frozen=True, slots=True)
class View:
    """A package as the page shows it."""

    package: Package
    envelope: Envelope
    statements: list[Statement]
    deliveries: list[Delivery]
    drawing: Drawing
    arrival: GetArrivalResponse | None
    """How punctual it is, as long as it has no outcome."""
    failures: list[XietongClientError]
    """Why something of it is missing."""

    @classmethod
    def of(cls, transit: GetTransitResponse, arrival: Answer[GetArrivalResponse]) -> View:
        """What the node said. Raises DecodeError for what nobody can read."""
        package = transit.package
        statements = list(statements_of(package))
        return cls(
            package=package,
            envelope=envelope_of(package),
            statements=statements,
            deliveries=list(transit.deliveries),
            drawing=drawing_of(package),
            arrival=None if is_final(package) else arrival.value,
            failures=failures_of(arrival),
        )

    @property
    def may_be_withdrawn(self) -> bool:
        """Whether its sender may still take it back, and has not asked to."""
        asked = {statement.kind for statement in self.statements} & _TAKEN_BACK
        return not asked and not is_final(self.package)

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is to come: an outcome may overtake the evidence of the delivery before it."""
        kinds = {statement.kind for statement in self.statements}
        was_received = not kinds.isdisjoint(_OUTCOMES)
        return is_final(self.package) and (not was_received or EvidenceKind.EVIDENCE_KIND_DELIVERED in kinds)

    @property
    def is_test(self) -> bool:
        """Whether it tests the chain: no business system sees it."""
        return self.envelope.process_code == TEST_PROCESS

    @property
    def trace_id(self) -> str:
        """Under which a collector has its trace."""
        return trace_id_of(self.package)

    @property
    def stuck(self) -> list[Delivery]:
        """Deliveries that an operator may make due at once."""
        return [each for each in self.deliveries if each.state in _REPLAYABLE]

    @property
    def parties(self) -> set[Party.ValueType]:
        """Whose people can help: of the hop where it is."""
        return {self.envelope.sender.party, self.envelope.receiver.party, self.package.progress.peer}


@router.get("/packages/{package_id}")
async def show_package(request: Request, _session: Viewer, package_id: str, done: str = "") -> Response:
    """One package."""
    found, contacts = await asyncio.gather(
        _look(request, package_id), answer_of(console_of(request).node.directory.contacts)
    )
    helpers = _helpers(found.value, contacts.value or [])
    return page(
        request,
        "package.html",
        package_id=package_id,
        view=found.value,
        tones=TONES,
        punctuality=PUNCTUALITY,
        contacts=helpers,
        has_directory=contacts.value is not None,
        is_followed=found.value is not None and not found.value.is_settled,
        done=done if done in ("replay", "withdraw") else "",
        failures=failures_of(found, contacts),
    )


@router.get("/packages/{package_id}/live")
async def follow_package(request: Request, _session: Viewer, package_id: str) -> Response:
    """What of the page changes, whenever it does."""
    require_identifier(package_id)

    async def look() -> Look:
        try:
            found = await _look(request, package_id)
        except HTTPException:  # of a node that was set up anew meanwhile
            return Look("", is_last=True)
        if found.value is None:
            return Look(render(request, "failure.html", failure=found.failure))
        content = render(request, "package_live.html", view=found.value, tones=TONES, punctuality=PUNCTUALITY)
        return Look(content, is_last=found.value.is_settled)

    return live(request, look)


@router.post("/packages/{package_id}/replay")
async def replay(request: Request, form: Act, package_id: str) -> Response:
    """Make a delivery of the package due at once."""
    require_identifier(package_id)
    number = delivery_number(form.get("delivery", ""))
    act, path = partial(console_of(request).node.operations.replay, number), f"/packages/{package_id}"
    return await carry_out(request, form, act, back=path, onward=lambda _: f"{path}?done=replay")


@router.post("/packages/{package_id}/withdraw")
async def withdraw(request: Request, form: Act, package_id: str) -> Response:
    """Take back what the own party sent."""
    require_identifier(package_id)
    reason, path = form.get("reason", "").strip(), f"/packages/{package_id}"
    act = partial(console_of(request).node.operations.withdraw, package_id, reason)
    return await carry_out(request, form, act, back=path, onward=lambda _: f"{path}?done=withdraw")


@router.get("/packages/{package_id}/evidence")
async def export_evidence(request: Request, _session: Viewer, package_id: str) -> Response:
    """The evidence as a file that verifies offline."""
    require_identifier(package_id)
    found = await answer_of(console_of(request).node.operations.evidence, package_id)
    if found.value is None:
        if isinstance(found.failure, NotFound):
            raise HTTPException(404)
        return page(request, "refused.html", back=f"/packages/{package_id}", failures=[found.failure])
    return Response(
        found.value.bundle.SerializeToString(),
        media_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{package_id}.evidence"'},
    )


async def _look(request: Request, package_id: str) -> Answer[View]:
    """The package as the node has it. Raises HTTPException (404) when it has none."""
    require_identifier(package_id)
    node = console_of(request).node
    found, arrival = await asyncio.gather(
        answer_of(node.operations.transit, package_id), answer_of(node.incidents.arrival, package_id)
    )
    if isinstance(found.failure, NotFound):
        raise HTTPException(404)
    if found.value is None:
        return Answer(failure=found.failure)
    try:
        return Answer(value=View.of(found.value, arrival))
    except DecodeError:
        raise HTTPException(500) from None


def _helpers(view: View | None, contacts: list[Contact]) -> list[Contact]:
    return [each for each in contacts if view is None or each.party in view.parties]


def delivery_number(text: str) -> int:
    """The number of a delivery in a form. Raises HTTPException for what is none."""
    if not text.isascii() or not text.isdecimal() or not 0 < int(text[:20]) < 1 << 63:
        raise HTTPException(400)
    return int(text)
