"""One exception class per reason of the contract's error taxonomy (`error_reason.proto`).

A class owns its gRPC code, its retry policy and a sentence that ends in the remedy. The domain and the flow
raise them; `adapters.rpc` alone knows how they look on the wire. RemoteRefusal is another node's error.
"""

from __future__ import annotations

from xietong.exchange.v1.error_reason_pb2 import ErrorReason
from xietong_exchange.domain.errors.base import Violation, XietongError
from xietong_exchange.domain.errors.content import (
    ChangeNotFound,
    ChangeStepRefused,
    ContentsRemoved,
    DraftNotFound,
    EditionNotSupported,
    EnvelopeInvalid,
    EvidenceInvalid,
    IncidentNotFound,
    InvalidField,
    PackageConflict,
    PackageNotFound,
    PackageTooLarge,
    PageTokenInvalid,
    PartIncomplete,
    PartNameConflict,
    PartNotFound,
    PreflightFailed,
    ProblemNotFound,
    RequestConflict,
    StateConflict,
    UnknownProcess,
    WithdrawalTooLate,
)
from xietong_exchange.domain.errors.movement import (
    ChunkBeyondSize,
    ChunkOutOfOrder,
    CommitTooEarly,
    DatabaseUnavailable,
    DeliveryGivenUp,
    DigestMismatch,
    FrameTooLarge,
    InternalError,
    NodeUnreachable,
    PartBusy,
    ProtocolViolation,
    RouteNotFound,
    ShuttingDown,
    StorageFull,
    StreamSuperseded,
    TooManyTransfers,
    TransferStalled,
    UnknownPart,
)
from xietong_exchange.domain.errors.remote import RemoteRefusal
from xietong_exchange.domain.errors.rights import (
    ClassifiedRefused,
    GrantMissing,
    IdentityMissing,
    PeerNotAllowed,
    ReceiverNotAllowed,
    SenderMismatch,
    SenderNotAllowed,
    SignatureInvalid,
)

__all__ = [
    "ChangeNotFound",
    "ChangeStepRefused",
    "ChunkBeyondSize",
    "ChunkOutOfOrder",
    "ClassifiedRefused",
    "CommitTooEarly",
    "ContentsRemoved",
    "DatabaseUnavailable",
    "DeliveryGivenUp",
    "DigestMismatch",
    "DraftNotFound",
    "EditionNotSupported",
    "EnvelopeInvalid",
    "EvidenceInvalid",
    "Failure",
    "FrameTooLarge",
    "GrantMissing",
    "IdentityMissing",
    "IncidentNotFound",
    "InternalError",
    "InvalidField",
    "NodeUnreachable",
    "PackageConflict",
    "PackageNotFound",
    "PackageTooLarge",
    "PageTokenInvalid",
    "PartBusy",
    "PartIncomplete",
    "PartNameConflict",
    "PartNotFound",
    "PeerNotAllowed",
    "PreflightFailed",
    "ProblemNotFound",
    "ProtocolViolation",
    "ReceiverNotAllowed",
    "RemoteRefusal",
    "RequestConflict",
    "RouteNotFound",
    "SenderMismatch",
    "SenderNotAllowed",
    "ShuttingDown",
    "SignatureInvalid",
    "StateConflict",
    "StorageFull",
    "StreamSuperseded",
    "TooManyTransfers",
    "TransferStalled",
    "UnknownPart",
    "UnknownProcess",
    "Violation",
    "WithdrawalTooLate",
    "XietongError",
    "error_classes",
]

Failure = XietongError | RemoteRefusal
"""Why a delivery failed: for a reason found here, or for one that the other side gave."""


def error_classes() -> dict[ErrorReason.ValueType, type[XietongError]]:
    """Every class by its reason; complete, which a test holds."""
    return {cls.reason: cls for cls in XietongError.__subclasses__()}
