"""Which contents are needed, and how packages and drafts let go of them when their time has come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.integration.store.conftest import PATIENCE_SECONDS
from tests.integration.store.records import NOON, draft_key, evidence, new_id, package, stored

from xietong.exchange.v1.draft_pb2 import DraftState
from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction
from xietong_exchange.adapters.postgres import PostgresStore
from xietong_exchange.domain.delivery import FINAL
from xietong_exchange.flow.records import PackageChange, PackageRecord

POLICE, COURT = Party.PARTY_POLICE, Party.PARTY_COURT
ACCEPTED = DeliveryState.DELIVERY_STATE_ACCEPTED
A, B, C = (bytes([number]) * 32 for number in range(3))
AT_ONCE = timedelta(0)


async def needed(
    store: PostgresStore, *digests: bytes, owner: Party.ValueType = POLICE, own: bool = False
) -> set[bytes]:
    async with store.transaction() as tx:
        return await tx.contents.needed(owner, digests, is_own=own)


async def release(
    store: PostgresStore, *, untouched_for: timedelta = AT_ONCE, limit: int = 100, unfinished: bool = False
) -> list[PackageRecord]:
    """As housekeeping does it."""
    async with store.transaction() as tx:
        if unfinished:
            released = await tx.contents.release_unfinished(untouched_for=untouched_for, limit=limit)
        else:
            released = await tx.contents.release(FINAL, untouched_for=untouched_for, limit=limit)
        for record in released:
            await tx.contents.let_go(record.package_id, record.sender, [A, B, C])
    return released


def ids(records: Iterable[PackageRecord]) -> set[str]:
    return {record.package_id for record in records}


async def put_back(engine: AsyncEngine, table: str, hours: int) -> None:
    """Let everything in this table have been left alone for so long."""
    async with engine.begin() as connection:
        await connection.execute(text(f"UPDATE {table} SET touch_time = now() - interval '{hours} hours'"))


async def test_a_content_is_needed_until_the_last_package_lets_go_of_it(store: PostgresStore) -> None:
    first, second = package(complete=True, state=ACCEPTED, contents=(A, B, A)), package(contents=(B, C))
    await stored(store, first, second)
    assert await needed(store, A, B, C, bytes(31)) == {A, B, C}
    assert await needed(store, A, B, C, owner=COURT) == set()
    assert ids(await release(store)) == {first.package_id}
    assert await needed(store, A, B, C) == {B, C}
    assert await release(store) == []


async def test_a_package_that_arrives_with_its_evidence_needs_its_contents_at_once(
    store: PostgresStore,
) -> None:
    record = package(complete=True, contents=(A, B))
    async with store.transaction(single=True) as tx:
        assert await tx.packages.add_stated(record, [evidence(record.package_id)], None) is not None
    assert await needed(store, A, B, C) == {A, B}


async def test_only_what_was_left_alone_long_enough_lets_go(
    store: PostgresStore, engine: AsyncEngine
) -> None:
    records = [package(complete=True, state=state, contents=(A,)) for state in DeliveryState.values()]
    await stored(store, *records)
    assert await release(store, untouched_for=timedelta(hours=1)) == []
    await put_back(engine, "package", hours=3)
    late = await release(store, untouched_for=timedelta(hours=2))
    assert {record.state for record in late} == FINAL
    assert all(record.contents_removed_time is not None for record in late)
    async with store.transaction() as tx:
        kept = [await tx.packages.get(record.package_id) for record in records if record.state not in FINAL]
    assert [record.contents_removed_time for record in kept if record is not None] == [None] * len(kept)


async def test_every_change_begins_the_time_anew(store: PostgresStore, engine: AsyncEngine) -> None:
    [record] = await stored(store, package(complete=True))
    await put_back(engine, "package", hours=3)
    async with store.transaction() as tx:
        await tx.packages.advance(record.package_id, PackageChange(state=ACCEPTED, state_time=NOON))
    assert await release(store, untouched_for=timedelta(hours=2)) == []


async def test_a_round_is_bounded_and_rounds_side_by_side_share_the_work(store: PostgresStore) -> None:
    await stored(store, *(package(complete=True, state=ACCEPTED, contents=(A,)) for _ in range(9)))
    async with asyncio.timeout(PATIENCE_SECONDS):
        async with store.transaction() as tx:
            one = await tx.contents.release(FINAL, untouched_for=AT_ONCE, limit=4)
            other = await release(store, limit=4)
            assert len(one) == len(other) == 4
            assert not ids(one) & ids(other)
    assert len(await release(store, limit=4)) == 1


async def test_a_package_that_is_being_changed_waits_for_the_next_round(store: PostgresStore) -> None:
    [record] = await stored(store, package(complete=True, state=ACCEPTED))
    async with asyncio.timeout(PATIENCE_SECONDS), store.transaction() as tx:
        await tx.packages.get(record.package_id, lock=True)
        assert await release(store) == []
    assert ids(await release(store)) == {record.package_id}


async def test_an_abandoned_package_that_comes_again_needs_its_contents_again(
    store: PostgresStore, engine: AsyncEngine
) -> None:
    [record] = await stored(store, package(contents=(A, B)))
    assert await release(store) == []
    assert await release(store, untouched_for=timedelta(hours=1), unfinished=True) == []
    await put_back(engine, "package", hours=3)
    assert ids(await release(store, untouched_for=timedelta(hours=2), unfinished=True)) == {record.package_id}
    assert await needed(store, A, B) == set()
    async with store.transaction() as tx:
        await tx.contents.hold(record.package_id, POLICE, [A, B])
        await tx.contents.hold(record.package_id, POLICE, [A, B])
        again = await tx.packages.get(record.package_id)
    assert again is not None
    assert again.contents_removed_time is None
    assert await needed(store, A, B) == {A, B}
    assert await release(store, untouched_for=timedelta(hours=2), unfinished=True) == []


@pytest.mark.parametrize("state", [DraftState.DRAFT_STATE_SUBMITTED, DraftState.DRAFT_STATE_DISCARDED])
async def test_a_draft_needs_its_contents_while_it_is_open(
    store: PostgresStore, state: DraftState.ValueType
) -> None:
    async with store.transaction() as tx:
        draft = await tx.drafts.open(draft_key(), new_id(), NOON)
        await tx.drafts.hold(draft.draft_id, [A, B])
    assert await needed(store, A, C, own=True) == {A}
    assert await needed(store, A, C, own=False) == set()
    async with store.transaction() as tx:
        await tx.drafts.set_state(draft.draft_id, state)
    assert await needed(store, A, C, own=True) == set()


async def test_an_abandoned_draft_is_discarded_and_one_that_somebody_fills_is_not(
    store: PostgresStore, engine: AsyncEngine
) -> None:
    keys = [draft_key(label=label) for label in ("opened", "filled", "abandoned", "submitted")]
    async with store.transaction() as tx:
        drafts = [await tx.drafts.open(key, new_id(), NOON) for key in keys]
        await tx.drafts.set_state(drafts[3].draft_id, DraftState.DRAFT_STATE_SUBMITTED)
    await put_back(engine, "draft", hours=50)
    async with store.transaction() as tx:
        await tx.drafts.open(keys[0], new_id(), NOON)
        await tx.drafts.hold(drafts[1].draft_id, [A])
    async with store.transaction() as tx:
        gone = await tx.drafts.discard_abandoned(untouched_for=timedelta(hours=49), limit=10)
        assert [draft.draft_id for draft in gone] == [drafts[2].draft_id]
        assert await tx.drafts.get(keys[2]) is None
        assert await tx.drafts.discard_abandoned(untouched_for=timedelta(hours=49), limit=10) == []


async def test_what_is_kept_of_each_party_is_what_was_received_in_whole(store: PostgresStore) -> None:
    received = Direction.DIRECTION_INCOMING
    await stored(
        store,
        package(complete=True, direction=received, size_bytes=1 << 60),
        package(complete=True, direction=received, size_bytes=1 << 60),
        package(complete=True, direction=Direction.DIRECTION_TRANSIT, size_bytes=7, sender=COURT),
        package(complete=True, direction=received, size_bytes=5, sender=COURT, state=ACCEPTED),
        package(complete=False, direction=received, size_bytes=3, sender=COURT),
        package(complete=True, direction=Direction.DIRECTION_OUTGOING, size_bytes=9),
    )
    await release(store)
    async with store.transaction() as tx:
        assert await tx.contents.kept_bytes() == {POLICE: 1 << 61, COURT: 7}


async def test_only_what_was_withdrawn_on_its_way_is_released_at_once(store: PostgresStore) -> None:
    withdrawn = DeliveryState.DELIVERY_STATE_WITHDRAWN
    halfway, whole, under_way = package(state=withdrawn), package(state=withdrawn, complete=True), package()
    await stored(store, halfway, whole, under_way)
    async with store.transaction() as tx:
        released = await tx.contents.release_unfinished(untouched_for=AT_ONCE, limit=9, states={withdrawn})
    assert ids(released) == {halfway.package_id}
