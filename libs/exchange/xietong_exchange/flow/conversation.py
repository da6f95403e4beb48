"""A conversation: one transfer of one package to a neighbour, from the offer to the acceptance."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from google.rpc.status_pb2 import Status

from xietong.exchange.v1.capabilities_pb2 import Limits
from xietong.exchange.v1.envelope_pb2 import Lane
from xietong.exchange.v1.evidence_pb2 import Evidence
from xietong.exchange.v1.transfer_service_pb2 import Commit, Offer, TransferRequest, TransferResponse
from xietong_exchange.domain.envelope import SealedPackage
from xietong_exchange.domain.errors import RemoteRefusal
from xietong_exchange.domain.evidence import timestamp
from xietong_exchange.domain.limits import Limits as OwnLimits
from xietong_exchange.domain.transfer import SendingTransfer, Span
from xietong_exchange.flow.exchange import Exchange, part_key
from xietong_exchange.flow.frames import DataFrame
from xietong_exchange.flow.neighbours import TransferStream
from xietong_exchange.flow.pace import Pace
from xietong_exchange.flow.part_store import PartReader
from xietong_exchange.flow.progress import Movement
from xietong_exchange.flow.tracing import current_traceparent

STANDSTILL_SECONDS = 30.0
"""A neighbour that owes an answer for so long hangs; who verifies a large part says so, see `reception`."""
LAST_WORD_SECONDS = 5.0
"""How long a neighbour's reason is waited for when sending to it has failed."""
ANNOUNCEMENT_SECONDS = 0.25
"""How often the progress of a transfer is told to those who watch its package."""
AHEAD_BYTES = 2 << 20
"""Read from the disk in one go, for several chunks, as a call to a thread costs about as much as the reading."""
DEFAULTS = OwnLimits()
"""Taken for what a neighbour leaves unset."""

ErrorOf = Callable[[Status], RemoteRefusal]


class _Reading:
    """The part that is being sent: open, as the disk is read ahead of who goes on where he was."""

    def __init__(self, part: int, reader: PartReader) -> None:
        self.part = part
        self._reader = reader
        self._offset = 0
        self._block = memoryview(b"")

    async def cut(self, span: Span, here: int) -> memoryview:
        """The bytes of a span; what is read beyond it serves the chunks that follow.

        here: so much of the part can be read.
        """
        begin = span.offset - self._offset
        if not 0 <= begin <= len(self._block) - span.length:
            length = min(max(span.length, AHEAD_BYTES), here - span.offset)
            self._block = memoryview(await self._reader.read(span.offset, length))
            self._offset, begin = span.offset, 0
        return self._block[begin : begin + span.length]

    def close(self) -> None:
        self._reader.close()


