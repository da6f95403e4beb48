"""Couriers: each try ends in one of three ways, and evidence that overtakes its package is tried again, not buried."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from tests.unit.exchange.couriers import (
    NOT_THERE,
    POLICY,
    WRONG,
    Answer,
    Hub,
    courier,
    enqueue,
    given_up,
    log_of,
    store_with,
)
from tests.unit.exchange.nodes import LONG_SECONDS, until
from tests.unit.exchange.packages import NOW, PACKAGE_ID

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.evidence_pb2 import Evidence, EvidenceKind, Statement
from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong.exchange.v1.transfer_service_pb2 import EvidenceResult
from xietong_exchange.adapters.rpc.status import from_status, to_status
from xietong_exchange.domain.errors import (
    DatabaseUnavailable,
    Failure,
    NodeUnreachable,
    StorageFull,
)
from xietong_exchange.flow.changes import Subscription
from xietong_exchange.flow.courier import LANE_WIDTHS
from xietong_exchange.flow.evidence import to_evidence


async def test_evidence_that_overtakes_its_package_is_tried_again_until_the_package_is_there() -> None:
    store, hub = store_with(1), Hub([[NOT_THERE], [NOT_THERE], [None]])
    await enqueue(store, 1)
    assert await log_of(store, hub, Lane.LANE_EVIDENCE, 3) == [
        ("postponed", 1, "PACKAGE_NOT_FOUND"),
        ("postponed", 1, "PACKAGE_NOT_FOUND"),
        ("finished", 1, ""),
    ]
    assert hub.evidence == [[to_evidence(store.packages.stated[0])]] * 3
    assert store.outbox.deliveries[1].status == "done"


async def test_also_when_the_whole_call_is_refused_so() -> None:
    refusal = from_status(to_status(NOT_THERE, incident=""))
    assert not refusal.retryable
    store, hub = store_with(2), Hub([refusal, [None, None]])
    await enqueue(store, 2)
    log = await log_of(store, hub, Lane.LANE_EVIDENCE, 4)
    assert [what for what, _, _ in log] == ["postponed", "postponed", "finished", "finished"]


async def test_of_one_batch_each_piece_has_its_own_end() -> None:
    store, hub = store_with(3), Hub([[NOT_THERE, None, WRONG], [None]])
    await enqueue(store, 3)
    log = await log_of(store, hub, Lane.LANE_EVIDENCE, 4)
    assert sorted(log[:3]) == [
        ("buried", 3, "EVIDENCE_INVALID"),
        ("finished", 2, ""),
        ("postponed", 1, "PACKAGE_NOT_FOUND"),
    ]
    assert log[3] == ("finished", 1, "")


async def test_a_batch_costs_one_look_and_one_change() -> None:
    store, hub = store_with(5), Hub([[None] * 5])
    await enqueue(store, 5)
    await log_of(store, hub, Lane.LANE_EVIDENCE, 5)
    assert hub.evidence == [[to_evidence(row) for row in store.packages.stated]]
    assert (store.packages.looks, store.outbox.finishes) == (1, 1)


async def test_the_first_failure_and_every_new_reason_are_loud_and_repetitions_are_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "xietong_exchange.flow.courier")
    away = NodeUnreachable(party="hub")
    store, hub = (
        store_with(0),
        Hub([away, away, away, DatabaseUnavailable(), DatabaseUnavailable(), away, []]),
    )
    await store.outbox.enqueue(Party.PARTY_HUB, Lane.LANE_INTERACTIVE, PACKAGE_ID)
    await log_of(store, hub, Lane.LANE_INTERACTIVE, 7)
    told = [(record.levelname, record.getMessage().rpartition(" ")[2]) for record in caplog.records]
    assert told == [
        ("WARNING", "NODE_UNREACHABLE"),
        ("DEBUG", "NODE_UNREACHABLE"),
        ("DEBUG", "NODE_UNREACHABLE"),
        ("WARNING", "DATABASE_UNAVAILABLE"),
        ("DEBUG", "DATABASE_UNAVAILABLE"),
        ("WARNING", "NODE_UNREACHABLE"),
    ]


async def test_evidence_that_is_buried_makes_no_evidence() -> None:
    store, hub = store_with(1), Hub([[WRONG]])
    await enqueue(store, 1)
    assert await log_of(store, hub, Lane.LANE_EVIDENCE, 1) == [("buried", 1, "EVIDENCE_INVALID")]
    assert len(store.packages.stated) == len(store.outbox.deliveries) == 1
    assert given_up(store) == [(1, PACKAGE_ID, "EVIDENCE_INVALID")]
    assert store.packages.records[PACKAGE_ID].state == DeliveryState.DELIVERY_STATE_SUBMITTED


async def test_who_never_recorded_a_package_need_not_learn_that_it_was_given_up() -> None:
    store, hub = store_with(1), Hub([[NOT_THERE]])
    store.packages.stated = [replace(store.packages.stated[0], kind=EvidenceKind.EVIDENCE_KIND_FAILED)]
    await enqueue(store, 1)
    assert await log_of(store, hub, Lane.LANE_EVIDENCE, 1) == [("finished", 1, "")]


@pytest.mark.parametrize("answer", [[NOT_THERE], [DatabaseUnavailable()], NodeUnreachable(party="hub")])
async def test_standstill_has_an_end_for_evidence_too(
    answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    store, hub = store_with(1), Hub([answer])
    store.outbox.time = NOW + POLICY.give_up_after + timedelta(seconds=1)
    await enqueue(store, 1)
    ((what, _, reason),) = await log_of(store, hub, Lane.LANE_EVIDENCE, 1)
    assert what == "buried"
    assert reason == ("PACKAGE_NOT_FOUND" if answer == [NOT_THERE] else "DELIVERY_GIVEN_UP")
    assert (
        f"dead letter: delivery=1 package={PACKAGE_ID} evidence=evidence-1 to=hub lane=evidence"
        in caplog.text
    )
    last = answer[0] if isinstance(answer, list) else answer
    assert given_up(store) == [(1, PACKAGE_ID, cast("Failure", last).reason_name())]


async def test_a_package_that_the_neighbour_does_not_find_is_given_up_with_evidence() -> None:
    """Only evidence may overtake: for a package the same answer is final."""
    store, hub = store_with(0), Hub([from_status(to_status(NOT_THERE, incident=""))])
    await store.outbox.enqueue(Party.PARTY_HUB, Lane.LANE_INTERACTIVE, PACKAGE_ID)
    assert await log_of(store, hub, Lane.LANE_INTERACTIVE, 1) == [("buried", 1, "PACKAGE_NOT_FOUND")]
    assert store.packages.records[PACKAGE_ID].state == DeliveryState.DELIVERY_STATE_FAILED
    (failed,) = store.packages.stated
    assert failed.kind == EvidenceKind.EVIDENCE_KIND_FAILED
    assert [reason.code for reason in Statement.FromString(failed.statement).reasons] == ["PACKAGE_NOT_FOUND"]
    assert given_up(store) == [(1, PACKAGE_ID, "PACKAGE_NOT_FOUND")]


async def test_a_package_is_tried_again_while_its_neighbour_is_away_and_then_delivered() -> None:
    store, hub = store_with(0), Hub([NodeUnreachable(party="hub"), NodeUnreachable(party="hub"), []])
    await store.outbox.enqueue(Party.PARTY_HUB, Lane.LANE_INTERACTIVE, PACKAGE_ID)
    log = await log_of(store, hub, Lane.LANE_INTERACTIVE, 3)
    assert [what for what, _, _ in log] == ["postponed", "postponed", "finished"]
    assert hub.packages == [PACKAGE_ID] * 3
    assert 0.5 <= store.outbox.delays[0] <= 1.0 <= store.outbox.delays[1] <= 2.0


async def test_what_waits_for_a_connection_counts_as_never_offered() -> None:
    store, hub = store_with(0), Hub([[]], away=[NodeUnreachable(party="hub")] * 2)
    await store.outbox.enqueue(Party.PARTY_HUB, Lane.LANE_INTERACTIVE, PACKAGE_ID)
    offered: list[bool] = []
    send = hub.send

    async def note(*args: Any, **more: Any) -> Evidence:
        offered.append(store.outbox.deliveries[1].offered)
        return await send(*args, **more)

    hub.send = note  # type: ignore[method-assign] # this hub looks at the mark when the package comes
    async with courier(store, hub, Lane.LANE_INTERACTIVE):
        await until(lambda: len(store.outbox.log) >= 2)
        assert not store.outbox.deliveries[1].offered
        await until(lambda: len(store.outbox.log) >= 3)
    assert store.outbox.log[2] == ("finished", 1, "")
    assert offered == [True]


async def test_a_package_that_is_withdrawn_while_its_courier_connects_is_not_sent() -> None:
    store, hub = store_with(0), Hub([[]])
    await store.outbox.enqueue(Party.PARTY_HUB, Lane.LANE_INTERACTIVE, PACKAGE_ID)
    hub.on_connect = store.outbox.deliveries.clear
    async with courier(store, hub, Lane.LANE_INTERACTIVE):
        await until(lambda: hub.connected == 1)
        await store.outbox.enqueue(Party.PARTY_HUB, Lane.LANE_INTERACTIVE, PACKAGE_ID)
        await until(lambda: hub.connected == 2)
    assert hub.packages == []
    assert store.outbox.log == []


async def test_the_neighbour_may_ask_for_a_longer_pause() -> None:
    full = StorageFull(free=0)
    assert full.retry_after_seconds is not None
    store, hub = store_with(1), Hub([[full], [None]])
    await enqueue(store, 1)
    await log_of(store, hub, Lane.LANE_EVIDENCE, 2)
    assert store.outbox.delays == [full.retry_after_seconds]


async def test_what_is_under_way_when_the_node_stops_is_due_at_once() -> None:
    store, hub = store_with(1), Hub([[None]])
    entered = asyncio.Event()

    async def hang(party: Party.ValueType, evidence: Sequence[Evidence]) -> Sequence[EvidenceResult]:
        entered.set()
        await asyncio.Event().wait()
        raise AssertionError("the courier was not stopped")

    hub.deliver_evidence = hang  # type: ignore[method-assign] # this hub never answers
    await enqueue(store, 1)
    async with courier(store, hub, Lane.LANE_EVIDENCE):
        async with asyncio.timeout(LONG_SECONDS):
            await entered.wait()
    assert store.outbox.log == [("postponed", 1, "SHUTTING_DOWN")]
    assert store.outbox.delays == [0.0]


async def test_a_courier_that_took_all_that_was_due_does_not_claim_again_without_news() -> None:
    store, hub = store_with(0), Hub([[None]])
    for _ in range(2):
        await store.outbox.enqueue(Party.PARTY_HUB, Lane.LANE_INTERACTIVE, PACKAGE_ID)
    async with courier(store, hub, Lane.LANE_INTERACTIVE):
        await until(lambda: len(store.outbox.log) == 2)
    assert store.outbox.claims == 1


async def test_a_full_lane_takes_up_what_waits_as_soon_as_there_is_a_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, hub, count = store_with(0), Hub([[None]]), 3 * LANE_WIDTHS[Lane.LANE_INTERACTIVE]
    for _ in range(count):
        await store.outbox.enqueue(Party.PARTY_HUB, Lane.LANE_INTERACTIVE, PACKAGE_ID)
    for_news_only = functools.partialmethod(Subscription.wait, 2 * LONG_SECONDS)
    monkeypatch.setattr(Subscription, "wait", for_news_only)
    async with courier(store, hub, Lane.LANE_INTERACTIVE):
        await until(lambda: len(store.outbox.log) == count)
