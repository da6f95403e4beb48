"""A part while it is written: a file that grows in order, the hash behind it, and its way into place.

Nothing here knows of asyncio: each method runs in one of the store's threads and does all its work there.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress

from xietong_exchange.adapters.parts.local_folders import FILE_FLAGS, FILE_MODE, Folders, OwnerFolders
from xietong_exchange.flow.part_store import Buffer, DigestMismatch, PartKey, SizeConflict

HASH_BLOCK_BYTES = 1024 * 1024
HASH_SLICE_BLOCKS = 8
CACHED_WHOLE_BYTES = 64 * 1024 * 1024
"""Parts up to this size stay in the page cache: somebody is about to read them."""
CACHED_BEHIND_BYTES = 16 * 1024 * 1024
"""Of a larger part so much stays there, for the next hop, which follows closely."""
CLOSED = -1


def lock_partial(folders: OwnerFolders, name: str, create_flags: int = 0) -> int | None:
    """Open and lock a partial file; None while another process or writer has it.

    Raises:
        FileNotFoundError: it is not there, and `create_flags` don't make it.
    """
    flags = os.O_RDWR | create_flags | FILE_FLAGS
    file = os.open(name, flags, FILE_MODE, dir_fd=folders.partial)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file), os.stat(name, dir_fd=folders.partial, follow_symlinks=False)):
            return file
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(file)
        raise
    os.close(file)
    return None


class PartialFile:
    """One part's bytes on their way to the disk.

    The length of the file is the written offset. That is why it isn't preallocated: `posix_fallocate` sets
    the length, and after a kill nothing would tell written bytes from reserved ones.

    The hash reads what it missed (the prefix after a resume) from the file itself: nothing queues in memory.
    """

    def __init__(self, folders: Folders, key: PartKey, size: int) -> None:
        self.key = key
        self.size = size
        self.written = 0
        self.durable = 0
        self.complete = False
        self._all_folders = folders
        self._folders: OwnerFolders
        self._name = key.digest.hex()
        self._file = CLOSED
        self._named_durably = False
        self._distrusted = False
        self._hash = hashlib.sha256()
        self._hashed = 0
        self._hashing = threading.Lock()
        self._cached_from = 0

    @property
    def is_open(self) -> bool:
        """Bytes can be written."""
        return self._file != CLOSED

    def open(self) -> bool:
        """Resume what is there; False while another process writes this part, or removes it.

        Raises:
            SizeConflict: the part is complete with another size.
        """
        self._folders = self._all_folders.of(self.key)
        with self._folders.shelf(self._name) as shelf:
            found = self._folders.confirm(shelf, self._name)
            # Two names mean that its writer was killed while publishing it, or is at it.
            if found is None or found.st_nlink > 1:
                file = lock_partial(self._folders, self._name, os.O_CREAT)
                if file is None:
                    return False
                self._file = file
                found = self._folders.confirm(shelf, self._name)
        if found is None:
            self._resume()
            return True
        return self._adopt(found.st_size)

    def _adopt(self, actual_size: int) -> bool:
        """The part is here; False when it was collected at this moment."""
        if self.is_open:
            self._folders.remove_partial(self._name)
            self._close_file()
        with self._folders.shelf(self._name) as shelf:
            if not self._folders.use(shelf, self._name):
                return False
        if actual_size != self.size:
            raise SizeConflict(self.key, announced=self.size, actual=actual_size)
        self._be_complete()
        return True

    def _be_complete(self) -> None:
        self.written = self.durable = self.size
        self.complete = True

    def _resume(self) -> None:
        length = os.fstat(self._file).st_size
        if length == 0 or length > self.size:  # longer: it was announced with another size before
            self._folders.remove_mark(self._name)
            os.ftruncate(self._file, 0)
            return
        self.written = length
        self.durable = min(length, self._folders.read_mark(self._name))

    def append(self, *data: Buffer) -> None:
        """Write at `written` and hash. When it raises, `written` is unchanged; the bytes may come again."""
        self._require_trust()
        offset = self.written
        end = _write_all(self._file, data, offset)
        with self._hashing:
            hash_is_here = self._hashed == offset
            self.written = end
            if hash_is_here:
                for piece in data:
                    self._hash.update(piece)
                self._hashed = end

    def hash_slice(self) -> bool:
        """Let the hash catch up by a slice; False when it has. An append waits for one block at most."""
        block = memoryview(bytearray(min(HASH_BLOCK_BYTES, self.written - self._hashed)))
        return all(self._hash_block(block) for _ in range(HASH_SLICE_BLOCKS))

    def _hash_block(self, block: memoryview) -> bool:
        with self._hashing:
            missing = min(self.written - self._hashed, len(block))
            if not missing:
                return False
            length = os.preadv(self._file, [block[:missing]], self._hashed)
            if not length:
                raise OSError(
                    errno.EIO, f"part {self.key} is shorter than what was written of it; send it again"
                )
            self._hash.update(block[:length])
            self._hashed += length
        return True

    def sync(self) -> None:
        """Make what is written durable, and then the record of it."""
        self._require_trust()
        offset = self.written
        self._sync_file()
        self._folders.write_mark(self._name, offset)
        if not self._named_durably:
            os.fsync(self._folders.partial)
            self._named_durably = True
        self.durable = offset
        self._leave_cache(offset)

    def _leave_cache(self, end: int) -> None:
        """A large part must not push the database out of memory; the kernel reuses its pages for what follows."""
        begin, self._cached_from = self._cached_from, max(self._cached_from, end - CACHED_BEHIND_BYTES)
        if self.size > CACHED_WHOLE_BYTES and self._cached_from > begin:
            os.posix_fadvise(self._file, begin, self._cached_from - begin, os.POSIX_FADV_DONTNEED)

    def _sync_file(self) -> None:
        try:
            os.fdatasync(self._file)
        except OSError:
            # The kernel now takes the lost pages for clean: a second sync would succeed.
            self._distrusted = True
            raise

    def _require_trust(self) -> None:
        if self._distrusted:
            raise OSError(
                errno.EIO, f"a sync of part {self.key} failed; close it and resume at the durable offset"
            )

    def put(self, *data: Buffer) -> bool:
        """All of the part in one go, see `open`, `append` and `publish`; what is there from before is hashed again."""
        try:
            if not self.open():
                return False
            if not self.complete:
                while self.hash_slice():
                    pass
                self.publish(*_beyond(data, self.written))
        finally:
            self._close_file()
        return True

    def publish(self, *rest: Buffer) -> None:
        """Append the rest, verify, make durable and put into place; the hash has caught up before.

        Raises:
            DigestMismatch: the bytes are wrong and were dropped.
        """
        if rest:
            self.append(*rest)
        self._require_trust()
        if self._hash.digest() != self.key.digest:
            self._folders.remove_partial(self._name)
            self._close_file()
            raise DigestMismatch(self.key, actual=self._hash.digest())
        if self.durable < self.size or not self.size:
            self._sync_file()
        self._put_into_place()
        self._be_complete()

    def _put_into_place(self) -> None:
        """Link, sync, unlink: both names stay until the link is durable (see `OwnerFolders.confirm`)."""
        name = self._name
        os.utime(self._file)  # its last byte may have come long ago, before a break
        with self._folders.shelf(name) as shelf:
            os.link(name, name, src_dir_fd=self._folders.partial, dst_dir_fd=shelf, follow_symlinks=False)
            try:
                os.fsync(shelf)
            except OSError:
                os.unlink(name, dir_fd=shelf)
                raise
        self._folders.remove_partial(name)
        self._close_file()

    def close(self, rest: bytes = b"") -> None:
        """Keep the bytes for a resume, `rest` too where it fits, and let the next writer in."""
        if self._file == CLOSED:
            return
        with suppress(OSError):  # nobody was promised these bytes, and the next attempt finds the cause
            if self._distrusted:
                os.ftruncate(self._file, self.durable)
            elif rest:
                self.append(rest)
        self._close_file()

    def _close_file(self) -> None:
        if self._file != CLOSED:
            os.close(self._file)
            self._file = CLOSED


def _beyond(data: Sequence[Buffer], offset: int) -> Iterator[Buffer]:
    for piece in data:
        if offset < len(piece):
            yield piece[offset:]
        offset = max(0, offset - len(piece))


def _write_all(file: int, data: Sequence[Buffer], offset: int) -> int:
    """Write all pieces from this offset on; returns where they end."""
    for piece in data:
        rest = memoryview(piece)
        while rest:
            length = os.pwrite(file, rest, offset)
            rest, offset = rest[length:], offset + length
    return offset
