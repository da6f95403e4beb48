"""What a node does with evidence: who else must learn of it, and what it says about a package that is further on."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest
from tests.unit.exchange.nodes import MemoryStore, new_exchange
from tests.unit.exchange.packages import NOW, PACKAGE_ID, SEND_ID, new_envelope, sealed_package, signature_of

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.evidence_pb2 import Evidence, EvidenceKind, Reason, Statement
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction
from xietong_exchange.domain.evidence import Event, make_statement
from xietong_exchange.flow.evidence import EvidenceDesk
from xietong_exchange.flow.intake import new_record
from xietong_exchange.flow.store import Transaction

PACKAGE = sealed_package(new_envelope())
POLICE, HUB, PROCURATORATE = Party.PARTY_POLICE, Party.PARTY_HUB, Party.PARTY_PROCURATORATE
FAILED = EvidenceKind.EVIDENCE_KIND_FAILED
GIVEN_UP = (Reason(code="DELIVERY_GIVEN_UP"),)


def desk_of(
    party: Party.ValueType,
    *,
    complete: bool = True,
    state: DeliveryState.ValueType = DeliveryState.DELIVERY_STATE_SUBMITTED,
) -> tuple[EvidenceDesk, MemoryStore]:
    """The desk of a branch that sends or receives the package."""
    store = MemoryStore()
    direction = Direction.DIRECTION_OUTGOING if party == POLICE else Direction.DIRECTION_INCOMING
    record = new_record(PACKAGE, direction=direction, state=state, complete=complete, now=NOW)
    store.packages.records[PACKAGE_ID] = record
    return EvidenceDesk(new_exchange(party, store)), store


def inside(store: MemoryStore) -> Transaction:
    """What a transaction does to this store is there at once."""
    return cast("Transaction", store)


def said_by_hub(kind: EvidenceKind.ValueType) -> Evidence:
    statement = make_statement(
        PACKAGE, Event(kind=kind, time=NOW, reasons=GIVEN_UP), evidence_id=SEND_ID, stated_by=HUB
    )
    return Evidence(statement=statement.SerializeToString(), signature=signature_of(HUB))


@pytest.mark.parametrize("offered", [True, False])
async def test_the_next_node_learns_of_a_package_that_was_given_up_if_it_was_offered(offered: bool) -> None:
    desk, store = desk_of(POLICE)
    await store.outbox.enqueue(HUB, Lane.LANE_BULK, PACKAGE_ID)
    store.outbox.deliveries[1] = replace(store.outbox.deliveries[1], offered=offered, status="dead")
    failed = await desk.state(inside(store), store.packages.records[PACKAGE_ID], Event(kind=FAILED, time=NOW))
    told = [(one.destination, one.evidence_id) for one in store.outbox.deliveries.values() if one.evidence_id]
    assert told == ([(HUB, failed.evidence_id)] if offered else [])


async def test_an_announced_package_ends_when_it_is_given_up_on_its_way() -> None:
    desk, store = desk_of(PROCURATORATE, complete=False)
    await desk.take(said_by_hub(FAILED), HUB)
    ended = store.packages.records[PACKAGE_ID]
    assert ended.state == DeliveryState.DELIVERY_STATE_FAILED
    assert [reason.code for reason in Statement.FromString(ended.reasons).reasons] == ["DELIVERY_GIVEN_UP"]


async def test_a_package_that_is_here_whole_is_not_ended_by_who_gave_it_up() -> None:
    desk, store = desk_of(PROCURATORATE, state=DeliveryState.DELIVERY_STATE_DELIVERED)
    before = store.packages.records[PACKAGE_ID]
    await desk.take(said_by_hub(FAILED), HUB)
    assert store.packages.records[PACKAGE_ID] == before
    assert [row.kind for row in store.packages.stated] == [FAILED]


DECIDED = {
    DeliveryState.DELIVERY_STATE_ACCEPTED: ("已受理", "Accepted"),
    DeliveryState.DELIVERY_STATE_RETURNED: ("退回补正", "Returned"),
    DeliveryState.DELIVERY_STATE_REJECTED: ("已拒收", "Rejected"),
}


@pytest.mark.parametrize(("state", "words"), DECIDED.items(), ids=["accepted", "returned", "rejected"])
async def test_a_withdrawal_that_comes_too_late_is_told_why(
    state: DeliveryState.ValueType, words: tuple[str, str]
) -> None:
    desk, store = desk_of(PROCURATORATE, state=state)
    decided = replace(store.packages.records[PACKAGE_ID], reasons=b"")
    store.packages.records[PACKAGE_ID] = decided
    assert await desk.withdraw(inside(store), decided)
    (refused,) = store.packages.stated
    assert refused.kind == EvidenceKind.EVIDENCE_KIND_WITHDRAWAL_REFUSED
    (reason,) = Statement.FromString(refused.statement).reasons
    assert reason.code == "WITHDRAWAL_TOO_LATE"
    assert words[0] in reason.text_zh
    assert words[1] in reason.text_en
    assert store.packages.records[PACKAGE_ID] == decided, "why it was returned must stay readable"
