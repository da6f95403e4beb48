"""Fetching: every digest is checked, a broken read goes on, and only complete files appear."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest
from tests.unit.client.fake_node import MIB, READ_CHUNK_BYTES, FakeNode

from xietong.casefile.v1.manifest_pb2 import Manifest, Part, PartKind
from xietong.exchange.v1.envelope_pb2 import DigestAlgorithm, Envelope
from xietong_client import ContentMismatch, LocalStorageFailed, Node, NotFound, Progress

VIDEO = "讯问录像.mp4"
LETTER = "起诉意见书.pdf"


def manifest() -> Manifest:
    return Manifest(
        parts=[
            Part(name=VIDEO, kind=PartKind.PART_KIND_VIDEO),
            Part(name=LETTER, kind=PartKind.PART_KIND_DOCUMENT),
            Part(name="空.txt", kind=PartKind.PART_KIND_OTHER),
        ]
    )


@pytest.fixture
def contents() -> list[bytes]:
    return [os.urandom(MIB + 11), b"letter", b""]


@pytest.fixture
def package_id(fake: FakeNode, contents: list[bytes]) -> str:
    return fake.add_package(manifest(), contents).package_id


async def test_every_byte_arrives_and_sha256sum_agrees(
    node: Node, package_id: str, contents: list[bytes], tmp_path: Path
) -> None:
    seen: list[Progress] = []
    fetched = await node.fetch(package_id, tmp_path / "in", on_progress=seen.append)
    assert [fetched.files[name].read_bytes() for name in (VIDEO, LETTER, "空.txt")] == contents
    assert fetched.size_bytes == fetched.package.size_bytes
    assert seen[-1].done_bytes == seen[-1].total_bytes == sum(map(len, contents))
    command = ("sha256sum", "--check", "--strict", "SHA256SUMS")
    check = await asyncio.create_subprocess_exec(*command, cwd=fetched.directory, stdout=subprocess.DEVNULL)
    assert await check.wait() == 0


async def test_the_readable_manifest_says_what_the_sealed_one_says(
    node: Node, package_id: str, tmp_path: Path
) -> None:
    fetched = await node.fetch(package_id, tmp_path)
    readable = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert readable["parts"][0]["name"] == VIDEO
    assert Manifest.FromString((tmp_path / "manifest.binpb").read_bytes()) == fetched.manifest
    sealed = (tmp_path / "envelope.binpb").read_bytes()
    assert hashlib.sha256(sealed).digest() == fetched.package.seal.value


async def test_a_broken_read_goes_on_where_it_stopped(
    node: Node, fake: FakeNode, package_id: str, contents: list[bytes], tmp_path: Path
) -> None:
    big = READ_CHUNK_BYTES * 4
    fake.read_breaks = [10**9, big, big]  # the manifest's stream holds; whichever streams follow break
    fetched = await node.fetch(package_id, tmp_path, wanted=lambda part: part.name == VIDEO)
    assert [offset for part, offset in fake.read_offsets if part == 1] == [0, big, 2 * big]
    assert fetched.files[VIDEO].read_bytes() == contents[0]


async def test_a_second_run_takes_up_the_partial_file(
    node: Node, fake: FakeNode, package_id: str, contents: list[bytes], tmp_path: Path
) -> None:
    digest = hashlib.sha256(contents[0]).hexdigest()
    (tmp_path / "files").mkdir()
    partial = tmp_path / "files" / f".1-{digest[:16]}.partial"
    partial.write_bytes(contents[0][:300_000])
    fetched = await node.fetch(package_id, tmp_path)
    assert (1, 300_000) in fake.read_offsets
    assert fetched.files[VIDEO].read_bytes() == contents[0]
    assert sorted(path.name for path in (tmp_path / "files").iterdir()) == sorted([VIDEO, LETTER, "空.txt"])


async def test_what_is_complete_is_not_read_again(
    node: Node, fake: FakeNode, package_id: str, tmp_path: Path
) -> None:
    await node.fetch(package_id, tmp_path)
    fake.read_offsets.clear()
    await node.fetch(package_id, tmp_path)
    assert fake.read_offsets == []


async def test_a_wrong_file_in_its_place_is_replaced(
    node: Node, package_id: str, contents: list[bytes], tmp_path: Path
) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / LETTER).write_bytes(b"lettre")
    fetched = await node.fetch(package_id, tmp_path)
    assert fetched.files[LETTER].read_bytes() == contents[1]


async def test_one_wrong_byte_on_the_way_is_mended_by_a_second_try(
    node: Node, fake: FakeNode, package_id: str, contents: list[bytes], tmp_path: Path
) -> None:
    fake.corrupt_reads = 1
    fetched = await node.fetch(package_id, tmp_path, wanted=lambda part: part.name == LETTER)
    assert fetched.files[LETTER].read_bytes() == contents[1]


async def test_content_that_stays_wrong_is_named_and_never_put_into_place(
    node: Node, fake: FakeNode, package_id: str, tmp_path: Path
) -> None:
    fake.corrupt_reads = 10**9
    with pytest.raises(ContentMismatch, match=LETTER) as caught:
        await node.fetch(package_id, tmp_path, wanted=lambda part: part.name == LETTER)
    assert "不要使用" in caught.value.remedy.zh
    assert list((tmp_path / "files").iterdir()) == []


async def test_more_bytes_than_were_announced_are_not_taken(
    node: Node, fake: FakeNode, package_id: str, contents: list[bytes], tmp_path: Path
) -> None:
    fake.held[package_id].contents[2] = contents[1] + bytes(4 * MIB)
    seen: list[Progress] = []
    with pytest.raises(ContentMismatch, match=LETTER):
        await node.fetch(
            package_id, tmp_path, wanted=lambda part: part.name == LETTER, on_progress=seen.append
        )
    assert all(progress.done_bytes <= len(contents[1]) for progress in seen)
    assert list((tmp_path / "files").iterdir()) == []


@pytest.mark.parametrize("name", ["../outside.pdf", "a/b.pdf", "a\\b.pdf", "..", "nul\x00byte"])
async def test_a_name_that_leads_elsewhere_is_refused(
    node: Node, fake: FakeNode, tmp_path: Path, name: str
) -> None:
    package = fake.add_package(Manifest(parts=[Part(name=name)]), [b"x"])
    with pytest.raises(ContentMismatch, match="file name"):
        await node.fetch(package.package_id, tmp_path / "in")
    assert not (tmp_path / "outside.pdf").exists()


async def test_an_envelope_that_was_changed_is_refused(node: Node, fake: FakeNode, tmp_path: Path) -> None:
    package = fake.add_package(manifest(), [b"1", b"2", b"3"])
    envelope = Envelope.FromString(package.envelope.envelope)
    envelope.process_code = "QS-01"
    package.envelope.envelope = envelope.SerializeToString()
    with pytest.raises(ContentMismatch, match="envelope"):
        await node.fetch(package.package_id, tmp_path)


async def test_a_manifest_that_lists_other_digests_is_refused(
    node: Node, fake: FakeNode, tmp_path: Path
) -> None:
    package = fake.add_package(manifest(), [b"1", b"2", b"3"])
    envelope = Envelope.FromString(package.envelope.envelope)
    envelope.parts[2].digest.value = hashlib.sha256(b"other").digest()
    package.envelope.envelope = envelope.SerializeToString()
    package.seal.value = hashlib.sha256(package.envelope.envelope).digest()
    with pytest.raises(ContentMismatch, match="manifest"):
        await node.fetch(package.package_id, tmp_path)


async def test_an_unknown_digest_algorithm_is_refused(node: Node, fake: FakeNode, tmp_path: Path) -> None:
    package = fake.add_package(manifest(), [b"1", b"2", b"3"])
    envelope = Envelope.FromString(package.envelope.envelope)
    envelope.parts[1].digest.algorithm = DigestAlgorithm.DIGEST_ALGORITHM_SM3
    package.envelope.envelope = envelope.SerializeToString()
    package.seal.value = hashlib.sha256(package.envelope.envelope).digest()
    with pytest.raises(ContentMismatch, match="digest algorithm"):
        await node.fetch(package.package_id, tmp_path)


async def test_a_folder_that_cannot_be_written_is_named(node: Node, package_id: str, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(LocalStorageFailed, match="in is a file, not a folder"):
        await node.fetch(package_id, tmp_path / "in")


async def test_an_unknown_package_is_not_found(node: Node, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await node.fetch("0190f5ff-0000-7000-8000-000000000000", tmp_path)
