"""A reception: one package on its way into this node."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime

from opentelemetry.trace import SpanKind

from xietong.exchange.v1.envelope_pb2 import Lane
from xietong.exchange.v1.transfer_service_pb2 import (
    Abort,
    Acceptance,
    Commit,
    Need,
    PartOffset,
    Progress,
    TransferResponse,
)
from xietong_exchange.domain.envelope import SealedPackage, twins
from xietong_exchange.domain.errors import (
    DatabaseUnavailable,
    PartIncomplete,
    ProtocolViolation,
    ShuttingDown,
    StreamSuperseded,
    TransferStalled,
)
from xietong_exchange.domain.transfer import ReceivingTransfer
from xietong_exchange.flow import part_store
from xietong_exchange.flow.arrival import Arrival
from xietong_exchange.flow.dispatch import Forward
from xietong_exchange.flow.evidence import CARRIED_BY_ACCEPTANCE, to_evidence
from xietong_exchange.flow.exchange import Exchange, part_key
from xietong_exchange.flow.frame_queue import FrameQueue
from xietong_exchange.flow.frames import DataFrame, Frame, runs
from xietong_exchange.flow.housekeeping import drop_partials
from xietong_exchange.flow.landing import Landing
from xietong_exchange.flow.part_store import DigestMismatch, PartState
from xietong_exchange.flow.records import EvidenceRecord
from xietong_exchange.flow.space import Promise
from xietong_exchange.flow.tracing import package_span

STANDSTILL_SECONDS = 600.0
"""A sender that owes us bytes for so long is given up: others wait for the place on the disk that it was promised."""
LOOK_FOR_WITHDRAWAL_SECONDS = 5.0
"""How long a withdrawal that another process of this node took goes unseen."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """An offer that may be taken: the package, since when it waited at the node before, and that node's span."""

    package: SealedPackage
    queued: datetime | None = None
    traceparent: str = ""


Answer = Callable[[TransferResponse], Awaitable[None]]
BeginForward = Callable[[SealedPackage], Forward | None]


def when_complete(_package: SealedPackage) -> None:
    """No package goes on before it is whole."""


