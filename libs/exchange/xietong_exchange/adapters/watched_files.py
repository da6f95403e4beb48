"""Files that may be replaced while the node runs: keys and certificates."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from cryptography import x509

log = logging.getLogger(__name__)

UNREADABLE = (
    ValueError,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What is raised for a file that is no key or certificate, or does not belong to the others."""

_T = TypeVar("_T")


class WatchedFiles(Generic[_T]):
    """What files hold, read again as soon as one of them was replaced.

    Files that are replaced one after the other do not fit together in between, and people make mistakes: until what
    is there is usable, what was read last remains.
    """

    def __init__(self, files: Sequence[Path], read: Callable[[], _T]) -> None:
        self._files, self._read = files, read
        self._marks = self._look()
        self._content = read()

    @property
    def content(self) -> _T:
        """As the files are now, or as they were when they last were usable."""
        marks = self._look()
        if marks != self._marks:
            self._marks = marks
            try:
                self._content = self._read()
                log.info("read anew: %s", ", ".join(map(str, self._files)))
            except (OSError, *UNREADABLE) as error:
                log.warning("not usable, the earlier ones stay in use until they are replaced: %s", error)
        return self._content

    def _look(self) -> list[tuple[int, int, int] | None]:
        return [_mark(file) for file in self._files]


def _mark(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
