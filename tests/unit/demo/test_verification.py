"""Whether the received bytes equal the sent ones: one wrong byte anywhere is found, whatever the records say."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.exchange.v1.envelope_pb2 import Envelope
from xietong_demo.desks import Desks
from xietong_demo.stack import PARTIES, Stack
from xietong_demo.story import Step, stage_story
from xietong_demo.verification import compare
from xietong_system_desk.records import SentPackage

NAME = "03-PB-04"


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Step]:
    return {step.name: step for step in stage_story(tmp_path_factory.mktemp("demo") / "cases")}


@pytest.fixture
def desks(tmp_path: Path) -> Desks:
    return Desks(Stack(tmp_path, dict.fromkeys(PARTIES, 0)))


def receive(step: Step, desks: Desks) -> tuple[Path, SentPackage]:
    """What a receiving business system would hold."""
    folder = desks.folders(step.receiver).received / "p-1"
    (folder / "files").mkdir(parents=True)
    envelope = Envelope(package_id="p-1")
    manifest = Manifest(process_code="PB-04").SerializeToString()
    envelope.parts.add(number=0).digest.value = hashlib.sha256(manifest).digest()
    for number, (name, path) in enumerate(step.sources.items(), start=1):
        (folder / "files" / name).write_bytes(path.read_bytes())
        envelope.parts.add(number=number).digest.value = hashlib.sha256(path.read_bytes()).digest()
    (folder / "manifest.binpb").write_bytes(manifest)
    (folder / "envelope.binpb").write_bytes(envelope.SerializeToString())
    seal = hashlib.sha256(envelope.SerializeToString()).hexdigest()
    return folder, SentPackage("p-1", "procuratorate", seal, "", 1, 3, "ACCEPTED", True, "", [], [])


def first_file(folder: Path) -> Path:
    return min((folder / "files").iterdir())


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_what_arrived_as_it_was_sent_is_equal(steps: dict[str, Step], desks: Desks) -> None:
    _, package = receive(steps[NAME], desks)
    assert compare(steps[NAME], package, desks).is_equal


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: flip_a_byte(first_file(folder)),
        lambda folder: first_file(folder).unlink(),
        lambda folder: (folder / "files" / "extra.pdf").write_bytes(b"x"),
        lambda folder: first_file(folder).rename(folder / "files" / "other.pdf"),
        lambda folder: flip_a_byte(folder / "manifest.binpb"),
        lambda folder: flip_a_byte(folder / "envelope.binpb"),
    ],
    ids=["byte", "missing", "extra", "renamed", "manifest", "envelope"],
)
def test_any_difference_is_found(
    steps: dict[str, Step], desks: Desks, damage: Callable[[Path], object]
) -> None:
    folder, package = receive(steps[NAME], desks)
    damage(folder)
    assert not compare(steps[NAME], package, desks).is_equal


def test_what_never_arrived_is_different(steps: dict[str, Step], desks: Desks) -> None:
    package = SentPackage("p-2", "procuratorate", "", "", 1, 1, "ACCEPTED", True, "", [], [])
    assert not compare(steps[NAME], package, desks).is_equal


def test_a_correction_brings_the_files_of_its_base_with_its_changes(steps: dict[str, Step]) -> None:
    base, correction = steps["04-QS-01"], steps["04-QS-01-correction"]
    assert correction.sources.keys() == base.sources.keys()
    changed = {name for name in base.sources if base.sources[name] != correction.sources[name]}
    assert changed == {"涉案财物清单.pdf"}
