"""Dispatch: moving a package, and delivering evidence, to a neighbour. The outbox says what is due."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import datetime

from google.rpc.status_pb2 import Status
from opentelemetry.trace import SpanKind

from xietong.exchange.v1.capabilities_pb2 import Limits
from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.evidence_pb2 import Evidence
from xietong.exchange.v1.transfer_service_pb2 import (
    Chunk,
    Commit,
    Offer,
    TransferRequest,
    TransferResponse,
)
from xietong_exchange.domain.envelope import SealedPackage
from xietong_exchange.domain.errors import EvidenceInvalid, NodeUnreachable, PackageTooLarge, RemoteRefusal
from xietong_exchange.domain.evidence import read_statement, timestamp
from xietong_exchange.domain.limits import Limits as OwnLimits
from xietong_exchange.domain.party import party_name
from xietong_exchange.domain.transfer import SendingTransfer, Span
from xietong_exchange.flow.evidence import CARRIED_BY_ACCEPTANCE, EvidenceDesk
from xietong_exchange.flow.exchange import Exchange, part_key
from xietong_exchange.flow.neighbours import Neighbours, TransferStream
from xietong_exchange.flow.progress import Movement
from xietong_exchange.flow.tracing import package_span

TRANSFER = 1
"""Number of the only transfer in a stream, until streams are shared."""

STANDSTILL_SECONDS = 30.0
"""A neighbour that lives, but says nothing for so long, hangs; who verifies a large part says so, see `reception`."""
LAST_WORD_SECONDS = 5.0
"""How long a neighbour's reason is waited for when sending to it has failed."""

ErrorOf = Callable[[Status], RemoteRefusal]


class Dispatcher:
    """Sends one package over one hop and takes the evidence of its acceptance."""

    def __init__(
        self, exchange: Exchange, desk: EvidenceDesk, neighbours: Neighbours, error_of: ErrorOf
    ) -> None:
        self._exchange = exchange
        self._desk = desk
        self._neighbours = neighbours
        self._error_of = error_of

    async def send(
        self,
        package: SealedPackage,
        peer: Party.ValueType,
        lane: Lane.ValueType,
        queued: datetime,
        on_progress: Callable[[], None],
    ) -> None:
        """Move the package to the neighbour until it has accepted it.

        Args:
            package: a package that this node holds whole.
            peer: the neighbour.
            lane: the channel to use.
            queued: since when it waits for this hop; the neighbour's evidence will tell.
            on_progress: called whenever the neighbour has written more bytes.

        Raises:
            Failure: the neighbour's refusal, or why it could not be reached.
        """
        limits = (await self._neighbours.capabilities(peer)).limits
        _require_fit(package, limits)
        with package_span("transfer", package, SpanKind.CLIENT):
            movement = self._exchange.progress.begin(
                package.package_id, package.size_bytes, is_incoming=False
            )
            try:
                async with self._neighbours.transfer(peer, lane) as stream:
                    conversation = _Conversation(
                        self._exchange, package, limits, queued, movement, on_progress
                    )
                    evidence = await conversation.hold(stream, self._error_of)
                    if evidence is None:
                        raise NodeUnreachable(party=party_name(peer))
            finally:
                self._exchange.progress.end(package.package_id, movement)
            _require_acceptance(evidence, package)
            await self._desk.take(evidence, peer)


def _require_fit(package: SealedPackage, limits: Limits) -> None:
    """Refuse here, with the number, what the neighbour would refuse."""
    if limits.max_package_bytes and package.size_bytes > limits.max_package_bytes:
        raise PackageTooLarge(
            what="the package in bytes", value=package.size_bytes, limit=limits.max_package_bytes
        )


def _require_acceptance(evidence: Evidence, package: SealedPackage) -> None:
    """An acceptance must say of this very package that it is held; nothing else may end the delivery."""
    statement = read_statement(evidence.statement)
    if statement.package_id != package.package_id or statement.kind not in CARRIED_BY_ACCEPTANCE:
        raise EvidenceInvalid(why="the acceptance is evidence of something else")


DEFAULTS = OwnLimits()
"""Taken for what a neighbour leaves unset."""