class Conversation:
    """A task reads the neighbour's answers while another one sends what the machine allows."""

    def __init__(
        self,
        exchange: Exchange,
        package: SealedPackage,
        limits: Limits,
        *,
        queued: datetime | None,
        is_here: bool = True,
        pace: Pace | None = None,
    ) -> None:
        """A transfer that has not begun.

        Args:
            exchange: the node.
            package: the package.
            limits: what the neighbour allows.
            queued: when the package came into the outbox; None when it goes on without waiting there.
            is_here: this node holds the package; otherwise `arrived` and `release` tell how far it is.
            pace: what holds content back; None: nothing does.
        """
        self.movement = Movement(0, package.size_bytes, is_incoming=False)
        self.limits = limits
        self.on_progress: Callable[[], None] = _nothing
        """Called whenever the neighbour holds more of the package than ever in this conversation."""
        self.is_released = is_here
        self.passed: Evidence | None = None
        """Goes along with the commit."""
        self._exchange = exchange
        self._package = package
        self._queued = queued
        self._pace = pace
        chunk_bytes = limits.max_chunk_bytes or DEFAULTS.max_chunk_bytes
        self._machine = SendingTransfer(
            [part.size_bytes for part in package.envelope.parts],
            window_bytes=limits.credit_window_bytes or DEFAULTS.credit_window_bytes,
            chunk_bytes=min(chunk_bytes, pace.chunk_bytes) if pace else chunk_bytes,
            inline_bytes=limits.inline_limit_bytes,
            is_here=is_here,
        )
        self._least_remaining = package.size_bytes
        self._reading: _Reading | None = None
        self._news = asyncio.Event()
        self._heard_at = 0.0
        self._next_announcement = asyncio.get_running_loop().time() + ANNOUNCEMENT_SECONDS

    def arrived(self, number: int, here: int) -> None:
        """So much of a part can be read from the part store."""
        self._machine.arrived(number, here)
        self._news.set()

    def release(self) -> None:
        """This node holds the whole package: the neighbour may accept it."""
        self.is_released = True
        self._machine.release()
        self._news.set()

    async def hold(self, stream: TransferStream, error_of: ErrorOf) -> Evidence | None:
        """The evidence of acceptance; None when the stream ended without one. Raises Failure."""
        listener = asyncio.create_task(self._listen(stream, error_of), name="transfer-listener")
        talker = asyncio.create_task(self._talk(stream), name="transfer-talker")
        try:
            if (
                await self._first_to_end(listener, talker) is talker
            ):  # It failed; the neighbour usually says why.
                await asyncio.wait({listener}, timeout=LAST_WORD_SECONDS)
            if listener.done():
                return listener.result()
            if talker.done():
                talker.result()
            return None
        finally:
            for task in (listener, talker):
                task.cancel()
            await asyncio.gather(listener, talker, return_exceptions=True)
            self._close_reading()

    async def _talk(self, stream: TransferStream) -> None:
        await stream.send(TransferRequest(offer=self._offer()))
        while True:
            if span := self._machine.next_span():
                if self._package.lane == Lane.LANE_BULK:
                    await self._exchange.right_of_way.give_way()
                if self._pace:
                    await self._pace.turn(span.length)
                await stream.send(await self._chunk(span))
            elif self._machine.take_commit():
                await stream.send(TransferRequest(commit=Commit(passed=self.passed)))
            else:
                await self._news.wait()
                self._news.clear()

    def _offer(self) -> Offer:
        offer = Offer(envelope=self._package.signed(), traceparent=current_traceparent())
        if self._queued is not None:
            offer.enqueue_time.CopyFrom(timestamp(self._queued))
        return offer

    async def _chunk(self, span: Span) -> DataFrame:
        data = await self._reading_of(span.part).cut(span, self._machine.here(span.part))
        return DataFrame(part=span.part, attempt=span.attempt, offset=span.offset, data=data)

    def _reading_of(self, part: int) -> _Reading:
        if self._reading is None or self._reading.part != part:
            self._close_reading()
            self._reading = _Reading(part, self._exchange.parts.reader(part_key(self._package, part)))
        return self._reading

    def _close_reading(self) -> None:
        if self._reading is not None:
            self._reading.close()
            self._reading = None

    async def _first_to_end(self, *tasks: asyncio.Task[Any]) -> asyncio.Task[Any] | None:
        """The first of the tasks that has ended; None when the neighbour owes an answer for too long."""
        loop = asyncio.get_running_loop()
        self._heard_at = loop.time()
        while True:
            left = self._heard_at + STANDSTILL_SECONDS - loop.time()
            done, _ = await asyncio.wait(tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if done:
                return next(task for task in tasks if task in done)
            if loop.time() - self._heard_at >= STANDSTILL_SECONDS:
                if self._machine.awaits_answer:
                    return None
                self._heard_at = loop.time()  # It owes nothing.

    async def _listen(self, stream: TransferStream, error_of: ErrorOf) -> Evidence | None:
        loop = asyncio.get_running_loop()
        async for answer in stream.answers():
            self._heard_at = loop.time()
            kind = answer.WhichOneof("frame")
            if kind == "acceptance":
                return answer.acceptance.evidence
            if kind == "refusal":
                raise error_of(answer.refusal.status)
            self._hear(answer)
        return None

    def _hear(self, answer: TransferResponse) -> None:
        if answer.HasField("need"):
            self._machine.need_received(
                [(part.part, part.attempt, part.offset) for part in answer.need.parts]
            )
        elif answer.HasField("progress"):
            progress = answer.progress
            self._machine.progress_received(progress.part, progress.attempt, progress.written_bytes)
        elif answer.HasField("abort"):
            self._machine.abort_received(answer.abort.part, answer.abort.attempt)
        self._note_progress(is_acknowledged=answer.HasField("progress"))
        self._announce()
        self._news.set()

    def _note_progress(self, *, is_acknowledged: bool) -> None:
        """A sign of life, and bytes that come again after an abort, are no progress: that would never be given up."""
        remaining = self._machine.remaining_bytes
        self.movement.transferred_bytes = self._package.size_bytes - remaining
        if remaining < self._least_remaining:
            self._least_remaining = remaining
            if is_acknowledged:
                self.on_progress()

    def _announce(self) -> None:
        """Who watches the package reads its rows anew: often enough for people, and never for a small package."""
        now = asyncio.get_running_loop().time()
        if now >= self._next_announcement:
            self._next_announcement = now + ANNOUNCEMENT_SECONDS
            self._exchange.changes.announce(self._package.package_id)


def _nothing() -> None:
    """Nobody wants to know yet."""
