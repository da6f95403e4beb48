"""The parts of one incoming package on their way to the disk: written in order, verified and synced beside that."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from xietong_exchange.domain.envelope import SealedPackage
from xietong_exchange.domain.errors import ChunkOutOfOrder, EnvelopeInvalid, PartBusy, StorageFull
from xietong_exchange.flow import part_store
from xietong_exchange.flow.cancellation import uninterrupted
from xietong_exchange.flow.exchange import part_key
from xietong_exchange.flow.frames import DataFrame, beyond
from xietong_exchange.flow.part_store import DigestMismatch, PartStore, PartWriter

WRITER_WAIT_SECONDS = 20.0
"""How long a transfer waits for another one that is receiving the same content before it gives way."""
VERIFYING_SECONDS = 5.0
"""How often the sender hears of us while we hash a large part again after a break: less than its standstill."""
OPEN_AT_ONCE = 8
"""Parts of one package that are open to be written; a process has only so many files for all that it does. A sender
that mixes more of them makes us open, and hash from its beginning, each again and again."""
FINISHING_AT_ONCE = 8
"""Parts of one package that are verified and synced at a time: they share the syncs of the file system's journal."""


class Addressee(Protocol):
    """Who wants to know what becomes of the parts."""

    async def part_moved(self, number: int, written: int, durable: int) -> None:
        """So many bytes are written and synced; told again while a large part is verified."""

    async def part_is_here(self, number: int) -> None:
        """It is verified, durable and in its place."""

    async def part_is_wrong(self, number: int, mismatch: DigestMismatch) -> None:
        """Its bytes had another digest and were dropped."""

    def part_failed(self) -> None:
        """The reason is raised by the next call."""


class Landing:
    """Writes the parts of one package. Used by one task, and ended by `close`."""

    def __init__(self, store: PartStore, package: SealedPackage, addressee: Addressee) -> None:
        self._store = store
        self._package = package
        self._addressee = addressee
        self._writers: dict[int, PartWriter] = {}
        """By part; the one that was used last is the last."""
        self._filled: set[PartWriter] = set()
        """Of parts that are being verified. A task that is cancelled before its first step closes nothing."""
        self._finishing: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(FINISHING_AT_ONCE)

    async def put(self, run: Sequence[DataFrame]) -> None:
        """Take a small part that came whole in consecutive chunks: to the disk in one go, beside what follows."""
        await self._beside(self._put(run))

    async def append(self, run: Sequence[DataFrame]) -> None:
        """Write consecutive chunks of a part.

        Raises:
            ChunkOutOfOrder, PartBusy, EnvelopeInvalid, StorageFull.
        """
        number = run[0].part
        writer = await self._writer(number)
        if not writer.complete:  # A transfer of the same content may have come further since the offer.
            if writer.written < run[0].offset:
                raise ChunkOutOfOrder(part=number, offset=run[0].offset, expected=writer.written)
            with self._in_words_of_the_contract(number):
                await writer.append(*beyond(run, writer.written))
        await self._addressee.part_moved(number, writer.written, writer.durable)

    async def finish(self, number: int) -> None:
        """Verify a part of which all bytes are written, and put it into place, beside what follows."""
        writer = await self._writer(number)
        self._filled.add(self._writers.pop(number))
        await self._beside(self._verify(number, writer))

    @property
    def is_verifying(self) -> bool:
        """A part that has all its bytes is not in its place yet."""
        return bool(self._finishing)

    def raise_failed(self) -> None:
        """Raise what went wrong with a part."""
        for task in self._finishing:
            if task.done():
                task.result()

    async def finished(self) -> None:
        """Until every part that has all its bytes is in its place. Raises what went wrong with one of them."""
        while self._finishing:
            task = self._finishing.pop()
            await task

    async def close(self) -> None:
        """Keep what was written for a later resume."""
        for task in self._finishing:
            task.cancel()
        await asyncio.gather(*self._finishing, return_exceptions=True)
        for writer in (*self._filled, *self._writers.values()):
            await writer.close()
        self._filled.clear()
        self._writers.clear()

    async def _writer(self, number: int) -> PartWriter:
        writer = self._writers.pop(number, None)
        if writer is None:
            if len(self._writers) >= OPEN_AT_ONCE:
                await self._writers.pop(next(iter(self._writers))).close()
            size = self._package.envelope.parts[number].size_bytes
            with self._in_words_of_the_contract(number):
                async with asyncio.timeout(WRITER_WAIT_SECONDS):
                    writer = await self._store.write(part_key(self._package, number), size)
        self._writers[number] = writer
        return writer

    async def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await self._places.acquire()
        except BaseException:
            work.close()
            raise
        task = asyncio.create_task(work, name="part-verification")
        self._finishing.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._places.release()
        if task.cancelled() or task.exception() is not None:
            self._addressee.part_failed()  # The task stays in the set, for who asks why.
        else:
            self._finishing.discard(task)

    async def _put(self, run: Sequence[DataFrame]) -> None:
        number, data = run[0].part, [frame.data for frame in run]
        try:
            with self._in_words_of_the_contract(number):
                async with asyncio.timeout(WRITER_WAIT_SECONDS):
                    await self._store.put(part_key(self._package, number), *data)
        except DigestMismatch as mismatch:
            await self._addressee.part_is_wrong(number, mismatch)
        else:
            await self._addressee.part_is_here(number)

    async def _verify(self, number: int, writer: PartWriter) -> None:
        finishing = asyncio.create_task(writer.finish())
        try:
            while not (await asyncio.wait({finishing}, timeout=VERIFYING_SECONDS))[0]:
                await self._addressee.part_moved(number, writer.written, writer.durable)
            with self._in_words_of_the_contract(number):
                finishing.result()
        except DigestMismatch as mismatch:
            await writer.close()
            await self._addressee.part_is_wrong(number, mismatch)
        else:
            await self._addressee.part_is_here(number)
        finally:
            finishing.cancel()
            await uninterrupted(self._ended_with(finishing, writer))

    async def _ended_with(self, finishing: asyncio.Task[None], writer: PartWriter) -> None:
        await asyncio.gather(finishing, return_exceptions=True)
        await writer.close()
        self._filled.discard(writer)

    @contextmanager
    def _in_words_of_the_contract(self, number: int) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            raise PartBusy(what=f"part {number}") from None
        except part_store.SizeConflict as conflict:
            raise EnvelopeInvalid(
                why=f"part {number} has {conflict.actual} bytes, not {conflict.announced}"
            ) from None
        except part_store.StorageFull as full:
            raise StorageFull(free=full.free) from None
