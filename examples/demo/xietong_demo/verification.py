"""Whether the receiver holds what the sender sent: recomputed from the files of both, from no record.

The sender's side are the files of the case folder that was dropped; the receiver's side is what its business system
wrote to disk.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.exchange.v1.envelope_pb2 import Envelope
from xietong_client.fetch import MANIFEST_FILE
from xietong_demo.desks import Desks
from xietong_demo.story import Step
from xietong_system_desk.records import SentPackage


@dataclass(frozen=True, slots=True)
class Comparison:
    """The differences found; none means that every byte is equal."""

    differences: tuple[str, ...]

    @property
    def is_equal(self) -> bool:
        """Whether every byte is equal."""
        return not self.differences


def compare(step: Step, package: SentPackage, desks: Desks) -> Comparison:
    """Holds the files of a package at the receiver against those of the sender, and the manifest against the seal."""
    received = desks.folders(step.receiver).received / package.package_id
    if not received.is_dir():
        return Comparison((f"{received.name}: nothing was received",))
    sent_digests = {name: sha256_of(path) for name, path in step.sources.items()}
    files = received / "files"
    found = {path.name: sha256_of(path) for path in files.iterdir()} if files.is_dir() else {}
    names = sorted(sent_digests.keys() | found.keys())
    differences = [name for name in names if sent_digests.get(name) != found.get(name)]
    differences += _envelope_differences(received, package, set(found.values()))
    return Comparison(tuple(differences))


def named_files(step: Step, package: SentPackage, desks: Desks) -> set[str]:
    """Names of the files that the reasons of an outcome point at, by the manifest that the receiver holds."""
    received = desks.folders(step.receiver).received / package.package_id
    parts = Manifest.FromString((received / MANIFEST_FILE).read_bytes()).parts
    return {part.name for part in parts if part.number in {reason["part"] for reason in package.reasons}}


def _envelope_differences(received: Path, package: SentPackage, digests: set[str]) -> list[str]:
    """The envelope is the one that the sender's node sealed; the manifest and the files are those that it lists."""
    sealed = (received / "envelope.binpb").read_bytes()
    if hashlib.sha256(sealed).hexdigest() != package.seal:
        return ["envelope"]
    parts = Envelope.FromString(sealed).parts
    manifest = (received / MANIFEST_FILE).read_bytes()
    differences = [] if hashlib.sha256(manifest).digest() == parts[0].digest.value else ["manifest"]
    listed = {part.digest.value.hex() for part in parts[1:]}
    return differences if listed == digests else [*differences, "files of the envelope"]


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
