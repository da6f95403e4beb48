"""What a desk remembers of each send and each receipt: small JSON files that people and restarts read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from xietong.exchange.v1.evidence_pb2 import Reason
from xietong.exchange.v1.package_pb2 import DeliveryState, Package
from xietong_client import envelope_of, is_final, statements_of, trace_id_of
from xietong_client.labels import evidence_name, hop_state_name, party_name, state_name
from xietong_system_desk.folders import result_path, write_json

RECEIPT_FILE = "receipt.json"


class SendStage(StrEnum):
    """How far a case folder is at the sending desk."""

    NEW = "new"
    BEGUN = "begun"
    WAITING = "waiting"
    SUBMITTING = "submitting"
    SENT = "sent"
    CONTRIBUTED = "contributed"
    REFUSED = "refused"


class ReceiptStage(StrEnum):
    """How far a received package is at the receiving desk."""

    NEW = "new"
    PARSED = "parsed"
    PARSE_FAILED = "parse_failed"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    ARCHIVED = "archived"


@dataclass(slots=True)
class SentPackage:
    """A package that was made of a case folder, as the node last told.

    `hop` and `hop_reason` tell what goes on between the own node and the next one, and why the last try ended.
    """

    package_id: str
    to: str
    seal: str
    trace_id: str
    size_bytes: int
    parts: int
    state: str
    final: bool
    receiver_case_number: str
    reasons: list[dict[str, Any]]
    evidence: list[dict[str, str]]
    hop: str = ""
    hop_reason: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, package: Package) -> SentPackage:
        """What the node tells of a package."""
        envelope = envelope_of(package)
        return cls(
            package_id=package.package_id,
            to=party_name(envelope.receiver.party),
            seal=package.seal.value.hex(),
            trace_id=trace_id_of(package),
            size_bytes=package.size_bytes,
            parts=len(envelope.parts),
            state=state_name(package.state),
            final=is_final(package),
            receiver_case_number=package.receiver_case_number,
            reasons=reasons_json(package.reasons),
            evidence=[
                {
                    "kind": evidence_name(statement.kind),
                    "stated_by": party_name(statement.stated_by),
                    "time": statement.event_time.ToJsonString(),
                }
                for statement in statements_of(package)
            ],
            hop=hop_state_name(package.progress.state) if package.HasField("progress") else "",
            hop_reason=next(iter(reasons_json(_told(package.progress.last_reason))), {}),
        )

    @property
    def is_returned(self) -> bool:
        """Whether the receiver returned it for correction."""
        return self.state == state_name(DeliveryState.DELIVERY_STATE_RETURNED)


@dataclass(slots=True)
class SendRecord:
    """The result of a case folder: `<name>.result.json` beside it.

    `stamp` marks what the folder held when the desk last took it up; `request_id` is set before the submit, so that a
    restart in between asks for the same send. `missing` names what other systems have still to contribute, `findings`
    what pre-flight found, `error` why the desk could not go on.
    """

    folder: str
    stage: SendStage = SendStage.NEW
    process: str = ""
    begin_time: str = ""
    stamp: str = ""
    request_id: str = ""
    previous_draft_id: str = ""
    uploaded_bytes: int = 0
    total_bytes: int = 0
    missing: list[str] = field(default_factory=list)
    findings: list[dict[str, str]] = field(default_factory=list)
    error: dict[str, Any] = field(default_factory=dict)
    packages: list[SentPackage] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> SendRecord:
        """The result of a case folder; a new one where there is none. Raises ValueError when it is damaged."""
        path = result_path(folder)
        if not path.exists():
            return cls(folder.name)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            content["stage"] = SendStage(content["stage"])
            content["packages"] = [SentPackage(**package) for package in content["packages"]]
            return cls(**content)
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path.name}: {error!r}") from error

    def write(self, folder: Path) -> None:
        """Puts the result beside its case folder."""
        write_json(result_path(folder), asdict(self))

    @property
    def is_done(self) -> bool:
        """Whether the desk has nothing more to do for the folder as it is."""
        if self.stage is SendStage.SENT:
            return all(package.final for package in self.packages)
        return self.stage in (SendStage.CONTRIBUTED, SendStage.REFUSED)


@dataclass(slots=True)
class Receipt:
    """What became of a received package: `receipt.json` in its folder."""

    package_id: str
    process: str = ""
    stage: ReceiptStage = ReceiptStage.NEW
    collaboration_case_id: str = ""
    case_numbers: list[str] = field(default_factory=list)
    correlation_id: str = ""
    seal: str = ""
    receiver_case_number: str = ""
    decision_time: str = ""
    reasons: list[dict[str, Any]] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> Receipt:
        """The receipt in the folder of a package; a new one where there is none."""
        path = folder / RECEIPT_FILE
        if not path.exists():
            return cls(folder.name)
        content = json.loads(path.read_text(encoding="utf-8"))
        content["stage"] = ReceiptStage(content["stage"])
        return cls(**content)

    def write(self, folder: Path) -> None:
        """Puts the receipt into the folder of its package."""
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / RECEIPT_FILE, asdict(self))

    @property
    def is_done(self) -> bool:
        """Whether the handler has decided, or there is nothing to decide."""
        return self.stage in (ReceiptStage.ACCEPTED, ReceiptStage.RETURNED, ReceiptStage.ARCHIVED)


def receipts_in(received: Path) -> list[Receipt]:
    """The receipts of all packages, the oldest decision first."""
    found = [Receipt.read(folder) for folder in received.iterdir() if (folder / RECEIPT_FILE).exists()]
    return sorted(found, key=lambda receipt: (receipt.decision_time, receipt.package_id))


def _told(reason: Reason) -> list[Reason]:
    return [reason] if reason.code else []


def reasons_json(reasons: Sequence[Reason]) -> list[dict[str, Any]]:
    """Reasons as the records keep them."""
    return [
        {"code": r.code, "path": r.path, "part": r.part, "text_zh": r.text_zh, "text_en": r.text_en}
        for r in reasons
    ]
