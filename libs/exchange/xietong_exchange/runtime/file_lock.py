"""A lock on a file that a child process can inherit: it tells who is alive without trusting a process id."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class FileLock:
    """An flock: it lasts until each process that has the descriptor closes it or ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def try_acquire(self) -> bool:
        """Return whether the lock is now ours."""
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def acquire(self) -> None:
        """Block until the lock is ours."""
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)

    def read_note(self) -> str:
        """Return what the holder wrote about itself."""
        size_bytes = os.fstat(self.descriptor).st_size
        return os.pread(self.descriptor, size_bytes, 0).decode(errors="replace")

    def write_note(self, text: str) -> None:
        """Tell others about the holder."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, text.encode(), 0)

    def close(self) -> None:
        """Give up this copy of the descriptor; a child that inherited it keeps the lock."""
        os.close(self.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
