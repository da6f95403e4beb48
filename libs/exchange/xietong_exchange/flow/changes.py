"""Wakes those who wait for a change: watchers of a package, of the inbox, and the outbox workers.

It only carries the news that something changed, inside this process; whoever wakes looks into the store. With several
processes on one database, waiting is bounded and the store is looked at again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Self

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong_exchange.domain.errors import ShuttingDown

OUTBOX = "outbox"
INBOX = "inbox"
PACKAGE_LANES = (Lane.LANE_INTERACTIVE, Lane.LANE_BULK)
LOOK_AGAIN_SECONDS = 1.0
"""Longest time that news from another process goes unseen."""


def queue(peer: Party.ValueType, lane: Lane.ValueType) -> Hashable:
    """The topic of one queue of the outbox: news of one neighbour's lane wake nobody else."""
    return OUTBOX, peer, lane


class Changes:
    """Topics are package ids, INBOX, and the queues of the outbox."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, set[asyncio.Event]] = {}
        self.is_closed = False

    def close(self) -> None:
        """The node stops: wake everybody, so that streams without an end can end."""
        self.is_closed = True
        self.announce(*self._waiting)

    def announce(self, *topics: Hashable) -> None:
        """Something about these topics changed."""
        for topic in topics:
            for event in tuple(self._waiting.get(topic, ())):
                event.set()

    def subscribe(self, *topics: Hashable) -> Subscription:
        """News from now on; to be used as a context manager."""
        return Subscription(self, self._waiting, topics)


class Subscription:
    """Collects news between two looks, so that none is missed."""

    def __init__(
        self, changes: Changes, waiting: dict[Hashable, set[asyncio.Event]], topics: tuple[Hashable, ...]
    ) -> None:
        self._changes = changes
        self._waiting = waiting
        self._topics = topics
        self._event = asyncio.Event()

    def __enter__(self) -> Self:
        for topic in self._topics:
            self._waiting.setdefault(topic, set()).add(self._event)
        if self._changes.is_closed:
            self._event.set()  # Who comes after the last news must not wait for more.
        return self

    def __exit__(self, *_exc: object) -> None:
        for topic in self._topics:
            events = self._waiting[topic]
            events.discard(self._event)
            if not events:
                del self._waiting[topic]

    async def wait(self, seconds: float = LOOK_AGAIN_SECONDS) -> bool:
        """True when there is news, False when the time is over. Raises ShuttingDown when the node stops."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        if self._changes.is_closed:
            raise ShuttingDown
        self._event.clear()
        return True
