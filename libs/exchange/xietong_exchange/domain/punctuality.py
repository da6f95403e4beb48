"""The arrival clock: how punctual a package is, by what is expected of its way and when something last moved.

Pure: the time is an argument. A package is due to be parsed by its receiver a fixed time after its submit; until then
it is measured against what packages of its size recently took.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto

from xietong.exchange.v1.package_pb2 import DeliveryState as State
from xietong_exchange.domain.delivery import FINAL

ON_ITS_WAY = frozenset(
    {State.DELIVERY_STATE_SUBMITTED, State.DELIVERY_STATE_RELAYED, State.DELIVERY_STATE_FAILED}
)
"""The receiver's node does not hold it."""
UNPARSED = ON_ITS_WAY | {State.DELIVERY_STATE_DELIVERED, State.DELIVERY_STATE_RETRIEVED}
"""There is no evidence yet that the receiver's system parsed it."""


class Punctuality(Enum):
    """How punctual a package is; `ARRIVED`: it was parsed, or has an outcome."""

    ON_TIME = auto()
    SLOW = auto()
    STALLED = auto()
    OVERDUE = auto()
    ARRIVED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long may pass before somebody is told; `processes` have times of their own."""

    standstill: timedelta = timedelta(minutes=3)
    fetch: timedelta = timedelta(minutes=15)
    parse: timedelta = timedelta(hours=2.5)
    decide: timedelta | None = None
    slow_factor: float = 2.0
    escalate: timedelta = timedelta(minutes=30)
    processes: Mapping[str, tuple[timedelta | None, timedelta | None]] = field(default_factory=dict)
    """By process: the time to parse and the time to decide, where they differ."""

    def parse_of(self, process_code: str) -> timedelta:
        """Time from the submit until the receiver has to have parsed a package of this process."""
        return self.processes.get(process_code, (None, None))[0] or self.parse

    def decide_of(self, process_code: str) -> timedelta | None:
        """Time from then until somebody has to have decided on it; None: no limit."""
        return self.processes.get(process_code, (None, None))[1] or self.decide


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """What is known of a package's way at one moment."""

    process_code: str
    state: State.ValueType
    state_time: datetime
    submit_time: datetime
    moved_time: datetime
    """When bytes of it last moved, or its state changed."""
    expected: timedelta | None
    """What its whole way is expected to take; None when that is not known."""
    is_watched: bool = True
    """Whether this node would see its bytes move; otherwise it may be moving elsewhere."""


def punctuality(journey: Journey, patience: Patience, now: datetime) -> Punctuality:
    """How punctual the package is now. A clock that runs behind makes nothing late."""
    if journey.state in FINAL or journey.state not in UNPARSED:
        return Punctuality.ARRIVED
    if now >= journey.submit_time + patience.parse_of(journey.process_code):
        return Punctuality.OVERDUE
    if now - journey.moved_time >= _bearable(journey, patience):
        return Punctuality.STALLED
    if journey.state in ON_ITS_WAY and _is_slow(journey, patience, now):
        return Punctuality.SLOW
    return Punctuality.ON_TIME


def _bearable(journey: Journey, patience: Patience) -> timedelta:
    """How long nothing may move."""
    if journey.state not in ON_ITS_WAY:
        return patience.fetch
    if journey.is_watched or journey.expected is None:
        return patience.standstill
    return patience.standstill + journey.expected * patience.slow_factor


def _is_slow(journey: Journey, patience: Patience, now: datetime) -> bool:
    if journey.expected is None:
        return False
    return now - journey.submit_time >= journey.expected * patience.slow_factor + patience.standstill


def is_undecided_for_long(journey: Journey, patience: Patience, now: datetime) -> bool:
    """Whether a parsed package waits for its handler longer than is allowed."""
    limit = patience.decide_of(journey.process_code)
    is_parsed = journey.state == State.DELIVERY_STATE_PARSED
    return limit is not None and is_parsed and now - journey.state_time >= limit
