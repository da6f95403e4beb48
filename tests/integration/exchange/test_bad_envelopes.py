"""A neighbour with a valid certificate that offers envelopes it must not offer: malformed, forbidden, forged."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from google.protobuf.message import Message
from tests.integration.exchange.city import TRUST_DOMAIN, digest
from tests.integration.exchange.hostile_neighbour import (
    Forged,
    HostileNode,
    envelope_of,
    hostile_node,
    notary,
)
from tests.integration.exchange.refusals import Refused
from tests.integration.exchange.shared_city import CityUnderAttack, nothing_changes

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
from xietong_client.pki import DevelopmentCA, Identity, Role
from xietong_exchange.adapters.notary import FileNotary

pytestmark = pytest.mark.asyncio(loop_scope="session")

Spoil = Callable[[Envelope], object]
INVALID = "ENVELOPE_INVALID"


@pytest_asyncio.fixture(loop_scope="session")
async def court(steadfast: CityUnderAttack) -> HostileNode:
    """The court's node gone bad, before the hub."""
    return await hostile_node(steadfast)


async def refused_offer(node: HostileNode, package: Forged) -> Refused:
    """What an offer is refused with, before any byte of a part was sent."""
    async with node.talk() as talk:
        await talk.offer(package)
        return await talk.refusal()


def part(number: int, size: int = 1, content: bytes = b"") -> EnvelopePart:
    """An entry whose digest is that of a content of its own."""
    return EnvelopePart(number=number, size_bytes=size, digest=digest(content or str(number).encode()))


def renumber(*numbers: int) -> Spoil:
    """Parts with these numbers."""

    def spoil(envelope: Envelope) -> None:
        del envelope.parts[:]
        envelope.parts.extend(map(part, numbers))

    return spoil


def receiver(party: int) -> Spoil:
    return lambda e: e.receiver.CopyFrom(Address(party=Party.ValueType(party)))


def said(name: str, value: object) -> Spoil:
    return lambda e: setattr(e, name, value)


def forgotten(name: str) -> Spoil:
    return lambda e: cast(Message, e).ClearField(name)


SM3 = Digest(algorithm=DigestAlgorithm.DIGEST_ALGORITHM_SM3, value=bytes(32))

