"""When a package will arrive: what recent packages took on their way, and the estimate that rests on it.

Pure: observations and the time are arguments. Where nothing was observed nothing is estimated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind, StageTime, Statement

HALF_LIFE = timedelta(hours=1)
"""After so long an observation counts half."""
RECENT = timedelta(days=7)
"""What is older says nothing about today's lines."""
_RELAYED, _DELIVERED = EvidenceKind.EVIDENCE_KIND_RELAYED, EvidenceKind.EVIDENCE_KIND_DELIVERED


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A package that reached its receiver's node."""

    receiver: Party.ValueType
    lane: Lane.ValueType
    size_bytes: int
    seconds: float
    """From the first byte until the receiver's node held it, without the time in queues."""
    begin: datetime
    end: datetime
    """The same over the hop next to the observing node, by one clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An estimate, and what it rests on."""

    seconds: float
    """From now until the receiver's node holds the package."""
    bytes_per_second: int
    """What single packages made on their whole way."""
    observed: int
    same_receiver: bool


@dataclass(frozen=True, slots=True)
class _Hop:
    begin: datetime
    end: datetime
    waited: bool
    """Whether it began only when the node before held the whole package."""

    @property
    def seconds(self) -> float:
        return (self.end - self.begin).total_seconds()


def passage_of(
    statements: Iterable[Statement], *, size_bytes: int, receiver: Party.ValueType, lane: Lane.ValueType
) -> Passage | None:
    """The way of a package by what its hub and its receiver stated; None unless both told the times of their hop.

    Each hop is measured by its own clock; hops that overlapped (cut-through) took as long as the longer one.
    """
    hops = {one.kind: _hop(one.stages) for one in statements if one.kind in {_RELAYED, _DELIVERED}}
    first, last = hops.get(_RELAYED), hops.get(_DELIVERED)
    if first is None or last is None:
        return None
    way = first.seconds + last.seconds if last.waited else max(first.seconds, last.seconds)
    return Passage(
        receiver=receiver,
        lane=lane,
        size_bytes=size_bytes,
        seconds=max(way, 0.001),
        begin=first.begin,
        end=first.end,
    )


def _hop(stages: Iterable[StageTime]) -> _Hop | None:
    by_name = {one.stage: one for one in stages}
    transfer, commit = by_name.get("transfer"), by_name.get("commit")
    if transfer is None or commit is None:
        return None
    return _Hop(_time(transfer.start_time), _time(commit.end_time), "queue" in by_name)


def _time(moment: Timestamp) -> datetime:
    return moment.ToDatetime(tzinfo=UTC)


def expected_arrival(
    passages: Sequence[Passage],
    *,
    receiver: Party.ValueType,
    lane: Lane.ValueType,
    size_bytes: int,
    bytes_ahead: int,
    now: datetime,
) -> Arrival | None:
    """When a package will arrive that is sent now; None when nothing in its lane arrived recently.

    What waits before it goes as fast as the lane did; itself it goes as fast as single packages did, those to the same
    receiver where there are any, and never faster than a smaller one ever did.
    """
    in_lane = [one for one in passages if one.lane == lane and one.end > now - RECENT]
    if not in_lane:
        return None
    same = [one for one in in_lane if one.receiver == receiver]
    shown = same or in_lane
    weights = [0.5 ** ((now - one.end) / HALF_LIFE) for one in shown]
    moved = sum(weight * one.size_bytes for weight, one in zip(weights, shown, strict=True))
    took = sum(weight * one.seconds for weight, one in zip(weights, shown, strict=True))
    rate = max(moved / took, 1.0)
    least = min((one.seconds for one in shown if one.size_bytes <= size_bytes), default=0.0)
    own = max(size_bytes / rate, least, 0.001)
    return Arrival(
        seconds=bytes_ahead / _lane_rate(in_lane) + own,
        bytes_per_second=round(rate),
        observed=len(shown),
        same_receiver=bool(same),
    )


def _lane_rate(passages: Sequence[Passage]) -> float:
    """Bytes per second while anything moved: packages that moved at the same time share the seconds."""
    busy, until = 0.0, datetime.min.replace(tzinfo=UTC)
    for one in sorted(passages, key=lambda passage: passage.begin):
        busy += max((one.end - max(one.begin, until)).total_seconds(), 0.0)
        until = max(until, one.end)
    return max(sum(one.size_bytes for one in passages) / max(busy, 0.001), 1.0)
