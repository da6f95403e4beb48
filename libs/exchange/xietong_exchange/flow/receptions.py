"""The receptions under way: the register that lets the newest stream of a package have it."""

from __future__ import annotations

import asyncio

from opentelemetry.trace import SpanKind

from xietong_exchange.domain.errors import PartBusy
from xietong_exchange.flow.arrival import Arrival
from xietong_exchange.flow.cancellation import uninterrupted
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.frame_queue import FrameQueue
from xietong_exchange.flow.reception import Admitted, Answer, BeginForward, Reception
from xietong_exchange.flow.tracing import package_span

SUPERSEDE_SECONDS = 20.0
"""How long a newer stream waits for the older one of its package to end what it is at; a hung one may never."""


class Receptions:
    """The receptions under way in this process, at most one per package."""

    def __init__(self, exchange: Exchange, arrival: Arrival, begin_forward: BeginForward) -> None:
        """begin_forward: what begins to send a package onwards while it arrives, if it should."""
        self._exchange = exchange
        self._arrival = arrival
        self._begin_forward = begin_forward
        self._under_way: dict[str, Reception] = {}

    async def receive(self, offer: Admitted, frames: FrameQueue, answer: Answer) -> None:
        """Take a package, or what is missing of it; an older stream for it, which may hang, gives way.

        Raises:
            PackageConflict: the id is known with another seal.
            StorageFull: it would eat into the disk reserve, or what others were promised.
            StreamSuperseded: a newer stream for this package took over.
            UnknownPart, FrameTooLarge, ChunkBeyondSize, ChunkOutOfOrder, CommitTooEarly, DigestMismatch.
        """
        package = offer.package
        older = self._under_way.get(package.package_id)
        reception = Reception(self._exchange, self._arrival, offer, frames, answer, self._begin_forward)
        self._under_way[package.package_id] = reception
        try:
            if older is not None:
                await self._supersede(older)
            with package_span("receive", package, SpanKind.SERVER, hop_traceparent=offer.traceparent):
                await reception.run()
        except asyncio.CancelledError:
            reception.raise_if_superseded()
            raise
        finally:
            if self._under_way.get(package.package_id) is reception:
                del self._under_way[package.package_id]
            await uninterrupted(reception.close())  # or a second cancellation would leave writers open

    async def _supersede(self, older: Reception) -> None:
        """The older one keeps its place when it does not give way, so that the next try waits for it too."""
        try:
            async with asyncio.timeout(SUPERSEDE_SECONDS):
                await older.supersede()
        except TimeoutError:
            if not older.is_closed:
                self._under_way[older.package_id] = older
            raise PartBusy(what=f"package {older.package_id}") from None
