"""A reception: one package on its way into this node, and the register that lets the newest stream have it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import datetime

from opentelemetry.trace import SpanKind

from xietong.exchange.v1.envelope_pb2 import EnvelopePart
from xietong.exchange.v1.transfer_service_pb2 import (
    Abort,
    Acceptance,
    Chunk,
    Need,
    PartOffset,
    Progress,
    TransferRequest,
    TransferResponse,
)
from xietong_exchange.domain.envelope import SealedPackage
from xietong_exchange.domain.errors import (
    ChunkOutOfOrder,
    EnvelopeInvalid,
    PartIncomplete,
    ProtocolViolation,
    StorageFull,
    StreamSuperseded,
)
from xietong_exchange.domain.transfer import ReceivingTransfer
from xietong_exchange.flow import part_store
from xietong_exchange.flow.arrival import Arrival
from xietong_exchange.flow.evidence import to_evidence
from xietong_exchange.flow.exchange import Exchange, part_key
from xietong_exchange.flow.part_store import PartWriter
from xietong_exchange.flow.records import EvidenceRecord
from xietong_exchange.flow.tracing import package_span

WRITER_WAIT_SECONDS = 20.0
"""How long a transfer waits for another one that is receiving the same content before it gives way."""
VERIFYING_SECONDS = 5.0
"""How often the sender hears of us while we hash a large part again after a break: less than its standstill."""

Answers = AsyncGenerator[TransferResponse, None]


class Receptions:
    """The receptions under way in this process, at most one per package."""

    def __init__(self, exchange: Exchange, arrival: Arrival) -> None:
        self._exchange = exchange
        self._arrival = arrival
        self._under_way: dict[str, Reception] = {}

    async def begin(self, package: SealedPackage, queued: datetime | None = None) -> Reception:
        """Begin, or resume, taking a package; an older stream for it, which may hang, gives way."""
        older = self._under_way.get(package.package_id)
        reception = Reception(self._exchange, self._arrival, package, queued, self._ended)
        self._under_way[package.package_id] = reception
        try:
            if older is not None:
                await older.supersede()
        except BaseException:
            await reception.close()
            raise
        return reception

    def _ended(self, reception: Reception) -> None:
        if self._under_way.get(reception.package.package_id) is reception:
            del self._under_way[reception.package.package_id]


class Reception:
    """Takes the frames of one transfer and says what to answer."""

    def __init__(
        self,
        exchange: Exchange,
        arrival: Arrival,
        package: SealedPackage,
        queued: datetime | None,
        on_close: Callable[[Reception], None],
    ) -> None:
        self.package = package
        self.closed = False
        self._exchange = exchange
        self._arrival = arrival
        self._on_close = on_close
        self._queued = queued
        self._begin = exchange.clock()
        self._superseded = False
        sizes = [part.size_bytes for part in package.envelope.parts]
        self._machine = ReceivingTransfer(sizes, exchange.limits.max_chunk_bytes)
        self._twins = _twins(package)
        self._writers: dict[int, PartWriter] = {}
        self._busy = asyncio.Lock()
        self._movement = exchange.progress.begin(package.package_id, package.size_bytes, is_incoming=True)

    async def offered(self) -> Answers:
        """Answer the offer: what is needed, or the acceptance of a package that is here.

        Raises:
            PackageConflict: the id is known with another seal.
            StorageFull: it would eat into the disk reserve.
        """
        async with self._busy:
            if known := await self._arrival.known(self.package):
                yield await self._accept(known)
                return
            wanted = await self._look()
            missing = sum(self._size(number) - offset for number, _, offset in wanted)
            self._exchange.require_space(missing)
            if self.package.size_bytes > self._exchange.limits.inline_limit_bytes:
                await self._arrival.announce(self.package)
            parts = [PartOffset(part=n, attempt=a, offset=o) for n, a, o in wanted]
            yield TransferResponse(need=Need(parts=parts))
            for number, _, _ in wanted:
                if self._machine.is_filled(number):
                    async with aclosing(self._verify(number)) as answers:
                        async for answer in answers:
                            yield answer

    async def heard(self, frame: TransferRequest) -> Answers:
        """Answer a chunk or the commit.

        Raises:
            StreamSuperseded, UnknownPart, FrameTooLarge, ChunkBeyondSize, ChunkOutOfOrder, CommitTooEarly,
            DigestMismatch, StorageFull.
        """
        async with self._busy:
            self._require_current()
            if frame.WhichOneof("frame") == "chunk":
                async with aclosing(self._chunk(frame.chunk)) as answers:
                    async for answer in answers:
                        yield answer
            elif frame.WhichOneof("frame") == "commit":
                if self._machine.check_commit():
                    yield await self._commit()
            else:
                raise ProtocolViolation(why="a frame of an unknown kind came after the offer")

    async def supersede(self) -> None:
        """Give way to a newer stream for the same package."""
        self._superseded = True
        async with self._busy:
            await self._let_go()

    async def close(self) -> None:
        """Keep what was received for a later resume, and let go of everything else."""
        if not self.closed:
            self.closed = True
            await self._let_go()
            self._exchange.progress.end(self.package.package_id, self._movement)
            self._on_close(self)

    async def _let_go(self) -> None:
        while self._writers:
            _, writer = self._writers.popitem()
            await writer.close()

    def _require_current(self) -> None:
        if self._superseded:
            raise StreamSuperseded(package_id=self.package.package_id)

    async def _look(self) -> list[tuple[int, int, int]]:
        """What of the package is here from before, also from this sender's earlier packages."""
        keys = [
            (part_key(self.package, part.number), part.size_bytes) for part in self.package.envelope.parts
        ]
        states = await self._exchange.parts.states(keys)
        verified = frozenset(number for number, state in enumerate(states) if state.complete)
        wanted = self._machine.held(
            {n: state.received for n, state in enumerate(states)}, verified | set(self._twins)
        )
        self._movement.transferred_bytes = self._machine.received_bytes
        return wanted

    async def _chunk(self, chunk: Chunk) -> Answers:
        if not self._machine.chunk_received(chunk.part, chunk.attempt, chunk.offset, len(chunk.data)):
            return
        writer = await self._writer(chunk.part)
        await self._append(chunk, writer)
        self._movement.transferred_bytes = self._machine.received_bytes
        yield self._progress(chunk.part, writer)
        if self._machine.is_filled(chunk.part):
            async with aclosing(self._verify(chunk.part)) as answers:
                async for answer in answers:
                    yield answer

    async def _append(self, chunk: Chunk, writer: PartWriter) -> None:
        """Write what is not there yet: a transfer of the same content may have come further since the offer."""
        known = writer.written - chunk.offset
        if writer.complete or known >= len(chunk.data):
            return
        if known < 0:
            raise ChunkOutOfOrder(part=chunk.part, offset=chunk.offset, expected=writer.written)
        try:
            await writer.append(chunk.data[known:])
        except part_store.StorageFull as full:
            raise StorageFull(free=full.free) from None

    async def _writer(self, number: int) -> PartWriter:
        writer = self._writers.get(number)
        if writer is None:
            try:
                async with asyncio.timeout(WRITER_WAIT_SECONDS):
                    writer = await self._exchange.parts.write(
                        part_key(self.package, number), self._size(number)
                    )
            except TimeoutError:
                raise PartIncomplete(what=f"part {number}, which another transfer is receiving,") from None
            except part_store.SizeConflict as conflict:
                raise EnvelopeInvalid(
                    why=f"part {number} has {conflict.actual} bytes, not {conflict.announced}"
                ) from None
            except part_store.StorageFull as full:
                raise StorageFull(free=full.free) from None
            self._writers[number] = writer
        return writer

    async def _verify(self, number: int) -> Answers:
        writer = await self._writer(number)
        finishing = asyncio.create_task(writer.finish())
        try:
            while not (await asyncio.wait({finishing}, timeout=VERIFYING_SECONDS))[0]:
                yield self._progress(number, writer)
            finishing.result()
        except part_store.DigestMismatch as mismatch:
            yield self._abort(number, mismatch.key.digest)
            return
        except part_store.StorageFull as full:
            raise StorageFull(free=full.free) from None
        finally:
            finishing.cancel()
            await asyncio.gather(finishing, return_exceptions=True)
            self._writers.pop(number, None)
            await writer.close()
        self._machine.part_verified(number)
        yield self._progress(number, writer)

    def _abort(self, number: int, digest: bytes) -> TransferResponse:
        attempt = self._machine.part_mismatched(number, digest.hex())
        return TransferResponse(abort=Abort(part=number, attempt=attempt))

    def _progress(self, number: int, writer: PartWriter) -> TransferResponse:
        # Another transfer of the same content may be further; this sender is told of its own bytes only.
        written = min(writer.written, self._machine.received(number))
        return TransferResponse(
            progress=Progress(
                part=number,
                attempt=self._machine.attempt(number),
                written_bytes=written,
                durable_bytes=min(writer.durable, written),
            )
        )

    async def _commit(self) -> TransferResponse:
        with package_span("commit", self.package, SpanKind.INTERNAL):
            now = self._exchange.clock()
            evidence = await self._arrival.record(self.package, self._queued, self._begin, now)
        return await self._accept(evidence)

    async def _accept(self, evidence: EvidenceRecord) -> TransferResponse:
        await self.close()
        return TransferResponse(acceptance=Acceptance(evidence=to_evidence(evidence)))

    def _size(self, number: int) -> int:
        return self.package.envelope.parts[number].size_bytes


def _twins(package: SealedPackage) -> frozenset[int]:
    """Parts whose content an earlier part of the same package has: they arrive with it.

    Raises:
        EnvelopeInvalid: the same digest is announced with two sizes.
    """
    first: dict[bytes, EnvelopePart] = {}
    for part in package.envelope.parts:
        if first.setdefault(part.digest.value, part).size_bytes != part.size_bytes:
            raise EnvelopeInvalid(why=f"part {part.number} has the digest of another part, but another size")
    return frozenset(
        part.number for part in package.envelope.parts if first[part.digest.value].number != part.number
    )
