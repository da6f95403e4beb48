"""Receive: taking packages from a neighbour, chunk by chunk, until they are durable, verified and recorded.

One reader takes the frames of a stream and hands them to the transfer that they belong to; answers go through one
bounded queue. A neighbour that doesn't read its answers therefore only slows itself down.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

from google.rpc.status_pb2 import Status

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.transfer_service_pb2 import Refusal, TransferRequest, TransferResponse
from xietong_exchange.domain.errors import ProtocolViolation, TooManyTransfers, XietongError
from xietong_exchange.flow.admission import Admission
from xietong_exchange.flow.arrival import Arrival
from xietong_exchange.flow.evidence import EvidenceDesk
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.reception import Reception, Receptions

ANSWER_QUEUE_FRAMES = 64
"""Answers that wait to be sent; they are small, so the bound is for order, not for memory."""

ENDED_TRANSFERS_REMEMBERED = 1024
"""Numbers whose late frames are ignored and whose reuse is refused; frames of older ones can't be under way."""

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
        transfers = _Transfers(self._exchange.limits.max_transfers_per_stream)
        try:
            async for frame in frames:
                await self._dispatch(frame, peer, transfers, answers)
        finally:
            await transfers.close()

    async def _dispatch(
        self,
        frame: TransferRequest,
        peer: Party.ValueType,
        transfers: _Transfers,
        answers: asyncio.Queue[TransferResponse | None],
    ) -> None:
        try:
            async with aclosing(self._answers(frame, peer, transfers)) as found:
                async for answer in found:
                    answer.transfer = frame.transfer
                    await answers.put(answer)
        except XietongError as error:
            await transfers.end(frame.transfer)
            refusal = Refusal(status=self._status_of(error))
            await answers.put(TransferResponse(transfer=frame.transfer, refusal=refusal))

    async def _answers(
        self, frame: TransferRequest, peer: Party.ValueType, transfers: _Transfers
    ) -> AsyncGenerator[TransferResponse, None]:
        kind = frame.WhichOneof("frame")
        if kind == "offer":
            transfers.open(frame.transfer)
            package = self._admission.admit(frame.offer.envelope, peer)
            reception = await self._receptions.begin(package)
            transfers.begin(frame.transfer, reception)
            async with aclosing(reception.offered()) as answers:
                async for answer in answers:
                    yield answer
        elif current := transfers.find(frame.transfer, kind or "nothing"):
            if kind == "cancel":
                await transfers.end(frame.transfer)
                return
            async with aclosing(current.heard(frame)) as answers:
                async for answer in answers:
                    yield answer


class _Transfers:
    """The transfers of one stream: those under way by number, and the numbers of the latest that ended."""

    def __init__(self, limit: int) -> None:
        self._under_way: dict[int, Reception] = {}
        self._limit = limit
        self._ended: dict[int, None] = {}  # in the order of their end

    def open(self, number: int) -> None:
        """Take a number for an offer, whose transfer counts as ended until it begins.

        Raises:
            ProtocolViolation: it was used before in this stream.
            TooManyTransfers: the stream is full.
        """
        self._settle()
        if number in self._under_way or number in self._ended:
            raise ProtocolViolation(why=f"transfer {number} was offered twice in one stream")
        self._remember(number)
        if len(self._under_way) >= self._limit:
            raise TooManyTransfers(limit=self._limit)

    def begin(self, number: int, reception: Reception) -> None:
        """The offer with this number was admitted."""
        self._ended.pop(number, None)
        self._under_way[number] = reception

    def find(self, number: int, said: str) -> Reception | None:
        """The transfer of a frame; None when it has ended, as frames that were under way then are no error.

        Raises:
            ProtocolViolation: it was never offered.
        """
        self._settle()
        if number not in self._under_way and number not in self._ended:
            raise ProtocolViolation(why=f"transfer {number} sends {said} before its offer")
        return self._under_way.get(number)

    async def end(self, number: int) -> None:
        """Nothing more comes of a transfer."""
        if (reception := self._under_way.pop(number, None)) is not None:
            self._remember(number)
            await reception.close()

    async def close(self) -> None:
        """The stream ends."""
        for reception in self._under_way.values():
            await reception.close()

    def _settle(self) -> None:
        for number in [number for number, reception in self._under_way.items() if reception.closed]:
            del self._under_way[number]
            self._remember(number)

    def _remember(self, number: int) -> None:
        self._ended[number] = None
        if len(self._ended) > ENDED_TRANSFERS_REMEMBERED:
            del self._ended[next(iter(self._ended))]
