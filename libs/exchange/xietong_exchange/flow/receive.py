"""Receive: taking packages from a neighbour, chunk by chunk, until they are durable, verified and recorded.

One reader takes the frames of a stream and hands each to the reception of its package, which works in a task of its
own; answers go through one bounded queue. A neighbour that doesn't read its answers therefore only slows itself down.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from google.rpc.status_pb2 import Status

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.transfer_service_pb2 import Offer, Refusal, TransferRequest, TransferResponse
from xietong_exchange.domain.errors import (
    FrameTooLarge,
    ProtocolViolation,
    ShuttingDown,
    TooManyTransfers,
    XietongError,
)
from xietong_exchange.domain.fields import is_time
from xietong_exchange.domain.limits import Limits
from xietong_exchange.flow.admission import Admission
from xietong_exchange.flow.arrival import Arrival
from xietong_exchange.flow.evidence import EvidenceDesk
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.frame_queue import FrameQueue, Room
from xietong_exchange.flow.frames import DataFrame, Frame
from xietong_exchange.flow.reception import Admitted, BeginForward, when_complete
from xietong_exchange.flow.receptions import Receptions

ANSWER_QUEUE_FRAMES = 64
"""Answers that wait to be sent; they are small, so the bound is for order, not for memory."""

STREAMS_OF_ONE = 32
TRANSFERS_OF_ONE = 64
"""What one neighbour may have under way here at a time, some times what its processes need: each costs memory."""
QUEUED_BYTES = 32 << 20
"""Chunks of all transfers that wait or are being written; at least some credit windows, which long lines need."""
QUEUED_WINDOWS = 4
LARGEST_WORD_BYTES = 1 << 20
"""Of what is neither offer nor chunk: more than the largest evidence that goes along with a commit."""

StatusOf = Callable[[XietongError], Status]


class Receiver:
    """The receiving side of `TransferService.Transfer` for one node."""

    def __init__(
        self,
        exchange: Exchange,
        desk: EvidenceDesk,
        status_of: StatusOf,
        begin_forward: BeginForward = when_complete,
    ) -> None:
        windows = QUEUED_WINDOWS * exchange.limits.credit_window_bytes
        self._house = _House(
            limits=exchange.limits,
            admission=Admission(exchange),
            receptions=Receptions(exchange, Arrival(exchange, desk), begin_forward),
            status_of=status_of,
            room=Room(max(QUEUED_BYTES, windows)),
        )
        self._streams: set[_Stream] = set()
        self._neighbours: dict[Party.ValueType, _Neighbour] = {}
        self._closing = False

    async def stream(
        self, frames: AsyncIterator[Frame], peer: Party.ValueType
    ) -> AsyncGenerator[TransferResponse, None]:
        """Answer a stream of frames from a neighbour. Errors of one transfer are answers; others end the stream."""
        stream = _Stream(self._house, self._neighbours.setdefault(peer, _Neighbour(peer)))
        with self._listed(stream):
            reader = asyncio.create_task(stream.read(frames), name="transfer-reader")
            try:
                async for answer in stream.spoken():
                    yield answer
            finally:
                reader.cancel()
                await asyncio.gather(reader, return_exceptions=True)
                await stream.close()
            stream.raise_failure()

    @contextmanager
    def _listed(self, stream: _Stream) -> Iterator[None]:
        neighbour = stream.neighbour
        if neighbour.streams >= STREAMS_OF_ONE:
            raise TooManyTransfers(limit=STREAMS_OF_ONE)
        neighbour.streams += 1
        self._streams.add(stream)
        if self._closing:
            stream.end_soon()
        try:
            yield
        finally:
            self._streams.discard(stream)
            neighbour.streams -= 1

    def close(self) -> None:
        """The node stops: streams end as soon as nothing is under way in them."""
        self._closing = True
        for stream in self._streams:
            stream.end_soon()


@dataclass(frozen=True, slots=True)
class _House:
    """What all streams of a node share."""

    limits: Limits
    admission: Admission
    receptions: Receptions
    status_of: StatusOf
    room: Room


@dataclass(slots=True)
class _Neighbour:
    """What one neighbour has under way."""

    party: Party.ValueType
    streams: int = 0
    transfers: int = 0


class _Stream:
    """One stream: its transfers by number, and the answers to all of them."""

    def __init__(self, house: _House, neighbour: _Neighbour) -> None:
        self.neighbour = neighbour
        self._answers: asyncio.Queue[TransferResponse | None] = asyncio.Queue(ANSWER_QUEUE_FRAMES)
        self._house = house
        self._queues: dict[int, FrameQueue] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._last = -1
        self._ending = False
        self._closing = False
        self._over = False
        self._failure: BaseException | None = None

    async def spoken(self) -> AsyncGenerator[TransferResponse, None]:
        """The answers until the stream is over or has failed."""
        while not ((self._over or self._failure) and self._answers.empty()):
            if (answer := await self._answers.get()) is not None:
                yield answer

    async def read(self, frames: AsyncIterator[Frame]) -> None:
        """Hand every frame to its transfer; when no more come, let the transfers end what they have begun."""
        try:
            async for frame in frames:
                try:
                    await self._hand_over(frame)
                except XietongError as error:
                    await self._refuse(frame.transfer, error)
        except asyncio.CancelledError:
            raise
        except Exception as failure:  # noqa: BLE001 - it ends the stream with its reason
            self._failure = failure
        for queue in self._queues.values():
            queue.end()
        self._end_when_idle()

    async def _hand_over(self, frame: Frame) -> None:
        if isinstance(frame, DataFrame):
            if len(frame.data) > (limit := self._house.limits.max_chunk_bytes):
                raise FrameTooLarge(size=len(frame.data), limit=limit)
            await self._queue(frame.transfer, "chunk").put(frame)
            return
        kind = frame.WhichOneof("frame")
        if kind == "offer":
            self._begin(frame)
        elif kind == "cancel":
            self._queue(frame.transfer, kind)
            if task := self._tasks.get(frame.transfer):
                task.cancel()
                await asyncio.wait([task])  # its place is free for the next offer
        else:
            queue = self._queue(frame.transfer, kind or "nothing")
            if (size := frame.ByteSize()) > LARGEST_WORD_BYTES:
                raise ProtocolViolation(
                    why=f"{kind or 'a frame of nothing'} has {size} bytes; no such frame is so large"
                )
            await queue.put(frame)

    def _queue(self, transfer: int, kind: str) -> FrameQueue:
        """Where the frames of a transfer go. Those that were under way when it ended are not an error."""
        queue = self._queues.get(transfer)
        if queue is not None:
            return queue
        if transfer > self._last:
            raise ProtocolViolation(why=f"transfer {transfer} sends {kind} before its offer")
        return _NOWHERE

    def _begin(self, frame: TransferRequest) -> None:
        transfer = frame.transfer
        if transfer <= self._last:
            raise ProtocolViolation(
                why=f"transfer {transfer} was offered after transfer {self._last}; numbers rise in a stream"
            )
        self._last = transfer
        if self._closing:
            raise ShuttingDown
        limits = self._house.limits
        if len(self._tasks) >= limits.max_transfers_per_stream:
            raise TooManyTransfers(limit=limits.max_transfers_per_stream)
        if self.neighbour.transfers >= TRANSFERS_OF_ONE:
            raise TooManyTransfers(limit=TRANSFERS_OF_ONE)
        self.neighbour.transfers += 1
        queue = self._queues[transfer] = FrameQueue(limits.credit_window_bytes, self._house.room)
        task = asyncio.create_task(self._receive(transfer, frame.offer, queue), name="transfer-reception")
        self._tasks[transfer] = task
        task.add_done_callback(lambda done: self._ended(transfer, done))

    async def _receive(self, transfer: int, offer: Offer, queue: FrameQueue) -> None:
        async def answer(response: TransferResponse) -> None:
            response.transfer = transfer
            await self._answers.put(response)

        try:
            package = self._house.admission.admit(offer.envelope, self.neighbour.party)
            admitted = Admitted(package, _queued(offer), offer.traceparent)
            await self._house.receptions.receive(admitted, queue, answer)
        except XietongError as error:
            await self._refuse(transfer, error)

    async def _refuse(self, transfer: int, error: XietongError) -> None:
        """End one transfer with its reason; the others go on."""
        if queue := self._queues.get(transfer):
            queue.end()
        refusal = Refusal(status=self._house.status_of(error))
        await self._answers.put(TransferResponse(transfer=transfer, refusal=refusal))

    def _ended(self, transfer: int, task: asyncio.Task[None]) -> None:
        self._queues.pop(transfer).close()
        del self._tasks[transfer]
        self.neighbour.transfers -= 1
        if not task.cancelled() and (failure := task.exception()):
            self._failure = failure
        if self._ending or self._failure:
            self._end_when_idle()

    def end_soon(self) -> None:
        """Take no more packages, and end the stream as soon as no transfer is under way."""
        self._closing = True
        self._end_when_idle()

    def _end_when_idle(self) -> None:
        self._ending = True
        self._over = not self._tasks
        if self._over or self._failure:
            with suppress(asyncio.QueueFull):  # who reads the answers sees it after the next one
                self._answers.put_nowait(None)

    def raise_failure(self) -> None:
        """Raise what ended the stream, if it was a failure."""
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        """End what is under way; what was received is kept for a resume."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _queued(offer: Offer) -> datetime | None:
    """When the package came into the neighbour's queue; a time that can't be read is none."""
    readable = offer.HasField("enqueue_time") and is_time(offer.enqueue_time)
    return offer.enqueue_time.ToDatetime(tzinfo=UTC) if readable else None


_NOWHERE = FrameQueue(0, Room(0))
_NOWHERE.end()
