"""Packages of any size, made ready at the sender's node and then sent and timed."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from xietong.casefile.v1.manifest_pb2 import Manifest, PartKind
from xietong.exchange.v1.draft_pb2 import DraftHeader, DraftKey
from xietong.exchange.v1.envelope_pb2 import Address, Classification, Party
from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong_client import CaseFolder, DraftSession, Node

TEMPLATE = Path(__file__).parents[1] / "examples" / "03-PB-04"
"""A receipt for an arrest warrant: the smallest package of the example case."""
_WRITE_BYTES = 8 << 20
_STAMP_BYTES = 64 << 10
_PREPARED_AT_ONCE = 8
_WARM_UP_PACKAGES = 8
_WARM_UP_BYTES = 100_000
_numbers = itertools.count(os.getpid() * 100_000)


def write_noise(path: Path, size_bytes: int) -> Path:
    """A file that nothing has seen before and nothing can compress."""
    with path.open("wb") as file:
        for offset in range(0, size_bytes, _WRITE_BYTES):
            file.write(os.urandom(min(_WRITE_BYTES, size_bytes - offset)))
        file.flush()
        os.fsync(file.fileno())
    return path


def stamp(path: Path) -> None:
    """Change the beginning, so that nodes know nothing of the content and yet not all of it is written anew."""
    with path.open("r+b") as file:
        file.write(os.urandom(min(_STAMP_BYTES, path.stat().st_size)))
        file.flush()
        os.fsync(file.fileno())


async def prepare(node: Node, content: Path) -> DraftSession:
    """A draft with this file as its only one beside the template's documents, uploaded and verified."""
    folder = CaseFolder.load(TEMPLATE)
    number = f"A4401990000{next(_numbers) % 10**12:012d}"
    key = DraftKey(organ_code=folder.key.organ_code, case_number=number, process_code="PB-04")
    draft = node.draft(key, folder.actor)
    await draft.open(
        DraftHeader(
            receivers=[Address(party=Party.PARTY_PROCURATORATE)],
            standard_edition=folder.edition,
            classification=Classification.CLASSIFICATION_UNCLASSIFIED,
        )
    )
    for contribution in folder.contributions:
        fragment = Manifest()
        fragment.CopyFrom(contribution.fragment or Manifest())
        files = dict(contribution.files)
        fragment.parts.add(name=content.name, kind=PartKind.PART_KIND_OTHER)
        files[content.name] = content
        await draft.contribute(contribution.name, fragment, files)
    return draft


async def prepare_all(node: Node, folder: Path, count: int, size_bytes: int) -> list[DraftSession]:
    """So many drafts, each with a file of its own of this size."""
    places = asyncio.Semaphore(_PREPARED_AT_ONCE)

    async def one(number: int) -> DraftSession:
        async with places:
            content = folder / f"small-{number}.bin"
            try:
                content.write_bytes(os.urandom(size_bytes))
                return await prepare(node, content)
            finally:
                content.unlink(missing_ok=True)

    return list(await asyncio.gather(*map(one, range(count))))


@dataclass(frozen=True, slots=True)
class Sent:
    """A package that arrived."""

    package_id: str
    seconds: float
    """From submit to the receiver's evidence at the sender."""


async def send(node: Node, draft: DraftSession) -> Sent:
    """Submit, and wait until the sender's node holds the evidence that the receiver has everything."""
    start = time.perf_counter()
    (package,) = await draft.submit()
    async with aclosing(node.watch(package.package_id)) as states:
        async for seen in states:
            if seen.state == DeliveryState.DELIVERY_STATE_FAILED:
                raise RuntimeError(
                    f"package {package.package_id} failed: {seen.progress.last_reason.text_en}"
                )
            if seen.state >= DeliveryState.DELIVERY_STATE_DELIVERED:
                return Sent(package.package_id, time.perf_counter() - start)
    raise RuntimeError(f"the watch of package {package.package_id} ended before it was delivered")


async def send_all(node: Node, drafts: Sequence[DraftSession], at_once: int) -> list[Sent]:
    """Send them all, so many at a time."""
    places = asyncio.Semaphore(at_once)

    async def one(draft: DraftSession) -> Sent:
        async with places:
            return await send(node, draft)

    return list(await asyncio.gather(*(one(draft) for draft in drafts)))


async def warm_up(node: Node, folder: Path) -> None:
    """Send a few small packages: the first ones of a process pay for connections and first uses."""
    for draft in await prepare_all(node, folder, _WARM_UP_PACKAGES, _WARM_UP_BYTES):
        await send(node, draft)
