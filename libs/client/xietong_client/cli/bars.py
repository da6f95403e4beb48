"""Progress bars with bytes, rate and the time left, on standard error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as RichProgress

from xietong_client.progress import Phase, Progress
from xietong_client.text import Language, Text

_PHASES = {
    Phase.HASH: Text("计算摘要", "hashing"),
    Phase.UPLOAD: Text("上传", "uploading"),
    Phase.DOWNLOAD: Text("下载", "downloading"),
}


class ProgressBars:
    """One bar for each label. Shows nothing where standard error is no terminal."""

    def __init__(self, bars: RichProgress, language: Language) -> None:
        self._bars = bars
        self._language = language
        self._tasks: dict[str, TaskID] = {}

    def listen(self, progress: Progress) -> None:
        """Takes a report of the SDK."""
        self.show(_PHASES[progress.phase], progress.done_bytes, progress.total_bytes)

    def show(self, label: Text, done_bytes: int, total_bytes: int) -> None:
        """Moves the bar with this label, or adds it."""
        name = label.of(self._language)
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name)
        self._bars.update(self._tasks[name], completed=done_bytes, total=total_bytes)


@contextmanager
def progress_bars(console: Console, language: Language) -> Iterator[ProgressBars]:
    """Bars on this console while the block runs. What else is printed on it appears above them."""
    columns: tuple[Any, ...] = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    # Rich would send standard output to this console too: wrong where it goes into a pipe or a file.
    with RichProgress(
        *columns, console=console, disable=not console.is_terminal, redirect_stdout=False
    ) as bars:
        yield ProgressBars(bars, language)
