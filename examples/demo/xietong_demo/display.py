"""Live progress per package and hop: a table that redraws itself, or plain lines where there is no terminal."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from xietong_demo.following import Movement, way_of
from xietong_demo.story import Step

_WIDE = 110  # characters of a terminal that has room for everything
_BAR_WIDTH, _NARROW_BAR_WIDTH = 12, 5
_REFRESH_PER_SECOND = 8
_FULL_WIDTH = 130  # characters of a line where no terminal says how many fit
_QUARTERS = 4


class Display(Protocol):
    """Shows how far the steps are."""

    def show(self, step: Step, movement: Movement) -> None:
        """Takes the latest about one step."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def make_console() -> Console:
    """The console of a run; without a terminal its lines are long enough for the table."""
    console = Console()
    return console if console.is_terminal else Console(width=_FULL_WIDTH)


def make_display(console: Console, steps: Sequence[Step]) -> Display:
    """The display that fits the console."""
    return LiveDisplay(console, steps) if console.is_terminal else LineDisplay(console)


def announced(console: Console, probes: Mapping[str, Awaitable[None]]) -> Iterator[Awaitable[None]]:
    """The same probes; each says by name when it has come to its end."""

    async def tell(name: str, probe: Awaitable[None]) -> None:
        await probe
        console.print(f"  就绪 / ready: {name}", highlight=False, markup=False)

    return (tell(name, probe) for name, probe in probes.items())


def typed(path: Path) -> str:
    """A path as one would type it from the current folder."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


class LiveDisplay:
    """All packages of the story with a bar for upload and hops."""

    def __init__(self, console: Console, steps: Sequence[Step]) -> None:
        self._steps = steps
        self._movements: dict[str, Movement] = {}
        self._console = console
        self._live = Live(
            self._table(), console=console, refresh_per_second=_REFRESH_PER_SECOND, transient=True
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, step: Step, movement: Movement) -> None:
        """Takes the latest about one step."""
        self._movements[step.name] = movement
        self._live.update(self._table())

    def _table(self) -> Table:
        """One line per package, whatever the width: a line that breaks would push others out of the window."""
        is_wide = self._console.width >= _WIDE
        table = Table(title="协同案件流转 / a case travels", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        names = ["文件夹 folder", "上传 upload", "→中心 hub", "→接收 to", "状态 state"]
        if is_wide:
            names.insert(1, "单位 parties")
        for name in names:
            table.add_column(name, no_wrap=name != names[-1])  # only the state, with its reason, may be cut
        for step in self._steps:
            table.add_row(
                *self._row(step, is_wide=is_wide), style="" if step.name in self._movements else "dim"
            )
        return table

    def _row(self, step: Step, *, is_wide: bool) -> list[str | Text]:
        way = [" → ".join(way_of(step))] if is_wide else []
        movement = self._movements.get(step.name)
        if movement is None:
            return [step.name, *way]
        width = _BAR_WIDTH if is_wide else _NARROW_BAR_WIDTH
        shares = (movement.upload, movement.to_hub, movement.to_receiver)
        state = Text(movement.state, no_wrap=True, overflow="ellipsis")
        return [step.name, *way, *(_bar(share, width) for share in shares), state]


class LineDisplay:
    """A line for every change that a reader of a log cares about."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: dict[str, tuple[object, ...]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def show(self, step: Step, movement: Movement) -> None:
        """Prints the state of a step when it or a quarter of a hop has changed."""
        shares = (movement.upload, movement.to_hub, movement.to_receiver)
        look = (movement.state, *(int(share * _QUARTERS) for share in shares))
        if self._shown.get(step.name) == look:
            return
        self._shown[step.name] = look
        sender, receiver = way_of(step)
        upload, to_hub, to_receiver = (f"{share:4.0%}" for share in shares)
        self._console.print(
            f"{step.name:<20} {sender} {upload} → hub {to_hub} → {receiver} {to_receiver}  {movement.state}",
            highlight=False,
            markup=False,
        )


def _bar(share: float, width: int) -> str:
    """A bar that tells full from empty without colour, and a percentage."""
    full = int(share * width)
    return f"{'█' * full}{'░' * (width - full)}{int(share * 100):4}%"
