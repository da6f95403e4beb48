"""The rows of the result, as JSON for machines and as Markdown for people."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from bench.machine import Machine
from bench.pairing import Estimate, paired_ratios

Of = Literal["ours", "ratio"]


@dataclass(frozen=True, slots=True)
class Target:
    """What ours, or the ratio of ours to the peer's, should reach."""

    of: Of
    relation: Literal["≥", "≤"]
    bound: float

    def met_by(self, value: float) -> bool:
        """Whether this value reaches it."""
        return value >= self.bound if self.relation == "≥" else value <= self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeUse:
    """What a node used for this row's work."""

    node: str
    cpu: float
    database_cpu: float
    cpu_unit: str
    idle_mib: float
    growth_mib: float
    """Highest resident memory above the idle one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    work: str
    unit: str
    ours: float
    peer: str = ""
    peer_value: float | None = None
    ratio: float | None = None
    """The median of ours by the peer's, round by round."""
    interval: tuple[float, float]
    interval_of: Of
    confidence: float
    samples: int
    """Rounds, or packages, that the interval rests on."""
    target: str = ""
    met: bool | None = None
    """None without a target, and when there was nothing to compare with."""
    nodes: Sequence[NodeUse] = ()
    note: str = ""

    @classmethod
    def alone(
        cls,
        work: str,
        unit: str,
        ours: Sequence[float],
        *,
        target: Target | None = None,
        estimate: Estimate | None = None,
        nodes: Sequence[NodeUse] = (),
        note: str = "",
    ) -> Row:
        """A row without a peer. `estimate` where ours is another figure than the median."""
        found = estimate or Estimate.of(ours)
        judged = target is not None and target.of == "ours"
        return cls(
            work=work,
            unit=unit,
            ours=found.median,
            interval=(found.low, found.high),
            interval_of="ours",
            confidence=found.confidence,
            samples=found.count,
            target=_shown_target(target, unit),
            met=target.met_by(found.median) if target is not None and judged else None,
            nodes=nodes,
            note=note,
        )

    @classmethod
    def paired(
        cls,
        work: str,
        unit: str,
        ours: Sequence[float],
        peer: str,
        theirs: Sequence[float],
        *,
        target: Target,
        nodes: Sequence[NodeUse] = (),
        note: str = "",
    ) -> Row:
        """A row of pairs of the same rounds."""
        mine, other = Estimate.of(ours), Estimate.of(theirs)
        ratio = Estimate.of(paired_ratios(ours, theirs))
        return cls(
            work=work,
            unit=unit,
            ours=mine.median,
            peer=peer,
            peer_value=other.median,
            ratio=ratio.median,
            interval=(ratio.low, ratio.high),
            interval_of="ratio",
            confidence=ratio.confidence,
            samples=ratio.count,
            target=_shown_target(target, unit),
            met=target.met_by(ratio.median if target.of == "ratio" else mine.median),
            nodes=nodes,
            note=note,
        )


def _shown_target(target: Target | None, unit: str) -> str:
    if target is None:
        return ""
    return f"{target.relation} {target.bound:g} {'×' if target.of == 'ratio' else unit}"


@dataclass(slots=True)
class Report:
    """All of a run."""

    quick: bool
    machine: Machine
    begin_time: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    load_after: float = 0.0
    rows: list[Row] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    """What was not measured or not compared, and why."""

    def write(self, folder: Path) -> None:
        """`latest.json` and `latest.md` in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        content = json.dumps(asdict(self), indent=2, ensure_ascii=False)
        (folder / "latest.json").write_text(content + "\n", encoding="utf-8")
        (folder / "latest.md").write_text(self.markdown(), encoding="utf-8")

    def markdown(self) -> str:
        """The tables."""
        sections = [self._facts(), _table(_HEAD, map(_cells, self.rows)), _EXPLANATION]
        uses = [(row, use) for row in self.rows for use in row.nodes]
        if uses:
            sections.append(_table(_USE_HEAD, (_use_cells(row, use) for row, use in uses)))
        notes = [f"- {row.work}: {row.note}" for row in self.rows if row.note]
        notes += [f"- **{work}: {reason}**" for work, reason in self.skipped.items()]
        return "\n\n".join([*sections, *(["\n".join(notes)] if notes else [])]) + "\n"

    def _facts(self) -> str:
        one = self.machine
        return (
            f"{self.begin_time}, {'quick' if self.quick else 'full'} run · {one.cpu}, {one.cores} cores, "
            f"{one.memory_gib:.0f} GiB · Linux {one.kernel} · disk {one.disk_mib_per_second:.0f} MiB/s written and "
            f"synced, {one.disk_sync_ms:.2f} ms per synced write · load {one.load_before:.1f} before, "
            f"{self.load_after:.1f} after"
        )


_HEAD = ("work", "ours", "peer", "ratio", "interval", "target", "met")
_USE_HEAD = ("work", "node", "CPU", "its database's CPU", "memory idle", "growth at most")
_EXPLANATION = (
    "Each value is a median, each ratio the median of ours / peer's of the same round. Intervals are order "
    "statistics (sign test): of the ratio where there is a peer, else of ours."
)


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = (head, ["---"] * len(head), *lines)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def _cells(row: Row) -> Sequence[str]:
    low, high = row.interval
    return (
        row.work,
        f"{_number(row.ours)} {row.unit}",
        "" if row.peer_value is None else f"{_number(row.peer_value)} {row.unit} ({row.peer})",
        "" if row.ratio is None else f"{_number(row.ratio)} ×",
        f"{_number(low)} … {_number(high)} ({row.confidence:.0%} of {row.samples})",
        row.target,
        {True: "yes", False: "**no**", None: ""}[row.met],
    )


def _use_cells(row: Row, use: NodeUse) -> Sequence[str]:
    return (
        row.work,
        use.node,
        f"{_number(use.cpu)} {use.cpu_unit}",
        f"{_number(use.database_cpu)} {use.cpu_unit}",
        f"{use.idle_mib:.0f} MiB",
        f"{use.growth_mib:.0f} MiB",
    )


def _number(value: float) -> str:
    """Three digits that count."""
    if value == 0:
        return "0"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
