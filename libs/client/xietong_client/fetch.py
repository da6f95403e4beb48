"""Reads a received package into a folder: resumes, checks every digest, leaves complete files only."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import json_format
from google.protobuf.message import DecodeError

from xietong.casefile.v1.manifest_pb2 import Manifest, Part
from xietong.exchange.v1.envelope_pb2 import DigestAlgorithm, Envelope, EnvelopePart
from xietong.exchange.v1.gateway_packages_pb2 import ReadPartRequest
from xietong.exchange.v1.gateway_service_pb2_grpc import GatewayServiceStub
from xietong.exchange.v1.package_pb2 import Package
from xietong_client.bounded import for_each
from xietong_client.errors import ContentMismatch, XietongClientError, local_storage_failed
from xietong_client.files import hash_into, in_thread, measure, opened, sync_folder
from xietong_client.packages import envelope_of
from xietong_client.progress import Meter, Phase, ProgressListener
from xietong_client.rpc import Patience, receive
from xietong_client.status import unanswered
from xietong_client.text import Text
from xietong_client.trace import Trace

PATIENCE_SECONDS = 300.0
SILENCE_SECONDS = 120.0
FILES_AT_ONCE = 4
MANIFEST_FILE = "manifest.binpb"
READABLE_MANIFEST_FILE = "manifest.json"
ENVELOPE_FILE = "envelope.binpb"
CHECKSUMS_FILE = "SHA256SUMS"
FILES_FOLDER = "files"
_TRIES_PER_PART = 2
_MANIFEST_NUMBER = 0


@dataclass(frozen=True, slots=True)
class Fetched:
    """A package on disk: all its digests were checked.

    `directory` holds the manifest (`manifest.binpb`, the exact bytes that were sealed, and `manifest.json` to
    read), `envelope.binpb`, the files below `files/`, and `SHA256SUMS` for `sha256sum -c`.
    """

    package: Package
    envelope: Envelope
    manifest: Manifest
    directory: Path
    files: Mapping[str, Path]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class PartReader:
    """Reads parts of one package from a node."""

    stub: GatewayServiceStub
    package: Package
    trace: Trace | None
    patience_seconds: float = PATIENCE_SECONDS

    async def read(self, wanted: EnvelopePart, destination: Path, meter: Meter, name: str) -> None:
        """Brings one part to `destination`. Raises ContentMismatch, LocalStorageFailed, the node's error."""
        try:
            if await _has_digest(destination, wanted):
                meter.at(name, wanted.size_bytes)
                return
            for attempt in range(1, _TRIES_PER_PART + 1):
                async with opened(lambda: _Partial.open(destination, wanted)) as partial:
                    await self._fill(partial, meter, name)
                    if await in_thread(partial.complete):
                        return
                if attempt == _TRIES_PER_PART:
                    raise _mismatch(name, wanted, partial.digest.hexdigest())
        except OSError as error:
            raise local_storage_failed(error, str(destination)) from error

    async def _fill(self, partial: _Partial, meter: Meter, name: str) -> None:
        partial.position = await hash_into(partial.digest, partial.file, lambda at: meter.at(name, at))
        patience = Patience(self.patience_seconds)
        while True:
            start = partial.position
            try:
                await self._stream(partial, meter, name)
                failure: XietongClientError = unanswered()  # when the stream ended early
            except XietongClientError as error:
                failure = error
            else:
                if partial.position >= partial.wanted.size_bytes:
                    return
            if partial.position > start:
                patience.reset()
            await patience.wait(failure)

    async def _stream(self, partial: _Partial, meter: Meter, name: str) -> None:
        number = partial.wanted.number
        request = ReadPartRequest(package_id=self.package.package_id, part=number, offset=partial.position)
        answers = receive(self.stub.ReadPart, request, trace=self.trace, silence_seconds=SILENCE_SECONDS)
        async with aclosing(answers):
            async for answer in answers:
                if answer.offset != partial.position:
                    raise unanswered()
                room = partial.wanted.size_bytes - partial.position
                await in_thread(partial.append, answer.data[: room + 1])
                if len(answer.data) > room:  # one byte too many makes it wrong; more would only fill the disk
                    return
                meter.at(name, partial.position)


@dataclass(slots=True)
class _Partial:
    """A part on its way to disk. Its file is named by the digest: bytes of other content never join it."""

    wanted: EnvelopePart
    destination: Path
    path: Path
    file: io.FileIO
    digest: hashlib._Hash
    position: int = 0

    @classmethod
    def open(cls, destination: Path, wanted: EnvelopePart) -> _Partial:
        path = destination.with_name(f".{wanted.number}-{wanted.digest.value.hex()[:16]}.partial")
        destination.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        if path.stat().st_size > wanted.size_bytes:
            os.truncate(path, 0)
        return cls(wanted, destination, path, path.open("r+b", buffering=0), hashlib.sha256())

    def append(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self.file.write(rest) :]
        self.digest.update(data)
        self.position += len(data)

    def complete(self) -> bool:
        """Puts the file into place when its digest is right, and drops it when it is not."""
        if self.position != self.wanted.size_bytes or self.digest.digest() != self.wanted.digest.value:
            self.path.unlink(missing_ok=True)
            return False
        os.fsync(self.file.fileno())
        self.close()  # some systems do not rename open files
        self.path.replace(self.destination)
        sync_folder(self.destination.parent)
        return True

    def close(self) -> None:
        self.file.close()


