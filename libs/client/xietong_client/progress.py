"""How far long work is: one report per block, over all files of the work together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """What is going on."""

    HASH = "hash"
    UPLOAD = "upload"
    DOWNLOAD = "download"


@dataclass(frozen=True, slots=True)
class Progress:
    """A report: the file that moved, and the bytes done and in all over all files of this phase."""

    phase: Phase
    file: str
    done_bytes: int
    total_bytes: int


ProgressListener = Callable[[Progress], None]


class Meter:
    """Adds up the positions in all files of a phase and reports each change."""

    def __init__(self, phase: Phase, total_bytes: int, listener: ProgressListener | None) -> None:
        self._phase = phase
        self._total_bytes = total_bytes
        self._listener = listener
        self._positions: dict[str, int] = {}
        self._done_bytes = 0

    def at(self, file: str, position_bytes: int) -> None:
        """The work on this file has come to this position; it may also fall back, when a part starts anew."""
        self._done_bytes += position_bytes - self._positions.get(file, 0)
        self._positions[file] = position_bytes
        if self._listener is not None:
            self._listener(Progress(self._phase, file, self._done_bytes, self._total_bytes))
