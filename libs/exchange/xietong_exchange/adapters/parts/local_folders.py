"""The folders of the local part store and the names in them.

Names are made of a checked owner and a digest only, and every folder is opened from its parent's descriptor
without following symbolic links: nothing outside of the root can be reached, whatever lies in it.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import threading
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from xietong_exchange.flow.part_store import OWNER_NAME, PartKey

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC
FOLDER_MODE = 0o700
FILE_MODE = 0o600
SHELVES = tuple(f"{number:02x}" for number in range(256))
PART_NAME = re.compile(r"[0-9a-f]{64}")


@contextmanager
def opened_folder(parent: int, name: str) -> Iterator[int]:
    """A folder's descriptor."""
    folder = os.open(name, FOLDER_FLAGS, dir_fd=parent)
    try:
        yield folder
    finally:
        os.close(folder)


@contextmanager
def made_folder(parent: int, name: str) -> Iterator[int]:
    """A folder's descriptor, made when it is missing; its entry is durable once the parent is synced."""
    with suppress(FileExistsError):
        os.mkdir(name, FOLDER_MODE, dir_fd=parent)
    with opened_folder(parent, name) as folder:
        yield folder


def list_folder(folder: int) -> list[str]:
    """The names in a folder, through a descriptor of its own: listing shares no position with others."""
    with opened_folder(folder, ".") as own, os.scandir(own) as entries:
        return [entry.name for entry in entries]


def find_file(folder: int, name: str) -> os.stat_result | None:
    """What lies under this name; None when nothing does. Raises OSError when it is not a regular file."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise OSError(
            f"{name} in the part store is not a regular file; find out who put it there and remove it"
        )
    return found


class OwnerFolders:
    """One owner's complete parts, on 256 shelves by the digest's first byte, and its partial ones.

    All shelves are made and synced before the first use: to publish a part then takes the sync of one folder,
    whoever made the others and wherever that was killed.
    """

    def __init__(self, root: int, owner: str) -> None:
        self.owner = owner
        with (
            made_folder(root, "complete") as complete_root,
            made_folder(root, "partial") as partial_root,
            made_folder(complete_root, owner) as complete,
            made_folder(partial_root, owner) as partial,
        ):
            for shelf in SHELVES:
                with suppress(FileExistsError):
                    os.mkdir(shelf, FOLDER_MODE, dir_fd=complete)
            for folder in (complete, complete_root, partial_root, root):
                os.fsync(folder)
            self.complete, self.partial = os.dup(complete), os.dup(partial)

    def shelf(self, name: str) -> AbstractContextManager[int]:
        """The folder of a complete part."""
        return opened_folder(self.complete, name[:2])

    def confirm(self, shelf: int, name: str) -> os.stat_result | None:
        """The complete part, durable; None when it is not there.

        A part is linked to its shelf, the shelf synced, and only then the partial name removed: while both
        names are there, the writer may have been killed before the sync.
        """
        complete = find_file(shelf, name)
        if complete is not None and complete.st_nlink > 1:
            partial = find_file(self.partial, name)
            if partial is not None and os.path.samestat(partial, complete):
                os.fsync(shelf)
        return complete

    def use(self, shelf: int, name: str) -> bool:
        """Note that a complete part is used now; False when it was collected just before."""
        try:
            file = os.open(name, os.O_RDONLY | FILE_FLAGS, dir_fd=shelf)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_SH)  # `collect` looks at the time and removes under its lock
            if not os.fstat(file).st_nlink:
                return False
            os.utime(file)
            return True
        finally:
            os.close(file)

    def partial_length(self, name: str) -> int:
        """Bytes of a partial part that are there."""
        found = find_file(self.partial, name)
        return 0 if found is None else found.st_size

    def read_mark(self, name: str) -> int:
        """The offset up to which a partial part was synced; 0 when that is not known."""
        try:
            mark = os.open(_mark_name(name), os.O_RDONLY | FILE_FLAGS, dir_fd=self.partial)
        except FileNotFoundError:
            return 0
        try:
            digits, _, check = os.pread(mark, _MARK_BYTES, 0).partition(b" ")
        finally:
            os.close(mark)
        return int(digits) if digits.isdigit() and check == _mark_check(digits) else 0

    def write_mark(self, name: str, offset: int) -> None:
        """Record durably that a partial part is synced up to here. The record is replaced in one sector."""
        mark = os.open(
            _mark_name(name), os.O_WRONLY | os.O_CREAT | FILE_FLAGS, FILE_MODE, dir_fd=self.partial
        )
        try:
            digits = f"{offset:020d}".encode()
            os.pwrite(mark, digits + b" " + _mark_check(digits), 0)
            os.fdatasync(mark)
        finally:
            os.close(mark)

    def remove_mark(self, name: str) -> None:
        """Forget what was synced. Always before the bytes go: a mark must never outlive them."""
        with suppress(FileNotFoundError):
            os.unlink(_mark_name(name), dir_fd=self.partial)

    def remove_partial(self, name: str) -> None:
        """Remove a partial part; the caller holds its lock."""
        self.remove_mark(name)
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.partial)

    def partial_names(self) -> set[str]:
        """The partial parts that are there, or of which a mark is left."""
        names = {name.removesuffix(_MARK_SUFFIX) for name in list_folder(self.partial)}
        return {name for name in names if PART_NAME.fullmatch(name)}

    def close(self) -> None:
        """Close the descriptors."""
        os.close(self.complete)
        os.close(self.partial)


_MARK_BYTES = 29
_MARK_SUFFIX = ".durable"


def _mark_name(name: str) -> str:
    return name + _MARK_SUFFIX


def _mark_check(digits: bytes) -> bytes:
    return f"{zlib.crc32(digits):08x}".encode()


class Folders:
    """The root and the folders of every owner that was asked for; owners are parties, so they are few."""

    def __init__(self, root: Path) -> None:
        missing = [folder for folder in (root, *root.parents) if not folder.exists()]
        root.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        for folder in missing:
            _sync_folder(folder.parent)
        self.root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._owners: dict[str, OwnerFolders] = {}
        self._making = threading.Lock()

    def owner(self, owner: str) -> OwnerFolders:
        """The folders of this owner, made when they are missing."""
        with self._making:
            if owner not in self._owners:
                self._owners[owner] = OwnerFolders(self.root, owner)
            return self._owners[owner]

    def of(self, key: PartKey) -> OwnerFolders:
        """The folders in which this part lies."""
        return self.owner(key.owner)

    def every_owner(self) -> list[OwnerFolders]:
        """The folders of all owners with partial parts, also those that other processes made."""
        with made_folder(self.root, "partial") as partial:
            return [self.owner(name) for name in list_folder(partial) if OWNER_NAME.fullmatch(name)]

    def free_bytes(self) -> int:
        """Bytes that an unprivileged user can still write."""
        medium = os.fstatvfs(self.root)
        return medium.f_bavail * medium.f_frsize

    def close(self) -> None:
        """Close the descriptors."""
        for folders in self._owners.values():
            folders.close()
        os.close(self.root)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
