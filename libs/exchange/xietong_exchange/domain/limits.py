"""The limits of a node: what it advertises in its capabilities, and how a package is held against them.

A sender's node holds a package against the limits of all nodes that it will meet, each node against its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from google.protobuf.duration_pb2 import Duration

from xietong.exchange.v1 import capabilities_pb2
from xietong_exchange.domain.errors import PackageTooLarge
from xietong_standard.text import Text

MAX_ENVELOPE_BYTES = 1 << 20
"""Largest envelope; part of the contract (`SignedEnvelope.envelope`)."""

PARTS: Final = Text("附件数", "the number of parts")
MANIFEST: Final = Text("清单字节数", "the manifest in bytes")
PACKAGE: Final = Text("数据包字节数", "the package in bytes")
FILE: Final = Text("文件字节数", "the file in bytes")
ENVELOPE: Final = Text("信封字节数", "the envelope in bytes")


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


class SizeLimits(Protocol):
    """The limits on a package, a node's own or those of its capabilities; 0 there: it names none."""

    @property
    def max_parts(self) -> int:
        """Most parts, the manifest included."""

    @property
    def max_manifest_bytes(self) -> int:
        """Largest manifest."""

    @property
    def max_package_bytes(self) -> int:
        """Largest sum of the sizes of all parts."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How large a package is: the number of its parts and the sum of their sizes, the manifest included."""

    parts: int
    manifest_bytes: int
    package_bytes: int


@dataclass(frozen=True, slots=True)
class Excess:
    """What is larger than a limit allows."""

    what: Text
    value: int
    limit: int

    def error(self) -> PackageTooLarge:
        """As the node says it whose limit it is."""
        return PackageTooLarge(
            what=f"{self.what.en} ({self.what.zh})",
            value=self.value,
            limit=self.limit,
            excess=self.value - self.limit,
        )


def excesses(extent: Extent, limits: SizeLimits) -> Iterator[Excess]:
    """Everything by which a package exceeds the limits of a node."""
    bounds = (
        (PARTS, extent.parts, limits.max_parts),
        (MANIFEST, extent.manifest_bytes, limits.max_manifest_bytes),
        (PACKAGE, extent.package_bytes, limits.max_package_bytes),
    )
    for what, value, limit in bounds:
        if 0 < limit < value:
            yield Excess(what, value, limit)


def require_within(extent: Extent, limits: SizeLimits) -> None:
    """Raise PackageTooLarge for the first limit that is exceeded."""
    for excess in excesses(extent, limits):
        raise excess.error()
