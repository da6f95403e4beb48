"""Failures to parse, as the receiver's systems report them: each once, and not without end."""

from __future__ import annotations

import pytest
from tests.unit.exchange.nodes import MemoryStore, new_exchange
from tests.unit.exchange.packages import NOW, PACKAGE_ID, new_envelope, sealed_package

from xietong.exchange.v1.draft_pb2 import Accepted, Outcome, ParseFailed
from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.evidence_pb2 import Actor, EvidenceKind, Reason, Statement
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction
from xietong_exchange.domain.errors import StateConflict
from xietong_exchange.domain.evidence import MAX_REASONS
from xietong_exchange.domain.profile import SystemProfile
from xietong_exchange.flow.evidence import EvidenceDesk
from xietong_exchange.flow.handover import MAX_PARSE_FAILURES, Caller, Handover
from xietong_exchange.flow.intake import new_record

ACTOR = Actor(organ_code="110000000001", handler_ref="1024")
SYSTEM = "prosecution"


def receiver() -> tuple[Handover, MemoryStore]:
    store = MemoryStore()
    store.packages.records[PACKAGE_ID] = new_record(
        sealed_package(new_envelope()),
        direction=Direction.DIRECTION_INCOMING,
        state=DeliveryState.DELIVERY_STATE_RETRIEVED,
        complete=True,
        now=NOW,
    )
    systems = {SYSTEM: SystemProfile(frozenset({"decide"}))}
    exchange = new_exchange(Party.PARTY_PROCURATORATE, store, systems=systems)
    return Handover(exchange, EvidenceDesk(exchange)), store


async def fail(desk: Handover, *codes: str) -> None:
    reasons = [Reason(code=code, text_zh="无法解析", text_en="unreadable") for code in codes]
    outcome = Outcome(parse_failed=ParseFailed(reasons=reasons))
    await desk.report(PACKAGE_ID, outcome, Caller(SYSTEM), ACTOR)


def failures(store: MemoryStore) -> list[list[str]]:
    kind = EvidenceKind.EVIDENCE_KIND_PARSE_FAILED
    rows = [Statement.FromString(row.statement) for row in store.packages.stated if row.kind == kind]
    return [[reason.code for reason in statement.reasons] for statement in rows]


async def test_the_same_failure_to_parse_is_one_piece_of_evidence() -> None:
    desk, store = receiver()
    for codes in (["A"], ["A"], ["B"], ["A"], ["A", "B"]):
        await fail(desk, *codes)
    assert failures(store) == [["A"], ["B"], ["A", "B"]]


async def test_also_with_more_reasons_than_one_statement_carries() -> None:
    desk, store = receiver()
    many = [f"R-{number}" for number in range(MAX_REASONS + 100)]
    for codes in (many, many, [*many, "R-more"]):
        await fail(desk, *codes)
    assert len(failures(store)) == 2


async def test_a_parser_in_a_loop_has_an_end_and_the_package_can_still_be_accepted() -> None:
    desk, store = receiver()
    for number in range(MAX_PARSE_FAILURES):
        await fail(desk, f"R-{number}")
    with pytest.raises(StateConflict, match="PARSE_FAILED"):
        await fail(desk, "one more")
    await fail(desk, "R-0")
    assert len(failures(store)) == MAX_PARSE_FAILURES
    accepted = Outcome(accepted=Accepted(receiver_case_number="示检受〔2026〕1号"))
    assert (
        await desk.report(PACKAGE_ID, accepted, Caller(SYSTEM), ACTOR)
    ).state == DeliveryState.DELIVERY_STATE_ACCEPTED
