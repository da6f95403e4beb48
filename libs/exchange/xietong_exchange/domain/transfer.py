"""The transfer machines: which bytes a sender may send next, and what a receiver may take.

Both are pure: they are told what happened and say what to do. Sizes and offsets are bytes.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xietong_exchange.domain.errors import (
    ChunkBeyondSize,
    ChunkOutOfOrder,
    CommitTooEarly,
    DigestMismatch,
    FrameTooLarge,
    ProtocolViolation,
    UnknownPart,
)

MAX_PART_ATTEMPTS = 3
"""After so many attempts with a wrong digest the fault lies with the sender's own copy; no more is tried."""


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a part that are to be sent next."""

    part: int
    attempt: int
    offset: int
    length: int


@dataclass(slots=True)
class _Outgoing:
    size: int
    here: int
    attempt: int = 0
    sent: int = 0
    written: int = 0
    is_wanted: bool = False


class SendingTransfer:
    """The sender's side of one transfer: keeps within the credit window and follows `Need`, `Progress` and `Abort`.

    A hub begins to send before it has the package: `arrived` tells what is here, `release` that it is whole.

    A package may have 10,000 parts: sums over them are carried on, not made anew for every chunk.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        window_bytes: int,
        chunk_bytes: int,
        inline_bytes: int,
        is_here: bool = True,
    ) -> None:
        self._parts = [_Outgoing(size, size if is_here else 0) for size in sizes]
        self._released = is_here
        self._window = window_bytes
        self._chunk = min(chunk_bytes, window_bytes)
        self._wanted: list[int] | None = None
        self._inline = self._choose_inline(inline_bytes)
        self._first = 0
        """Position among the parts that are due, before which all bytes are sent."""
        self._under_way = 0
        self._remaining = 0
        self._committed = False

    def _choose_inline(self, limit: int) -> list[int]:
        """The first parts that fit into the inline limit, each in one chunk."""
        chosen, total = [], 0
        for number, part in enumerate(self._parts):
            total += part.size
            if total > limit or part.size > self._chunk:
                break
            chosen.append(number)
        return chosen

    def need_received(self, wanted: Sequence[tuple[int, int, int]]) -> None:
        """The receiver wants these parts: (part, attempt, offset). What is not listed it has."""
        if len({number for number, _, _ in wanted}) < len(wanted):
            raise ProtocolViolation(why="the receiver wants a part twice")
        self._wanted = []
        for part in self._parts:
            part.is_wanted = False
        for number, attempt, offset in wanted:
            part = self._part(number)
            if offset > part.size:
                raise ProtocolViolation(why=f"the receiver wants part {number} from beyond its end")
            sent_inline = (
                attempt == part.attempt and number < len(self._inline) and part.sent == part.size
            )  # inline are the first ones
            part.attempt, part.written, part.is_wanted = attempt, offset, True
            if not sent_inline:
                part.sent = offset
            self._wanted.append(number)
        self._count()

    def _count(self) -> None:
        wanted = [self._parts[number] for number in self._wanted or ()]
        self._first = 0
        self._under_way = sum(part.sent - part.written for part in wanted)
        self._remaining = sum(part.size - part.written for part in wanted)

    def progress_received(self, number: int, attempt: int, written: int) -> None:
        """The receiver has written so much of a part. Progress of an older attempt says nothing."""
        part = self._part(number)
        if attempt != part.attempt:
            return
        if not part.written <= written <= part.sent:
            raise ProtocolViolation(why=f"the receiver acknowledges {written} bytes of part {number}")
        if part.is_wanted:
            self._under_way -= written - part.written
            self._remaining -= written - part.written
        part.written = written

    def abort_received(self, number: int, attempt: int) -> None:
        """The part begins anew. A commit that was sent before no longer counts."""
        part = self._part(number)
        part.attempt, part.sent, part.written = attempt, 0, 0
        self._committed = False
        self._count()

    def arrived(self, number: int, here: int) -> None:
        """So much of a part can be sent."""
        self._parts[number].here = here

    def here(self, number: int) -> int:
        """So much of a part can be sent."""
        return self._parts[number].here

    def release(self) -> None:
        """This node holds the whole package itself: `Commit` may follow the last byte."""
        self._released = True
        for part in self._parts:
            part.here = part.size

    def next_span(self) -> Span | None:
        """What to send next; None while the window is full, before `Need`, or when all that is here is sent."""
        self._pass_over_sent()
        for number in itertools.islice(self._due, self._first, None):
            part = self._parts[number]
            if part.sent < part.size and self._chunk_length(part) <= part.here - part.sent:
                return self._cut(number, part)
        return None

    @property
    def _due(self) -> list[int]:
        return self._inline if self._wanted is None else self._wanted

    def _pass_over_sent(self) -> None:
        due = self._due
        while (
            self._first < len(due)
            and self._parts[due[self._first]].sent == self._parts[due[self._first]].size
        ):
            self._first += 1

    def _chunk_length(self, part: _Outgoing) -> int:
        """Chunks are whole ones, also when bytes come in drops; the last one is the rest."""
        return min(self._chunk, part.size - part.sent)

    def _cut(self, number: int, part: _Outgoing) -> Span | None:
        length = self._chunk_length(part)
        if self._wanted is not None:
            if self._under_way + length > self._window:
                return None
            self._under_way += length
        span = Span(number, part.attempt, part.sent, length)
        part.sent += length
        return span

    def take_commit(self) -> bool:
        """True exactly once when everything is sent and `Commit` is due; a wholly inline package needs no `Need`."""
        if (
            self._committed
            or not self._released
            or (self._wanted is None and len(self._inline) < len(self._parts))
        ):
            return False
        self._pass_over_sent()
        if self._first < len(self._due):
            return False
        self._committed = True
        return True

    @property
    def awaits_answer(self) -> bool:
        """The receiver owes an answer: to the offer, to bytes that are under way, or to the commit."""
        return self._wanted is None or self._committed or self._under_way > 0

    @property
    def remaining_bytes(self) -> int:
        """Bytes that the receiver has not acknowledged as written."""
        return self._remaining

    def _part(self, number: int) -> _Outgoing:
        if not 0 <= number < len(self._parts):
            raise ProtocolViolation(why=f"the receiver names part {number}, which the envelope does not list")
        return self._parts[number]


