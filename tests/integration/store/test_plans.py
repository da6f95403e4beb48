"""With many rows, whatever a node does all day finds them by an index: no statement reads a whole table."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.integration.store.plans import Plans, explaining
from tests.integration.store.records import COMPLETED, NOON, REFUSAL, draft_key, evidence, new_id
from tests.integration.store.watched import watched_store

from xietong.exchange.v1.draft_pb2 import DraftState
from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction
from xietong_exchange.adapters.postgres import PostgresStore
from xietong_exchange.adapters.postgres.store import PostgresTransaction
from xietong_exchange.domain.delivery import FINAL
from xietong_exchange.flow.deadlines import DeadlineFilter, Pressing
from xietong_exchange.flow.records import PackageFilter
from xietong_exchange.flow.store import NewDelivery

MANY = 6_000
HUB, BULK = Party.PARTY_HUB, Lane.LANE_BULK

# A year of traffic in small: most is done, and one neighbour is away, so that the rest waits.
FILL = (
    f"""
    INSERT INTO package (package_id, seal, envelope, signature, direction, state, state_time, complete, size_bytes,
        process_code, sender, receiver, collaboration_case_id, draft_id, create_time)
    SELECT gen_random_uuid(), '', '', '', n % 3 + 1, n % 12 + 1, now(), true, 1, 'P-' || n % 50, 1, 2,
        gen_random_uuid(), gen_random_uuid(), now()
    FROM generate_series(1, {MANY}) n
    """,
    "INSERT INTO package_case_number SELECT package_id, 3, 'no-' || position, position FROM package",
    "INSERT INTO package_content SELECT sender, sha256(position::text::bytea), package_id FROM package",
    "INSERT INTO package_read SELECT package_id, 0 FROM package",
    """
    INSERT INTO evidence (evidence_id, package_id, kind, stated_by, event_time, statement, signature)
    SELECT gen_random_uuid(), package_id, 1, 1, now(), '', '' FROM package
    """,
    f"""
    INSERT INTO delivery (destination, lane, package_id, status, due_time)
    SELECT {int(HUB)}, {int(BULK)}, package_id,
        CASE WHEN position % 3 = 0 THEN 'pending' WHEN position % {MANY // 10} = 1 THEN 'dead' ELSE 'done' END,
        now() + interval '1 hour'
    FROM package
    """,
    f"""
    INSERT INTO draft (draft_id, organ_code, case_number, process_code, label, state, create_time)
    SELECT gen_random_uuid(), '440199000001', 'no-' || n, 'PB-01', '', n % 3 + 1, now()
    FROM generate_series(1, {MANY}) n
    """,
    "INSERT INTO contribution (draft_id, system, name, fragment) SELECT draft_id, 's', 'n', '' FROM draft",
    "INSERT INTO draft_content SELECT draft_id, sha256(position::text::bytea) FROM draft",
    "INSERT INTO send_request SELECT draft_id::text, draft_id FROM draft",
    f"""
    INSERT INTO deadline (collaboration_case_id, person_id, clock_id, party, due_time, warning_time, suspended, content,
        notice_time)
    SELECT gen_random_uuid(), 'p', 'D03', abs(n) % 6 + 1, now() + n * interval '1 hour', now() + n * interval '1 hour'
        - interval '3 days', n % 50 = 0, '', CASE WHEN n > -20 THEN now() + n * interval '1 hour' END
    FROM generate_series(-{MANY // 2}, {MANY // 2}) n
    """,
    f"UPDATE deadline_progress SET before = {MANY}",
    "INSERT INTO deadline_case SELECT collaboration_case_id, due_time, now() FROM deadline",
    f"""
    INSERT INTO maintenance (maintenance_id, party, start_time, end_time, text_zh, text_en)
    SELECT gen_random_uuid(), 1, now() - n * interval '1 day', now() - n * interval '1 day', '', ''
    FROM generate_series(0, {MANY}) n
    """,
    f"INSERT INTO case_move SELECT gen_random_uuid(), gen_random_uuid() FROM generate_series(1, {5 * MANY})",
    "ANALYZE",
)


@dataclass
class Scene:
    """A store with many rows whose plans are seen."""

    store: PostgresStore
    plans: Plans


@pytest.fixture
async def scene(engine: AsyncEngine, postgres_url: str) -> AsyncIterator[Scene]:
    async with engine.begin() as connection:
        for statement in FILL:
            await connection.execute(text(statement))
    plans = Plans()
    async with watched_store(postgres_url, explaining(plans)) as store:
        yield Scene(store, plans)


async def work_on_packages(tx: PostgresTransaction, package_id: str) -> None:
    await tx.packages.get(package_id, lock=True)
    await tx.packages.get_many([package_id, new_id()])
    await tx.packages.advance(package_id, COMPLETED)
    await tx.packages.of_draft(new_id())
    await tx.packages.latest_of_case(Party.PARTY_COURT, "no-7")
    proof = evidence(package_id)
    await tx.packages.add_evidence(proof, COMPLETED)
    await tx.packages.evidence(package_id)
    await tx.packages.evidence_by_id([proof.evidence_id, new_id()])
    await tx.packages.add_read(package_id, 3)
    incoming, relayed = Direction.DIRECTION_INCOMING, DeliveryState.DELIVERY_STATE_RELAYED
    for wanted in (
        PackageFilter(),
        PackageFilter(direction=incoming),
        PackageFilter(direction=incoming, states=(relayed, DeliveryState.DELIVERY_STATE_DELIVERED)),
        PackageFilter(process_code="P-7"),
        PackageFilter(collaboration_case_id=new_id()),
        PackageFilter(for_systems=True),
        PackageFilter(direction=incoming, states=(relayed,), for_systems=True),
    ):
        for before in (None, MANY // 2):
            await tx.packages.page(wanted, before=before, limit=50)
    await tx.packages.page(PackageFilter(direction=incoming, states=(relayed,)), after=MANY // 2, limit=50)
    await tx.packages.look(package_id, None)
    await tx.packages.evidence_of([package_id, new_id()])
    [record] = await tx.packages.get_many([package_id])
    new = NewDelivery(HUB, Lane.LANE_EVIDENCE, offered=False, lease=None)
    lease = (MANY // 2, 7)
    await tx.packages.take(record, evidence(package_id), COMPLETED, settles=lease, delivery=new)
    await tx.packages.horizon()
    page = await tx.packages.incoming_changes(0, after=None, limit=1)
    await tx.packages.incoming_changes(0, after=page.records[0], limit=50)


async def work_on_the_outbox(tx: PostgresTransaction, package_id: str) -> None:
    await tx.outbox.enqueue(Party.PARTY_COURT, BULK, package_id)
    [held] = await tx.outbox.claim(Party.PARTY_COURT, BULK, owner="w", lease_seconds=9, limit=4)
    assert await tx.outbox.claim(HUB, BULK, owner="w", lease_seconds=9, limit=4) == []
    await tx.outbox.offer(held.delivery_id, held.token)
    await tx.outbox.renew(held.delivery_id, held.token, lease_seconds=9, progressed=True)
    await tx.outbox.postpone(held.delivery_id, held.token, REFUSAL, delay_seconds=9, reset_budget=True)
    await tx.outbox.replay(held.delivery_id)
    await tx.outbox.finish([(held.delivery_id, held.token), (held.delivery_id + 1, 7)])
    await tx.outbox.drop(package_id)
    await tx.outbox.of_packages([package_id, new_id()])
    await tx.outbox.all_of_package(package_id, limit=9)
    await tx.outbox.page(None, after=MANY // 2, limit=50)
    await tx.outbox.page("dead", after=0, limit=50)
    await tx.outbox.page("pending", after=0, limit=50)
    await tx.outbox.count("dead")
    latest = await tx.passages.latest_evidence()
    await tx.passages.arrived(after=latest - 10, until=latest)
    await tx.incidents.open_packages(
        Direction.DIRECTION_TRANSIT,
        DeliveryState.DELIVERY_STATE_RELAYED,
        submitted_before=NOON + timedelta(days=9999),
        after=MANY // 2,
        limit=50,
    )
    await tx.incidents.open_package(package_id)
    assert len(await tx.maintenances.unfinished(NOON + timedelta(days=9999), limit=50)) == 0
    assert not await tx.maintenances.remove(new_id())


async def work_on_drafts(tx: PostgresTransaction) -> None:
    draft = await tx.drafts.open(draft_key(case_number="no-7"), new_id(), NOON)
    await tx.drafts.get(draft.key, lock=True)
    await tx.drafts.by_id(draft.draft_id)
    await tx.drafts.hold(draft.draft_id, [bytes(32)])
    await tx.drafts.set_header(draft.draft_id, b"header")
    await tx.drafts.contributions(draft.draft_id)
    await tx.drafts.remember_request("request", draft.draft_id)
    await tx.drafts.sight(draft.key, "request")
    await tx.drafts.submit(draft, "another request")
    await tx.drafts.set_state(draft.draft_id, DraftState.DRAFT_STATE_SUBMITTED)


async def work_on_contents(tx: PostgresTransaction, package_id: str) -> None:
    digests = [hashlib.sha256(str(number).encode()).digest() for number in range(1, 21)]
    for is_own in (True, False):
        assert len(await tx.contents.needed(Party.PARTY_POLICE, digests, is_own=is_own)) == 20
    hour = timedelta(hours=1)
    assert await tx.contents.release(FINAL, untouched_for=hour, limit=20) == []
    assert await tx.contents.release_unfinished(untouched_for=hour, limit=20) == []
    await tx.contents.let_go(package_id, Party.PARTY_POLICE, digests)
    await tx.contents.hold(package_id, Party.PARTY_POLICE, digests)
    assert await tx.drafts.discard_abandoned(untouched_for=hour, limit=20) == []


async def work_on_deadlines(tx: PostgresTransaction) -> None:
    now = await tx.now()
    assert await tx.deadlines.follow(now, limit=50)
    assert await tx.deadlines.look_back(now, limit=50)
    due = await tx.deadlines.next_due(now)
    assert due is not None
    assert await tx.deadlines.of_case(due.collaboration_case_id)
    await tx.deadlines.put(due.collaboration_case_id, [])
    found = await tx.deadlines.untold(now)
    assert found
    await tx.deadlines.told(found, has_passed=True)
    await tx.deadlines.told(found, has_passed=False)
    await tx.deadlines.pass_over(NOON)
    await tx.deadlines.note_moves([(due.collaboration_case_id, new_id())], now)
    assert await tx.deadlines.moves(due.collaboration_case_id)
    await tx.deadlines.look_again(due.collaboration_case_id, now)
    await tx.deadlines.look_again(due.collaboration_case_id, None)
    near: tuple[Pressing, ...] = ("warning",)
    rare: tuple[Pressing, ...] = ("suspended",)
    wanted_lists: tuple[DeadlineFilter, ...] = (
        DeadlineFilter(now),
        DeadlineFilter(now, party=Party.PARTY_COURT, pressing=near),
        DeadlineFilter(now, pressing=rare),
        DeadlineFilter(
            now, party=Party.PARTY_COURT, due_from=NOON, due_before=now, pressing=("passed", "running")
        ),
    )
    for wanted in wanted_lists:
        page = await tx.deadlines.page(wanted, after=None, limit=20)
        assert page
        await tx.deadlines.page(wanted, after=(page[-1].due_time, page[-1].deadline_id), limit=20)
    await tx.deadlines.count(wanted_lists[1], limit=500)


async def test_no_statement_reads_a_whole_table(scene: Scene) -> None:
    async with scene.store.transaction() as tx:
        [some] = (await tx.packages.page(PackageFilter(), before=MANY // 3, limit=1)).records
        await work_on_packages(tx, some.package_id)
        await work_on_the_outbox(tx, some.package_id)
        await work_on_drafts(tx)
        await work_on_contents(tx, some.package_id)
        await work_on_deadlines(tx)
    assert len(scene.plans.seen) > 35
    whole = scene.plans.scans_of_whole_tables()
    assert [sql for sql in whole if "deadline_progress" not in sql] == []  # which has one row


async def test_a_claim_does_not_look_at_what_is_not_due_yet(scene: Scene) -> None:
    async with scene.store.transaction() as tx:
        assert await tx.outbox.claim(HUB, BULK, owner="w", lease_seconds=9, limit=4) == []
    [found] = scene.plans.seen.values()
    [scan] = [node for node in found if node.get("Index Name") == "ix_delivery_due"]
    assert "due_time <=" in scan["Index Cond"]
