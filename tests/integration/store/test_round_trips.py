"""What a transaction costs: each statement is a round trip, and only what changes or locks begins a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.integration.store.conftest import PATIENCE_SECONDS
from tests.integration.store.records import COMPLETED, draft_key, evidence, new_id, package, stored
from tests.integration.store.watched import WatchedConnection, watched_store

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong_exchange.adapters.postgres import PostgresStore
from xietong_exchange.flow.records import PackageFilter
from xietong_exchange.flow.store import Added, NewDelivery

HUB, BULK, EVIDENCE = Party.PARTY_HUB, Lane.LANE_BULK, Lane.LANE_EVIDENCE


@dataclass
class Scene:
    """A store whose statements are seen by their first words, and whether the driver had to ask about types."""

    store: PostgresStore
    verbs: list[str]
    asked_for_types: list[int]


@pytest.fixture
async def scene(postgres_url: str) -> AsyncIterator[Scene]:
    verbs: list[str] = []
    asked_for_types: list[int] = []

    class Watched(WatchedConnection):
        async def before(self, sql: str, values: tuple[Any, ...]) -> None:
            verbs.append(sql.split(maxsplit=1)[0].rstrip(";"))

        async def _introspect_types(self, typeoids: Any, timeout: Any) -> Any:
            asked_for_types.extend(typeoids)
            return await super()._introspect_types(typeoids, timeout)  # type: ignore[misc]  # not in the stubs

    async with watched_store(postgres_url, Watched) as store:
        yield Scene(store, verbs, asked_for_types)


async def test_reads_alone_need_no_transaction(scene: Scene) -> None:
    async with scene.store.transaction() as tx:
        await tx.packages.get(new_id())
        await tx.drafts.get(draft_key())
        await tx.outbox.count("dead")
    assert scene.verbs == ["SELECT"] * 3


async def test_a_transaction_begins_with_what_changes_or_locks(scene: Scene) -> None:
    async with scene.store.transaction() as tx:
        await tx.packages.get(new_id())
        await tx.packages.get(new_id(), lock=True)
        await tx.packages.get(new_id())
    assert scene.verbs == ["SELECT", "BEGIN", "SELECT", "SELECT", "COMMIT"]


async def test_a_package_and_its_case_numbers_are_one_statement(scene: Scene) -> None:
    record = package(case_numbers=((Party.PARTY_POLICE, "公1"), (Party.PARTY_COURT, "法1")))
    async with scene.store.transaction() as tx:
        assert await tx.packages.add(record)
    assert scene.verbs == ["BEGIN", "WITH", "COMMIT"]


async def test_a_package_with_its_evidence_and_its_delivery_is_one_statement_without_a_transaction(
    scene: Scene,
) -> None:
    record = package(case_numbers=((Party.PARTY_POLICE, "公1"),))
    proof, delivery = evidence(record.package_id), NewDelivery(HUB, BULK, offered=True, lease=("w", 9.0))
    async with scene.store.transaction(single=True) as tx:
        added = await tx.packages.add_stated(record, [proof], delivery)
    assert scene.verbs == ["WITH"]
    assert added is not None
    assert added.delivery is not None
    async with scene.store.transaction() as tx:
        assert await tx.packages.evidence(record.package_id) == [proof]
        assert await tx.outbox.of_package(record.package_id) == added.delivery
        assert added.delivery.leased
        found = await tx.packages.latest_of_case(Party.PARTY_POLICE, "公1")
        assert found is not None
        assert found.package_id == record.package_id


async def test_a_package_that_stays_has_no_delivery_and_one_that_is_there_is_not_added(scene: Scene) -> None:
    record = package()
    async with scene.store.transaction(single=True) as tx:
        added = await tx.packages.add_stated(record, [evidence(record.package_id)], None)
    async with scene.store.transaction() as tx:
        found = await tx.packages.get(record.package_id)
    assert found is not None
    assert added == Added(None, found.changed_in)
    async with scene.store.transaction(single=True) as tx:
        again = NewDelivery(HUB, BULK, offered=False, lease=None)
        assert await tx.packages.add_stated(record, [evidence(record.package_id)], again) is None
    async with scene.store.transaction() as tx:
        assert len(await tx.packages.evidence(record.package_id)) == 1
        assert await tx.outbox.of_package(record.package_id) is None


async def test_what_a_submit_finds_is_one_statement_and_so_is_the_end_of_its_draft(scene: Scene) -> None:
    async with scene.store.transaction() as tx:
        await tx.drafts.open(draft_key(), new_id(), package().create_time)
    scene.verbs.clear()
    async with scene.store.transaction() as tx:
        sight = await tx.drafts.sight(draft_key(), "request")
        assert sight.current is not None
        assert await tx.drafts.submit(sight.current, "request") == sight.current.draft_id
    assert scene.verbs == ["SELECT", "BEGIN", "WITH", "COMMIT"]


async def test_a_claim_of_nothing_is_one_round_trip(scene: Scene) -> None:
    async with scene.store.transaction() as tx:
        assert await tx.outbox.claim(HUB, BULK, owner="w", lease_seconds=9, limit=4) == []
    assert scene.verbs == ["SELECT"]


async def test_evidence_and_what_it_changes_are_one_statement_and_happen_once(scene: Scene) -> None:
    [record] = await stored(scene.store, package())
    proof = evidence(record.package_id)
    scene.verbs.clear()
    async with scene.store.transaction() as tx:
        assert await tx.packages.add_evidence(proof, COMPLETED)
    assert scene.verbs == ["BEGIN", "WITH", "COMMIT"]
    later = replace(COMPLETED, state=DeliveryState.DELIVERY_STATE_RELAYED)
    async with scene.store.transaction() as tx:
        assert not await tx.packages.add_evidence(proof, later)
        found = await tx.packages.get(record.package_id)
    assert found is not None
    assert (found.complete, found.state) == (True, record.state)


async def test_taking_evidence_of_a_package_as_read_is_one_statement_with_all_that_follows(
    scene: Scene,
) -> None:
    [record] = await stored(scene.store, package())
    async with scene.store.transaction() as tx:
        way = await tx.outbox.enqueue(HUB, BULK, record.package_id, lease=("w", 9.0))
    assert way is not None
    proof, back = evidence(record.package_id), NewDelivery(HUB, EVIDENCE, offered=False, lease=None)
    lease = (way.delivery_id, way.token)
    scene.verbs.clear()
    async with scene.store.transaction(single=True) as tx:
        added = await tx.packages.take(record, proof, COMPLETED, settles=lease, delivery=back)
        assert scene.verbs == ["WITH"]
        again = evidence(record.package_id)
        assert await tx.packages.take(record, again, COMPLETED, settles=None, delivery=back) is None
        changed = await tx.packages.get(record.package_id)
        assert changed is not None
        assert await tx.packages.take(changed, proof, COMPLETED, settles=None, delivery=back) is None
    assert added is not None
    assert added.delivery is not None
    assert (added.delivery.evidence_id, added.delivery.lane) == (proof.evidence_id, EVIDENCE)
    assert (changed.complete, changed.state) == (True, COMPLETED.state)
    async with scene.store.transaction() as tx:
        assert await tx.packages.evidence(record.package_id) == [proof]
        assert await tx.outbox.get(added.delivery.delivery_id) == added.delivery
        settled = await tx.outbox.get(way.delivery_id)
        everything = await tx.outbox.all_of_package(record.package_id, limit=9)
    assert settled is not None
    assert settled.status == "done"
    assert everything == [settled, added.delivery]


async def test_evidence_that_comes_while_its_package_changes_is_not_taken_as_read(
    scene: Scene, until_waiting: Callable[[int], Awaitable[None]]
) -> None:
    [record] = await stored(scene.store, package())
    proof = evidence(record.package_id)

    async def take() -> Added | None:
        async with scene.store.transaction(single=True) as tx:
            return await tx.packages.take(record, proof, COMPLETED, settles=None, delivery=None)

    async with asyncio.timeout(PATIENCE_SECONDS):
        async with scene.store.transaction() as tx:
            await tx.packages.add_evidence(evidence(record.package_id), COMPLETED)
            late = asyncio.create_task(take())
            await until_waiting(1)
        assert await late is None
    async with scene.store.transaction() as tx:
        assert len(await tx.packages.evidence(record.package_id)) == 1


async def test_the_driver_never_asks_the_server_about_types(scene: Scene) -> None:
    """It would ask on each new connection, for 10 to 35 ms and each type."""
    [record] = await stored(scene.store, package(case_numbers=((Party.PARTY_POLICE, "公1"),)))
    async with scene.store.transaction() as tx:
        await tx.packages.get_many([record.package_id])
        await tx.packages.evidence_of([record.package_id])
        await tx.packages.evidence_by_id([new_id()])
        await tx.packages.page(PackageFilter(states=(record.state,)), limit=1)
        await tx.outbox.enqueue(HUB, BULK, record.package_id)
        [held] = await tx.outbox.claim(HUB, BULK, owner="w", lease_seconds=9, limit=1)
        assert await tx.outbox.finish([(held.delivery_id, held.token)]) == 1
        assert list(await tx.outbox.of_packages([record.package_id])) == [record.package_id]
        draft = await tx.drafts.open(draft_key(), new_id(), record.create_time)
        await tx.drafts.hold(draft.draft_id, [b"\0\xff", b"one"])
    assert scene.asked_for_types == []
