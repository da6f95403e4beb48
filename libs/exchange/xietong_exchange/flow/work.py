"""Work of the processor on manifests, which must not hold up the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

LITTLE_BYTES = 8 * 1024
"""A manifest up to this size is merged, judged and sealed in 3 ms at most, and mostly in 1 ms."""


async def worked(size_bytes: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of work on a manifest of this size: in a thread, unless a visit there would cost as much."""
    if size_bytes <= LITTLE_BYTES:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)
