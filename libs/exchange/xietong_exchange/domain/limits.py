"""The limits of a node: what it advertises in its capabilities and enforces at its door."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.duration_pb2 import Duration

from xietong.exchange.v1 import capabilities_pb2

MAX_ENVELOPE_BYTES = 1 << 20
"""Largest envelope; part of the contract (`SignedEnvelope.envelope`)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds in bytes, counts and seconds. The defaults suit a node of one host."""

    max_package_bytes: int = 100 * (1 << 30)
    max_parts: int = 10_000
    max_manifest_bytes: int = 16 * (1 << 20)
    max_chunk_bytes: int = 1 << 20
    credit_window_bytes: int = 4 * (1 << 20)
    inline_limit_bytes: int = 256 * (1 << 10)
    max_transfers_per_stream: int = 16
    partial_retention_seconds: int = 7 * 24 * 3600

    def to_message(self) -> capabilities_pb2.Limits:
        """As they stand in the capabilities."""
        return capabilities_pb2.Limits(
            max_package_bytes=self.max_package_bytes,
            max_parts=self.max_parts,
            max_manifest_bytes=self.max_manifest_bytes,
            max_chunk_bytes=self.max_chunk_bytes,
            credit_window_bytes=self.credit_window_bytes,
            inline_limit_bytes=self.inline_limit_bytes,
            max_transfers_per_stream=self.max_transfers_per_stream,
            partial_retention=Duration(seconds=self.partial_retention_seconds),
        )
