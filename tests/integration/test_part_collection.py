"""Collecting parts on a real file system: beside others that use them, and killed at any disk operation."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.contract.part_stores import content_of, finish, get, key_of, put
from tests.integration.part_files import complete_file, leave_partial, partial_file

from xietong_exchange.adapters.parts import LocalPartStore

SIZE = 100
AN_HOUR_AGO = timedelta(hours=1)
PATIENCE_SECONDS = 0.5
OPERATIONS = ("open", "unlink", "fsync")


class Killed(BaseException):
    """The process ends here; what was done before stays done."""


async def put_long_ago(store: LocalPartStore, root: Path, *contents: bytes) -> None:
    """Complete parts that nobody has used for a day."""
    for content in contents:
        await put(store, content)
        long_ago = (datetime.now(UTC) - timedelta(days=1)).timestamp()
        os.utime(complete_file(root, content), (long_ago, long_ago))


class Held:
    """Holds up a function of `os` when it is called first, until the test lets it go on or its patience ends."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        self.reached = threading.Event()
        self.go_on = threading.Event()
        self._real: Callable[..., Any] = getattr(os, name)
        monkeypatch.setattr(os, name, self._call)

    def _call(self, *args: object, **kwargs: object) -> Any:
        if not self.reached.is_set():
            self.reached.set()
            self.go_on.wait(PATIENCE_SECONDS)
        return self._real(*args, **kwargs)


@pytest.fixture
async def two_stores(tmp_path: Path) -> AsyncIterator[tuple[LocalPartStore, LocalPartStore]]:
    """Two stores on one folder share nothing but the file system, as two processes would."""
    async with await LocalPartStore.open(tmp_path) as store, await LocalPartStore.open(tmp_path) as other:
        yield store, other


Stores = tuple[LocalPartStore, LocalPartStore]


async def test_who_looks_for_a_part_that_is_just_going_does_not_find_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, two_stores: Stores
) -> None:
    store, other = two_stores
    content = content_of(SIZE)
    await put_long_ago(store, tmp_path, content)
    removal = Held(monkeypatch, "unlink")
    collecting = asyncio.create_task(store.collect([key_of(content)], datetime.now(UTC) - AN_HOUR_AGO))
    await asyncio.to_thread(removal.reached.wait)
    looking = asyncio.create_task(other.states([(key_of(content), SIZE)]))
    looking.add_done_callback(lambda _done: removal.go_on.set())  # who does not wait is told that it is there
    assert [state.complete for state in await looking] == [False]
    assert await collecting == [key_of(content)]


async def test_a_part_that_is_just_found_does_not_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, two_stores: Stores
) -> None:
    store, other = two_stores
    content = content_of(SIZE)
    await put_long_ago(store, tmp_path, content)
    use = Held(monkeypatch, "utime")
    looking = asyncio.create_task(other.states([(key_of(content), SIZE)]))
    await asyncio.to_thread(use.reached.wait)
    unused_since = datetime.now(UTC) - AN_HOUR_AGO
    assert await store.collect([key_of(content)], unused_since) == []
    use.go_on.set()
    assert [state.complete for state in await looking] == [True]
    assert await store.collect([key_of(content)], unused_since) == []
    assert await get(store, key_of(content)) == content


class Clock:
    """Counts disk operations until the one at which the process is killed."""

    def __init__(self, fatal: int) -> None:
        self.left = fatal

    def count(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: object, **kwargs: object) -> Any:
            self.left -= 1
            if not self.left:
                raise Killed
            return operation(*args, **kwargs)

        return counted


async def test_a_kill_amid_collecting_leaves_whole_parts_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = [content_of(SIZE, seed=seed) for seed in range(6)]
    keys = sorted(map(key_of, contents), key=lambda key: key.digest)
    unused_since = datetime.now(UTC) - AN_HOUR_AGO
    kills = 0
    async with await LocalPartStore.open(tmp_path) as store:
        while True:
            await put_long_ago(store, tmp_path, *contents)
            clock = Clock(kills + 1)
            with monkeypatch.context() as dying, suppress(Killed):
                for name in OPERATIONS:
                    dying.setattr(os, name, clock.count(getattr(os, name)))
                assert await store.collect(keys, unused_since) == keys
                break
            kills += 1
            for content in contents:
                if await store.size(key_of(content)) is not None:
                    assert await get(store, key_of(content)) == content
            await store.collect(keys, unused_since)
            assert await store.complete(None, 100) == []
        assert kills > len(keys)
        for content in contents:
            await finish(store, content)


async def test_a_kill_amid_a_sweep_leaves_whole_beginnings_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    abandoned = [content_of(SIZE, seed=seed) for seed in range(6)]
    resumed = content_of(SIZE, seed=6)
    await leave_partial(tmp_path, resumed, durable=SIZE // 2, written=SIZE // 2)
    kills = 0
    while True:
        for content in abandoned:
            await leave_partial(tmp_path, content, durable=SIZE // 2, written=SIZE // 2)
            os.utime(partial_file(tmp_path, content), (0, 0))
        async with await LocalPartStore.open(tmp_path, boot_id="a") as store:
            clock = Clock(kills + 1)
            with monkeypatch.context() as dying, suppress(Killed):
                for name in OPERATIONS:
                    dying.setattr(os, name, clock.count(getattr(os, name)))
                assert await store.sweep_partials(AN_HOUR_AGO.total_seconds()) == len(abandoned)
                break
            kills += 1
            for content in abandoned:
                assert await store.received(key_of(content), SIZE) in {0, SIZE // 2}
            await store.sweep_partials(AN_HOUR_AGO.total_seconds())
            left = {
                file.name.removesuffix(".durable")
                for file in partial_file(tmp_path, resumed).parent.iterdir()
            }
            assert left == {partial_file(tmp_path, resumed).name}
    assert kills > 2 * len(abandoned)  # a file and its mark each
    async with await LocalPartStore.open(tmp_path, boot_id="a") as store:
        assert await finish(store, resumed) == SIZE // 2
