"""What is left of a part after a kill at any disk operation, after a power loss, and beside other processes."""

from __future__ import annotations

import asyncio
import fcntl
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.contract.part_stores import MEBIBYTE, content_of, finish, get, key_of
from tests.integration.part_files import complete_file, leave_partial, partial_file

from xietong_exchange.adapters.parts import LocalPartStore
from xietong_exchange.testing.memory_parts import MemoryPartStore

WAIT_SECONDS = 30

WRITER_PROGRAM = '''
"""Writes one part and says how far it is. Killed by itself before the given disk operation, or from outside."""
import asyncio, hashlib, os, random, signal, sys
from pathlib import Path
from xietong_exchange.adapters.parts import LocalPartStore
from xietong_exchange.flow.part_store import PartKey

root, seed, size, piece, fatal_operation = Path(sys.argv[1]), *map(int, sys.argv[2:])
content = random.Random(seed).randbytes(size)
operations = 0

def count(operation):
    def counted(*args, **kwargs):
        global operations
        operations += 1
        if operations == fatal_operation:
            os.kill(os.getpid(), signal.SIGKILL)
        return operation(*args, **kwargs)
    return counted

def say(*words):
    print(*words, flush=True)

async def main():
    async with await LocalPartStore.open(root) as store:
        key = PartKey("police", hashlib.sha256(content).digest())
        await store.size(key)  # makes the owner's folders before operations count
        for name in ("open", "pwrite", "ftruncate", "fdatasync", "fsync", "link", "unlink", "close"):
            setattr(os, name, count(getattr(os, name)))
        async with await store.write(key, size) as writer:
            while writer.written < size:
                await writer.append(content[writer.written : writer.written + piece])
                say("written", writer.written)
                if writer.written == size // 2:
                    await writer.sync()
                    say("durable", writer.durable)
                if fatal_operation == 0 and not sys.stdin.readline():
                    return
            await writer.finish()
            say("finished", size)

asyncio.run(main())
'''


@asynccontextmanager
async def writer_process(root: Path, seed: int, size: int, piece: int, fatal: int) -> AsyncIterator[Process]:
    arguments = [str(root), *map(str, (seed, size, piece, fatal))]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER_PROGRAM, *arguments, stdin=PIPE, stdout=PIPE
    )
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def next_words(process: Process) -> list[str]:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().split()


def go_on(process: Process) -> None:
    assert process.stdin is not None
    process.stdin.write(b"\n")


async def test_a_kill_amid_appends_loses_nothing_that_was_written(tmp_path: Path) -> None:
    size, piece = 64 * MEBIBYTE, 300_000
    content = content_of(size, seed=7)
    async with writer_process(tmp_path, 7, size, piece, 0) as process:
        for count in range(1, 10):
            assert await next_words(process) == ["written", str(count * piece)]
            go_on(process)
        process.kill()
        await process.wait()
    async with await LocalPartStore.open(tmp_path) as store:
        assert await store.size(key_of(content)) is None
        left = await store.received(key_of(content), size)
        assert 9 * piece <= left <= 10 * piece
        assert await finish(store, content) == left


@pytest.mark.parametrize(("size", "piece"), [(1000, 1000), (200_000, 100_000)], ids=["whole", "pieces"])
async def test_a_kill_before_any_disk_operation_is_mended(tmp_path: Path, size: int, piece: int) -> None:
    seen = set()
    async with await LocalPartStore.open(tmp_path) as store:
        for fatal in range(1, 100):
            content = content_of(size, seed=fatal)
            async with writer_process(tmp_path, fatal, size, piece, fatal) as process:
                output, _ = await process.communicate()
            said = dict(line.split() for line in output.decode().splitlines())
            seen |= set(said)
            received = await store.received(key_of(content), size)
            assert received >= int(said.get("written", 0)) or size == piece
            if await store.size(key_of(content)) is not None:
                assert await get(store, key_of(content)) == content
            else:
                assert "finished" not in said
            assert await finish(store, content) == received
            assert not partial_file(tmp_path, content).exists()
            if process.returncode == 0:
                break
        else:
            pytest.fail("the writer needs more than 99 disk operations for one part")
    assert "finished" in seen
    assert fatal > 8, "open, write, sync, link, sync, unlink and close were each cut off"


async def test_after_a_power_loss_only_synced_bytes_count(tmp_path: Path) -> None:
    content = content_of(3 * MEBIBYTE)
    await leave_partial(tmp_path, content, durable=MEBIBYTE + 5, written=2 * MEBIBYTE)
    with partial_file(tmp_path, content).open("r+b") as file:  # what a disk may make of unsynced bytes
        file.seek(MEBIBYTE + 5)
        file.write(bytes(MEBIBYTE + 100))
    async with await LocalPartStore.open(tmp_path, boot_id="b") as store:
        assert await store.received(key_of(content), len(content)) == MEBIBYTE + 5
        async with await store.write(key_of(content), len(content)) as writer:
            assert (writer.written, writer.durable) == (MEBIBYTE + 5, MEBIBYTE + 5)
        assert await finish(store, content) == MEBIBYTE + 5


async def test_a_second_power_loss_trusts_no_more_than_the_first(tmp_path: Path) -> None:
    content = content_of(MEBIBYTE)
    await leave_partial(tmp_path, content, durable=1000, written=2000, boot_id="a")
    await leave_partial(tmp_path, content, durable=0, written=5000, boot_id="b")
    async with await LocalPartStore.open(tmp_path, boot_id="c") as store:
        assert await finish(store, content) == 1000


