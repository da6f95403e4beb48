"""Live progress per package and hop: a table that redraws itself, or plain lines where there is no terminal."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from xietong_demo.following import Movement, way_of
from xietong_demo.story import Step

_BAR_WIDTH = 14
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


class LiveDisplay:
    """All packages of the story with a bar for upload and hops."""

    def __init__(self, console: Console, steps: Sequence[Step]) -> None:
        self._steps = steps
        self._movements: dict[str, Movement] = {}
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
        names = (
            "案件文件夹 folder",
            "单位 parties",
            "上传 upload",
            "→ 中心 hub",
            "→ 接收 receiver",
            "状态 state",
        )
        table = Table(*names, title="协同案件流转 / a case travels")
        for step in self._steps:
            sender, receiver = way_of(step)
            way = f"{sender} → {receiver}"
            movement = self._movements.get(step.name)
            if movement is None:
                table.add_row(step.name, way, style="dim")
                continue
            bars = [_bar(share) for share in (movement.upload, movement.to_hub, movement.to_receiver)]
            table.add_row(step.name, way, *bars, movement.state)
        return table


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


def _bar(share: float) -> ProgressBar:
    return ProgressBar(total=1.0, completed=share, width=_BAR_WIDTH)
