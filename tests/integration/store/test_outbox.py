"""The outbox in PostgreSQL: queue, leases, retries, dead letters and what lists show of them."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from tests.integration.store.records import REFUSAL, evidence, new_id, package, stored

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong_exchange.adapters.postgres import PostgresStore
from xietong_exchange.domain.errors import DeliveryGivenUp, Failure, NodeUnreachable, RemoteRefusal
from xietong_exchange.flow.records import DeliveryRecord

HUB, COURT = Party.PARTY_HUB, Party.PARTY_COURT
BULK, INTERACTIVE, EVIDENCE = Lane.LANE_BULK, Lane.LANE_INTERACTIVE, Lane.LANE_EVIDENCE
HOUR_SECONDS = 3600.0


async def enqueued(store: PostgresStore, count: int = 1) -> list[str]:
    """Packages that wait for the hub on the bulk lane, the longest due first."""
    ids = []
    for record in await stored(store, *(package() for _ in range(count))):
        async with store.transaction() as tx:
            await tx.outbox.enqueue(HUB, BULK, record.package_id)
        ids.append(record.package_id)
    return ids


async def claimed(
    store: PostgresStore, *, lease_seconds: float = HOUR_SECONDS, limit: int = 10
) -> list[DeliveryRecord]:
    async with store.transaction() as tx:
        return await tx.outbox.claim(HUB, BULK, owner="worker", lease_seconds=lease_seconds, limit=limit)


async def delivery_of(store: PostgresStore, package_id: str) -> DeliveryRecord:
    async with store.transaction() as tx:
        found = await tx.outbox.of_package(package_id)
    assert found
    return found


async def test_what_is_enqueued_can_be_claimed_from_its_queue_only(store: PostgresStore) -> None:
    [record] = await stored(store, package())
    proof = evidence(record.package_id)
    async with store.transaction() as tx:
        await tx.packages.add_evidence(proof)
        for _ in range(2):
            await tx.outbox.enqueue(HUB, BULK, record.package_id)
            await tx.outbox.enqueue(HUB, EVIDENCE, record.package_id, proof.evidence_id)
            await tx.outbox.enqueue(COURT, EVIDENCE, record.package_id, proof.evidence_id)
    taken = {}
    async with store.transaction() as tx:
        for destination in (HUB, COURT):
            for lane in (BULK, INTERACTIVE, EVIDENCE):
                claim = await tx.outbox.claim(destination, lane, owner="w", lease_seconds=9, limit=9)
                taken[destination, lane] = [(found.package_id, found.evidence_id) for found in claim]
    package_itself, its_evidence = (record.package_id, ""), (record.package_id, proof.evidence_id)
    assert taken == {
        (HUB, BULK): [package_itself],
        (HUB, INTERACTIVE): [],
        (HUB, EVIDENCE): [its_evidence],
        (COURT, BULK): [],
        (COURT, INTERACTIVE): [],
        (COURT, EVIDENCE): [its_evidence],
    }


async def test_the_longest_due_come_first_and_no_more_than_asked_for(store: PostgresStore) -> None:
    ids = await enqueued(store, 5)
    [first] = await claimed(store, limit=1)
    async with store.transaction() as tx:
        await tx.outbox.postpone(first.delivery_id, first.token, REFUSAL, delay_seconds=0, reset_budget=False)
    batches = [await claimed(store, limit=2) for _ in range(4)]
    order = [[ids.index(found.package_id) for found in batch] for batch in batches]
    assert order == [[1, 2], [3, 4], [0], []]


async def test_a_claim_takes_a_lease_with_a_token_that_rises(store: PostgresStore) -> None:
    [package_id] = await enqueued(store)
    before = await delivery_of(store, package_id)
    assert (before.status, before.attempts, before.token, before.leased) == ("pending", 0, 0, False)
    [first] = await claimed(store, lease_seconds=0)
    assert await delivery_of(store, package_id) == dataclasses.replace(first, leased=False), (
        "the lease is over"
    )
    [second] = await claimed(store)
    assert second == dataclasses.replace(before, attempts=2, token=2, leased=True)
    assert await claimed(store) == []
    assert await delivery_of(store, package_id) == second


async def test_who_lost_the_lease_settles_nothing(store: PostgresStore) -> None:
    [package_id] = await enqueued(store)
    [lost] = await claimed(store, lease_seconds=0)
    [held] = await claimed(store)
    async with store.transaction() as tx:
        outbox, delivery_id = tx.outbox, lost.delivery_id
        assert not await outbox.renew(delivery_id, lost.token, lease_seconds=9, progressed=True)
        assert not await outbox.finish([(delivery_id, lost.token)])
        assert not await outbox.postpone(delivery_id, lost.token, REFUSAL, delay_seconds=0, reset_budget=True)
        assert not await outbox.bury(delivery_id, lost.token, REFUSAL)
    assert await delivery_of(store, package_id) == held


@pytest.mark.parametrize("end", ["finish", "postpone", "bury"])
async def test_who_gave_the_lease_back_holds_nothing(store: PostgresStore, end: str) -> None:
    [package_id] = await enqueued(store)
    [held] = await claimed(store)
    async with store.transaction() as tx:
        outbox, key = tx.outbox, (held.delivery_id, held.token)
        if end == "finish":
            assert await outbox.finish([key])
        elif end == "postpone":
            assert await outbox.postpone(*key, REFUSAL, delay_seconds=0, reset_budget=False)
        else:
            assert await outbox.bury(*key, REFUSAL)
    settled = await delivery_of(store, package_id)
    async with store.transaction() as tx:
        assert not await tx.outbox.renew(*key, lease_seconds=HOUR_SECONDS, progressed=True)
        assert not await tx.outbox.finish([key])
        assert not await tx.outbox.postpone(*key, REFUSAL, delay_seconds=9, reset_budget=True)
        assert not await tx.outbox.bury(*key, REFUSAL)
    assert await delivery_of(store, package_id) == settled
    assert not settled.leased


async def test_an_expired_lease_that_nobody_took_is_still_good(store: PostgresStore) -> None:
    [package_id] = await enqueued(store)
    [held] = await claimed(store, lease_seconds=0)
    async with store.transaction() as tx:
        assert await tx.outbox.renew(
            held.delivery_id, held.token, lease_seconds=HOUR_SECONDS, progressed=False
        )
    assert await claimed(store) == []
    async with store.transaction() as tx:
        assert await tx.outbox.finish([(held.delivery_id, held.token)])
    assert (await delivery_of(store, package_id)).status == "done"


async def test_progress_is_noted_when_bytes_moved(store: PostgresStore) -> None:
    await enqueued(store)
    [held] = await claimed(store)
    progress = [held.progress_time]
    for moved in (False, True):
        async with store.transaction() as tx:
            assert await tx.outbox.renew(held.delivery_id, held.token, lease_seconds=9, progressed=moved)
            progress.append((await tx.outbox.page(None, after=0, limit=1))[0].progress_time)
    assert progress[0] == progress[1] < progress[2]


async def test_what_is_finished_stays_and_is_done(store: PostgresStore) -> None:
    [package_id] = await enqueued(store)
    [held] = await claimed(store)
    async with store.transaction() as tx:
        assert await tx.outbox.finish([(held.delivery_id, held.token)])
        await tx.outbox.enqueue(HUB, BULK, package_id)
        await tx.outbox.drop(package_id)
        assert await tx.outbox.replay(held.delivery_id) is not None
    assert await claimed(store) == []
    assert (await delivery_of(store, package_id)).status == "done"


async def test_a_batch_is_finished_in_one_go_but_for_what_was_lost(store: PostgresStore) -> None:
    ids = await enqueued(store, 3)
    first, lost, third = await claimed(store, lease_seconds=0)
    async with store.transaction() as tx:
        assert await tx.outbox.finish([]) == 0
        leases = [(first.delivery_id, first.token), (lost.delivery_id, lost.token + 1)]
        assert await tx.outbox.finish([*leases, (third.delivery_id, third.token)]) == 2
    assert [(await delivery_of(store, package_id)).status for package_id in ids] == [
        "done",
        "pending",
        "done",
    ]


async def test_a_postponed_delivery_waits_and_tells_why(store: PostgresStore) -> None:
    [package_id] = await enqueued(store)
    [held] = await claimed(store)
    async with store.transaction() as tx:
        await tx.outbox.postpone(
            held.delivery_id, held.token, REFUSAL, delay_seconds=HOUR_SECONDS, reset_budget=False
        )
    waiting = await delivery_of(store, package_id)
    assert (waiting.last_reason, waiting.last_text_zh, waiting.last_text_en) == (
        "STORAGE_FULL",
        "已满；请稍候",
        "full; wait",
    )
    assert (waiting.status, waiting.leased, waiting.attempts) == ("pending", False, 1)
    assert timedelta(0) <= waiting.due_time - held.due_time - timedelta(hours=1) < timedelta(minutes=5)
    assert waiting.progress_time == held.progress_time
    assert await claimed(store) == []


async def test_a_try_that_progressed_counts_as_the_first(store: PostgresStore) -> None:
    [package_id] = await enqueued(store)
    [_], [_], [held] = [await claimed(store, lease_seconds=0) for _ in range(3)]
    async with store.transaction() as tx:
        await tx.outbox.postpone(held.delivery_id, held.token, REFUSAL, delay_seconds=0, reset_budget=True)
    again = await delivery_of(store, package_id)
    assert (held.attempts, again.attempts) == (3, 1)
    assert again.progress_time > held.progress_time


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NodeUnreachable(party="hub"), "NODE_UNREACHABLE"),
        (RemoteRefusal(reason="", code="UNKNOWN", message_en="a\0b" * 3000, message_zh="\0"), "UNKNOWN"),
    ],
)
async def test_any_failure_can_be_kept(store: PostgresStore, error: Failure, reason: str) -> None:
    [package_id] = await enqueued(store)
    [held] = await claimed(store)
    async with store.transaction() as tx:
        assert await tx.outbox.bury(held.delivery_id, held.token, error)
    dead = await delivery_of(store, package_id)
    assert (dead.status, dead.last_reason) == ("dead", reason)
    assert dead.last_text_en.startswith(error.message_en[:1])
    assert len(dead.last_text_en) <= 2000


async def test_a_dead_delivery_rests_until_it_is_replayed(store: PostgresStore) -> None:
    [package_id] = await enqueued(store)
    [held] = await claimed(store)
    async with store.transaction() as tx:
        await tx.outbox.bury(held.delivery_id, held.token, REFUSAL)
    assert await claimed(store) == []
    async with store.transaction() as tx:
        replayed = await tx.outbox.replay(held.delivery_id)
    assert replayed == await delivery_of(store, package_id)
    assert (replayed.status, replayed.attempts) == ("pending", 0)
    assert replayed.progress_time > held.progress_time, "the time without progress begins anew"
    [again] = await claimed(store)
    assert (again.token, again.attempts) == (held.token + 1, 1)


async def test_a_waiting_delivery_is_due_at_once_when_replayed(store: PostgresStore) -> None:
    await enqueued(store)
    [held] = await claimed(store)
    async with store.transaction() as tx:
        await tx.outbox.postpone(
            held.delivery_id, held.token, REFUSAL, delay_seconds=HOUR_SECONDS, reset_budget=False
        )
        await tx.outbox.replay(held.delivery_id)
    assert [found.delivery_id for found in await claimed(store)] == [held.delivery_id]


async def test_a_delivery_under_way_is_not_replayed(store: PostgresStore) -> None:
    await enqueued(store)
    [held] = await claimed(store)
    async with store.transaction() as tx:
        assert await tx.outbox.replay(held.delivery_id) == held
        assert await tx.outbox.replay(held.delivery_id + 1) is None
        assert await tx.outbox.finish([(held.delivery_id, held.token)])


async def test_drop_takes_the_package_out_and_leaves_its_evidence(store: PostgresStore) -> None:
    [package_id, other_id] = await enqueued(store, 2)
    proof = evidence(package_id)
    async with store.transaction() as tx:
        await tx.packages.add_evidence(proof)
        await tx.outbox.enqueue(HUB, EVIDENCE, package_id, proof.evidence_id)
    async with store.transaction() as tx:
        assert await tx.outbox.drop(package_id)
        assert not await tx.outbox.drop(package_id)
        left = await tx.outbox.page(None, after=0, limit=9)
        assert await tx.outbox.of_package(package_id) is None
    assert [(found.package_id, found.evidence_id) for found in left] == [
        (other_id, ""),
        (package_id, proof.evidence_id),
    ]


async def test_what_a_worker_took_but_never_offered_is_dropped(store: PostgresStore) -> None:
    ids = await enqueued(store, 3)
    waiting, dead, _ = await claimed(store)
    async with store.transaction() as tx:
        await tx.outbox.postpone(
            waiting.delivery_id, waiting.token, REFUSAL, delay_seconds=0, reset_budget=False
        )
        await tx.outbox.bury(dead.delivery_id, dead.token, DeliveryGivenUp(hours=72))
    async with store.transaction() as tx:
        assert [await tx.outbox.drop(package_id) for package_id in ids] == [True, True, True]


async def test_what_was_dropped_under_its_worker_is_not_offered(store: PostgresStore) -> None:
    [package_id] = await enqueued(store)
    [held] = await claimed(store)
    async with store.transaction() as tx:
        assert await tx.outbox.drop(package_id)
    async with store.transaction() as tx:
        assert not await tx.outbox.offer(held.delivery_id, held.token)


async def test_who_lost_the_lease_offers_nothing(store: PostgresStore) -> None:
    [package_id] = await enqueued(store)
    [lost] = await claimed(store, lease_seconds=0)
    [held] = await claimed(store)
    async with store.transaction() as tx:
        assert not await tx.outbox.offer(lost.delivery_id, lost.token)
        assert not (await delivery_of(store, package_id)).offered
        assert await tx.outbox.offer(held.delivery_id, held.token)
    assert (await delivery_of(store, package_id)).offered


async def test_an_offer_that_was_refused_for_good_is_dropped_and_one_that_was_given_up_is_not(
    store: PostgresStore,
) -> None:
    ids = await enqueued(store, 2)
    refused, given_up = await claimed(store)
    async with store.transaction() as tx:
        for held in (refused, given_up):
            assert await tx.outbox.offer(held.delivery_id, held.token)
        await tx.outbox.bury(refused.delivery_id, refused.token, REFUSAL)
        await tx.outbox.bury(given_up.delivery_id, given_up.token, DeliveryGivenUp(hours=72))
        assert [await tx.outbox.drop(package_id) for package_id in ids] == [True, False]


async def test_what_was_offered_once_is_not_dropped(store: PostgresStore) -> None:
    [package_id] = await enqueued(store)
    [held] = await claimed(store)
    async with store.transaction() as tx:
        assert await tx.outbox.offer(held.delivery_id, held.token)
    for settle in (False, True):
        async with store.transaction() as tx:
            if settle:
                await tx.outbox.postpone(
                    held.delivery_id, held.token, REFUSAL, delay_seconds=0, reset_budget=True
                )
            assert not await tx.outbox.drop(package_id)
            assert await tx.outbox.of_package(package_id) is not None


async def test_lists_and_counts_by_status(store: PostgresStore) -> None:
    ids = await enqueued(store, 6)
    finished, buried, *_ = await claimed(store, limit=4, lease_seconds=0)
    async with store.transaction() as tx:
        await tx.outbox.finish([(finished.delivery_id, finished.token)])
        await tx.outbox.bury(buried.delivery_id, buried.token, REFUSAL)
    async with store.transaction() as tx:
        pages = {
            status: [ids.index(found.package_id) for found in await tx.outbox.page(status, after=0, limit=9)]
            for status in (None, "pending", "done", "dead")
        }
        assert pages == {None: [0, 1, 2, 3, 4, 5], "pending": [2, 3, 4, 5], "done": [0], "dead": [1]}
        assert await tx.outbox.count("pending") == 4
        assert await tx.outbox.count("done") == await tx.outbox.count("dead") == 1
        second_page = await tx.outbox.page("pending", after=buried.delivery_id + 1, limit=2)
        assert [ids.index(found.package_id) for found in second_page] == [3, 4]
        moving = await tx.outbox.of_packages([ids[1], new_id(), ids[5]])
        assert {found: moving[found].status for found in moving} == {ids[1]: "dead", ids[5]: "pending"}
        assert await tx.outbox.of_packages([]) == {}