async def test_within_one_boot_the_length_counts(tmp_path: Path) -> None:
    content = content_of(MEBIBYTE)
    await leave_partial(tmp_path, content, durable=1000, written=2000)
    async with await LocalPartStore.open(tmp_path, boot_id="a") as store:
        assert await finish(store, content) == 2000


async def test_a_part_that_was_never_synced_begins_anew_after_a_power_loss(tmp_path: Path) -> None:
    content = content_of(MEBIBYTE)
    await leave_partial(tmp_path, content, durable=0, written=2000)
    async with await LocalPartStore.open(tmp_path, boot_id="b") as store:
        assert not partial_file(tmp_path, content).exists()
        assert await finish(store, content) == 0


@pytest.mark.parametrize("damage", [b"", b"garbage", b"00000000000000001000 00000000"])
async def test_a_damaged_record_of_the_durable_offset_counts_as_none(tmp_path: Path, damage: bytes) -> None:
    content = content_of(MEBIBYTE)
    await leave_partial(tmp_path, content, durable=1000, written=2000)
    mark = partial_file(tmp_path, content).with_suffix(".durable")
    assert mark.exists()
    mark.write_bytes(damage)
    async with await LocalPartStore.open(tmp_path, boot_id="b") as store:
        assert await finish(store, content) == 0


async def test_a_record_without_its_part_is_cleared_away(tmp_path: Path) -> None:
    content = content_of(MEBIBYTE)
    await leave_partial(tmp_path, content, durable=1000, written=2000)
    partial_file(tmp_path, content).unlink()
    async with await LocalPartStore.open(tmp_path, boot_id="b") as store:
        assert await finish(store, content) == 0
    assert list((tmp_path / "partial" / "police").iterdir()) == []


@pytest.mark.parametrize("boot_id", ["a", "b"], ids=["kill", "power loss"])
async def test_a_part_killed_between_link_and_unlink_is_complete(tmp_path: Path, boot_id: str) -> None:
    content = content_of(MEBIBYTE)
    await leave_partial(tmp_path, content, durable=1000, written=MEBIBYTE)
    complete_file(tmp_path, content).hardlink_to(partial_file(tmp_path, content))
    async with await LocalPartStore.open(tmp_path, boot_id=boot_id) as store:
        assert await store.size(key_of(content)) == MEBIBYTE
        async with await store.write(key_of(content), MEBIBYTE) as writer:
            assert writer.complete
        assert list((tmp_path / "partial" / "police").iterdir()) == []
        assert await get(store, key_of(content)) == content


async def test_another_process_writes_first_and_its_kill_lets_us_in(tmp_path: Path) -> None:
    size, piece = 300_000, 100_000
    content = content_of(size, seed=3)
    async with await LocalPartStore.open(tmp_path) as store:
        async with writer_process(tmp_path, 3, size, piece, 0) as process:
            assert await next_words(process) == ["written", "100000"]
            waiting = asyncio.create_task(store.write(key_of(content), size))
            done, _ = await asyncio.wait([waiting], timeout=0.3)
            assert not done
            assert await store.sweep_partials(0) == 0
            process.kill()
            writer = await asyncio.wait_for(waiting, WAIT_SECONDS)
        assert writer.written == piece
        await writer.close()
        assert await finish(store, content) == piece


async def test_what_another_process_has_published_is_complete_for_who_waited(tmp_path: Path) -> None:
    size, piece = 300_000, 100_000
    content = content_of(size, seed=3)
    async with (
        await LocalPartStore.open(tmp_path) as store,
        writer_process(tmp_path, 3, size, piece, 0) as process,
    ):
        assert await next_words(process) == ["written", "100000"]
        waiting = asyncio.create_task(store.write(key_of(content), size))
        for _ in range(3):
            go_on(process)
        writer = await asyncio.wait_for(waiting, WAIT_SECONDS)
        assert writer.complete
        await writer.close()
        assert await get(store, key_of(content)) == content


async def test_a_file_that_was_removed_before_its_lock_was_taken_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = content_of(MEBIBYTE)
    await leave_partial(tmp_path, content, durable=0, written=1000)
    real_flock = fcntl.flock
    removed: list[int] = []

    def flock(file: int, operation: int) -> None:
        if not removed:  # as another process's sweep may do between our open and our lock
            partial_file(tmp_path, content).unlink()
            removed.append(file)
        real_flock(file, operation)

    async with await LocalPartStore.open(tmp_path, boot_id="a") as store:
        monkeypatch.setattr(fcntl, "flock", flock)
        async with await store.write(key_of(content), MEBIBYTE) as writer:
            assert removed
            assert writer.written == 0
            await writer.append(content[:10])
            assert partial_file(tmp_path, content).stat().st_size == 10


@pytest.mark.parametrize(("power_lost", "left"), [(False, 2000), (True, 1000)])
async def test_the_store_in_memory_restarts_like_the_local_one(power_lost: bool, left: int) -> None:
    content, complete = content_of(MEBIBYTE), content_of(10, seed=1)
    store = MemoryPartStore()
    await finish(store, complete)
    writer = await store.write(key_of(content), MEBIBYTE)
    await writer.append(content[:1000])
    await writer.sync()
    await writer.append(content[1000:2000])
    after = store.restarted(power_lost=power_lost)
    await writer.append(content[2000:3000])  # the old process's writer reaches nobody any more
    assert await finish(after, content) == left
    assert await get(after, key_of(complete)) == complete
