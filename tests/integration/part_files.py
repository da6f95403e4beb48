"""What tests of the local part store share: its files, parts left half-written, and a watch on its syncs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.contract.part_stores import key_of

from xietong_exchange.adapters.parts import LocalPartStore


def partial_file(root: Path, content: bytes) -> Path:
    return root / "partial" / "police" / key_of(content).digest.hex()


def complete_file(root: Path, content: bytes) -> Path:
    name = key_of(content).digest.hex()
    return root / "complete" / "police" / name[:2] / name


async def leave_partial(
    root: Path, content: bytes, *, durable: int, written: int, boot_id: str = "a"
) -> None:
    async with (
        await LocalPartStore.open(root, boot_id=boot_id) as store,
        await store.write(key_of(content), len(content)) as writer,
    ):
        assert durable == 0 or writer.written == 0
        await writer.append(content[writer.written : durable])
        if durable:
            await writer.sync()
        await writer.append(content[writer.written : written])


def inode(descriptor: int) -> int:
    return os.fstat(descriptor).st_ino


def record_calls(monkeypatch: pytest.MonkeyPatch, name: str, of: Callable[[int], int]) -> list[int]:
    """Note each call of a function of `os` that takes a descriptor."""
    calls: list[int] = []
    real: Callable[[int], None] = getattr(os, name)

    def recorded(descriptor: int) -> None:
        calls.append(of(descriptor))
        real(descriptor)

    monkeypatch.setattr(os, name, recorded)
    return calls


def fail_with(number: int) -> Callable[[int], None]:
    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    return fail
