"""The result of a run: one line per package, as a table and as `report.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from rich import box
from rich.console import Console, JustifyMethod
from rich.measure import Measurement
from rich.table import Table

from xietong_client import FINAL_STATES
from xietong_client.labels import state_name
from xietong_demo.following import way_of
from xietong_demo.story import Step
from xietong_system_desk.records import SendRecord, SentPackage

_FINAL_KINDS = frozenset(map(state_name, FINAL_STATES))
"""The evidence of an outcome has the name of the state to which it leads."""
_KEYS = {"sender": "from", "receiver": "to"}
_COLUMNS: tuple[tuple[str, str, JustifyMethod], ...] = (
    ("文件夹", "folder (process)", "left"),
    ("从", "from", "left"),
    ("至", "to", "left"),
    ("字节", "size", "right"),
    ("件", "parts", "right"),
    ("跳", "hops", "right"),
    ("状态", "state", "left"),
    ("秒", "seconds", "right"),
    ("跟踪号", "trace id", "left"),
    ("一致", "equal", "center"),
)
# Which columns stand below each other: all on one line, or in 80 characters.
_ONE_LINE = tuple((at,) for at in range(len(_COLUMNS)))
_TWO_LINES = ((0, 8), (1, 2), (3, 7), (4, 5), (6, 9))
_UNBOUNDED_CHARS = 1_000


@dataclass(frozen=True, slots=True)
class PackageLine:
    """What is told about one package."""

    package_id: str
    folder: str
    process: str
    sender: str
    receiver: str
    size_bytes: int
    parts: int
    hops: int
    state: str
    seconds: float
    trace_id: str
    seal: str
    bytes_equal: bool

    @classmethod
    def of(cls, step: Step, record: SendRecord, package: SentPackage, *, bytes_equal: bool) -> PackageLine:
        """The line of a step that has come to its end."""
        sender, receiver = way_of(step)
        return cls(
            package_id=package.package_id,
            folder=step.name,
            process=record.process,
            sender=sender,
            receiver=receiver,
            size_bytes=package.size_bytes,
            parts=package.parts,
            hops=_hops(package),
            state=package.state,
            seconds=_seconds(record, package),
            trace_id=package.trace_id,
            seal=package.seal,
            bytes_equal=bytes_equal,
        )

    def as_json(self) -> dict[str, object]:
        """With the keys of the report."""
        return {_KEYS.get(name, name): value for name, value in asdict(self).items()}


def write_report(path: Path, lines: Sequence[PackageLine], faults: Sequence[str], seconds: float) -> None:
    """Writes the report. `ok` means that there are no faults; a fault says what went wrong, and where."""
    content = {
        "ok": not faults,
        "seconds": round(seconds, 1),
        "faults": list(faults),
        "packages": [line.as_json() for line in lines],
    }
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def print_table(console: Console, lines: Sequence[PackageLine]) -> None:
    """Prints one line per package; two where the console is too narrow, so that nothing is folded or cut."""
    table = _table(lines, _ONE_LINE)
    unbounded = console.options.update_width(_UNBOUNDED_CHARS)
    if Measurement.get(console, unbounded, table).maximum > console.width:
        table = _table(lines, _TWO_LINES)
    console.print(table)


def _table(lines: Sequence[PackageLine], layout: Sequence[tuple[int, ...]]) -> Table:
    """The table with several values below each other in a column, as the layout says."""
    table = Table(title="数据包 / packages", box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    for stack in layout:
        between = "\n" if len(stack) == 1 else " "
        header = "\n".join(f"{_COLUMNS[at][0]}{between}{_COLUMNS[at][1]}" for at in stack)
        table.add_column(header, justify=_COLUMNS[stack[0]][2], overflow="fold")
    for line in lines:
        values = _values(line)
        table.add_row(*("\n".join(values[at] for at in stack) for stack in layout))
    return table


def _values(line: PackageLine) -> tuple[str, ...]:
    """The values of a line, in the order of the columns."""
    return (
        line.folder,
        line.sender,
        line.receiver,
        f"{line.size_bytes:,}",
        str(line.parts),
        str(line.hops),
        line.state,
        f"{line.seconds:.2f}",
        line.trace_id,
        "[green]是 yes[/]" if line.bytes_equal else "[red]否 NO[/]",
    )


def _hops(package: SentPackage) -> int:
    """The hops that the evidence proves: to each hub that relayed it, and to the receiver."""
    kinds = [entry["kind"] for entry in package.evidence]
    return kinds.count("RELAYED") + kinds.count("DELIVERED")


def _seconds(record: SendRecord, package: SentPackage) -> float:
    """From the send of the business system to the receiver's outcome."""
    ends = [entry["time"] for entry in package.evidence if entry["kind"] in _FINAL_KINDS]
    if not ends:
        return 0.0
    took = datetime.fromisoformat(ends[-1]) - datetime.fromisoformat(record.begin_time)
    return round(took.total_seconds(), 3)
