"""Packages and evidence in PostgreSQL: everything that the port promises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.integration.store.conftest import PATIENCE_SECONDS
from tests.integration.store.records import COMPLETED, NOON, evidence, new_id, package, stored

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction
from xietong_exchange.adapters.postgres import PostgresStore
from xietong_exchange.flow.records import (
    PackageChange,
    PackageFilter,
    PackagePage,
    PackageRecord,
    Proof,
    Sight,
)

COURT, JUSTICE, POLICE = Party.PARTY_COURT, Party.PARTY_JUSTICE, Party.PARTY_POLICE


async def test_a_package_comes_back_as_it_was_given(store: PostgresStore) -> None:
    full = package(
        correlation_id=new_id(),
        corrects_package_id=new_id(),
        draft_id=new_id(),
        receiver_case_number="（2026）检0001号",
        reasons=b"\x00reasons",
        complete=True,
    )
    for record in (full, package()):
        [found] = await stored(store, record)
        assert found.position > 0
        assert replace(found, position=0) == record


async def test_the_same_id_again_changes_nothing(store: PostgresStore) -> None:
    first = package()
    [kept] = await stored(store, first)
    async with store.transaction() as tx:
        assert not await tx.packages.add(replace(first, seal=b"other", case_numbers=((COURT, "other"),)))
    async with store.transaction() as tx:
        assert await tx.packages.get(first.package_id) == kept
        assert await tx.packages.latest_of_case(COURT, "other") is None


async def test_of_two_that_add_the_same_package_at_once_one_does(
    store: PostgresStore, until_waiting: Callable[[int], Awaitable[None]]
) -> None:
    record = package()

    async def add() -> bool:
        async with store.transaction() as tx:
            return await tx.packages.add(record)

    async with asyncio.timeout(PATIENCE_SECONDS):
        async with store.transaction() as tx:
            assert await tx.packages.add(record)
            second = asyncio.create_task(add())
            await until_waiting(1)
        assert await second is False


async def test_what_a_failed_transaction_did_is_gone(store: PostgresStore) -> None:
    record = package(case_numbers=((COURT, "一号"),))

    async def fail() -> None:
        async with store.transaction() as tx:
            await tx.packages.add(record)
            await tx.packages.add_evidence(evidence(record.package_id))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with store.transaction() as tx:
        assert await tx.packages.get(record.package_id) is None
        assert await tx.packages.evidence(record.package_id) == []
        assert await tx.packages.latest_of_case(COURT, "一号") is None


async def test_a_package_advances_and_becomes_complete(store: PostgresStore) -> None:
    [before, other] = await stored(store, package(reasons=b"old"), package())
    later = NOON + timedelta(hours=1)
    accepted = DeliveryState.DELIVERY_STATE_ACCEPTED
    async with store.transaction() as tx:
        await tx.packages.advance(
            before.package_id, PackageChange(state=accepted, state_time=later, complete=True)
        )
    advanced = replace(before, complete=True, state=accepted, state_time=later)
    async with store.transaction() as tx:
        assert await tx.packages.get(before.package_id) == advanced
        answered = PackageChange(state=accepted, state_time=later, reasons=b"", receiver_case_number="检1")
        await tx.packages.advance(before.package_id, answered)
    async with store.transaction() as tx:
        assert await tx.packages.get(before.package_id) == replace(
            advanced, reasons=b"", receiver_case_number="检1"
        )
        assert await tx.packages.get(other.package_id) == other


async def test_a_locked_package_waits_for_the_first_holder(
    store: PostgresStore, until_waiting: Callable[[int], Awaitable[None]]
) -> None:
    [record] = await stored(store, package())

    async def look() -> DeliveryState.ValueType:
        async with store.transaction() as tx:
            found = await tx.packages.get(record.package_id, lock=True)
            assert found
            return found.state

    async with asyncio.timeout(PATIENCE_SECONDS):
        async with store.transaction() as tx:
            await tx.packages.get(record.package_id, lock=True)
            second = asyncio.create_task(look())
            await until_waiting(1)
            relayed = PackageChange(state=DeliveryState.DELIVERY_STATE_RELAYED, state_time=NOON)
            await tx.packages.advance(record.package_id, relayed)
        assert await second == DeliveryState.DELIVERY_STATE_RELAYED


async def test_a_locked_package_still_takes_evidence_and_deliveries(store: PostgresStore) -> None:
    [record] = await stored(store, package())
    async with store.transaction() as first, asyncio.timeout(PATIENCE_SECONDS):
        await first.packages.get(record.package_id, lock=True)
        async with store.transaction() as second:
            assert await second.packages.add_evidence(evidence(record.package_id))
            await second.outbox.enqueue(Party.PARTY_HUB, Lane.LANE_BULK, record.package_id)


async def test_get_many_finds_those_that_exist(store: PostgresStore) -> None:
    records = await stored(store, package(), package(), package())
    wanted = [records[0].package_id, new_id(), records[2].package_id]
    async with store.transaction() as tx:
        assert {r.package_id for r in await tx.packages.get_many(wanted)} == {wanted[0], wanted[2]}
        assert await tx.packages.get_many([]) == []
        assert await tx.packages.get(new_id()) is None


INCOMING = Direction.DIRECTION_INCOMING
DELIVERED, RETURNED = DeliveryState.DELIVERY_STATE_DELIVERED, DeliveryState.DELIVERY_STATE_RETURNED
CASE = new_id()


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (PackageFilter(), [5, 4, 3, 2, 1, 0]),
        (PackageFilter(direction=INCOMING), [5, 3, 1]),
        (PackageFilter(states=(DELIVERED, RETURNED)), [5, 4, 3]),
        (PackageFilter(process_code="QS-02"), [5, 2]),
        (PackageFilter(collaboration_case_id=CASE), [4, 1]),
        (PackageFilter(direction=INCOMING, states=(DELIVERED,), process_code="QS-02"), [5]),
    ],
)
async def test_a_list_shows_what_the_filter_wants_newest_first(
    store: PostgresStore, wanted: PackageFilter, expected: list[int]
) -> None:
    records = await stored(
        store,
        package(),
        package(direction=INCOMING, collaboration_case_id=CASE),
        package(process_code="QS-02"),
        package(direction=INCOMING, state=RETURNED),
        package(state=DELIVERED, collaboration_case_id=CASE),
        package(direction=INCOMING, state=DELIVERED, process_code="QS-02"),
    )
    order = {record.package_id: number for number, record in enumerate(records)}
    for oldest_first in (False, True):
        pages = [page async for page in pages_of(store, wanted, oldest_first=oldest_first, limit=2)]
        assert all(len(page) == 2 for page in pages[:-1])
        found = [order[record.package_id] for page in pages for record in page]
        assert found == (expected[::-1] if oldest_first else expected)


async def pages_of(
    store: PostgresStore, wanted: PackageFilter, *, oldest_first: bool, limit: int
) -> AsyncIterator[list[PackageRecord]]:
    last = 0 if oldest_first else 1 << 40
    page = PackagePage(records=[], more=True)
    while page.more:
        async with store.transaction() as tx:
            if oldest_first:
                page = await tx.packages.page(wanted, after=last, limit=limit)
            else:
                page = await tx.packages.page(wanted, before=last, limit=limit)
        yield page.records
        last = page.records[-1].position


async def test_a_page_ends_when_its_envelopes_fill_a_message(store: PostgresStore) -> None:
    large = b"\0" * (1 << 20)
    records = await stored(store, *(package(envelope=large) for _ in range(5)), package())
    pages = [page async for page in pages_of(store, PackageFilter(), oldest_first=True, limit=50)]
    assert [len(page) for page in pages] == [2, 2, 2]
    assert [record for page in pages for record in page] == records


async def test_a_look_reads_what_changed_since_the_look_before(store: PostgresStore) -> None:
    [record] = await stored(store, package())

    async def look(since: Sight | None) -> Sight:
        async with store.transaction() as tx:
            found = await tx.packages.look(record.package_id, since)
            assert found
            return found

    first = await look(None)
    assert first == Sight(
        changed_in=record.changed_in, record=record, delivery=None, last_evidence=0, evidence=()
    )
    assert await look(first) == replace(first, record=None)
    async with store.transaction() as tx:
        await tx.packages.advance(record.package_id, COMPLETED)
    completed = await look(first)
    assert completed.changed_in > first.changed_in
    assert completed.record is not None
    assert completed.record.complete
    async with store.transaction() as tx:
        entry = await tx.outbox.enqueue(Party.PARTY_HUB, Lane.LANE_BULK, record.package_id)
    assert entry is not None
    queued = await look(completed)
    assert queued == replace(completed, record=None, delivery=entry)
    async with store.transaction() as tx:
        proofs = [evidence(record.package_id), evidence(record.package_id)]
        for proof in proofs:
            await tx.packages.add_evidence(proof)
            hop = Party.PARTY_POLICE
            await tx.outbox.enqueue(hop, Lane.LANE_EVIDENCE, record.package_id, proof.evidence_id)
    proved = await look(queued)
    assert proved.evidence == tuple(Proof(proof.statement, proof.signature) for proof in proofs)
    assert proved == replace(queued, last_evidence=proved.last_evidence, evidence=proved.evidence)
    async with store.transaction() as tx:
        await tx.outbox.claim(Party.PARTY_HUB, Lane.LANE_BULK, owner="w", lease_seconds=9, limit=1)
        assert await tx.packages.look(new_id(), None) is None
    claimed = await look(proved)
    assert (claimed.delivery != entry, claimed.evidence) == (True, ())


async def test_the_packages_of_a_draft_come_in_the_order_of_recording(store: PostgresStore) -> None:
    draft_id = new_id()
    first, _other, second = await stored(
        store, package(draft_id=draft_id), package(), package(draft_id=draft_id)
    )
    async with store.transaction() as tx:
        assert await tx.packages.of_draft(draft_id) == [first, second]
        assert await tx.packages.of_draft(new_id()) == []


async def test_a_case_is_found_by_the_number_of_one_party(store: PostgresStore) -> None:
    number = "（2026）刑0001号"
    await stored(store, package(case_numbers=((COURT, number), (COURT, number), (JUSTICE, "矫1"))))
    [latest, _] = await stored(
        store,
        package(case_numbers=((COURT, "另案"), (COURT, number))),
        package(case_numbers=((POLICE, number),)),
    )
    async with store.transaction() as tx:
        assert await tx.packages.latest_of_case(COURT, number) == latest
        assert await tx.packages.latest_of_case(JUSTICE, number) is None


async def test_evidence_is_kept_once_and_in_order(store: PostgresStore) -> None:
    [record] = await stored(store, package())
    first, second = evidence(record.package_id), evidence(record.package_id)
    async with store.transaction() as tx:
        assert await tx.packages.add_evidence(second)
        assert await tx.packages.add_evidence(first)
        assert not await tx.packages.add_evidence(replace(second, statement=b"other"))
    async with store.transaction() as tx:
        assert await tx.packages.evidence(record.package_id) == [second, first]
        assert await tx.packages.evidence_by_id([first.evidence_id, new_id()]) == {first.evidence_id: first}
        assert await tx.packages.evidence_by_id([]) == {}


@pytest.mark.parametrize(
    "change", ["UPDATE evidence SET kind = 1", "DELETE FROM evidence", "TRUNCATE evidence CASCADE"]
)
async def test_the_database_refuses_to_change_evidence(
    store: PostgresStore, engine: AsyncEngine, change: str
) -> None:
    [record] = await stored(store, package())
    proof = evidence(record.package_id)
    async with store.transaction() as tx:
        await tx.packages.add_evidence(proof)
    with pytest.raises(DBAPIError, match="evidence is append-only"):
        async with engine.begin() as connection:
            await connection.execute(text(change))
    async with store.transaction() as tx:
        assert await tx.packages.evidence(record.package_id) == [proof]


async def test_different_parts_that_were_read_are_counted(store: PostgresStore) -> None:
    [record, other] = await stored(store, package(), package())
    async with store.transaction() as tx:
        counts = [await tx.packages.add_read(record.package_id, number) for number in (0, 7, 0, 3)]
        assert await tx.packages.add_read(other.package_id, 7) == 1
    assert counts == [1, 2, 2, 3]
