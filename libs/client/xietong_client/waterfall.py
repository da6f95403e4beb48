"""The way of a package as a waterfall, from the stage times that its evidence carries; no collector is needed.

Each node states times by its own clock. What the order of events forbids is not drawn: a node whose clock is behind is
moved forward by the least that makes its evidence follow that of the node before it, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind, StageTime, Statement
from xietong.exchange.v1.package_pb2 import Package
from xietong_client.packages import envelope_of, statements_of

SEALED = "sealed"
"""The bar that stands for the sender's node where its own evidence is not known: it travels towards the sender."""
AT_RECEIVER = frozenset({"handover", "outcome"})
"""Stages after the delivery; they last as long as people take, the others as long as machines do."""
_ZERO = timedelta(0)
_WAY = frozenset(
    {
        EvidenceKind.EVIDENCE_KIND_SUBMITTED,
        EvidenceKind.EVIDENCE_KIND_RELAYED,
        EvidenceKind.EVIDENCE_KIND_DELIVERED,
    }
)


@dataclass(frozen=True, slots=True)
class Bar:
    """One stage, or one event that closes none.

    Attributes:
        party: Whose node states it.
        stage: Name of the stage (see the contract's `StageTime`); empty for an event.
        kind: The evidence that tells of it.
        start: When it began, on the common scale.
        end: When it ended; the same instant for an event.
        clamped: Its times contradicted each other or the order of events: they are drawn as far as possible.
    """

    party: Party.ValueType
    stage: str
    kind: EvidenceKind.ValueType
    start: datetime
    end: datetime
    clamped: bool = False

    @property
    def duration(self) -> timedelta:
        """How long it took; never negative."""
        return self.end - self.start

    @property
    def is_at_receiver(self) -> bool:
        """Whether it lies behind the delivery."""
        return self.stage in AT_RECEIVER or (
            not self.stage and self.kind > EvidenceKind.EVIDENCE_KIND_DELIVERED
        )


@dataclass(frozen=True, slots=True)
class Waterfall:
    """All that a node knows of the way of a package.

    Attributes:
        bars: In the order of the way.
        behind: By how much, at least, the clock of a party is behind that of the nodes before it.
    """

    bars: tuple[Bar, ...]
    behind: dict[Party.ValueType, timedelta]

    @property
    def start(self) -> datetime:
        """When the first bar begins."""
        return min(bar.start for bar in self.bars)

    @property
    def end(self) -> datetime:
        """When the last bar ends."""
        return max(bar.end for bar in self.bars)


@dataclass(slots=True)
class _Clocks:
    """What each party's times have to be moved by, and how far the package has come."""

    ended: datetime
    """When the last state was reached: the next one is not reached before."""
    begun: datetime
    """Before then the next hop did not begin. It may begin before the hop before it ends (cut-through)."""
    moved: dict[Party.ValueType, timedelta] = field(default_factory=dict)

    def at(self, party: Party.ValueType, time: Timestamp) -> datetime:
        return time.ToDatetime(UTC) + self.moved.get(party, _ZERO)

    def follow(self, statement: Statement) -> None:
        """Take the next statement of the way: its party's clock is moved if it contradicts what was before."""
        party = statement.stated_by
        began = _began(statement)
        late = max(self.ended - self.at(party, statement.event_time), self.begun - self.at(party, began))
        if late > _ZERO:
            self.moved[party] = self.moved.get(party, _ZERO) + late
        self.ended, self.begun = self.at(party, statement.event_time), self.at(party, began)


def _began(statement: Statement) -> Timestamp:
    """When the stating node began with what it states, by its own clock."""
    own = [stage.start_time for stage in statement.stages if stage.stage == "transfer"]
    return own[0] if own else statement.event_time


def waterfall_of(package: Package) -> Waterfall:
    """The waterfall of a package with its evidence, as GetPackage, GetTransit and the watch give it.

    Raises:
        google.protobuf.message.DecodeError: the envelope or a statement is damaged.
    """
    envelope = envelope_of(package)
    statements = sorted(statements_of(package), key=_place_on_the_way)
    origin, before = _origin(statements, envelope.create_time), envelope.sender.party
    clocks, bars = _Clocks(origin, origin), list[Bar]()
    if not any(one.kind == EvidenceKind.EVIDENCE_KIND_SUBMITTED for one in statements):
        bars.append(Bar(before, SEALED, EvidenceKind.EVIDENCE_KIND_SUBMITTED, origin, origin))
    for one in statements:
        if one.kind in _WAY or one.stated_by == envelope.receiver.party:
            clocks.follow(one)
        bars.extend(_bars(one, clocks, before, origin))
        if one.kind in _WAY:
            before = one.stated_by
    return Waterfall(tuple(bars), dict(clocks.moved))


def _place_on_the_way(statement: Statement) -> int:
    """Hops and states in the order of the way; what else happened stays behind what was known when it came."""
    known = EvidenceKind.values()
    return known.index(statement.kind) if statement.kind in known else len(known)


def _origin(statements: Iterable[Statement], create_time: Timestamp) -> datetime:
    """When the sender began, by its own clock."""
    submitted = (one for one in statements if one.kind == EvidenceKind.EVIDENCE_KIND_SUBMITTED)
    times = [stage.start_time for one in submitted for stage in one.stages]
    return min((time.ToDatetime(UTC) for time in times), default=create_time.ToDatetime(UTC))


def _bars(statement: Statement, clocks: _Clocks, before: Party.ValueType, origin: datetime) -> Iterator[Bar]:
    party, kind = statement.stated_by, statement.kind
    if not statement.stages:
        time = clocks.at(party, statement.event_time)
        yield Bar(party, "", kind, max(time, origin), max(time, origin), clamped=time < origin)
    for stage in statement.stages:
        start, end, clamped = _times(stage, clocks, party, before, origin)
        yield Bar(party, stage.stage, kind, start, end, clamped)


def _times(
    stage: StageTime, clocks: _Clocks, party: Party.ValueType, before: Party.ValueType, origin: datetime
) -> tuple[datetime, datetime, bool]:
    """Begin and end, never before the origin and never the wrong way round, and whether that changed them."""
    begin = clocks.at(before if stage.stage == "queue" else party, stage.start_time)
    end = clocks.at(party, stage.end_time)
    start = max(begin, origin)
    finish = max(end, start)
    return start, finish, (start, finish) != (begin, end)
