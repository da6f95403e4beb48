"""When a package is given up: time without progress counts, not time, and what is wrong here stays so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from tests.unit.exchange.couriers import (
    POLICY,
    Hub,
    log_of,
    store_with,
)
from tests.unit.exchange.nodes import MemoryStore
from tests.unit.exchange.packages import PACKAGE_ID

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.evidence_pb2 import Evidence
from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong_exchange.adapters.rpc.status import from_status, to_status
from xietong_exchange.domain.envelope import SealedPackage
from xietong_exchange.domain.errors import (
    DigestMismatch,
    NodeUnreachable,
)


def moving(store: MemoryStore, hub: Hub, hours: float, moves: Callable[[int], bool]) -> None:
    """Each try takes so many hours; `moves` tells by its number whether bytes move meanwhile."""
    send = hub.send

    async def take_time(
        package: SealedPackage,
        peer: Party.ValueType,
        lane: Lane.ValueType,
        queued: datetime,
        moved: Callable[[], None],
        *,
        passed: Evidence | None = None,
    ) -> Evidence:
        store.outbox.time += timedelta(hours=hours)
        if moves(len(hub.packages)):
            moved()
        return await send(package, peer, lane, queued, moved, passed=passed)

    hub.send = take_time  # type: ignore[method-assign] # time passes at this hub


async def test_a_transfer_that_lasts_longer_than_the_time_to_give_up_goes_on_while_bytes_move() -> None:
    away = NodeUnreachable(party="hub")
    store, hub = store_with(0), Hub([away, away, away, away, away, []])
    await store.outbox.enqueue(Party.PARTY_HUB, Lane.LANE_BULK, PACKAGE_ID)
    moving(store, hub, hours=50, moves=lambda number: number % 2 == 0)
    log = await log_of(store, hub, Lane.LANE_BULK, 6)
    assert [what for what, _, _ in log] == ["postponed"] * 5 + ["finished"]
    assert max(store.outbox.delays) <= 2 * POLICY.first_delay_seconds, (
        "the budget begins anew with each progress"
    )


async def test_a_transfer_that_stands_still_for_the_time_to_give_up_is_given_up() -> None:
    store, hub = store_with(0), Hub([NodeUnreachable(party="hub")])
    await store.outbox.enqueue(Party.PARTY_HUB, Lane.LANE_BULK, PACKAGE_ID)
    moving(store, hub, hours=50, moves=lambda number: number == 0)
    log = await log_of(store, hub, Lane.LANE_BULK, 3)
    assert [(what, reason) for what, _, reason in log] == [
        ("postponed", "NODE_UNREACHABLE"),
        ("postponed", "NODE_UNREACHABLE"),
        ("buried", "DELIVERY_GIVEN_UP"),
    ]


async def test_a_copy_that_is_wrong_here_is_not_sent_for_ever() -> None:
    """Its bytes move at every try and are dropped by the neighbour, which says so after several attempts."""
    wrong = from_status(to_status(DigestMismatch(digest="00"), incident=""))
    store, hub = store_with(0), Hub([wrong])
    await store.outbox.enqueue(Party.PARTY_HUB, Lane.LANE_BULK, PACKAGE_ID)
    moving(store, hub, hours=0, moves=lambda _number: True)
    assert await log_of(store, hub, Lane.LANE_BULK, 1) == [("buried", 1, "DIGEST_MISMATCH")]
    assert store.packages.records[PACKAGE_ID].state == DeliveryState.DELIVERY_STATE_FAILED
