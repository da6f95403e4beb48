"""However the bytes of a part are cut, synced and interrupted, the content that arrives is the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contract.part_stores import (
    OpenStore,
    append_and_finish,
    content_of,
    get,
    key_of,
    open_local,
    open_memory,
    remove,
)

PIECES = st.lists(
    st.tuples(st.integers(0, 90_000), st.sampled_from(["go on", "sync", "reopen"])), max_size=12
)


@pytest.fixture(scope="module")
def shared_place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


@pytest.mark.parametrize("opening", [open_local, open_memory])
@settings(max_examples=60, deadline=None)
@given(size=st.integers(0, 300_000), pieces=PIECES, seed=st.integers(0, 1000))
async def test_however_bytes_are_cut_and_interrupted_the_content_is_the_same(
    opening: OpenStore, shared_place: Path, size: int, pieces: list[tuple[int, str]], seed: int
) -> None:
    content = content_of(size, seed)
    key = key_of(content)
    async with opening(shared_place) as store:
        await remove(store, key)
        writer = await store.write(key, size)
        for length, then in pieces:
            before, durable = writer.written, writer.durable
            await writer.append(content[before : before + length])
            if then == "sync":
                await writer.sync()
                assert writer.durable == writer.written
            if then == "reopen":
                await writer.close()
                writer = await store.write(key, size)
            assert writer.written == min(before + length, size)
            assert durable <= writer.durable <= writer.written
        await append_and_finish(writer, content[writer.written :])
        await writer.close()
        assert await get(store, key) == content
        assert await store.sweep_partials(0) == 0
