"""Local files off the event loop: what is opened is closed, and what runs in a thread has ended, whatever happens."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field

import pytest

from xietong_client.files import in_thread, opened


@dataclass
class SlowFile:
    """A file whose opening waits until it may end."""

    opening: threading.Event = field(default_factory=threading.Event)
    may_open: threading.Event = field(default_factory=threading.Event)
    closed: bool = False

    def open(self) -> SlowFile:
        self.opening.set()
        assert self.may_open.wait(10)
        return self

    def close(self) -> None:
        self.closed = True


async def test_a_file_is_closed_when_its_user_is_cancelled_while_it_is_being_opened() -> None:
    file = SlowFile()

    async def use() -> None:
        async with opened(file.open):
            raise AssertionError

    user = asyncio.create_task(use())
    await asyncio.to_thread(file.opening.wait, 10)
    user.cancel()
    file.may_open.set()
    with pytest.raises(asyncio.CancelledError):
        await user
    assert file.closed


async def test_a_file_that_can_not_be_opened_is_the_error_of_its_user() -> None:
    def fail() -> SlowFile:
        raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        async with opened(fail):
            raise AssertionError


async def test_who_is_cancelled_goes_on_only_when_the_thread_has_ended() -> None:
    file = SlowFile()
    worker = asyncio.create_task(in_thread(file.open))
    await asyncio.to_thread(file.opening.wait, 10)
    worker.cancel()
    worker.cancel()
    done, _ = await asyncio.wait([worker], timeout=0.05)
    assert not done
    file.may_open.set()
    with pytest.raises(asyncio.CancelledError):
        await worker
