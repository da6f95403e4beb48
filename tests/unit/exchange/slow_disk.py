"""The part store in memory as slow as a disk: each call takes its time, in which others run, uninterrupted."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from xietong_exchange.flow.cancellation import uninterrupted
from xietong_exchange.testing.memory_parts import MemoryPartStore, MemoryPartWriter

MOST_TURNS = 8


def slow_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make it so for one test."""
    chance = random.Random(1)

    def in_a_thread(owner: type, name: str) -> None:
        real: Callable[..., Awaitable[Any]] = getattr(owner, name)

        async def call(*args: object, **kwargs: object) -> object:
            async def work() -> object:
                for _ in range(chance.randint(1, MOST_TURNS)):
                    await asyncio.sleep(0)
                return await real(*args, **kwargs)

            return await uninterrupted(work())

        monkeypatch.setattr(owner, name, call)

    for name in ("append", "finish", "close"):
        in_a_thread(MemoryPartWriter, name)
    in_a_thread(MemoryPartStore, "states")
