"""How many files a process may have open: each connection and each part under way is one.

Many hosts start processes with a soft limit of 1,024, for old programs that use select(), and let them raise it.
"""

from __future__ import annotations

import resource

WANTED_FILES = 65_536
"""Every neighbour with all the transfers that it may have, and thousands of connections beside them."""


def allow_many_files() -> None:
    """Raise this process's soft limit as far as the hard one allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = WANTED_FILES if hard == resource.RLIM_INFINITY else min(WANTED_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