class _Conversation:
    """One transfer in one stream: a task reads the answers while this one sends what the machine allows."""

    def __init__(
        self,
        exchange: Exchange,
        package: SealedPackage,
        limits: Limits,
        queued: datetime,
        movement: Movement,
        on_progress: Callable[[], None],
    ) -> None:
        self._exchange = exchange
        self._package = package
        self._queued = queued
        self._movement = movement
        self._on_progress = on_progress
        self._machine = SendingTransfer(
            [part.size_bytes for part in package.envelope.parts],
            window_bytes=limits.credit_window_bytes or DEFAULTS.credit_window_bytes,
            chunk_bytes=limits.max_chunk_bytes or DEFAULTS.max_chunk_bytes,
            inline_bytes=limits.inline_limit_bytes,
        )
        self._news = asyncio.Event()
        self._reader = PartReader(exchange, package)

    async def hold(self, stream: TransferStream, error_of: ErrorOf) -> Evidence | None:
        """The evidence of acceptance; None when the stream ended without one."""
        listener = asyncio.create_task(self._listen(stream, error_of), name="transfer-listener")
        talker = asyncio.create_task(self._talk(stream), name="transfer-talker")
        try:
            done, _ = await asyncio.wait({listener, talker}, return_when=asyncio.FIRST_COMPLETED)
            if listener not in done:  # The talker failed; the neighbour usually says why.
                await asyncio.wait({listener}, timeout=LAST_WORD_SECONDS)
            if listener.done():
                return listener.result()
            talker.result()
            return None
        finally:
            for task in (listener, talker):
                task.cancel()
            await asyncio.gather(listener, talker, return_exceptions=True)
            await self._reader.close()

    async def _talk(self, stream: TransferStream) -> None:
        offer = Offer(envelope=self._package.signed(), enqueue_time=timestamp(self._queued))
        await stream.send(TransferRequest(transfer=TRANSFER, offer=offer))
        while True:
            if span := self._machine.next_span():
                await stream.send(await self._chunk(span))
            elif self._machine.take_commit():
                await stream.send(TransferRequest(transfer=TRANSFER, commit=Commit()))
            else:
                await self._news.wait()
                self._news.clear()

    async def _chunk(self, span: Span) -> TransferRequest:
        data = await self._reader.read(span.part, span.offset, span.length)
        chunk = Chunk(part=span.part, attempt=span.attempt, offset=span.offset, data=data)
        return TransferRequest(transfer=TRANSFER, chunk=chunk)

    async def _listen(self, stream: TransferStream, error_of: ErrorOf) -> Evidence | None:
        answers = aiter(stream.answers())
        while (answer := await self._next(answers)) is not None:
            kind = answer.WhichOneof("frame")
            if kind == "acceptance":
                return answer.acceptance.evidence
            if kind == "refusal":
                raise error_of(answer.refusal.status)
            self._hear(answer)
        return None

    async def _next(self, answers: AsyncIterator[TransferResponse]) -> TransferResponse | None:
        try:
            async with asyncio.timeout(STANDSTILL_SECONDS):
                return await anext(answers, None)
        except TimeoutError:
            return None

    def _hear(self, answer: TransferResponse) -> None:
        if answer.HasField("need"):
            self._machine.need_received(
                [(part.part, part.attempt, part.offset) for part in answer.need.parts]
            )
        elif answer.HasField("progress"):
            progress = answer.progress
            self._machine.progress_received(progress.part, progress.attempt, progress.written_bytes)
            self._on_progress()
        elif answer.HasField("abort"):
            self._machine.abort_received(answer.abort.part, answer.abort.attempt)
        self._movement.transferred_bytes = self._package.size_bytes - self._machine.remaining_bytes
        self._exchange.changes.announce(self._package.package_id)
        self._news.set()


class PartReader:
    """Reads a package's parts in the spans that the machine asks for: in order within a part, mostly."""

    def __init__(self, exchange: Exchange, package: SealedPackage) -> None:
        self._exchange = exchange
        self._package = package
        self._blocks: AsyncGenerator[bytes, None] | None = None
        self._at = (-1, -1)

    async def read(self, part: int, offset: int, length: int) -> bytes:
        """These bytes of a part that this node holds."""
        if self._blocks is None or self._at != (part, offset):
            await self.close()
            self._blocks = self._exchange.parts.read(
                part_key(self._package, part), offset, block_bytes=length
            )
        data = await anext(self._blocks)
        self._at = (part, offset + length)
        return data

    async def close(self) -> None:
        """Close the part that is open."""
        blocks, self._blocks, self._at = self._blocks, None, (-1, -1)
        if blocks is not None:
            await blocks.aclose()
