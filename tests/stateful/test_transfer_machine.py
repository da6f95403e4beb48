"""Sender and receiver machines against each other: whatever breaks, is corrupted or delayed, the bytes arrive."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xietong_exchange.domain.errors import DigestMismatch, ProtocolViolation
from xietong_exchange.domain.transfer import MAX_PART_ATTEMPTS, ReceivingTransfer, SendingTransfer, Span

CHUNK, WINDOW, INLINE = 16, 64, 24


@dataclass
class Disk:
    """What the receiver has written; survives a break, as files do."""

    parts: list[bytes]
    written: list[bytearray] = field(init=False)
    verified: set[int] = field(default_factory=set)
    durable_floor: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.written = [bytearray() for _ in self.parts]
        self.durable_floor = [0] * len(self.parts)


@dataclass
class Link:
    """Two queues of frames in flight; a break loses what is in them."""

    up: deque[tuple[object, ...]] = field(default_factory=deque)
    down: deque[tuple[object, ...]] = field(default_factory=deque)


def run(parts: list[bytes], seed: int, breaks: int, corruptions: int) -> Disk:
    """Drive transfers until one is committed; returns the receiver's disk."""
    chance = random.Random(seed)
    disk = Disk(parts)
    while True:
        outcome = converse(
            parts, disk, chance, break_after=chance.randint(1, 60) if breaks else None, bad=corruptions
        )
        if outcome:
            return disk
        breaks -= 1
        corruptions = max(0, corruptions - 1)


def converse(
    parts: list[bytes], disk: Disk, chance: random.Random, *, break_after: int | None, bad: int
) -> bool:
    sizes = [len(part) for part in parts]
    is_here = chance.random() < 0.5
    sender = SendingTransfer(
        sizes, window_bytes=WINDOW, chunk_bytes=CHUNK, inline_bytes=INLINE, is_here=is_here
    )
    here = sizes.copy() if is_here else [0] * len(sizes)
    receiver = ReceivingTransfer(sizes, CHUNK)
    link = Link()
    wanted = receiver.held({n: len(w) for n, w in enumerate(disk.written)}, frozenset(disk.verified))
    link.down.append(("need", wanted))
    for number, _, _ in wanted:
        verify(number, parts, disk, receiver, link)
    for _step in range(10_000):
        if break_after is not None and _step >= break_after:
            return False
        if not is_here and chance.random() < 0.3:
            is_here = arrive(sender, sizes, here, chance)
        if chance.random() < 0.5:
            assert_here(talk(sender, parts, link, chance, bad), here)
        elif link.up and chance.random() < 0.7:
            if hear(link.up.popleft(), parts, disk, receiver, link):
                while link.down:
                    answer(link.down.popleft(), sender)
                assert sender.remaining_bytes == 0
                return True
        elif link.down:
            answer(link.down.popleft(), sender)
        assert under_way(link) <= WINDOW + INLINE
        assert receiver.received_bytes == sum(map(len, disk.written))
    raise AssertionError("the transfer does not end")


def arrive(sender: SendingTransfer, sizes: list[int], here: list[int], chance: random.Random) -> bool:
    """More bytes come to the sender, as to a hub; True when it has all of them and may let the package go."""
    missing = [number for number, size in enumerate(sizes) if here[number] < size]
    if not missing:
        sender.release()
        return True
    number = chance.choice(missing)
    here[number] = min(sizes[number], here[number] + chance.randint(1, 2 * CHUNK))
    sender.arrived(number, here[number])
    return False


def assert_here(span: Span | None, here: list[int]) -> None:
    """Nothing is sent that has not come."""
    assert span is None or span.offset + span.length <= here[span.part]


def talk(
    sender: SendingTransfer, parts: list[bytes], link: Link, chance: random.Random, bad: int
) -> Span | None:
    span = sender.next_span()
    if span is not None:
        data = bytearray(parts[span.part][span.offset : span.offset + span.length])
        if bad and span.attempt == 0 and chance.random() < 0.2:
            data[0] ^= 0xFF
        link.up.append(("chunk", span.part, span.attempt, span.offset, bytes(data)))
    elif sender.take_commit():
        link.up.append(("commit",))
    return span


def hear(
    frame: tuple[object, ...], parts: list[bytes], disk: Disk, receiver: ReceivingTransfer, link: Link
) -> bool:
    if frame[0] == "commit":
        return receiver.check_commit()
    _, number, attempt, offset, data = frame
    assert isinstance(number, int)
    assert isinstance(attempt, int)
    assert isinstance(offset, int)
    assert isinstance(data, bytes)
    if receiver.chunk_received(number, attempt, offset, len(data)):
        disk.written[number] += data[len(disk.written[number]) - offset :]
        link.down.append(("progress", number, attempt, len(disk.written[number])))
        verify(number, parts, disk, receiver, link)
    return False


def verify(number: int, parts: list[bytes], disk: Disk, receiver: ReceivingTransfer, link: Link) -> None:
    if not receiver.is_filled(number):
        return
    if bytes(disk.written[number]) == parts[number]:
        receiver.part_verified(number)
        disk.verified.add(number)
    else:
        attempt = receiver.part_mismatched(number, "00")
        disk.written[number].clear()
        link.down.append(("abort", number, attempt))


def answer(frame: tuple[object, ...], sender: SendingTransfer) -> None:
    if frame[0] == "need":
        sender.need_received(frame[1])  # type: ignore[arg-type]  # frames of this test are loosely typed tuples
    elif frame[0] == "progress":
        sender.progress_received(frame[1], frame[2], frame[3])  # type: ignore[arg-type]  # as above
    else:
        sender.abort_received(frame[1], frame[2])  # type: ignore[arg-type]  # as above


def under_way(link: Link) -> int:
    return sum(len(bytes(frame[4])) for frame in link.up if frame[0] == "chunk")  # type: ignore[call-overload,misc]  # as above


@settings(max_examples=300, deadline=None)
@given(
    parts=st.lists(st.binary(max_size=200), min_size=1, max_size=5),
    seed=st.integers(0, 2**32),
    breaks=st.integers(0, 6),
    corruptions=st.integers(0, 2),
)
def test_all_bytes_arrive_whatever_breaks(
    parts: list[bytes], seed: int, breaks: int, corruptions: int
) -> None:
    disk = run(parts, seed, breaks, corruptions)
    assert [bytes(written) for written in disk.written] == parts
    assert disk.verified == set(range(len(parts)))


def test_a_sender_whose_own_copy_is_wrong_is_told_after_some_attempts() -> None:
    receiver = ReceivingTransfer([4], CHUNK)
    receiver.held({}, frozenset())
    for attempt in range(MAX_PART_ATTEMPTS - 1):
        assert receiver.chunk_received(0, attempt, 0, 4)
        assert receiver.part_mismatched(0, "00") == attempt + 1
    assert receiver.chunk_received(0, MAX_PART_ATTEMPTS - 1, 0, 4)
    with pytest.raises(DigestMismatch, match="00"):
        receiver.part_mismatched(0, "00")


def test_a_receiver_that_wants_a_part_twice_is_not_obeyed() -> None:
    sender = SendingTransfer([4, 4], window_bytes=WINDOW, chunk_bytes=CHUNK, inline_bytes=0)
    with pytest.raises(ProtocolViolation):
        sender.need_received([(0, 0, 0), (1, 0, 0), (0, 0, 0)])