# What is wrong with an envelope from court to procuratorate of one part, the reason, and what the text must name.
SPOILED: dict[str, tuple[Spoil, str, str]] = {
    "no id": (forgotten("package_id"), INVALID, "package_id"),
    "an id that is none": (said("package_id", "../../x"), INVALID, "package_id"),
    "an id in upper case": (lambda e: said("package_id", e.package_id.upper())(e), INVALID, "package_id"),
    "no send": (forgotten("send_id"), INVALID, "send_id"),
    "no sender": (forgotten("sender"), INVALID, "sender"),
    "no receiver": (forgotten("receiver"), INVALID, "receiver"),
    "a receiver that is no party": (receiver(99), INVALID, "receiver.party"),
    "no case": (forgotten("collaboration_case_id"), INVALID, "collaboration_case_id"),
    "no time": (forgotten("create_time"), INVALID, "create_time"),
    "a time beyond all calendars": (
        lambda e: setattr(e.create_time, "seconds", 10**15),
        INVALID,
        "create_time",
    ),
    "nanoseconds of more than a second": (
        lambda e: setattr(e.create_time, "nanos", 2 * 10**9),
        INVALID,
        "create_time",
    ),
    "an event beyond all calendars": (
        lambda e: setattr(e.supervision.events.add(kind="arrest").time, "seconds", 10**15),
        INVALID,
        "supervision.events[0].time",
    ),
    "a case number with NUL": (
        lambda e: e.case_numbers.add(party=Party.PARTY_COURT, number="a\0"),
        INVALID,
        "case_numbers[0].number",
    ),
    "a trace that is none": (
        lambda e: setattr(e.trace_context, "traceparent", "00-xyz"),
        INVALID,
        "trace_context.traceparent",
    ),
    "a correlation that is no id": (said("correlation_id", "x"), INVALID, "correlation_id"),
    "no parts": (renumber(), INVALID, "parts"),
    "parts without a manifest": (renumber(1, 2), INVALID, "0, 1, 2"),
    "parts with a gap": (renumber(0, 2), INVALID, "0, 1, 2"),
    "parts out of order": (renumber(1, 0), INVALID, "0, 1, 2"),
    "a number twice": (renumber(0, 1, 1), INVALID, "0, 1, 2"),
    "more parts than a package has": (renumber(*range(10_001)), INVALID, "parts"),
    "a part without a digest": (lambda e: e.parts[0].ClearField("digest"), INVALID, "parts[0].digest"),
    "a digest of five bytes": (
        lambda e: setattr(e.parts[0].digest, "value", b"12345"),
        INVALID,
        "parts[0].digest.value",
    ),
    "a digest that this node cannot check": (lambda e: e.parts[0].digest.CopyFrom(SM3), INVALID, "SHA-256"),
    "nothing, with the digest of something": (
        lambda e: e.parts.append(part(1, size=0)),
        INVALID,
        "size 0",
    ),
    "one digest with two sizes": (
        lambda e: e.parts.extend([part(1, 5, b"12345"), part(2, 6, b"12345")]),
        INVALID,
        "part 2",
    ),
    "a part of more than 1 TiB": (
        lambda e: e.parts.append(part(1, 1 << 41)),
        INVALID,
        "parts[1].size_bytes",
    ),
    "a manifest of more than 16 MiB": (
        lambda e: setattr(e.parts[0], "size_bytes", (16 << 20) + 1),
        "PACKAGE_TOO_LARGE",
        str(16 << 20),
    ),
    "more than 100 GiB": (lambda e: e.parts.append(part(1, 100 << 30)), "PACKAGE_TOO_LARGE", str(100 << 30)),
    "a lane that nobody knows": (said("lane", 9), INVALID, "lane"),
    "a classified case": (
        said("classification", Classification.CLASSIFICATION_CLASSIFIED),
        "CLASSIFIED_REFUSED",
        "unclassified",
    ),
    "a classification that nobody knows": (said("classification", 7), "CLASSIFIED_REFUSED", "unclassified"),
    "no classification": (forgotten("classification"), "CLASSIFIED_REFUSED", "unclassified"),
    "a process that is no code": (said("process_code", "'; --"), INVALID, "process_code"),
    "a process that nobody knows": (said("process_code", "XX-99"), "UNKNOWN_PROCESS", "XX-99"),
    "another party's process": (said("process_code", "PB-01"), "SENDER_NOT_ALLOWED", "court"),
    "another receiver": (said("process_code", "FY-03"), "RECEIVER_NOT_ALLOWED", "procuratorate"),
    "to itself": (receiver(Party.PARTY_COURT), "RECEIVER_NOT_ALLOWED", "court"),
    "to the hub": (receiver(Party.PARTY_HUB), "RECEIVER_NOT_ALLOWED", "hub"),
    "to a party without a route": (receiver(Party.PARTY_PRISON), "ROUTE_NOT_FOUND", "prison"),
    "an edition of the future": (said("standard_edition", "2031.1"), "EDITION_NOT_SUPPORTED", "2031.1"),
    "no edition": (forgotten("standard_edition"), INVALID, "standard_edition"),
    "in the name of the police": (
        lambda e: e.sender.CopyFrom(Address(party=Party.PARTY_POLICE)),
        "SENDER_MISMATCH",
        "police",
    ),
}


async def test_an_envelope_that_breaks_a_rule_is_refused_at_once(
    steadfast: CityUnderAttack, court: HostileNode, subtests: pytest.Subtests
) -> None:
    for name, (spoil, reason, word) in SPOILED.items():
        envelope = envelope_of([name.encode()])
        spoil(envelope)
        with subtests.test(name):
            async with nothing_changes(steadfast):
                refused = await refused_offer(court, court.sign(envelope))
            assert refused.reason == reason
            assert word in refused.text_en


def resigned(package: Forged, **changes: object) -> SignedEnvelope:
    """The envelope with another signature."""
    signature = Signature()
    signature.CopyFrom(package.signed.signature)
    for name, value in changes.items():
        setattr(signature, name, value)
    return SignedEnvelope(envelope=package.signed.envelope, signature=signature)


def signed_with(
    identity: Identity, ca: DevelopmentCA, folder: Path, envelope: bytes, now: datetime
) -> Signature:
    """A signature with a fresh certificate of a CA."""
    files = ca.issue(identity, folder, days=1, now=now)
    signer = FileNotary(folder / "ca.pem", files.certificate, files.key, ca.trust_domain)
    return signer.sign("Envelope", envelope)


