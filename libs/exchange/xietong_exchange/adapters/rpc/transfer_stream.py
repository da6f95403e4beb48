"""Open streams of `TransferService.Transfer`, each shared by the packages that are under way to one neighbour.

A frame in an open stream costs a small part of what a new stream costs. Packages take turns frame by frame.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.transfer_service_pb2 import Cancel, TransferRequest, TransferResponse
from xietong_exchange.adapters.rpc.client import translated
from xietong_exchange.adapters.rpc.frames import encode_request
from xietong_exchange.domain.errors import (
    Failure,
    NodeUnreachable,
    ProtocolViolation,
    RemoteRefusal,
    XietongError,
)
from xietong_exchange.domain.party import party_name
from xietong_exchange.flow.frames import Frame

METHOD = "/xietong.exchange.v1.TransferService/Transfer"
MAX_ANSWERS = 1024
"""Answers of one transfer that wait for it. They are small and read at once; more come only from a broken neighbour."""

Call = grpc.aio.StreamStreamCall[bytes, TransferResponse]


@dataclass(slots=True)
class _Place:
    """One transfer in a stream."""

    number: int
    answers: asyncio.Queue[TransferResponse | None] = field(default_factory=asyncio.Queue)
    over: bool = False


class SharedStream:
    """One open stream and the transfers in it. It ends with the connection, or when it is closed."""

    def __init__(self, channel: grpc.aio.Channel, party: Party.ValueType, places: int) -> None:
        """places: transfers at once, as the neighbour allows."""
        self._call: Call = channel.stream_stream(METHOD, response_deserializer=TransferResponse.FromString)()
        self._party = party
        self._free_places = places
        self._numbers = itertools.count(1)
        self._places: dict[int, _Place] = {}
        self._turn = asyncio.Lock()
        self._failure: Failure | None = None
        self._listener = asyncio.create_task(self._listen(), name="transfer-stream")

    @property
    def has_place(self) -> bool:
        """Another transfer may begin in it."""
        return self._free_places > 0 and not self._listener.done()

    @property
    def is_over(self) -> bool:
        """The stream has ended."""
        return self._listener.done()

    @property
    def is_idle(self) -> bool:
        """No transfer is in it."""
        return not self._places

    @asynccontextmanager
    async def transfer(self) -> AsyncGenerator[TransferLine, None]:
        """Take a place; a transfer that is left before its end is given up for now."""
        number = next(self._numbers)
        place = self._places[number] = _Place(number)
        self._free_places -= 1
        try:
            yield TransferLine(self, place)
        finally:
            del self._places[number]
            self._free_places += 1
            if not place.over and not self._listener.done():
                await _unless_broken(self.send(number, TransferRequest(cancel=Cancel())))

    async def send(self, number: int, frame: Frame) -> None:
        """Send a frame of this transfer, when its turn comes."""
        content = encode_request(frame, number)
        async with self._turn:
            self._raise_failure()
            try:
                with translated(self._party):
                    await self._call.write(content)
            except asyncio.InvalidStateError:
                self._raise_failure()
                raise NodeUnreachable(party=party_name(self._party)) from None

    async def answers(self, place: _Place) -> AsyncIterator[TransferResponse]:
        """The neighbour's frames of one transfer, until its last one or the end of the stream."""
        while not place.over:
            answer = None if self._listener.done() and place.answers.empty() else await place.answers.get()
            if answer is None:
                self._raise_failure()
                return
            place.over = answer.WhichOneof("frame") in ("acceptance", "refusal")
            yield answer

    async def _listen(self) -> None:
        try:
            with translated(self._party):
                async for answer in self._call:
                    if place := self._places.get(answer.transfer):
                        self._hear(place, answer)
        except (XietongError, RemoteRefusal) as failure:
            self._failure = failure
        finally:
            self._call.cancel()
            for place in self._places.values():
                place.answers.put_nowait(None)

    def _hear(self, place: _Place, answer: TransferResponse) -> None:
        if place.answers.qsize() >= MAX_ANSWERS:
            raise ProtocolViolation(why=f"more than {MAX_ANSWERS} answers came at once")
        place.answers.put_nowait(answer)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def ended(self) -> None:
        """Until the stream has ended."""
        await asyncio.gather(self._listener, return_exceptions=True)

    async def close(self) -> None:
        """End the stream and what is in it."""
        self._call.cancel()
        self._listener.cancel()
        await asyncio.gather(self._listener, return_exceptions=True)


class TransferLine:
    """The port `flow.neighbours.TransferStream`: one transfer in a shared stream."""

    def __init__(self, stream: SharedStream, place: _Place) -> None:
        self._stream = stream
        self._place = place

    async def send(self, frame: Frame) -> None:
        """Send a frame."""
        await self._stream.send(self._place.number, frame)

    def answers(self) -> AsyncIterator[TransferResponse]:
        """The neighbour's frames until the transfer or the stream ends."""
        return self._stream.answers(self._place)


async def _unless_broken(sending: Awaitable[None]) -> None:
    try:
        await sending
    except (XietongError, RemoteRefusal):
        return
