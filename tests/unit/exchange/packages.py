"""Envelopes, statements and their records as a sender's node would make them, for tests that change one thing."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from xietong.exchange.v1.envelope_pb2 import (
    Address,
    Classification,
    Digest,
    DigestAlgorithm,
    Envelope,
    EnvelopePart,
    Party,
    Signature,
    SignatureAlgorithm,
    SignedEnvelope,
)
from xietong_exchange.domain.envelope import SealedPackage, read_envelope
from xietong_exchange.domain.evidence import timestamp

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
PACKAGE_ID = "0198c0de-0000-7000-8000-000000000001"
SEND_ID = "0198c0de-0000-7000-8000-000000000002"
CASE_ID = "7d9f0c4e-3c5f-4d6a-9b1e-1f2a3b4c5d6e"


def digest_of(content: bytes) -> Digest:
    return Digest(algorithm=DigestAlgorithm.DIGEST_ALGORITHM_SHA256, value=hashlib.sha256(content).digest())


def part_of(number: int, content: bytes) -> EnvelopePart:
    return EnvelopePart(number=number, size_bytes=len(content), digest=digest_of(content))


def new_envelope(*contents: bytes) -> Envelope:
    """A valid envelope from police to procuratorate over these contents; the first is the manifest."""
    return Envelope(
        package_id=PACKAGE_ID,
        send_id=SEND_ID,
        process_code="PB-01",
        standard_edition="2026.1",
        sender=Address(party=Party.PARTY_POLICE, organ_code="110000000000", system="case-handling"),
        receiver=Address(party=Party.PARTY_PROCURATORATE),
        collaboration_case_id=CASE_ID,
        classification=Classification.CLASSIFICATION_UNCLASSIFIED,
        create_time=timestamp(NOW),
        parts=[part_of(number, content) for number, content in enumerate(contents or (b"manifest",))],
    )


def signature_of(party: Party.ValueType) -> Signature:
    """What `nodes.NamedNotary` takes for the signature of this party."""
    return Signature(
        algorithm=SignatureAlgorithm.SIGNATURE_ALGORITHM_ED25519,
        certificate=bytes([party]),
        value=b"signed",
    )


def signed(envelope: Envelope) -> SignedEnvelope:
    return SignedEnvelope(
        envelope=envelope.SerializeToString(), signature=signature_of(envelope.sender.party)
    )


def sealed_package(envelope: Envelope) -> SealedPackage:
    return read_envelope(envelope.SerializeToString(), signature_of(envelope.sender.party))