@dataclass(slots=True)
class _Incoming:
    size: int
    attempt: int = 0
    received: int = 0
    verified: bool = False


@dataclass(slots=True)
class ReceivingTransfer:
    """The receiver's side of one transfer: checks every chunk against what is there."""

    sizes: Sequence[int]
    max_chunk_bytes: int
    received_bytes: int = field(default=0, init=False)
    """Bytes of all parts that are there."""
    _parts: list[_Incoming] = field(init=False)

    def __post_init__(self) -> None:
        self._parts = [_Incoming(size) for size in self.sizes]

    def held(self, received: Mapping[int, int], verified: frozenset[int]) -> list[tuple[int, int, int]]:
        """What is there from before; returns what is wanted: (part, attempt, offset)."""
        for number, part in enumerate(self._parts):
            part.verified = number in verified
            part.received = part.size if part.verified else received.get(number, 0)
        self.received_bytes = sum(part.received for part in self._parts)
        return [(n, part.attempt, part.received) for n, part in enumerate(self._parts) if not part.verified]

    def chunk_received(self, number: int, attempt: int, offset: int, length: int) -> bool:
        """True when something of the chunk is needed; False for what is there already or belongs to an old attempt.

        Raises:
            UnknownPart, FrameTooLarge, ChunkBeyondSize, ChunkOutOfOrder: the sender broke the contract.
        """
        part = self._part(number)
        if length > self.max_chunk_bytes:
            raise FrameTooLarge(size=length, limit=self.max_chunk_bytes)
        if offset + length > part.size:
            raise ChunkBeyondSize(part=number, end=offset + length, size=part.size)
        if attempt < part.attempt or part.verified or offset + length <= part.received:
            return False
        if offset > part.received or attempt > part.attempt:
            raise ChunkOutOfOrder(part=number, offset=offset, expected=part.received)
        self.received_bytes += offset + length - part.received
        part.received = offset + length
        return True

    def is_filled(self, number: int) -> bool:
        """All bytes are there and wait to be verified."""
        part = self._part(number)
        return part.received == part.size and not part.verified

    def is_verified(self, number: int) -> bool:
        """The part is complete, verified and durable."""
        return self._part(number).verified

    def part_verified(self, number: int) -> None:
        """The part is complete, verified and durable."""
        self._part(number).verified = True

    def part_mismatched(self, number: int, digest: str) -> int:
        """The content has another digest: returns the new attempt, which begins at 0.

        Raises:
            DigestMismatch: it happened too often; the sender's own copy must be wrong.
        """
        part = self._part(number)
        self.received_bytes -= part.received
        part.attempt, part.received = part.attempt + 1, 0
        if part.attempt >= MAX_PART_ATTEMPTS:
            raise DigestMismatch(digest=digest)
        return part.attempt

    def check_commit(self) -> bool:
        """True when every part is verified; False when an aborted part is on its way again.

        Raises:
            CommitTooEarly: bytes are missing that were never sent.
        """
        for number, part in enumerate(self._parts):
            if part.verified:
                continue
            if part.attempt > 0:
                return False
            raise CommitTooEarly(part=number, received=part.received, size=part.size)
        return True

    def attempt(self, number: int) -> int:
        """The attempt that is under way."""
        return self._part(number).attempt

    def received(self, number: int) -> int:
        """Bytes of a part that this sender knows to be here."""
        return self._part(number).received

    def _part(self, number: int) -> _Incoming:
        if not 0 <= number < len(self._parts):
            raise UnknownPart(part=number)
        return self._parts[number]
