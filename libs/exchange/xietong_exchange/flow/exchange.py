"""What every stage works with: the node's identity, its store, parts, signatures, rules and clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from xietong.exchange.v1.envelope_pb2 import Party, Signature, SignedEnvelope
from xietong_exchange.domain.envelope import SealedPackage, read_envelope
from xietong_exchange.domain.identifiers import uuid7
from xietong_exchange.domain.limits import Limits
from xietong_exchange.domain.party import party_name
from xietong_exchange.domain.profile import Profile
from xietong_exchange.domain.retention import Retention
from xietong_exchange.domain.routes import Routes
from xietong_exchange.flow.changes import Changes
from xietong_exchange.flow.part_store import PartKey, PartStore
from xietong_exchange.flow.places import Places
from xietong_exchange.flow.progress import ProgressBoard
from xietong_exchange.flow.records import PackageRecord
from xietong_exchange.flow.right_of_way import RightOfWay
from xietong_exchange.flow.rulebook import Rulebook
from xietong_exchange.flow.space import Space
from xietong_exchange.flow.store import Store


class Notary(Protocol):
    """Signs for this node and verifies what others signed. Behind it: files, later an HSM or SM2."""

    def sign(self, subject: str, content: bytes) -> Signature:
        """Sign the content as this kind of message (`Envelope`, `Statement`)."""

    def verify(
        self, subject: str, content: bytes, signature: Signature, *, signed_at: datetime | None = None
    ) -> Party.ValueType:
        """The party that signed it with a certificate that was valid then. Raises SignatureInvalid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One node's parts, put together by the composition root and handed to every stage."""

    profile: Profile
    routes: Routes
    store: Store
    parts: PartStore
    space: Space
    notary: Notary
    rules: Rulebook
    changes: Changes
    places: Places
    progress: ProgressBoard
    limits: Limits
    retention: Retention
    clock: Callable[[], datetime]
    entropy: Callable[[int], bytes]
    right_of_way: RightOfWay = field(default_factory=RightOfWay)

    @property
    def party(self) -> Party.ValueType:
        """The party whose node this is."""
        return self.profile.party

    def new_id(self) -> str:
        """A fresh identifier."""
        return uuid7(self.clock(), self.entropy(10))


def sealed(record: PackageRecord) -> SealedPackage:
    """The envelope of a package that the node holds."""
    return read_envelope(record.envelope, Signature.FromString(record.signature))


def signed_envelope(record: PackageRecord) -> SignedEnvelope:
    """The same as it travels, unread."""
    return SignedEnvelope(envelope=record.envelope, signature=Signature.FromString(record.signature))


def part_key(package: SealedPackage, number: int) -> PartKey:
    """Where a part lies: by its sender and digest, never by digest alone."""
    return PartKey(party_name(package.envelope.sender.party), package.envelope.parts[number].digest.value)
