"""What goes to its courier at once: recorded under a lease, and told of only when the transaction is over."""

from __future__ import annotations

import pytest
from tests.integration.store.records import REFUSAL, package, stored

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong_exchange.adapters.postgres import PostgresStore
from xietong_exchange.flow.records import DeliveryRecord

HUB, LANE = Party.PARTY_HUB, Lane.LANE_INTERACTIVE
HOUR_SECONDS = 3600.0


async def handed_on(store: PostgresStore, lease_seconds: float) -> DeliveryRecord:
    [record] = await stored(store, package())
    async with store.transaction() as tx:
        lease = ("worker", lease_seconds)
        delivery = await tx.outbox.enqueue(HUB, LANE, record.package_id, offered=True, lease=lease)
    assert delivery is not None
    return delivery


async def claimed(store: PostgresStore) -> list[DeliveryRecord]:
    async with store.transaction() as tx:
        return await tx.outbox.claim(HUB, LANE, owner="other", lease_seconds=HOUR_SECONDS, limit=9)


async def test_it_is_leased_as_if_it_had_been_claimed(store: PostgresStore) -> None:
    delivery = await handed_on(store, HOUR_SECONDS)
    assert (delivery.leased, delivery.offered, delivery.token, delivery.attempts) == (True, True, 1, 1)
    assert await claimed(store) == []
    async with store.transaction() as tx:
        assert await tx.outbox.of_package(delivery.package_id) == delivery
        assert await tx.outbox.finish([(delivery.delivery_id, delivery.token)]) == 1


async def test_when_its_lease_has_run_out_another_takes_it_up(store: PostgresStore) -> None:
    delivery = await handed_on(store, lease_seconds=0.0)
    [taken] = await claimed(store)
    assert (taken.delivery_id, taken.token, taken.offered) == (delivery.delivery_id, 2, True)
    async with store.transaction() as tx:
        assert await tx.outbox.finish([(delivery.delivery_id, delivery.token)]) == 0


async def test_what_is_in_the_outbox_already_is_not_handed_on(store: PostgresStore) -> None:
    delivery = await handed_on(store, HOUR_SECONDS)
    async with store.transaction() as tx:
        lease = ("worker", HOUR_SECONDS)
        assert await tx.outbox.enqueue(HUB, LANE, delivery.package_id, offered=True, lease=lease) is None


@pytest.mark.parametrize("never_offered", [True, False])
async def test_a_mark_that_was_set_too_early_is_taken_back(store: PostgresStore, never_offered: bool) -> None:
    delivery = await handed_on(store, HOUR_SECONDS)
    async with store.transaction() as tx:
        assert await tx.outbox.postpone(
            delivery.delivery_id,
            delivery.token,
            REFUSAL,
            delay_seconds=0.0,
            reset_budget=False,
            never_offered=never_offered,
        )
    [taken] = await claimed(store)
    assert taken.offered is not never_offered


async def test_who_waits_for_the_end_of_a_transaction_hears_how_it_ended(store: PostgresStore) -> None:
    ends: list[bool] = []

    def note(*, is_committed: bool) -> None:
        ends.append(is_committed)

    async with store.transaction() as tx:
        tx.when_over(note)
        assert ends == []
    assert ends == [True]
    with pytest.raises(RuntimeError, match="test"):  # noqa: PT012 - the block is the transaction
        async with store.transaction() as tx:
            tx.when_over(note)
            raise RuntimeError("test")
    assert ends == [True, False]
