"""Which complete parts there are, and the removal of those that nobody needs and nobody has used for a while.

The time of a complete file's last change says when it was last used: written, or found by an offer. Whoever uses it
holds a shared lock of the file meanwhile and whoever removes it an exclusive one, so that a part that was found stays.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from itertools import groupby, islice

from xietong_exchange.adapters.parts.local_folders import (
    FILE_FLAGS,
    PART_NAME,
    SHELVES,
    Folders,
    list_folder,
    opened_folder,
)
from xietong_exchange.flow.part_store import PartKey


def list_complete(folders: Folders, after: PartKey | None, limit: int) -> list[PartKey]:
    """So many complete parts from beyond `after` on, see `PartStore.complete`."""
    return list(islice(_complete(folders, after), limit))


def _complete(folders: Folders, after: PartKey | None) -> Iterator[PartKey]:
    for owner in sorted(folders.every_owner(), key=lambda each: each.owner):
        if after is not None and owner.owner < after.owner:
            continue
        begin = after.digest.hex() if after is not None and owner.owner == after.owner else ""
        for shelf in SHELVES:
            if shelf < begin[:2]:
                continue
            with opened_folder(owner.complete, shelf) as folder:
                names = sorted(name for name in list_folder(folder) if PART_NAME.fullmatch(name))
            yield from (PartKey(owner.owner, bytes.fromhex(name)) for name in names if name > begin)


def collect(folders: Folders, keys: Sequence[PartKey], unused_since: float) -> list[PartKey]:
    """Remove those of these parts that were not used since then, see `PartStore.collect`."""
    removed: list[PartKey] = []
    for (owner, shelf_name), group in groupby(keys, key=lambda key: (key.owner, key.digest.hex()[:2])):
        with opened_folder(folders.owner(owner).complete, shelf_name) as shelf:
            gone = [key for key in group if _remove_unused(shelf, key.digest.hex(), unused_since)]
            if gone:
                os.fsync(shelf)  # its time has ended: a power loss must not bring the content back
            removed += gone
    return removed


def _remove_unused(shelf: int, name: str, unused_since: float) -> bool:
    try:
        file = os.open(name, os.O_RDONLY | FILE_FLAGS, dir_fd=shelf)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = os.fstat(file)
        # A second name: its writer is publishing it, or was killed then; the first to find it settles that.
        if found.st_mtime >= unused_since or found.st_nlink != 1:
            return False
        os.unlink(name, dir_fd=shelf)
    except BlockingIOError:
        return False
    finally:
        os.close(file)
    return True
