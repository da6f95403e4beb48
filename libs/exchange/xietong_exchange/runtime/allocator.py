"""glibc's malloc, told to keep what is freed: with every chunk, buffers of a MiB come and go.

Left alone it gives each back to the kernel and takes fresh pages for the next, which was a fifth of all CPU of a
large transfer; and threads spread over arenas, each with free memory of its own.
"""

from __future__ import annotations

import ctypes
import platform

# malloc.h of glibc, see mallopt(3).
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -2, -3, -8
KEPT_FREE_BYTES = 64 << 20
"""Free memory at the heap's end beyond that goes back to the kernel: some windows of chunks, with gRPC's copies."""
GROWTH_BYTES = 4 << 20
MAPPED_FROM_BYTES = 32 << 20
"""The largest message; what is larger gets a mapping of its own, which goes back when it is freed."""


def keep_freed_memory() -> None:
    """Tell malloc so for this process, before it has threads. Other C libraries than glibc are left alone."""
    if platform.libc_ver()[0] != "glibc":
        return
    mallopt = ctypes.CDLL(None).mallopt
    for parameter, value in (
        (_M_MMAP_THRESHOLD, MAPPED_FROM_BYTES),
        (_M_TRIM_THRESHOLD, KEPT_FREE_BYTES),
        (_M_TOP_PAD, GROWTH_BYTES),
        (_M_ARENA_MAX, 1),
    ):
        mallopt(parameter, value)