def tls_signature(pki_folder: Path, envelope: bytes) -> Signature:
    """The court's node signs with the key of its connections."""
    folder = pki_folder / "court"
    key = load_pem_private_key((folder / "exchange-key.pem").read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    certificate = load_pem_x509_certificate((folder / "exchange.pem").read_bytes())
    message = b"xietong.exchange.v1.Envelope\0" + envelope
    return Signature(
        algorithm=SignatureAlgorithm.SIGNATURE_ALGORITHM_ECDSA_P256_SHA256,
        certificate=certificate.public_bytes(Encoding.DER),
        value=key.sign(message, ec.ECDSA(hashes.SHA256())),
    )


def forgeries(pki_folder: Path, folder: Path, package: Forged) -> dict[str, tuple[SignedEnvelope, str, str]]:
    """Envelopes whose signature proves nothing, the reason, and what the text must name."""
    raw, now = package.signed.envelope, datetime.now(UTC)
    signer, bad = Identity("court", Role.SIGNER), "SIGNATURE_INVALID"
    ours = DevelopmentCA.load(pki_folder)
    foreign = DevelopmentCA.create(folder / "foreign", TRUST_DOMAIN)
    elsewhere = DevelopmentCA.create(folder / "elsewhere", "elsewhere.test")
    for place in ("expired", "a", "b"):
        (folder / place).mkdir()
        (folder / place / "ca.pem").write_bytes((pki_folder / "ca.pem").read_bytes())
    changed = raw[:-1] + bytes([raw[-1] ^ 1])
    police = notary(pki_folder, Party.PARTY_POLICE)
    court = notary(pki_folder, Party.PARTY_COURT)
    expired = signed_with(signer, ours, folder / "expired", raw, datetime(2020, 2, 29, tzinfo=UTC))
    return {
        "bytes changed after signing": (
            SignedEnvelope(envelope=changed, signature=package.signed.signature),
            bad,
            "changed",
        ),
        "a signature of nothing": (resigned(package, value=b"x"), bad, "changed"),
        "another algorithm than the key's": (resigned(package, algorithm=2), bad, "changed"),
        "an algorithm of the future": (resigned(package, algorithm=3), bad, "changed"),
        "a signature of a statement": (
            SignedEnvelope(envelope=raw, signature=court.sign("Statement", raw)),
            bad,
            "changed",
        ),
        "a certificate that is none": (resigned(package, certificate=b"x"), bad, "read"),
        "a foreign CA": (
            SignedEnvelope(envelope=raw, signature=signed_with(signer, foreign, folder / "a", raw, now)),
            bad,
            "foreign CA",
        ),
        "a foreign trust domain": (
            SignedEnvelope(envelope=raw, signature=signed_with(signer, elsewhere, folder / "b", raw, now)),
            bad,
            "foreign CA",
        ),
        "a certificate out of its time": (SignedEnvelope(envelope=raw, signature=expired), bad, "time"),
        "the key of the connection": (
            SignedEnvelope(envelope=raw, signature=tls_signature(pki_folder, raw)),
            bad,
            "signer",
        ),
        "the police's signature": (
            SignedEnvelope(envelope=raw, signature=police.sign("Envelope", raw)),
            "SENDER_MISMATCH",
            "police",
        ),
        "no envelope": (
            SignedEnvelope(envelope=b"\xff", signature=court.sign("Envelope", b"\xff")),
            INVALID,
            "bytes",
        ),
    }


async def test_a_signature_that_proves_nothing_is_refused(
    steadfast: CityUnderAttack, court: HostileNode, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    package = court.forge(b"a package that the court signs itself")
    forged = forgeries(steadfast.pki_folder, tmp_path, package)
    for name, (signed, reason, word) in forged.items():
        with subtests.test(name):
            async with nothing_changes(steadfast):
                refused = await refused_offer(court, Forged(package.envelope, package.contents, signed))
            assert refused.reason == reason
            assert word in refused.text_en
    assert (await court.bring(package)).HasField("acceptance")  # the package itself was good


async def test_a_package_of_the_police_from_another_peer_is_refused(
    steadfast: CityUnderAttack, court: HostileNode
) -> None:
    theirs = await hostile_node(steadfast, Party.PARTY_POLICE)
    package = theirs.forge(b"x", sender=Address(party=Party.PARTY_POLICE), process_code="PB-04")
    async with nothing_changes(steadfast):
        refused = await refused_offer(court, package)
    assert refused.reason == "SENDER_MISMATCH"
    assert "police" in refused.text_en
    assert "court" in refused.text_en


async def test_a_branch_takes_from_the_hub_only_what_is_meant_for_it(steadfast: CityUnderAttack) -> None:
    hub = await hostile_node(steadfast, Party.PARTY_HUB, Party.PARTY_PROCURATORATE)
    court = notary(steadfast.pki_folder, Party.PARTY_COURT)
    own = notary(steadfast.pki_folder, Party.PARTY_PROCURATORATE)
    elsewhere = HostileNode(hub.party, hub.stub, court).forge(
        b"x", receiver=Address(party=Party.PARTY_POLICE, system="detention")
    )
    from_itself = HostileNode(hub.party, hub.stub, own).forge(
        b"x", sender=Address(party=Party.PARTY_PROCURATORATE)
    )
    of_the_hub = hub.forge(b"x")
    async with nothing_changes(steadfast):
        assert (await refused_offer(hub, elsewhere)).reason == "ROUTE_NOT_FOUND"
        assert (await refused_offer(hub, from_itself)).reason == "SENDER_MISMATCH"
        assert (await refused_offer(hub, of_the_hub)).reason == "SENDER_MISMATCH"