class Reception:
    """Takes the frames of one transfer, in the task that made it, and answers them."""

    def __init__(
        self,
        exchange: Exchange,
        arrival: Arrival,
        offer: Admitted,
        frames: FrameQueue,
        answer: Answer,
        begin_forward: BeginForward,
    ) -> None:
        package = self._package = offer.package
        self._queued = offer.queued
        self._frames = frames
        self._exchange = exchange
        self._arrival = arrival
        self._answer = answer
        self._begin_forward = begin_forward
        self._forward: Forward | None = None
        self._promise: Promise | None = None
        self._begin = self._looked = exchange.clock()
        self._is_large = package.lane == Lane.LANE_BULK
        self._task = asyncio.current_task()
        self._withdrawal: EvidenceRecord | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._superseded = False
        self._is_committing = False
        self._ended = asyncio.Event()
        sizes = [part.size_bytes for part in package.envelope.parts]
        self._machine = ReceivingTransfer(sizes, exchange.limits.max_chunk_bytes)
        self._twins = twins(package)
        self._landing = Landing(exchange.parts, package, self)
        self._movement = exchange.progress.begin(package.package_id, package.size_bytes, is_incoming=True)

    async def run(self) -> None:
        """Answer the offer, then every frame, until the package is accepted or no frame follows."""
        with nullcontext() if self._is_large else self._exchange.right_of_way.taken():
            await self._run()

    async def _run(self) -> None:
        known = await self._arrival.known(self._package)
        if known.answer is not None:
            await self._accept(known.answer)
            return
        await self._want(resumes=known.is_announced)
        while (taken := await self._taken()) and self._withdrawal is None:
            self._landing.raise_failed()
            for run in runs(taken):
                if isinstance(run, list):
                    await self._write(run)
                elif run.WhichOneof("frame") != "commit":
                    raise ProtocolViolation(why="a frame of an unknown kind came after the offer")
                elif await self._commit(run.commit):
                    return
        if self._withdrawal is not None:
            await self._accept(self._withdrawal)
            return
        await self._landing.finished()

    async def _taken(self) -> list[Frame]:
        """The next frames. While parts are verified the sender may have nothing to say."""
        while True:
            try:
                return await self._frames.take(STANDSTILL_SECONDS)
            except TimeoutError:
                if not self._landing.is_verifying:
                    raise TransferStalled(seconds=round(STANDSTILL_SECONDS)) from None

    async def _drop_partials(self) -> None:
        with suppress(DatabaseUnavailable):  # Then they go when nobody has changed them for long enough.
            await drop_partials(self._exchange, self._package.envelope.sender.party, self._package.digests)

    async def _await_withdrawal(self) -> None:
        """End the frames when the package is withdrawn while it arrives. With a small one it would not be worth it."""
        with self._exchange.changes.subscribe(self.package_id) as news, suppress(ShuttingDown):
            while self._withdrawal is None and self._watcher is not None:
                with suppress(DatabaseUnavailable):
                    self._withdrawal = (await self._arrival.known(self._package)).answer
                if self._withdrawal is None and self._watcher is not None:
                    await news.wait(LOOK_FOR_WITHDRAWAL_SECONDS)
        self._frames.end()

    async def _want(self, *, resumes: bool) -> None:
        wanted = await self._look()
        sender = self._package.envelope.sender.party
        self._promise = self._exchange.space.promise(sender, self._missing_bytes, resumes=resumes)
        if self._package.size_bytes > self._exchange.limits.inline_limit_bytes:
            await self._arrival.announce(self._package)
            self._watcher = asyncio.create_task(self._await_withdrawal(), name="withdrawal-watcher")
        self._forward = self._begin_forward(self._package)
        for number in range(len(self._package.envelope.parts)):
            self._go_on(number, self._machine.received(number))
        parts = [PartOffset(part=n, attempt=a, offset=o) for n, a, o in wanted]
        await self._answer(TransferResponse(need=Need(parts=parts)))
        for number, _, _ in wanted:
            if self._machine.is_filled(number):
                await self._landing.finish(number)

    async def _look(self) -> list[tuple[int, int, int]]:
        """What of the package is here from before, also from this sender's earlier packages."""
        states = await self._states()
        verified = frozenset(number for number, state in enumerate(states) if state.complete)
        wanted = self._machine.held(
            {n: state.received for n, state in enumerate(states)}, verified | set(self._twins)
        )
        self._movement.transferred_bytes = self._machine.received_bytes
        return wanted

    async def _states(self) -> list[PartState]:
        self._looked = self._exchange.clock()
        parts = self._package.envelope.parts
        return await self._exchange.parts.states(
            [(part_key(self._package, n), part.size_bytes) for n, part in enumerate(parts)]
        )

    async def _require_kept(self) -> None:
        """What was found when the package was offered may be gone if that is long ago and nothing needed it."""
        if self._exchange.clock() - self._looked > self._exchange.retention.grace / 2:
            for number, state in enumerate(await self._states()):
                if not state.complete:
                    raise PartIncomplete(what=f"part {number}")

    async def _write(self, run: Sequence[DataFrame]) -> None:
        """Write consecutive chunks of one part in one go."""
        if self._is_large:
            await self._exchange.right_of_way.give_way()
        needed = [
            frame
            for frame in run
            if self._machine.chunk_received(frame.part, frame.attempt, frame.offset, len(frame.data))
        ]
        if not needed:
            return
        number = needed[0].part
        if self._is_small(number) and needed[0].offset == 0 and self._machine.is_filled(number):
            self._moved()
            await self._landing.put(needed)
            return
        await self._landing.append(needed)
        if self._machine.is_filled(number):
            await self._landing.finish(number)

    def _moved(self) -> None:
        self._movement.transferred_bytes = self._machine.received_bytes
        if self._promise is not None:
            self._promise.change(self._missing_bytes)

    @property
    def _missing_bytes(self) -> int:
        return self._package.size_bytes - self._machine.received_bytes

    async def part_moved(self, number: int, written: int, durable: int) -> None:
        """So much of a part is on the disk."""
        self._moved()
        self._go_on(number, self._machine.received(number))
        await self._answer(self._progress(number, written, durable))

    async def part_is_here(self, number: int) -> None:
        """A part is verified and durable."""
        size = self._size(number)
        self._machine.part_verified(number)
        self._go_on(number, size)
        if not self._is_committing:  # Then the acceptance says it all.
            await self._answer(self._progress(number, size, size))

    async def part_is_wrong(self, number: int, mismatch: DigestMismatch) -> None:
        """A part must come again."""
        self._end_forward()  # The next node has wrong bytes, too, and finds that out by itself.
        attempt = self._machine.part_mismatched(number, mismatch.key.digest.hex())
        self._moved()
        await self._answer(TransferResponse(abort=Abort(part=number, attempt=attempt)))

    def part_failed(self) -> None:
        """No more frames are taken; `run` finds out why."""
        self._frames.end()

    def _progress(self, number: int, written: int, durable: int) -> TransferResponse:
        # Another transfer of the same content may be further; this sender is told of its own bytes only.
        written = min(written, self._machine.received(number))
        return TransferResponse(
            progress=Progress(
                part=number,
                attempt=self._machine.attempt(number),
                written_bytes=written,
                durable_bytes=min(durable, written),
            )
        )

    async def _commit(self, commit: Commit) -> bool:
        """Accept the package; False when a part must come again first."""
        self._is_committing = True
        await self._landing.finished()
        self._is_committing = False
        if not self._machine.check_commit():
            return False
        await self._require_kept()
        with package_span("commit", self._package, SpanKind.INTERNAL):
            evidence = await self._arrival.record(
                self._package,
                self._queued,
                self._begin,
                self._exchange.clock(),
                offered_onwards=self._forward is not None,
                came_along=commit.passed if commit.HasField("passed") else None,
            )
        if self._forward is not None and evidence.kind in CARRIED_BY_ACCEPTANCE:
            self._forward.end()
            self._forward = None
        await self._accept(evidence)
        return True

    def _go_on(self, number: int, written: int) -> None:
        """Let the next node have what is written. Small parts may be held back until they are verified."""
        is_readable = not self._is_small(number) or self._machine.is_verified(number)
        if self._forward is not None and is_readable and number not in self._twins:
            self._forward.arrived(number, written)

    def _end_forward(self) -> None:
        if self._forward is not None:
            self._forward.give_up()
            self._forward = None

    async def _accept(self, evidence: EvidenceRecord) -> None:
        await self._answer(TransferResponse(acceptance=Acceptance(evidence=to_evidence(evidence))))

    def _size(self, number: int) -> int:
        return self._package.envelope.parts[number].size_bytes

    def _is_small(self, number: int) -> bool:
        return self._size(number) <= part_store.SMALL_PART_BYTES

    @property
    def package_id(self) -> str:
        """The package that it takes."""
        return self._package.package_id

    @property
    def is_closed(self) -> bool:
        """Nothing is written any more."""
        return self._ended.is_set()

    async def supersede(self) -> None:
        """Give way to a newer stream for the same package; returns when nothing is written any more."""
        self._superseded = True
        if self._task is not None and not self._ended.is_set():
            self._task.cancel()
        await self._ended.wait()

    def raise_if_superseded(self) -> None:
        """Turn the cancellation that `supersede` sent into StreamSuperseded; others stay what they are."""
        if self._superseded and self._task is not None and not self._task.uncancel():
            raise StreamSuperseded(package_id=self._package.package_id) from None

    async def close(self) -> None:
        """Keep what was received for a later resume, and let go of everything else."""
        self._end_forward()
        if self._watcher is not None:
            self._watcher.cancel()  # Not waited for: it holds nothing, and its database may hang.
            self._watcher = None
        try:
            await self._landing.close()
            if self._withdrawal is not None:
                await self._drop_partials()
        finally:
            if self._promise is not None:
                self._promise.close()
            self._exchange.progress.end(self._package.package_id, self._movement)
            self._ended.set()