async def fetch_package(
    reader: PartReader,
    directory: Path,
    *,
    wanted: Callable[[Part], bool] | None = None,
    on_progress: ProgressListener | None = None,
) -> Fetched:
    """Brings manifest and files of a package into `directory`. Called again it brings only what is missing.

    `wanted` chooses files, for a system that may read only some kinds. Raises XietongClientError.
    """
    envelope = _checked_envelope(reader.package)
    manifest = await _read_manifest(reader, envelope, directory)
    chosen = {part.number: part for part in manifest.parts if wanted is None or wanted(part)}
    entries = [entry for entry in envelope.parts if entry.number in chosen]
    files = {part.name: _safe_path(directory, part.name) for part in chosen.values()}
    meter = Meter(Phase.DOWNLOAD, sum(entry.size_bytes for entry in entries), on_progress)

    async def bring(entry: EnvelopePart) -> None:
        name = chosen[entry.number].name
        await reader.read(entry, files[name], meter, name)

    await for_each(entries, bring, at_once=FILES_AT_ONCE)
    await asyncio.to_thread(_write_accompanying, directory, reader.package, manifest, chosen.values())
    size = envelope.parts[0].size_bytes + sum(entry.size_bytes for entry in entries)
    return Fetched(reader.package, envelope, manifest, directory, files, size)


async def _read_manifest(reader: PartReader, envelope: Envelope, directory: Path) -> Manifest:
    entry = envelope.parts[0]
    path = directory / MANIFEST_FILE
    await reader.read(entry, path, Meter(Phase.DOWNLOAD, entry.size_bytes, None), MANIFEST_FILE)
    try:
        manifest = Manifest.FromString(await asyncio.to_thread(path.read_bytes))
    except DecodeError as error:
        raise _unreadable("manifest") from error
    sealed = {part.number: (part.size_bytes, part.digest.value.hex()) for part in envelope.parts}
    listed = {part.number: (part.size_bytes, part.sha256) for part in manifest.parts}
    if {**listed, _MANIFEST_NUMBER: sealed[_MANIFEST_NUMBER]} != sealed:
        raise _unreadable("manifest")
    return manifest


def _checked_envelope(package: Package) -> Envelope:
    sealed = package.envelope.envelope
    try:
        envelope = envelope_of(package)
    except DecodeError as error:
        raise _unreadable("envelope") from error
    numbers = [part.number for part in envelope.parts]
    is_sealed = hashlib.sha256(sealed).digest() == package.seal.value
    if not is_sealed or not numbers or numbers != list(range(len(numbers))):
        raise _unreadable("envelope")
    if any(part.digest.algorithm != DigestAlgorithm.DIGEST_ALGORITHM_SHA256 for part in envelope.parts):
        raise _unreadable("digest algorithm")
    return envelope


def _safe_path(directory: Path, name: str) -> Path:
    """Where a file of the package goes. A name that leads elsewhere is refused, whoever let it through."""
    if not name or name in (".", "..") or any(c in "/\\" or ord(c) < ord(" ") for c in name):
        raise _unreadable(f"file name {name[:40]!r}")
    return directory / FILES_FOLDER / name


async def _has_digest(path: Path, wanted: EnvelopePart) -> bool:
    if not await asyncio.to_thread(path.is_file):
        return False
    found = await measure(path.name, path)
    return (found.size_bytes, found.sha256) == (wanted.size_bytes, wanted.digest.value.hex())


def _write_accompanying(directory: Path, package: Package, manifest: Manifest, parts: Iterable[Part]) -> None:
    (directory / ENVELOPE_FILE).write_bytes(package.envelope.envelope)
    readable = json_format.MessageToJson(manifest, preserving_proto_field_name=True, ensure_ascii=False)
    (directory / READABLE_MANIFEST_FILE).write_text(readable, encoding="utf-8")
    sums = [f"{envelope_of(package).parts[0].digest.value.hex()}  {MANIFEST_FILE}"]
    sums += [f"{part.sha256}  {FILES_FOLDER}/{part.name}" for part in parts]
    (directory / CHECKSUMS_FILE).write_text("\n".join(sums) + "\n", encoding="utf-8")


def _mismatch(name: str, wanted: EnvelopePart, found: str) -> ContentMismatch:
    expected = wanted.digest.value.hex()
    return ContentMismatch(
        reason="CONTENT_MISMATCH",
        text=Text(
            f"{name} 的内容与封签不符：应为 sha256 {expected}，实为 {found}。",
            f"{name} is not what was sealed: expected sha256 {expected}, found {found}.",
        ),
        remedy=Text(
            "请再次取件；仍不符时请联系本单位节点运维，不要使用该文件。",
            "Fetch again; if it stays so, tell your node's operators, and do not use the file.",
        ),
    )


def _unreadable(what: str) -> ContentMismatch:
    return ContentMismatch(
        reason="CONTENT_MISMATCH",
        text=Text(f"数据包的 {what} 无效或与封签不符。", f"the package's {what} is not what was sealed."),
        remedy=Text("请联系本单位节点运维。", "Tell the operators of your node."),
    )
