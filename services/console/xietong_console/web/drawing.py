"""Draws the way of a package: bars on two scales, because machines take moments and people take days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.package_pb2 import Package
from xietong_client.labels import EVIDENCE_KINDS, STAGES
from xietong_client.text import NO_TEXT, Text
from xietong_client.waterfall import SEALED, Bar, waterfall_of

SCALE = 1000
"""Units from the beginning of a scale to its end."""
_LEAST = 4
"""So wide is what took no time, so that it is seen."""


@dataclass(frozen=True, slots=True)
class DrawnBar:
    """One row: whose node, what, from where to where on the scale, and how long; None for an event."""

    party: Party.ValueType
    word: Text
    begin: int
    width: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Drawing:
    """The way to the receiver's node, what came after it, and by how many seconds clocks are behind."""

    way: Sequence[DrawnBar]
    received: Sequence[DrawnBar]
    behind: Sequence[tuple[Party.ValueType, float]]


def drawing_of(package: Package) -> Drawing:
    """What the evidence of a package tells. Raises DecodeError for what nobody can read."""
    waterfall = waterfall_of(package)
    way = [bar for bar in waterfall.bars if not bar.is_at_receiver]
    received = [bar for bar in waterfall.bars if bar.is_at_receiver]
    behind = [(party, late.total_seconds()) for party, late in waterfall.behind.items()]
    return Drawing(_drawn(way), _drawn(received), behind)


def _drawn(bars: Sequence[Bar]) -> Sequence[DrawnBar]:
    if not bars:
        return ()
    begin = min(bar.start for bar in bars)
    whole = max(bar.end for bar in bars) - begin or timedelta(microseconds=1)
    return [_bar(bar, (bar.start - begin) / whole, bar.duration / whole) for bar in bars]


def _bar(bar: Bar, begin: float, share: float) -> DrawnBar:
    width = max(round(share * SCALE), _LEAST)
    word = STAGES.get(bar.stage) or EVIDENCE_KINDS.get(bar.kind, NO_TEXT)
    lasts = bar.stage in STAGES and bar.stage != SEALED
    seconds = bar.duration.total_seconds() if lasts else None
    return DrawnBar(bar.party, word, min(round(begin * SCALE), SCALE - width), width, seconds)
