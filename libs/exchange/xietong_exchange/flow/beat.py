"""The beat of a courier: it renews the lease of a delivery while that is under way."""

from __future__ import annotations

import asyncio
from typing import Self

from xietong_exchange.domain.errors import XietongError
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.records import DeliveryRecord

BEATS_PER_LEASE = 3
"""A beat that fails, because the database was away for a moment, does not cost the lease."""
LONGEST_BEAT_SECONDS = 5.0
"""Also under a long lease somebody who has lost it, see `Presence`, learns it soon."""


class Beat:
    """Renews a lease while its delivery is under way, and notes whether bytes moved."""

    def __init__(self, exchange: Exchange, delivery: DeliveryRecord, lease_seconds: float) -> None:
        self.progressed = False
        self._exchange = exchange
        self._delivery = delivery
        self._lease_seconds = lease_seconds
        self._moved = False
        self._task: asyncio.Task[None] | None = None

    def moved(self) -> None:
        """Bytes moved."""
        self._moved = self.progressed = True

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(asyncio.current_task()))
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, worker: asyncio.Task[object] | None) -> None:
        while True:
            await asyncio.sleep(min(self._lease_seconds / BEATS_PER_LEASE, LONGEST_BEAT_SECONDS))
            moved, self._moved = self._moved, False
            try:
                async with self._exchange.store.transaction(single=True) as tx:
                    held = await tx.outbox.renew(
                        self._delivery.delivery_id,
                        self._delivery.token,
                        lease_seconds=self._lease_seconds,
                        progressed=moved,
                    )
            except XietongError:
                continue  # The database is away; the next beat may find it again before the lease ends.
            if not held and worker is not None:
                worker.cancel()  # Somebody else has the delivery; its token keeps this worker from settling it.
                return
