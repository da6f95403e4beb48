"""What becomes of partial parts that their writer left: trusted, cut back, or removed.

After a kill the kernel still holds every written byte, so the length of a file is right. After a power loss,
which a new boot id tells, bytes beyond the last sync may be anything: files are cut back to that.
"""

from __future__ import annotations

import fcntl
import math
import os
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from xietong_exchange.adapters.parts.local_folders import FILE_FLAGS, FILE_MODE, Folders, OwnerFolders
from xietong_exchange.adapters.parts.local_partial import lock_partial
from xietong_exchange.flow.part_store import PartKey

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
BOOT_FILE = "boot"
BOOT_ID_MAX_BYTES = 64


def read_boot_id() -> str:
    """This boot's id. Where the kernel gives none, every start counts as a boot: slower, never wrong."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return str(uuid.uuid4())


def recover(folders: Folders, boot_id: str) -> None:
    """Once per boot, before anyone writes: cut every partial part back to what was synced.

    Processes that share the store on one host wait here for the first of them.
    """
    boot = os.open(BOOT_FILE, os.O_RDWR | os.O_CREAT | FILE_FLAGS, FILE_MODE, dir_fd=folders.root)
    try:
        fcntl.flock(boot, fcntl.LOCK_EX)
        if os.pread(boot, BOOT_ID_MAX_BYTES, 0) == boot_id.encode():
            return
        for owner in folders.every_owner():
            for name in owner.partial_names():
                _cut_back(owner, name)
        os.ftruncate(boot, 0)
        os.pwrite(boot, boot_id.encode(), 0)
        os.fsync(boot)
    finally:
        os.close(boot)


def _cut_back(folders: OwnerFolders, name: str) -> None:
    try:
        file = lock_partial(folders, name)
    except FileNotFoundError:
        folders.remove_mark(name)
        return
    if file is None:
        return
    try:
        durable = min(folders.read_mark(name), os.fstat(file).st_size)
        if durable and not _is_complete(folders, name):
            os.ftruncate(file, durable)
        else:
            folders.remove_partial(name)
    finally:
        os.close(file)


def _is_complete(folders: OwnerFolders, name: str) -> bool:
    with folders.shelf(name) as shelf:
        return folders.confirm(shelf, name) is not None


def sweep(folders: Folders, older_than_seconds: float) -> int:
    """Remove partial parts that nobody has changed for so long; returns how many."""
    before = time.time() - older_than_seconds
    return sum(
        _sweep_partial(owner, name, before)
        for owner in folders.every_owner()
        for name in owner.partial_names()
    )


def drop(folders: Folders, keys: Sequence[PartKey]) -> int:
    """Remove what is there of these parts, see `PartStore.drop_partials`."""
    return sum(_sweep_partial(folders.of(key), key.digest.hex(), math.inf) for key in keys)


def _sweep_partial(folders: OwnerFolders, name: str, before: float) -> bool:
    try:
        file = lock_partial(folders, name)
    except FileNotFoundError:
        folders.remove_mark(name)
        return False
    if file is None:
        return False
    try:
        if os.fstat(file).st_mtime > before:
            return False
        _is_complete(folders, name)  # confirms a link before the name that vouches for it goes
        folders.remove_partial(name)
        return True
    finally:
        os.close(file)
