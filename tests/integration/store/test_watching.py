"""Watching costs what changes: the inbox of a long queue, and a package whose bytes move."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.integration.store.records import NOON, evidence, new_id, package, stored
from tests.integration.store.watched import WatchedConnection, watched_store
from tests.unit.exchange.nodes import LONG_SECONDS, MemoryStore, new_exchange
from tests.unit.exchange.packages import signature_of

from xietong.exchange.v1.envelope_pb2 import Address, Envelope, Party
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction, Package
from xietong_exchange.adapters.postgres import PostgresStore
from xietong_exchange.domain.errors import PackageNotFound
from xietong_exchange.flow.changes import INBOX
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.handover import Caller
from xietong_exchange.flow.records import EvidenceRecord, PackageChange, PackageRecord
from xietong_exchange.flow.views import Views
from xietong_exchange.flow.watching import INBOX_PAGE, Watching

WAITING = 3_000
SUBMITTED, DELIVERED = DeliveryState.DELIVERY_STATE_SUBMITTED, DeliveryState.DELIVERY_STATE_DELIVERED
RETRIEVED, ACCEPTED = DeliveryState.DELIVERY_STATE_RETRIEVED, DeliveryState.DELIVERY_STATE_ACCEPTED
FILL = f"""
    INSERT INTO package (package_id, seal, envelope, signature, direction, state, state_time, complete, size_bytes,
        process_code, sender, receiver, collaboration_case_id, create_time)
    SELECT gen_random_uuid(), '', '', '', 3, CASE WHEN n % 2 = 0 THEN {DELIVERED} ELSE {ACCEPTED} END, now(), true, 1,
        'PB-01', 1, 2, gen_random_uuid(), now()
    FROM generate_series(1, {2 * WAITING}) n
    """
SIGNATURE = signature_of(Party.PARTY_POLICE).SerializeToString()


class Statements:
    """What the watching store asks: each statement and how many rows it gave."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []

    def package_rows(self) -> list[int]:
        return [rows for statement, rows in self.seen if "envelope" in statement]


@dataclasses.dataclass
class Scene:
    """A node whose watching has a store of its own, so that nothing else is counted."""

    exchange: Exchange
    watching: Watching
    statements: Statements

    def inbox(self, *, only_addressed: bool = False) -> AsyncGenerator[Package, None]:
        return self.watching.inbox(Caller("prosecution"), only_addressed=only_addressed)


@pytest.fixture
async def scene(postgres_url: str) -> AsyncIterator[Scene]:
    statements = Statements()

    class Watched(WatchedConnection):
        def after(self, sql: str, rows: int) -> None:
            statements.seen.append((sql, rows))

    node = new_exchange(Party.PARTY_PROCURATORATE, MemoryStore())
    async with watched_store(postgres_url, Watched) as store:
        exchange = dataclasses.replace(node, store=store)
        yield Scene(exchange, Watching(exchange, Views(exchange)), statements)


def incoming(**changes: object) -> PackageRecord:
    return package(
        direction=Direction.DIRECTION_INCOMING,
        state=DELIVERED,
        receiver=Party.PARTY_PROCURATORATE,
        signature=SIGNATURE,
        **changes,
    )


def proof_of(record: PackageRecord) -> EvidenceRecord:
    return dataclasses.replace(evidence(record.package_id), signature=SIGNATURE)


async def advance(store: PostgresStore, package_id: str, state: DeliveryState.ValueType = RETRIEVED) -> None:
    async with store.transaction() as tx:
        await tx.packages.advance(package_id, PackageChange(state=state, state_time=NOON))


async def take(changes: AsyncGenerator[Package, None], count: int = 1) -> list[Package]:
    async with asyncio.timeout(LONG_SECONDS):
        return [await anext(changes) for _ in range(count)]


async def test_a_change_costs_one_row_however_long_the_inbox_is(
    scene: Scene, engine: AsyncEngine, store: PostgresStore
) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(FILL))
    scene.statements.seen.clear()
    async with aclosing(scene.inbox()) as inbox:
        waiting = await take(inbox, WAITING)
        assert {seen.state for seen in waiting} == {DELIVERED}
        assert len({seen.package_id for seen in waiting}) == WAITING
        assert max(scene.statements.package_rows()) == INBOX_PAGE
        for one in waiting[7], waiting[-1]:
            scene.statements.seen.clear()
            await advance(store, one.package_id)
            scene.exchange.changes.announce(INBOX)
            (seen,) = await take(inbox)
            assert (seen.package_id, seen.state) == (one.package_id, RETRIEVED)
            # Beside it the change before, as long as a transaction of that time is under way in the server.
            assert 1 <= sum(scene.statements.package_rows()) <= 2


