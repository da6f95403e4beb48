"""Receive: taking packages from a neighbour, chunk by chunk, until they are durable, verified and recorded.

One reader takes the frames of a stream and hands them to the transfer that they belong to; answers go through one
bounded queue. A neighbour that doesn't read its answers therefore only slows itself down.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime

from google.rpc.status_pb2 import Status

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.transfer_service_pb2 import Offer, Refusal, TransferRequest, TransferResponse
from xietong_exchange.domain.errors import PackageTooLarge, ProtocolViolation, XietongError
from xietong_exchange.domain.fields import is_time
from xietong_exchange.flow.admission import Admission
from xietong_exchange.flow.arrival import Arrival
from xietong_exchange.flow.evidence import EvidenceDesk
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.reception import Reception, Receptions

ANSWER_QUEUE_FRAMES = 64
"""Answers that wait to be sent; they are small, so the bound is for order, not for memory."""

StatusOf = Callable[[XietongError], Status]


class Receiver:
    """The receiving side of `TransferService.Transfer` for one node."""

    def __init__(self, exchange: Exchange, desk: EvidenceDesk, status_of: StatusOf) -> None:
        self._exchange = exchange
        self._admission = Admission(exchange)
        self._receptions = Receptions(exchange, Arrival(exchange, desk))
        self._status_of = status_of

    async def stream(
        self, frames: AsyncIterator[TransferRequest], peer: Party.ValueType
    ) -> AsyncGenerator[TransferResponse, None]:
        """Answer a stream of frames from a neighbour. Errors of one transfer are answers; others end the stream."""
        answers: asyncio.Queue[TransferResponse | None] = asyncio.Queue(ANSWER_QUEUE_FRAMES)
        reader = asyncio.create_task(self._read(frames, peer, answers), name="transfer-reader")
        try:
            while (answer := await answers.get()) is not None:
                yield answer
            await reader
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _read(
        self,
        frames: AsyncIterator[TransferRequest],
        peer: Party.ValueType,
        answers: asyncio.Queue[TransferResponse | None],
    ) -> None:
        """Hand over every frame, then say that no answer follows; cancelled, nobody waits for that."""
        try:
            await self._read_all(frames, peer, answers)
        except asyncio.CancelledError:
            raise
        except Exception:
            await answers.put(None)
            raise
        await answers.put(None)

    async def _read_all(
        self,
        frames: AsyncIterator[TransferRequest],
        peer: Party.ValueType,
        answers: asyncio.Queue[TransferResponse | None],
    ) -> None:
        transfers: dict[int, Reception | None] = {}
        try:
            async for frame in frames:
                await self._dispatch(frame, peer, transfers, answers)
        finally:
            for reception in transfers.values():
                if reception is not None:
                    await reception.close()

    async def _dispatch(
        self,
        frame: TransferRequest,
        peer: Party.ValueType,
        transfers: dict[int, Reception | None],
        answers: asyncio.Queue[TransferResponse | None],
    ) -> None:
        try:
            async with aclosing(self._answers(frame, peer, transfers)) as found:
                async for answer in found:
                    answer.transfer = frame.transfer
                    await answers.put(answer)
        except XietongError as error:
            await self._end(transfers, frame.transfer)
            refusal = Refusal(status=self._status_of(error))
            await answers.put(TransferResponse(transfer=frame.transfer, refusal=refusal))

    async def _answers(
        self, frame: TransferRequest, peer: Party.ValueType, transfers: dict[int, Reception | None]
    ) -> AsyncGenerator[TransferResponse, None]:
        kind = frame.WhichOneof("frame")
        if kind == "offer":
            if frame.transfer in transfers:
                raise ProtocolViolation(why=f"transfer {frame.transfer} was offered twice in one stream")
            transfers[frame.transfer] = None
            self._require_place(transfers)
            package = self._admission.admit(frame.offer.envelope, peer)
            reception = transfers[frame.transfer] = await self._receptions.begin(
                package, _queued(frame.offer)
            )
            async with aclosing(reception.offered()) as answers:
                async for answer in answers:
                    yield answer
            return
        if frame.transfer not in transfers:
            raise ProtocolViolation(
                why=f"transfer {frame.transfer} sends {kind or 'nothing'} before its offer"
            )
        reception_or_none = transfers[frame.transfer]
        if reception_or_none is None or reception_or_none.closed:
            return  # Frames that were under way when the transfer ended are not an error.
        if kind == "cancel":
            await self._end(transfers, frame.transfer)
            return
        async with aclosing(reception_or_none.heard(frame)) as answers:
            async for answer in answers:
                yield answer

    def _require_place(self, transfers: dict[int, Reception | None]) -> None:
        limit = self._exchange.limits.max_transfers_per_stream
        under_way = sum(
            1 for reception in transfers.values() if reception is not None and not reception.closed
        )
        if under_way >= limit:
            raise PackageTooLarge(
                what="the number of transfers in a stream", value=under_way + 1, limit=limit
            )

    async def _end(self, transfers: dict[int, Reception | None], number: int) -> None:
        reception = transfers.get(number)
        if reception is not None:
            await reception.close()
        if number in transfers:
            transfers[number] = None


def _queued(offer: Offer) -> datetime | None:
    """When the package came into the neighbour's queue; a time that can't be read is none."""
    readable = offer.HasField("enqueue_time") and is_time(offer.enqueue_time)
    return offer.enqueue_time.ToDatetime(tzinfo=UTC) if readable else None
