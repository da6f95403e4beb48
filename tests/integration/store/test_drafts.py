"""Drafts in PostgreSQL: one open draft per key, contributions in order, and sends that happen once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from tests.integration.store.conftest import PATIENCE_SECONDS
from tests.integration.store.records import NOON, draft_key, new_id

from xietong.exchange.v1.draft_pb2 import DraftKey, DraftState
from xietong_exchange.adapters.postgres import PostgresStore
from xietong_exchange.flow.records import ContributionRecord, DraftRecord, DraftSight

OPEN, SUBMITTED = DraftState.DRAFT_STATE_OPEN, DraftState.DRAFT_STATE_SUBMITTED
DISCARDED = DraftState.DRAFT_STATE_DISCARDED


async def opened(store: PostgresStore, key: DraftKey) -> DraftRecord:
    async with store.transaction() as tx:
        return await tx.drafts.open(key, new_id(), NOON)


async def close(store: PostgresStore, draft: DraftRecord, state: DraftState.ValueType) -> None:
    async with store.transaction() as tx:
        await tx.drafts.set_state(draft.draft_id, state)


async def test_a_key_has_one_open_draft(store: PostgresStore) -> None:
    key = draft_key(label="第一次")
    draft = await opened(store, key)
    assert (draft.key, draft.header, draft.state, draft.create_time) == (key, b"", OPEN, NOON)
    assert await opened(store, key) == draft
    others = [await opened(store, draft_key(label=label)) for label in ("", "第二次")]
    assert len({draft.draft_id, *(other.draft_id for other in others)}) == 3


@pytest.mark.parametrize("state", [SUBMITTED, DISCARDED])
async def test_after_a_closed_draft_a_new_one_begins(
    store: PostgresStore, state: DraftState.ValueType
) -> None:
    first = await opened(store, draft_key())
    await close(store, first, state)
    second = await opened(store, draft_key())
    assert second.draft_id != first.draft_id
    assert second.state == OPEN


async def test_get_prefers_the_open_draft_then_the_latest_submitted_one(store: PostgresStore) -> None:
    key = draft_key()
    seen: list[str | None] = []

    async def look() -> None:
        async with store.transaction() as tx:
            found = await tx.drafts.get(key)
            seen.append(found.draft_id if found else None)

    await look()
    submitted = []
    for _ in range(2):
        submitted.append(await opened(store, key))
        await close(store, submitted[-1], SUBMITTED)
        await look()
    last = await opened(store, key)
    await look()
    await close(store, last, DISCARDED)
    await look()
    first_id, second_id = (draft.draft_id for draft in submitted)
    assert seen == [None, first_id, second_id, last.draft_id, second_id]


async def test_get_prefers_a_reopened_draft_to_a_later_submitted_one(store: PostgresStore) -> None:
    first = await opened(store, draft_key())
    await close(store, first, SUBMITTED)
    await close(store, await opened(store, draft_key()), SUBMITTED)
    await close(store, first, OPEN)
    async with store.transaction() as tx:
        assert await tx.drafts.get(draft_key()) == first


async def test_a_draft_is_found_by_its_id_with_its_header(store: PostgresStore) -> None:
    draft = await opened(store, draft_key())
    async with store.transaction() as tx:
        await tx.drafts.set_header(draft.draft_id, b"\x00header")
        found = await tx.drafts.by_id(draft.draft_id)
        assert found
        assert found.header == b"\x00header"
        assert await tx.drafts.by_id(new_id()) is None


@pytest.mark.parametrize("state", [OPEN, SUBMITTED])
async def test_who_opens_a_draft_while_it_is_being_submitted_gets_the_one_or_the_next(
    store: PostgresStore, until_waiting: Callable[[int], Awaitable[None]], state: DraftState.ValueType
) -> None:
    draft = await opened(store, draft_key())
    async with asyncio.timeout(PATIENCE_SECONDS):
        async with store.transaction() as tx:
            await tx.drafts.get(draft.key, lock=True)
            second = asyncio.create_task(opened(store, draft.key))
            await until_waiting(1)
            await tx.drafts.set_state(draft.draft_id, state)
        found = await second
    assert found.state == OPEN
    assert (found.draft_id == draft.draft_id) == (state == OPEN)


async def test_two_who_open_the_same_draft_at_once_share_it(store: PostgresStore) -> None:
    drafts = await asyncio.gather(*(opened(store, draft_key()) for _ in range(8)))
    assert len({draft.draft_id for draft in drafts}) == 1


async def test_an_opened_draft_is_locked(
    store: PostgresStore, until_waiting: Callable[[int], Awaitable[None]]
) -> None:
    draft = await opened(store, draft_key())
    async with asyncio.timeout(PATIENCE_SECONDS):
        async with store.transaction() as tx:
            await tx.drafts.open(draft.key, new_id(), NOON)
            submission = asyncio.create_task(close(store, draft, SUBMITTED))
            await until_waiting(1)
            assert not submission.done()
        await submission


async def test_contributions_keep_the_order_of_their_first_arrival(store: PostgresStore) -> None:
    draft, other = await opened(store, draft_key()), await opened(store, draft_key(label="另一份"))
    added = [
        ContributionRecord(system=system, name=name, fragment=fragment)
        for system, name, fragment in (
            ("media", "audio", b"1"),
            ("case-handling", "dossier", b"2"),
            ("case-handling", "audio", b"3"),
            ("media", "audio", b"1 again"),
        )
    ]
    async with store.transaction() as tx:
        for contribution in added:
            await tx.drafts.put_contribution(draft.draft_id, contribution)
        await tx.drafts.put_contribution(other.draft_id, added[0])
    async with store.transaction() as tx:
        assert await tx.drafts.contributions(draft.draft_id) == [added[3], added[1], added[2]]
        assert await tx.drafts.contributions(other.draft_id) == [added[0]]


async def test_a_request_id_stays_bound_to_its_first_draft(store: PostgresStore) -> None:
    first, second = await opened(store, draft_key()), await opened(store, draft_key(label="另一份"))
    async with store.transaction() as tx:
        assert await tx.drafts.remember_request("request-1", first.draft_id) == first.draft_id
        assert await tx.drafts.remember_request("request-1", second.draft_id) == first.draft_id
        assert await tx.drafts.remember_request("request-2", second.draft_id) == second.draft_id
        sights = [await tx.drafts.sight(first.key, f"request-{number}") for number in (1, 2, 3)]
    assert [sight.requested for sight in sights] == [first, second, None]


async def test_a_submit_sees_the_open_draft_and_the_one_that_was_sent_before(store: PostgresStore) -> None:
    assert await sight(store, draft_key()) == DraftSight(None, None, None)
    sent = await opened(store, draft_key())
    await close(store, sent, SUBMITTED)
    sent = replace(sent, state=SUBMITTED)
    assert await sight(store, sent.key) == DraftSight(None, sent, sent)
    current = await opened(store, sent.key)
    assert await sight(store, sent.key) == DraftSight(None, current, sent)


async def test_an_open_draft_is_closed_once_with_its_request(store: PostgresStore) -> None:
    draft, other = await opened(store, draft_key()), await opened(store, draft_key(label="另一份"))
    current, another = (await sight(store, draft.key)).current, (await sight(store, other.key)).current
    assert current is not None
    assert another is not None
    async with store.transaction() as tx:
        assert await tx.drafts.submit(current, "request") == draft.draft_id
        assert await tx.drafts.submit(current, "request") is None
        assert await tx.drafts.submit(another, "request") == draft.draft_id
    closed = replace(draft, state=SUBMITTED)
    assert await sight(store, draft.key) == DraftSight(closed, closed, closed)


async def test_a_draft_that_somebody_fills_just_now_is_not_closed_as_it_was_read(
    store: PostgresStore, until_waiting: Callable[[int], Awaitable[None]]
) -> None:
    draft = await opened(store, draft_key())
    current = (await sight(store, draft.key)).current
    assert current is not None

    async def submit() -> str | None:
        async with store.transaction() as tx:
            return await tx.drafts.submit(current, "request")

    async with asyncio.timeout(PATIENCE_SECONDS):
        async with store.transaction() as tx:
            await tx.drafts.open(draft.key, new_id(), NOON)
            late = asyncio.create_task(submit())
            await until_waiting(1)
        assert await late is None
    assert (await sight(store, draft.key)).requested is None
    async with store.transaction() as tx:
        held = await tx.drafts.get(draft.key, lock=True)
        assert held is not None
        assert await tx.drafts.submit(held, "request") == draft.draft_id


async def test_of_two_requests_with_the_same_id_at_once_both_learn_the_first(
    store: PostgresStore, until_waiting: Callable[[int], Awaitable[None]]
) -> None:
    first, second = await opened(store, draft_key()), await opened(store, draft_key(label="另一份"))

    async def remember(draft: DraftRecord) -> str:
        async with store.transaction() as tx:
            return await tx.drafts.remember_request("request-1", draft.draft_id)

    async with asyncio.timeout(PATIENCE_SECONDS):
        async with store.transaction() as tx:
            await tx.drafts.remember_request("request-1", first.draft_id)
            late = asyncio.create_task(remember(second))
            await until_waiting(1)
        assert await late == first.draft_id


async def sight(store: PostgresStore, key: DraftKey) -> DraftSight:
    async with store.transaction() as tx:
        return await tx.drafts.sight(key, "request")


async def hold(store: PostgresStore, draft: DraftRecord, *digests: bytes) -> None:
    async with store.transaction() as tx:
        await tx.drafts.hold(draft.draft_id, digests)
