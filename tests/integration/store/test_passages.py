"""What arrived is found in the evidence, once, and what waits is counted."""

from __future__ import annotations

from dataclasses import replace

from tests.integration.store.records import evidence, package, stored

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind
from xietong_exchange.adapters.postgres import PostgresStore
from xietong_exchange.flow.passages import ArrivedRecord, Waiting

HUB, BULK = Party.PARTY_HUB, Lane.LANE_BULK


async def test_a_delivered_package_is_found_with_what_was_stated(store: PostgresStore) -> None:
    moved, other = await stored(store, package(), package())
    kinds = (EvidenceKind.EVIDENCE_KIND_RELAYED, EvidenceKind.EVIDENCE_KIND_DELIVERED)
    pieces = [replace(evidence(moved.package_id), kind=kind, statement=bytes([kind])) for kind in kinds]
    async with store.transaction() as tx:
        await tx.outbox.enqueue(HUB, BULK, moved.package_id)
        await tx.outbox.enqueue(HUB, BULK, other.package_id)
        for piece in (*pieces, evidence(other.package_id)):
            await tx.packages.add_evidence(piece)
    async with store.transaction() as tx:
        until = await tx.passages.latest_evidence()
        assert await tx.passages.arrived(after=0, until=until) == [
            ArrivedRecord(
                package_id=moved.package_id,
                receiver=moved.receiver,
                lane=BULK,
                size_bytes=moved.size_bytes,
                statements=(b"\x02", b"\x03"),
            )
        ]
        assert await tx.passages.arrived(after=until, until=until) == []


async def test_what_the_neighbour_does_not_have_waits(store: PostgresStore) -> None:
    one, two = await stored(store, package(size_bytes=3), package(size_bytes=4))
    async with store.transaction() as tx:
        assert await tx.passages.waiting(HUB, BULK) == Waiting(0, 0)
        for record in (one, two):
            await tx.outbox.enqueue(HUB, BULK, record.package_id)
        assert await tx.passages.waiting(HUB, BULK) == Waiting(2, 7)
        assert await tx.passages.waiting(HUB, Lane.LANE_INTERACTIVE) == Waiting(0, 0)
        (delivery, _) = await tx.outbox.claim(HUB, BULK, owner="one", lease_seconds=9, limit=2)
        await tx.outbox.finish([(delivery.delivery_id, delivery.token)])
        assert (await tx.passages.waiting(HUB, BULK)).packages == 1
