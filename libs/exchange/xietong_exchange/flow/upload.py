"""Upload: the content of one file from a business system into its node, resumed after any break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager

from xietong.exchange.v1.draft_pb2 import DraftState
from xietong.exchange.v1.envelope_pb2 import DigestAlgorithm
from xietong.exchange.v1.gateway_drafts_pb2 import (
    PartOffsetNeeded,
    PartStored,
    UploadHeader,
    UploadPartRequest,
    UploadPartResponse,
    UploadProgress,
)
from xietong_exchange.domain.envelope import INTERACTIVE_LIMIT_BYTES
from xietong_exchange.domain.errors import (
    ChunkBeyondSize,
    ChunkOutOfOrder,
    DigestMismatch,
    DraftNotFound,
    FrameTooLarge,
    InvalidField,
    PartBusy,
    ProtocolViolation,
    StorageFull,
    TooManyTransfers,
    TransferStalled,
    Violation,
)
from xietong_exchange.domain.fields import field_violations
from xietong_exchange.domain.limits import FILE, Excess
from xietong_exchange.domain.party import party_name
from xietong_exchange.flow import part_store
from xietong_exchange.flow.drafts import key_text
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.frames import DataFrame, UploadFrame
from xietong_exchange.flow.part_store import PartKey, PartWriter
from xietong_exchange.flow.records import DraftRecord
from xietong_exchange.flow.space import Promise

WRITER_WAIT_SECONDS = 20.0
"""How long an upload waits for another one of the same content that stands still before it gives way."""
STANDSTILL_SECONDS = 300.0
"""A caller that owes a frame for so long is given up: it holds the content's writer, and its place on the disk."""
UPLOADS_AT_ONCE = 64
"""Of all callers; with each, gRPC may hold some MiB that nobody reads while another one brings the same content."""
LOOK_SECONDS = 0.5
"""How often who waits for another upload hears how far that is."""
UPLOADED_PART = 0
"""An upload has one file; errors about chunks name it by this number."""

_OTHER_ALGORITHM = Violation(
    path="header.digest.algorithm",
    rule="digest.algorithm",
    text_en="this node checks SHA-256 only, as its capabilities say",
    text_zh="本节点仅支持 SHA-256 摘要",
)