async def test_an_outcome_is_told_and_a_new_package_too(scene: Scene, store: PostgresStore) -> None:
    [old] = await stored(store, incoming())
    async with aclosing(scene.inbox()) as inbox:
        await take(inbox)
        await advance(store, old.package_id, ACCEPTED)
        (ended,) = await take(inbox)
        assert (ended.package_id, ended.state) == (old.package_id, ACCEPTED)
        [new] = await stored(store, incoming())
        (seen,) = await take(inbox)
        assert (seen.package_id, seen.state) == (new.package_id, DELIVERED)


async def test_no_change_is_missed_when_an_older_transaction_commits_later(
    scene: Scene, store: PostgresStore
) -> None:
    late, early, last = await stored(store, incoming(), incoming(), incoming())
    async with aclosing(scene.inbox()) as inbox:
        await take(inbox, 3)
        async with store.transaction() as older:
            await older.packages.advance(late.package_id, PackageChange(state=RETRIEVED, state_time=NOON))
            await advance(store, early.package_id)
            assert [seen.package_id for seen in await take(inbox)] == [early.package_id]
        assert [seen.package_id for seen in await take(inbox)] == [late.package_id]
        await advance(store, last.package_id)
        assert [seen.package_id for seen in await take(inbox)] == [last.package_id]


async def test_rows_of_a_database_that_was_restored_elsewhere_are_not_told_for_ever(
    scene: Scene, engine: AsyncEngine, store: PostgresStore
) -> None:
    restored, other = await stored(store, incoming(), incoming())
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE package SET changed_in = 1::bigint << 60 WHERE package_id = :id"),
            {"id": restored.package_id},
        )
    async with aclosing(scene.inbox()) as inbox:
        await take(inbox, 2)
        await advance(store, other.package_id)
        assert [seen.package_id for seen in await take(inbox)] == [other.package_id]
        await advance(store, restored.package_id)
        assert [seen.package_id for seen in await take(inbox)] == [restored.package_id]


async def test_the_inbox_shows_movement_evidence_and_addresses(scene: Scene, store: PostgresStore) -> None:
    own = Envelope(receiver=Address(system="prosecution")).SerializeToString()
    other = Envelope(receiver=Address(system="archive")).SerializeToString()
    [_, mine] = await stored(store, incoming(envelope=other), incoming(envelope=own))
    proof = proof_of(mine)
    async with store.transaction() as tx:
        await tx.packages.add_evidence(proof)
    movement = scene.exchange.progress.begin(mine.package_id, mine.size_bytes, is_incoming=True)
    async with aclosing(scene.inbox(only_addressed=True)) as inbox:
        (first,) = await take(inbox)
        assert first.package_id == mine.package_id
        assert [piece.statement for piece in first.evidence] == [proof.statement]
        movement.transferred_bytes = 5
        (moved,) = await take(inbox)
        assert (moved.progress.transferred_bytes, moved.envelope) == (5, first.envelope)


async def test_a_watch_sends_envelope_and_evidence_only_when_they_are_new(
    scene: Scene, store: PostgresStore
) -> None:
    [record] = await stored(store, incoming())
    first_proof, second_proof = proof_of(record), proof_of(record)
    async with store.transaction() as tx:
        await tx.packages.add_evidence(first_proof)
    movement = scene.exchange.progress.begin(record.package_id, record.size_bytes, is_incoming=True)
    async with aclosing(scene.watching.package(record.package_id)) as changes:
        (first,) = await take(changes)
        assert first.envelope.envelope == record.envelope
        assert len(first.evidence) == 1

        scene.statements.seen.clear()
        movement.transferred_bytes = 7
        (moved,) = await take(changes)
        assert (moved.progress.transferred_bytes, moved.state) == (7, DELIVERED)
        assert not moved.HasField("envelope")
        assert not moved.evidence
        assert len({statement for statement, _ in scene.statements.seen}) == 1

        async with store.transaction() as tx:
            await tx.packages.add_evidence(second_proof)
        (proved,) = await take(changes)
        assert not proved.HasField("envelope")
        assert len(proved.evidence) == 2

        await advance(store, record.package_id, ACCEPTED)
        (ended,) = await take(changes)
        assert (ended.state, len(ended.evidence)) == (ACCEPTED, 0)
        with pytest.raises(StopAsyncIteration):
            await take(changes)


@pytest.mark.parametrize("direction", [None, Direction.DIRECTION_TRANSIT])
async def test_what_this_party_neither_sends_nor_receives_is_not_watched(
    scene: Scene, store: PostgresStore, direction: Direction.ValueType | None
) -> None:
    package_id = new_id()
    if direction is not None:
        [record] = await stored(store, package(direction=direction))
        package_id = record.package_id
    with pytest.raises(PackageNotFound):
        await take(scene.watching.package(package_id))
