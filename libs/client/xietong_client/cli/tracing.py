"""The command `trace`: the waterfall of a package, 80 columns wide, in the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from rich.cells import cell_len, set_cell_size

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.package_pb2 import Package
from xietong_client.cli.finding import Wanted, wanted_package
from xietong_client.cli.lines import party_label, progress_line, summary
from xietong_client.cli.session import Session
from xietong_client.cli.views import View
from xietong_client.labels import EVIDENCE_KINDS, STAGES, evidence_name, party_name, state_name
from xietong_client.packages import envelope_of, is_final, trace_id_of
from xietong_client.text import NO_TEXT, Language, Text
from xietong_client.waterfall import Bar, Waterfall, waterfall_of

COLUMNS = 80
_PARTY_CELLS, _STAGE_CELLS, _TIME_CELLS = 13, 13, 11
_BAR_CELLS = COLUMNS - _PARTY_CELLS - _STAGE_CELLS - _TIME_CELLS - 3
_WHOLE, _EVENT, _CLAMPED = "█", "◆", "▒"
_UNITS = (
    (86400.0, 3600.0, Text("天", "d"), Text("小时", "h")),
    (3600.0, 60.0, Text("小时", "h"), Text("分", "min")),
    (60.0, 1.0, Text("分", "min"), Text("秒", "s")),
)


async def trace(
    session: Session,
    wanted: Wanted,
) -> None:
    """Draws how long each stage of a package took, at every node that the asked one knows of."""
    package = await wanted_package(session, wanted)
    waterfall, output = waterfall_of(package), session.output
    output.result(waterfall_view(package, waterfall))
    for line in summary(package):
        output.line(line)
    if package.HasField("progress") and not is_final(package):
        output.line(progress_line(package.progress))
    if trace_id := trace_id_of(package):
        output.line(Text(f"跟踪号：{trace_id}", f"trace: {trace_id}"))
    for row in drawn(waterfall, output.language):
        output.line(Text(row, row))
    for note in skew_notes(waterfall):
        output.line(note, "yellow")


def drawn(waterfall: Waterfall, language: Language) -> Iterator[str]:
    """The lines. The way and what the receiver does have a scale each: machines take seconds, people days."""
    way = [bar for bar in waterfall.bars if not bar.is_at_receiver]
    received = [bar for bar in waterfall.bars if bar.is_at_receiver]
    yield from _section(Text("传输", "the way"), way, language)
    yield from _section(Text("接收方处理", "at the receiver"), received, language)


def skew_notes(waterfall: Waterfall) -> Iterator[Text]:
    """What was wrong with the clocks."""
    for party, late in waterfall.behind.items():
        name = party_label(party)
        yield Text(
            f"{name.zh}的时钟至少慢 {duration(late).zh}，已按事件先后顺移；请校时。",
            f"the clock of the {name.en} is behind by {duration(late).en} at least: moved; set it right.",
        )
    if any(bar.clamped for bar in waterfall.bars):
        yield Text(
            f"{_CLAMPED} 起止时间与事件顺序矛盾，只画到可信的范围。",
            f"{_CLAMPED} times contradict the order of events: drawn as far as they can be true.",
        )


def _section(title: Text, bars: Sequence[Bar], language: Language) -> Iterator[str]:
    if not bars:
        return
    start, end = min(bar.start for bar in bars), max(bar.end for bar in bars)
    length = f"{duration(end - start).of(language)}"
    yield ""
    yield f"{title.of(language)}  {start.astimezone():%Y-%m-%d %H:%M:%S}  {length}"
    shown: Party.ValueType | None = None
    for bar in bars:
        party = party_label(bar.party).of(language) if bar.party != shown else ""
        shown = bar.party
        stage = STAGES[bar.stage] if bar.stage in STAGES else EVIDENCE_KINDS.get(bar.kind, NO_TEXT)
        took = duration(bar.duration).of(language) if bar.stage in STAGES else ""
        cells = _cells(bar, (bar.start - start) / (end - start) if end > start else 0.0, end - start)
        yield " ".join(
            (
                set_cell_size(party, _PARTY_CELLS),
                set_cell_size(stage.of(language), _STAGE_CELLS),
                set_cell_size(cells, _BAR_CELLS),
                " " * (_TIME_CELLS - cell_len(took)) + took,
            )
        ).rstrip()


def _cells(bar: Bar, begin: float, whole: timedelta) -> str:
    """The bar in its place; at least one cell, so that nothing is hidden."""
    width = round(bar.duration / whole * _BAR_CELLS) if whole else 0
    mark = _CLAMPED if bar.clamped else _WHOLE if bar.stage else _EVENT
    drawn_cells = min(max(width, 1), _BAR_CELLS)
    return " " * min(round(begin * _BAR_CELLS), _BAR_CELLS - drawn_cells) + mark * drawn_cells


def duration(time: timedelta) -> Text:
    """How long, in the two largest units that matter."""
    seconds = time.total_seconds()
    for large, small, large_unit, small_unit in _UNITS:
        if seconds >= large:
            whole, rest = divmod(int(seconds), int(large))
            rest //= int(small)
            return Text(
                f"{whole} {large_unit.zh} {rest} {small_unit.zh}",
                f"{whole} {large_unit.en} {rest} {small_unit.en}",
            )
    if seconds >= 1:
        return Text(f"{seconds:.1f} 秒", f"{seconds:.1f} s")
    return Text(f"{seconds * 1000:.0f} 毫秒", f"{seconds * 1000:.0f} ms")


def waterfall_view(package: Package, waterfall: Waterfall) -> View:
    """What `--json` prints."""
    start = waterfall.start
    return {
        "package_id": package.package_id,
        "send_id": envelope_of(package).send_id,
        "trace_id": trace_id_of(package),
        "state": state_name(package.state),
        "is_final": is_final(package),
        "start_time": start.isoformat(),
        "duration_seconds": (waterfall.end - start).total_seconds(),
        "stages": [
            {
                "party": party_name(bar.party),
                "stage": bar.stage,
                "evidence": evidence_name(bar.kind),
                "start_seconds": (bar.start - start).total_seconds(),
                "duration_seconds": bar.duration.total_seconds(),
                "is_clamped": bar.clamped,
            }
            for bar in waterfall.bars
        ],
        "clocks_behind_seconds": {
            party_name(party): late.total_seconds() for party, late in waterfall.behind.items()
        },
    }