class Upload:
    """The node's side of `GatewayService.UploadPart`."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._under_way = 0

    async def stream(
        self, frames: AsyncIterator[UploadFrame], system: str
    ) -> AsyncGenerator[UploadPartResponse, None]:
        """Answer the frames of one upload.

        Raises:
            GrantMissing, DraftNotFound, PackageTooLarge, StorageFull, PartBusy, DigestMismatch, ChunkOutOfOrder,
            ChunkBeyondSize, FrameTooLarge, ProtocolViolation, InvalidField, TooManyTransfers, TransferStalled.
        """
        self._exchange.profile.require(system, "contribute")
        with self._place():
            async with aclosing(self._answers(frames)) as answers:
                async for answer in answers:
                    yield answer

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._under_way >= UPLOADS_AT_ONCE:
            raise TooManyTransfers(limit=UPLOADS_AT_ONCE)
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    async def _answers(self, frames: AsyncIterator[UploadFrame]) -> AsyncGenerator[UploadPartResponse, None]:
        header = await self._header(frames)
        draft = await self._hold(header)
        try:
            async with self._turn(header) as turn, aclosing(self._other_upload(header, turn)) as other:
                async for progress in other:
                    yield UploadPartResponse(progress=progress)
                writer = turn.result()
                if not writer.complete:
                    with self._promise(writer, header) as promise:
                        yield UploadPartResponse(need=PartOffsetNeeded(offset=writer.written))
                        while writer.written < header.size_bytes:
                            await self._append(writer, await self._chunk(frames), header.size_bytes)
                            promise.change(header.size_bytes - writer.written)
                            yield _progress(writer)
                        await writer.finish()
        except part_store.DigestMismatch as mismatch:
            raise DigestMismatch(digest=mismatch.key.digest.hex()) from None
        except part_store.SizeConflict as conflict:
            raise ChunkBeyondSize(part=UPLOADED_PART, end=conflict.announced, size=conflict.actual) from None
        except part_store.StorageFull as full:
            raise StorageFull(free=full.free) from None
        await self._require_kept(header, draft)
        yield UploadPartResponse(stored=PartStored())

    async def _hold(self, header: UploadHeader) -> DraftRecord:
        """Note the content for its draft, so that it is kept as long as that is open."""
        async with self._exchange.store.transaction() as tx:
            draft = await tx.drafts.get(header.key)
            if draft is None:
                raise DraftNotFound(key=key_text(header.key))
            await tx.drafts.hold(draft.draft_id, {header.digest.value})
        return draft

    async def _require_kept(self, header: UploadHeader, draft: DraftRecord) -> None:
        """Say so when the draft was discarded while its content was brought, and nothing else needs that."""
        async with self._exchange.store.transaction() as tx:
            now = await tx.drafts.by_id(draft.draft_id)
            if now is not None and now.state != DraftState.DRAFT_STATE_DISCARDED:
                return
            needed = await tx.contents.needed(self._exchange.party, [header.digest.value], is_own=True)
        if not needed:
            raise DraftNotFound(key=key_text(draft.key))

    async def _header(self, frames: AsyncIterator[UploadFrame]) -> UploadHeader:
        frame = await _next(frames)
        if not isinstance(frame, UploadPartRequest) or not frame.HasField("header"):
            raise ProtocolViolation(why="the first frame of an upload must be its header")
        if violations := field_violations(frame):
            raise InvalidField(count=len(violations), violations=violations)
        if frame.header.digest.algorithm != DigestAlgorithm.DIGEST_ALGORITHM_SHA256:
            raise InvalidField(count=1, violations=(_OTHER_ALGORITHM,))
        limit = self._exchange.limits.max_package_bytes
        if frame.header.size_bytes > limit:
            raise Excess(FILE, frame.header.size_bytes, limit).error()
        return frame.header

    @asynccontextmanager
    async def _turn(self, header: UploadHeader) -> AsyncIterator[asyncio.Task[PartWriter]]:
        """Waits for the writer in a task."""
        opening = asyncio.create_task(self._exchange.parts.write(self._key(header), header.size_bytes))
        try:
            yield opening
        finally:
            await asyncio.shield(_closed(opening))  # gRPC may cancel a call more than once

    async def _other_upload(
        self, header: UploadHeader, turn: asyncio.Task[PartWriter]
    ) -> AsyncGenerator[UploadProgress, None]:
        """How far another upload of this content is, until it ends: a second click shows the bytes of the first.

        Raises:
            PartBusy: it stands still.
        """
        now = asyncio.get_running_loop().time
        moved, written = now(), -1
        while not (await asyncio.wait({turn}, timeout=LOOK_SECONDS))[0]:
            received = await self._exchange.parts.received(self._key(header), header.size_bytes)
            if received != written:
                moved, written = now(), received
            elif now() - moved >= WRITER_WAIT_SECONDS:
                raise PartBusy(what=f"content {header.digest.value.hex()}")
            yield UploadProgress(written_bytes=written)

    def _key(self, header: UploadHeader) -> PartKey:
        return PartKey(party_name(self._exchange.party), header.digest.value)

    def _promise(self, writer: PartWriter, header: UploadHeader) -> Promise:
        missing = header.size_bytes - writer.written
        return self._exchange.space.promise(self._exchange.party, missing, resumes=writer.written > 0)

    async def _chunk(self, frames: AsyncIterator[UploadFrame]) -> DataFrame:
        frame = await _next(frames)
        if frame is None:
            raise ProtocolViolation(
                why="the upload ended before all bytes were sent; resume it with a new call"
            )
        if not isinstance(frame, DataFrame):
            raise ProtocolViolation(why="only chunks may follow the header of an upload")
        return frame

    async def _append(self, writer: PartWriter, chunk: DataFrame, size: int) -> None:
        limit = self._exchange.limits.max_chunk_bytes
        if len(chunk.data) > limit:
            raise FrameTooLarge(size=len(chunk.data), limit=limit)
        if not chunk.data:
            raise ProtocolViolation(why="a chunk holds at least one byte")
        if chunk.offset != writer.written:
            raise ChunkOutOfOrder(part=UPLOADED_PART, offset=chunk.offset, expected=writer.written)
        if chunk.end > size:
            raise ChunkBeyondSize(part=UPLOADED_PART, end=chunk.end, size=size)
        if size > INTERACTIVE_LIMIT_BYTES:
            await self._exchange.right_of_way.give_way()
        await writer.append(chunk.data)


async def _next(frames: AsyncIterator[UploadFrame]) -> UploadFrame | None:
    """The next frame, None when no more comes. Raises TransferStalled."""
    try:
        async with asyncio.timeout(STANDSTILL_SECONDS):
            return await anext(frames, None)
    except TimeoutError:
        raise TransferStalled(seconds=round(STANDSTILL_SECONDS)) from None


async def _closed(opening: asyncio.Task[PartWriter]) -> None:
    """Close the writer, also one that was opened just when nobody wanted it any more."""
    opening.cancel()
    await asyncio.wait({opening})
    if not opening.cancelled() and opening.exception() is None:
        await opening.result().close()


def _progress(writer: PartWriter) -> UploadPartResponse:
    return UploadPartResponse(
        progress=UploadProgress(written_bytes=writer.written, durable_bytes=writer.durable)
    )
