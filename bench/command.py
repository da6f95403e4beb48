"""The edge of every command here: its folder, its end by Ctrl-C or SIGTERM, and nothing of it left behind."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import TypeVar

from bench.city import CITIES, remove_city

Result = TypeVar("Result")
RESULTS = Path(__file__).parent / "results"
FOLDER = Path(__file__).parents[1] / "var"
ENDED = 128 + signal.SIGTERM
"""The exit code after SIGTERM."""


def working_folder(parent: Path) -> Path:
    """Where a run has its files, on the disk that `parent` is on; empty, whatever a killed run left there."""
    folder = parent.resolve() / "bench"
    _remove_all(folder)
    folder.mkdir(parents=True)
    return folder


def run_to_end(work: Coroutine[None, None, Result], folder: Path) -> Result | None:
    """The result; None after SIGTERM. Then nothing runs any more, and `folder` is gone."""
    try:
        return asyncio.run(_until_told(work))
    except asyncio.CancelledError:
        return None
    finally:
        _remove_all(folder)


async def _until_told(work: Coroutine[None, None, Result]) -> Result:
    """Runs this; SIGTERM ends it as Ctrl-C does, with everything that it started."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


def _remove_all(folder: Path) -> None:
    """What this run, or an earlier one that was killed, made: its nodes end, its files go."""
    for name in CITIES:
        remove_city(folder / name)
    shutil.rmtree(folder, ignore_errors=True)
