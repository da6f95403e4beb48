"""The receiving side of a desk: fetch, check every digest, write the case card, and decide as the handler does."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from xietong.casefile.v1.manifest_pb2 import Manifest, Part
from xietong.exchange.v1.envelope_pb2 import Envelope
from xietong.exchange.v1.evidence_pb2 import Reason
from xietong.exchange.v1.package_pb2 import DeliveryState, Package
from xietong_client import (
    READABLE_STATES,
    ContentMismatch,
    Fetched,
    Node,
    NotFound,
    Text,
    XietongClientError,
    envelope_of,
)
from xietong_client.fetch import MANIFEST_FILE
from xietong_system_desk.card import CARD_FILE, render_card
from xietong_system_desk.case_numbers import CaseRegister
from xietong_system_desk.folders import DeskFolders
from xietong_system_desk.profile import DeskProfile
from xietong_system_desk.records import Receipt, ReceiptStage, reasons_json, receipts_in
from xietong_system_desk.review import Submission

_LOG = logging.getLogger(__name__)
# Another system of the party may have decided before an archive came to fetch.
_ARCHIVABLE = READABLE_STATES | {DeliveryState.DELIVERY_STATE_ACCEPTED}


@dataclass(frozen=True, slots=True)
class Receiver:
    """Takes one package after the other from the inbox to its outcome. Every step may be repeated."""

    node: Node
    profile: DeskProfile
    folders: DeskFolders
    register: CaseRegister

    async def is_due(self, package: Package) -> bool:
        """Whether there is something to do for a package of the inbox."""
        readable = READABLE_STATES if self.profile.decides else _ARCHIVABLE
        return package.state in readable and not (await self._receipt(package.package_id)).is_done

    async def handle(self, package: Package) -> None:
        """Brings one package to its outcome. Raises XietongClientError when the node can't be used."""
        package_id = package.package_id
        receipt = await self._receipt(package_id)
        receipt.process = envelope_of(package).process_code
        try:
            fetched = await self._fetch(package_id)
            await asyncio.to_thread(self._take_in, receipt, fetched)
            reasons = await self._review(receipt, fetched) if self.profile.decides else []
        except ContentMismatch as error:
            await self._parse_failed(receipt, error.reason, error.text)
        except XietongClientError:
            raise
        except Exception:  # noqa: BLE001 - a poison package may raise anything
            # Whatever a package holds, it must not keep the others waiting: the sender is told.
            _LOG.exception("%s: the package can't be parsed", package_id)
            text = Text(
                "案件数据无法解析，请联系接收系统运维。", "the case data can't be parsed; tell the operators."
            )
            await self._parse_failed(receipt, "PARSER_FAILED", text)
        else:
            await self._conclude(receipt, reasons)

    async def _receipt(self, package_id: str) -> Receipt:
        return await asyncio.to_thread(Receipt.read, self.folders.received / package_id)

    async def _fetch(self, package_id: str) -> Fetched:
        return await self.node.fetch(package_id, self.folders.received / package_id, wanted=self._takes)

    def _takes(self, part: Part) -> bool:
        return self.profile.reads is None or part.kind in self.profile.reads

    def _take_in(self, receipt: Receipt, fetched: Fetched) -> None:
        """Checks the files on disk against the seal, and writes card and receipt."""
        envelope, manifest = fetched.envelope, fetched.manifest
        receipt.files = _checked_files(fetched)
        receipt.seal = fetched.package.seal.value.hex()
        receipt.collaboration_case_id = envelope.collaboration_case_id
        receipt.correlation_id = envelope.correlation_id
        receipt.case_numbers = sorted({entry.number for entry in envelope.case_numbers})
        card = render_card(envelope, manifest, set(fetched.files), self.profile.title.zh)
        (fetched.directory / CARD_FILE).write_text(card, encoding="utf-8")
        receipt.stage = ReceiptStage.PARSED
        receipt.write(fetched.directory)

    async def _conclude(self, receipt: Receipt, reasons: Sequence[Reason]) -> None:
        """Tells the node what the handler decided; an archive just keeps the package."""
        package_id = receipt.package_id
        if not self.profile.decides:
            await self._close(receipt, ReceiptStage.ARCHIVED)
            return
        await self.node.parsed(package_id)
        if reasons:
            await self.node.return_(package_id, reasons)
            await self._close(receipt, ReceiptStage.RETURNED, reasons)
            return
        series = self.profile.series_of(receipt.process)
        case_id, known = receipt.collaboration_case_id, receipt.case_numbers
        number = await asyncio.to_thread(self.register.assign, series, case_id, known)
        receipt.receiver_case_number = number
        await self.node.accept(package_id, number)
        await self._close(receipt, ReceiptStage.ACCEPTED)

    async def _review(self, receipt: Receipt, fetched: Fetched) -> list[Reason]:
        answered = await self._answered(fetched.envelope)
        earlier = await asyncio.to_thread(self._earlier, receipt.collaboration_case_id)
        submission = Submission(fetched.manifest, fetched.files, earlier, answered)
        return await asyncio.to_thread(self._check, submission)

    def _check(self, submission: Submission) -> list[Reason]:
        return [reason for check in self.profile.checks for reason in check(submission)]

    def _earlier(self, collaboration_case_id: str) -> list[Manifest]:
        """The case data of this case that were accepted before."""
        return [
            Manifest.FromString((self.folders.received / receipt.package_id / MANIFEST_FILE).read_bytes())
            for receipt in receipts_in(self.folders.received)
            if receipt.stage is ReceiptStage.ACCEPTED
            and receipt.collaboration_case_id == collaboration_case_id
        ]

    async def _answered(self, envelope: Envelope) -> Manifest | None:
        """The case data of the own package that this one answers."""
        if not envelope.correlation_id:
            return None
        folder = self.folders.answered / envelope.correlation_id
        try:
            fetched = await self.node.fetch(envelope.correlation_id, folder, wanted=lambda _part: False)
        except NotFound:
            return None  # It answers something that another organ sent.
        return fetched.manifest

    async def _parse_failed(self, receipt: Receipt, code: str, text: Text) -> None:
        reasons = [Reason(code=code, text_zh=text.zh, text_en=text.en)]
        if self.profile.decides:
            await self.node.parse_failed(receipt.package_id, reasons)
        await self._close(receipt, ReceiptStage.PARSE_FAILED, reasons)

    async def _close(self, receipt: Receipt, stage: ReceiptStage, reasons: Sequence[Reason] = ()) -> None:
        receipt.stage = stage
        receipt.reasons = reasons_json(reasons)
        receipt.decision_time = datetime.now(UTC).isoformat(timespec="milliseconds")
        await asyncio.to_thread(receipt.write, self.folders.received / receipt.package_id)
        _LOG.info("%s %s: %s", receipt.process, receipt.package_id, stage)


def _checked_files(fetched: Fetched) -> list[dict[str, str | int]]:
    """Reads every file from disk once more and holds it against the envelope. Raises ContentMismatch."""
    sealed = {part.number: part for part in fetched.envelope.parts}
    numbers = {part.name: part.number for part in fetched.manifest.parts}
    found: list[dict[str, str | int]] = []
    for name, path in [(MANIFEST_FILE, fetched.directory / MANIFEST_FILE), *fetched.files.items()]:
        entry = sealed[numbers.get(name, 0)]
        size, digest = path.stat().st_size, _sha256(path)
        if (size, digest) != (entry.size_bytes, entry.digest.value):
            raise _not_as_sealed(name, digest)
        found.append({"name": name, "size_bytes": size, "sha256": digest.hex()})
    return found


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _not_as_sealed(name: str, found: bytes) -> ContentMismatch:
    return ContentMismatch(
        reason="CONTENT_MISMATCH",
        text=Text(
            f"{name} 与封签不符（sha256 {found.hex()}）。", f"{name} is not as sealed (sha256 {found.hex()})."
        ),
        remedy=Text("请联系本单位节点运维。", "Tell the operators of your node."),
    )
