"""Reads what a package message carries in bytes: its envelope and the statements of its evidence."""

from __future__ import annotations

from collections.abc import Iterator

from xietong.exchange.v1.envelope_pb2 import Envelope
from xietong.exchange.v1.evidence_pb2 import Statement
from xietong.exchange.v1.package_pb2 import DeliveryState, Package

FINAL_STATES = frozenset(
    {
        DeliveryState.DELIVERY_STATE_ACCEPTED,
        DeliveryState.DELIVERY_STATE_RETURNED,
        DeliveryState.DELIVERY_STATE_REJECTED,
        DeliveryState.DELIVERY_STATE_EXPIRED,
        DeliveryState.DELIVERY_STATE_WITHDRAWN,
    }
)
"""States in which a package stays. FAILED is none: an operator may replay the delivery."""

READABLE_STATES = frozenset(
    {
        DeliveryState.DELIVERY_STATE_DELIVERED,
        DeliveryState.DELIVERY_STATE_RETRIEVED,
        DeliveryState.DELIVERY_STATE_PARSED,
    }
)
"""States in which an incoming package waits for its receiver and can be read."""


def envelope_of(package: Package) -> Envelope:
    """The envelope as the sender sealed it. Raises google.protobuf.message.DecodeError when it is damaged."""
    return Envelope.FromString(package.envelope.envelope)


def statements_of(package: Package) -> Iterator[Statement]:
    """What the evidence of a package states, in the order in which the node took it."""
    return (Statement.FromString(evidence.statement) for evidence in package.evidence)


def completed(package: Package, before: Package | None) -> Package:
    """A message of WatchPackage with what it leaves out because it is as in the one before: envelope, evidence."""
    if before is not None:
        if not package.HasField("envelope"):
            package.envelope.CopyFrom(before.envelope)
        if not package.evidence:
            package.evidence.extend(before.evidence)
    return package


def trace_id_of(package: Package) -> str:
    """The id of the package's trace, empty when it has none."""
    traceparent = envelope_of(package).trace_context.traceparent
    return traceparent.split("-")[1] if traceparent else ""


def is_final(package: Package) -> bool:
    """Whether nothing more will happen to this package."""
    return package.state in FINAL_STATES
