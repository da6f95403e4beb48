"""Brings one file to the node: goes on where the node stands after any break, within its credit window."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import BinaryIO

import grpc

from xietong.exchange.v1.capabilities_pb2 import Limits
from xietong.exchange.v1.draft_pb2 import DraftKey
from xietong.exchange.v1.envelope_pb2 import Digest, DigestAlgorithm
from xietong.exchange.v1.gateway_drafts_pb2 import (
    UploadHeader,
    UploadPartRequest,
    UploadPartResponse,
)
from xietong.exchange.v1.gateway_service_pb2_grpc import GatewayServiceStub
from xietong_client.errors import NodeDefect, XietongClientError, local_storage_failed
from xietong_client.files import LocalFile, file_changed, in_thread, measure, opened
from xietong_client.progress import Meter
from xietong_client.rpc import Patience, metadata_of
from xietong_client.status import error_from_status, unanswered
from xietong_client.text import Text
from xietong_client.trace import Trace

CHUNK_BYTES = 1024 * 1024
PATIENCE_SECONDS = 300.0
# A node that does not answer for so long is taken for dead. Syncing a large file needs a while.
SILENCE_SECONDS = 120.0
_DEFAULT_CREDIT_BYTES = 4 * 1024 * 1024
_TRIES_PER_DIGEST_MISMATCH = 2
# The node stands elsewhere now (another upload of the same content): a new stream asks where; or it is busy.
_RESUMABLE_REASONS = ("CHUNK_OUT_OF_ORDER", "STREAM_SUPERSEDED", "DIGEST_MISMATCH", "TOO_MANY_TRANSFERS")

_Call = grpc.aio.StreamStreamCall[UploadPartRequest, UploadPartResponse]


@dataclass(frozen=True, slots=True)
class UploadRoute:
    """Where uploads of one draft go, and what the node allows."""

    stub: GatewayServiceStub
    key: DraftKey
    limits: Limits
    trace: Trace
    patience_seconds: float = PATIENCE_SECONDS

    @property
    def credit_bytes(self) -> int:
        """Bytes that may be under way beyond the last progress."""
        return self.limits.credit_window_bytes or _DEFAULT_CREDIT_BYTES

    @property
    def chunk_bytes(self) -> int:
        """Bytes of data in one chunk."""
        return min(CHUNK_BYTES, self.limits.max_chunk_bytes or CHUNK_BYTES, self.credit_bytes)


async def upload(route: UploadRoute, file: LocalFile, meter: Meter) -> None:
    """Brings the content of `file`; returns when the node has verified and synced it.

    Raises FileChanged, LocalStorageFailed, or what the node answers; Unreachable after the route's patience.
    """
    patience = Patience(route.patience_seconds)
    mismatches = 0
    while True:
        attempt = _Attempt(route, file, meter)
        try:
            await attempt.run()
        except XietongClientError as error:
            failure = error
        else:
            return
        if attempt.has_progressed:
            patience.reset()
        if failure.reason == "DIGEST_MISMATCH":
            mismatches += 1
            await _check_unchanged(file)
        if failure.reason in _RESUMABLE_REASONS and mismatches < _TRIES_PER_DIGEST_MISMATCH:
            failure.is_transient = True
        await patience.wait(failure)


async def _check_unchanged(file: LocalFile) -> None:
    now = await measure(file.name, file.path)
    if now.sha256 != file.sha256:
        raise file_changed(file.path)


class _Attempt:
    """One stream: a task that reads the node's answers, and one that sends as far as they allow."""

    def __init__(self, route: UploadRoute, file: LocalFile, meter: Meter) -> None:
        self._route = route
        self._file = file
        self._meter = meter
        self._acknowledged_bytes = 0
        self._start_bytes = 0
        self._stored = False
        self._moved = asyncio.Condition()

    @property
    def has_progressed(self) -> bool:
        """Whether the node took bytes in this attempt."""
        return self._acknowledged_bytes > self._start_bytes

    async def run(self) -> None:
        stream = self._route.stub.UploadPart(metadata=metadata_of(self._route.trace))
        try:
            await self._converse(stream)
        except grpc.aio.AioRpcError as error:
            raise error_from_status(error) from error
        finally:
            stream.cancel()

    async def _converse(self, stream: _Call) -> None:
        if not await _write(stream, UploadPartRequest(header=self._header())):
            await _read(stream)  # raises the status that ended the stream
        answer = await _read(stream)
        self._start_bytes = answer.progress.written_bytes
        while answer.HasField(
            "progress"
        ):  # of another call that brings the same content: this one attaches to it
            await self._take(answer)
            answer = await _read(stream)
        await self._take(answer)
        if self._stored:
            return
        self._start_bytes = answer.need.offset
        tasks = [asyncio.create_task(self._send(stream)), asyncio.create_task(self._listen(stream))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _header(self) -> UploadHeader:
        digest = Digest(
            algorithm=DigestAlgorithm.DIGEST_ALGORITHM_SHA256, value=bytes.fromhex(self._file.sha256)
        )
        return UploadHeader(key=self._route.key, size_bytes=self._file.size_bytes, digest=digest)

    async def _listen(self, stream: _Call) -> None:
        while not self._stored:
            await self._take(await _read(stream))

    async def _take(self, answer: UploadPartResponse) -> None:
        async with self._moved:
            if answer.HasField("stored"):
                self._stored = True
                self._acknowledged_bytes = self._file.size_bytes
            elif answer.HasField("need"):
                self._acknowledged_bytes = answer.need.offset
            else:
                self._acknowledged_bytes = max(self._acknowledged_bytes, answer.progress.written_bytes)
            if self._acknowledged_bytes > self._file.size_bytes:
                raise _node_claims_too_much(self._file)
            self._meter.at(self._file.name, self._acknowledged_bytes)
            self._moved.notify_all()

    async def _send(self, stream: _Call) -> None:
        position = self._start_bytes
        try:
            async with opened(lambda: self._file.path.open("rb", 0)) as source:
                while position < self._file.size_bytes:
                    length = min(self._route.chunk_bytes, self._file.size_bytes - position)
                    await self._credit_for(position + length)
                    if self._stored:
                        return
                    data = await in_thread(_read_block, source, position, length)
                    if len(data) < length:
                        raise file_changed(self._file.path)
                    if not await _write(stream, _chunk(position, data)):
                        return
                    position += length
        except OSError as error:
            raise local_storage_failed(error, str(self._file.path)) from error
        await _finish(stream)

    async def _credit_for(self, end_bytes: int) -> None:
        async with self._moved:
            await self._moved.wait_for(
                lambda: self._stored or end_bytes - self._acknowledged_bytes <= self._route.credit_bytes
            )


def _read_block(source: BinaryIO, position: int, length: int) -> bytes:
    """Up to `length` bytes from `position`; fewer only at the end of the file."""
    source.seek(position)
    block = source.read(length)
    while len(block) < length and (piece := source.read(length - len(block))):
        block += piece
    return block


def _chunk(position: int, data: bytes) -> UploadPartRequest:
    """The frame, filled in place: a chunk that is made apart is copied into it, byte by byte."""
    request = UploadPartRequest()
    request.chunk.offset = position
    request.chunk.data = data
    return request


async def _read(stream: _Call) -> UploadPartResponse:
    try:
        async with asyncio.timeout(SILENCE_SECONDS):
            answer = await stream.read()
    except TimeoutError as error:
        raise unanswered() from error
    if not isinstance(answer, UploadPartResponse):  # grpc.aio.EOF
        raise unanswered()
    return answer


async def _write(stream: _Call, request: UploadPartRequest) -> bool:
    """Whether the frame was taken. When the stream is over, whoever reads it learns why."""
    try:
        await stream.write(request)
    except (asyncio.InvalidStateError, grpc.aio.AioRpcError):
        return False
    return True


async def _finish(stream: _Call) -> None:
    """Says that no more frames follow; when the stream is over already, the reader knows why."""
    try:
        await stream.done_writing()
    except (asyncio.InvalidStateError, grpc.aio.AioRpcError):
        return


def _node_claims_too_much(file: LocalFile) -> NodeDefect:
    return NodeDefect(
        reason="PROTOCOL_VIOLATION",
        text=Text(
            f"节点声称已收到的字节多于文件 {file.name} 的大小；请联系节点运维。",
            f"the node claims more bytes of {file.name} than it has; tell the operators of the node.",
        ),
    )
