"""A file that nobody else gets to open: whoever tries waits in the kernel, so that a test finds him exactly there."""

from __future__ import annotations

import fcntl
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def withheld(file: Path) -> Iterator[Callable[[], Awaitable[bool]]]:
    """Who opens the file waits in the kernel, until the end of the block; tells whether somebody does."""
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    try:
        with file.open("rb+") as held:
            fcntl.fcntl(held, fcntl.F_SETLEASE, fcntl.F_WRLCK)

            async def is_wanted() -> bool:
                return fcntl.fcntl(held, fcntl.F_GETLEASE) != fcntl.F_WRLCK

            yield is_wanted
    finally:
        signal.signal(signal.SIGIO, before)
