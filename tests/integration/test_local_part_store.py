"""What only the local part store does: syncs in the right order, few hops to threads, and nothing outside its root."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tests.contract.part_stores import MEBIBYTE, content_of, finish, get, key_of, put, remove
from tests.integration.part_files import (
    complete_file,
    fail_with,
    inode,
    leave_partial,
    partial_file,
    record_calls,
)

from xietong_exchange.adapters.parts import LocalPartStore, local_reader, local_writer
from xietong_exchange.adapters.parts.disk_threads import DiskThreads
from xietong_exchange.flow.part_store import PartKey

WAIT_SECONDS = 30


async def test_every_folder_on_the_way_to_a_part_is_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = content_of(MEBIBYTE)
    await leave_partial(
        tmp_path, content, durable=0, written=10
    )  # the folders may be left by a kill, not synced
    async with await LocalPartStore.open(tmp_path, boot_id="a") as store:
        synced = record_calls(monkeypatch, "fsync", inode)
        async with await store.write(key_of(content), MEBIBYTE) as writer:
            folders = [
                tmp_path / "complete" / "police",
                tmp_path / "complete",
                tmp_path / "partial",
                tmp_path,
            ]
            assert synced == [folder.stat().st_ino for folder in folders]
            await writer.sync()
            assert synced[4:] == [(tmp_path / "partial" / "police").stat().st_ino]
            await writer.append(content[10:20])
            await writer.sync()
            assert len(synced) == 5


async def test_a_link_that_may_not_be_durable_is_synced_before_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = content_of(MEBIBYTE)
    await leave_partial(tmp_path, content, durable=1000, written=MEBIBYTE)
    complete_file(tmp_path, content).hardlink_to(partial_file(tmp_path, content))
    async with await LocalPartStore.open(tmp_path, boot_id="a") as store:
        await store.received(PartKey("police", bytes(32)), 1)
        synced = record_calls(monkeypatch, "fsync", inode)
        assert await store.size(key_of(content)) == MEBIBYTE
    assert synced == [complete_file(tmp_path, content).parent.stat().st_ino]


async def test_a_failed_sync_is_never_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = content_of(MEBIBYTE)
    async with await LocalPartStore.open(tmp_path) as store:
        async with await store.write(key_of(content), MEBIBYTE) as writer:
            await writer.append(content[:1000])
            await writer.sync()
            await writer.append(content[1000:])
            with monkeypatch.context() as failing:
                failing.setattr(os, "fdatasync", fail_with(errno.EIO))
                with pytest.raises(OSError, match="Input/output"):
                    await writer.sync()
            with pytest.raises(
                OSError, match="resume at the durable offset"
            ):  # though the disk is well again
                await writer.finish()
            assert (writer.durable, writer.complete) == (1000, False)
        assert await finish(store, content) == 1000


async def test_bytes_are_synced_before_anything_vouches_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = content_of(MEBIBYTE)
    async with await LocalPartStore.open(tmp_path) as store:
        for vouch in ("sync", "finish"):
            async with await store.write(key_of(content), MEBIBYTE) as writer:
                await writer.append(content[writer.written :])
                with monkeypatch.context() as failing:
                    failing.setattr(os, "fdatasync", fail_with(errno.EIO))
                    with pytest.raises(OSError, match="Input/output"):
                        await getattr(writer, vouch)()
                assert not partial_file(tmp_path, content).with_suffix(".durable").exists()
                assert not complete_file(tmp_path, content).exists()
        assert await finish(store, content) == 0


async def test_a_failed_sync_of_the_folder_publishes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = content_of(MEBIBYTE)
    async with await LocalPartStore.open(tmp_path) as store:
        async with await store.write(key_of(content), MEBIBYTE) as writer:
            await writer.append(content)
            with monkeypatch.context() as failing:
                failing.setattr(os, "fsync", fail_with(errno.EIO))
                with pytest.raises(OSError, match="Input/output"):
                    await writer.finish()
            assert await store.size(key_of(content)) is None
        assert await finish(store, content) == MEBIBYTE


async def test_large_parts_become_durable_while_they_arrive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_writer, "SYNC_INTERVAL_BYTES", MEBIBYTE)
    content = content_of(10 * MEBIBYTE)
    async with await LocalPartStore.open(tmp_path) as store:
        async with await store.write(key_of(content), len(content)) as writer:
            for offset in range(0, len(content), 200_000):
                await writer.append(content[offset : offset + 200_000])
                assert writer.written - writer.durable < 2 * MEBIBYTE + 200_000
            assert writer.durable >= 8 * MEBIBYTE - 200_000
            await writer.finish()
        assert await get(store, key_of(content)) == content


async def test_a_long_prefix_is_hashed_again_while_the_rest_arrives(tmp_path: Path) -> None:
    content = content_of(40 * MEBIBYTE)
    await leave_partial(tmp_path, content, durable=0, written=30 * MEBIBYTE)
    async with await LocalPartStore.open(tmp_path, boot_id="a") as store:
        async with await store.write(key_of(content), len(content)) as writer:
            for offset in range(30 * MEBIBYTE, 40 * MEBIBYTE, MEBIBYTE):
                await writer.append(content[offset : offset + MEBIBYTE])
            await writer.finish()
        assert await get(store, key_of(content)) == content


async def test_a_resumed_part_may_be_left_while_its_prefix_is_hashed(tmp_path: Path) -> None:
    content = content_of(40 * MEBIBYTE)
    await leave_partial(tmp_path, content, durable=0, written=30 * MEBIBYTE)
    async with await LocalPartStore.open(tmp_path, boot_id="a") as store:
        for _ in range(3):
            async with await store.write(key_of(content), len(content)) as writer:
                assert writer.written == 30 * MEBIBYTE
        assert await finish(store, content) == 30 * MEBIBYTE


async def test_closing_waits_for_the_hash_that_reads_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = content_of(MEBIBYTE)
    await leave_partial(tmp_path, content, durable=0, written=1000)
    disk_answers = threading.Event()
    preadv = os.preadv

    def slow_preadv(file: int, buffers: Sequence[memoryview], offset: int) -> int:
        assert disk_answers.wait(WAIT_SECONDS)
        return preadv(file, buffers, offset)

    monkeypatch.setattr(os, "preadv", slow_preadv)
    async with await LocalPartStore.open(tmp_path, boot_id="a") as store:
        writer = await store.write(key_of(content), MEBIBYTE)
        await asyncio.sleep(0)  # lets the hash begin
        closing = asyncio.create_task(writer.close())
        done, _ = await asyncio.wait([closing], timeout=0.2)
        assert not done
        disk_answers.set()
        await asyncio.wait_for(closing, WAIT_SECONDS)
        assert await finish(store, content) == 1000


async def test_a_cancelled_call_ends_no_sooner_than_its_thread() -> None:
    threads = DiskThreads()
    disk_answers, ended = threading.Event(), threading.Event()

    def slow_work() -> None:
        assert disk_answers.wait(WAIT_SECONDS)
        ended.set()

    call = asyncio.create_task(threads.run(slow_work))
    for _ in range(3):
        await asyncio.sleep(0)
        call.cancel()
    done, _ = await asyncio.wait([call], timeout=0.2)
    assert not done
    disk_answers.set()
    await asyncio.wait([call], timeout=WAIT_SECONDS)
    assert call.cancelled()
    assert ended.is_set()
    await threads.close()


async def test_a_small_part_takes_two_hops_and_two_syncs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await LocalPartStore.open(tmp_path) as store:
        await store.size(key_of(b""))
        syncs = record_calls(monkeypatch, "fsync", int)
        data_syncs = record_calls(monkeypatch, "fdatasync", int)
        hops: list[object] = []
        run = DiskThreads.run

        async def recorded(threads: DiskThreads, work: Callable[..., object], *args: object) -> object:
            hops.append(work)
            return await run(threads, work, *args)

        monkeypatch.setattr(DiskThreads, "run", recorded)
        content = content_of(60_000)
        async with await store.write(key_of(content), len(content)) as writer:
            await writer.append(content)
            await writer.finish()
        assert (len(hops), len(syncs), len(data_syncs)) == (2, 1, 1)
        assert await get(store, key_of(content)) == content


async def test_what_was_read_of_a_large_part_leaves_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_reader, "CACHED_WHOLE_BYTES", 2 * MEBIBYTE)
    monkeypatch.setattr(local_reader, "CACHED_BEHIND_BYTES", 2 * MEBIBYTE)
    left = list[tuple[int, int]]()
    monkeypatch.setattr(
        os, "posix_fadvise", lambda _file, begin, length, _advice: left.append((begin, length))
    )
    small, large = content_of(2 * MEBIBYTE), content_of(9 * MEBIBYTE)
    async with await LocalPartStore.open(tmp_path / "parts") as store:
        for content in (small, large):
            await put(store, content)
            reader = store.reader(key_of(content))
            for offset in range(0, len(content), MEBIBYTE):
                assert await reader.read(offset, MEBIBYTE) == content[offset : offset + MEBIBYTE]
            reader.close()
    assert left == [(begin * MEBIBYTE, length * MEBIBYTE) for begin, length in ((0, 3), (3, 2), (5, 2))]


async def test_nobody_else_may_look_into_the_store(tmp_path: Path) -> None:
    root = tmp_path / "new" / "parts"
    content = content_of(MEBIBYTE)
    await leave_partial(root, content, durable=1000, written=2000)
    async with await LocalPartStore.open(root, boot_id="a") as store:
        await finish(store, content_of(10))
    for path in root.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    assert stat.S_IMODE(root.stat().st_mode) == 0o700


@pytest.mark.parametrize("where", [partial_file, complete_file])
async def test_a_link_to_a_file_outside_is_not_followed(
    tmp_path: Path, where: Callable[[Path, bytes], Path]
) -> None:
    content, root, outside = content_of(MEBIBYTE), tmp_path / "parts", tmp_path / "outside"
    outside.write_bytes(b"not ours")
    async with await LocalPartStore.open(root) as store:
        await store.size(key_of(content))
        where(root, content).symlink_to(outside)
        with pytest.raises(OSError, match=r"regular file|symbolic links"):
            await finish(store, content)
        with pytest.raises(OSError, match=r"regular file|symbolic links"):
            await store.received(key_of(content), MEBIBYTE)
    assert outside.read_bytes() == b"not ours"


async def test_a_link_in_place_of_a_folder_is_not_followed(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "parts"
    outside.mkdir()
    (root / "complete").mkdir(parents=True)
    (root / "complete" / "police").symlink_to(outside)
    async with await LocalPartStore.open(root) as store:
        with pytest.raises(NotADirectoryError):
            await finish(store, b"content")
    assert list(outside.iterdir()) == []


def descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


async def test_the_store_leaves_no_descriptor_open(tmp_path: Path) -> None:
    before = descriptors()
    async with await LocalPartStore.open(tmp_path) as store:
        content = content_of(MEBIBYTE)
        key = key_of(content)
        writing = asyncio.create_task(store.write(key, MEBIBYTE))
        await asyncio.sleep(0)
        writing.cancel()
        await asyncio.wait([writing])
        await finish(store, content)
        reading = store.read(key, block_bytes=10)
        await anext(reading)
        await reading.aclose()
        await remove(store, key)
        await store.sweep_partials(0)
    assert descriptors() == before
