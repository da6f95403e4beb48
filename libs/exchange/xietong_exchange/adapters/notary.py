"""The notary on files: signs with an Ed25519 key, verifies against the certificates of the trust domain's CA."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from xietong.exchange.v1.envelope_pb2 import Party, Signature, SignatureAlgorithm
from xietong_exchange.adapters.watched_files import UNREADABLE, WatchedFiles
from xietong_exchange.domain.errors import SignatureInvalid
from xietong_exchange.domain.identity import Identity, Role

CERTIFICATES_REMEMBERED = 64
"""Signing certificates whose chain was checked; a city has a handful."""


@dataclass(frozen=True, slots=True)
class _Signer:
    key: Ed25519PrivateKey
    certificate: bytes
    uris: list[str]

    @classmethod
    def read(cls, certificate: Path, key: Path) -> _Signer:
        loaded = load_pem_private_key(key.read_bytes(), password=None)
        if not isinstance(loaded, Ed25519PrivateKey):
            raise ValueError(f"{key} holds no Ed25519 key; issue one")  # noqa: TRY004 - the file is wrong, not a type
        issued = x509.load_pem_x509_certificate(certificate.read_bytes())
        if issued.public_key() != loaded.public_key():
            raise ValueError(f"{key} is not the key of {certificate}; give the two that were issued together")
        return cls(loaded, issued.public_bytes(Encoding.DER), _uris(issued))


class FileNotary:
    """The port `flow.exchange.Notary` on PEM files; like those of TLS they may be replaced while the node runs."""

    def __init__(self, ca: Path, certificate: Path, key: Path, trust_domain: str) -> None:
        """Read the files. Raises ValueError when the key is not an Ed25519 key, or not that of the certificate."""
        self._trust_domain = trust_domain
        self._identity: list[str] | None = None
        self._signer = WatchedFiles((certificate, key), lambda: self._read_signer(certificate, key))
        self._identity = self._signer.content.uris
        self._anchors = WatchedFiles((ca,), lambda: tuple(x509.load_pem_x509_certificates(ca.read_bytes())))
        self._chain = lru_cache(CERTIFICATES_REMEMBERED)(self._check_chain)

    @property
    def trust_anchor(self) -> bytes:
        """The CA's first certificate (DER)."""
        return self._anchors.content[0].public_bytes(Encoding.DER)

    def sign(self, subject: str, content: bytes) -> Signature:
        """Sign the content as this kind of message (`Envelope`, `Statement`)."""
        signer = self._signer.content
        return Signature(
            algorithm=SignatureAlgorithm.SIGNATURE_ALGORITHM_ED25519,
            certificate=signer.certificate,
            value=signer.key.sign(_message(subject, content)),
        )

    def _read_signer(self, certificate: Path, key: Path) -> _Signer:
        found = _Signer.read(certificate, key)
        if self._identity not in (None, found.uris):
            raise ValueError(
                f"{certificate} speaks for {found.uris}, not for {self._identity}; use this node's own"
            )
        return found

    def verify(
        self, subject: str, content: bytes, signature: Signature, *, signed_at: datetime | None = None
    ) -> Party.ValueType:
        """The party that signed the content; its certificate must be valid at the time of signing.

        Args:
            subject: kind of message (`Envelope`, `Statement`).
            content: the bytes that were signed.
            signature: the signature with its certificate.
            signed_at: when it was signed, as the content says; now when not given.

        Raises:
            SignatureInvalid: another key, other bytes, a foreign CA, or a certificate out of its time.
        """
        certificate, identity = self._chain(signature.certificate, self._anchors.content)
        if (
            not certificate.not_valid_before_utc
            <= (signed_at or datetime.now(UTC))
            <= certificate.not_valid_after_utc
        ):
            raise SignatureInvalid(what=subject, why="the certificate is out of its time")
        try:
            _check(certificate, signature, _message(subject, content))
        except InvalidSignature:
            raise SignatureInvalid(
                what=subject, why="the bytes were changed or signed by another key"
            ) from None
        return identity.party

    def _check_chain(
        self, raw: bytes, anchors: tuple[x509.Certificate, ...]
    ) -> tuple[x509.Certificate, Identity]:
        try:
            certificate = x509.load_der_x509_certificate(raw)
            uris = _uris(certificate)
        except UNREADABLE:
            raise SignatureInvalid(what="the message", why="the certificate can't be read") from None
        if not any(_is_issued_by(certificate, anchor) for anchor in anchors):
            raise SignatureInvalid(what="the message", why="the certificate is of a foreign CA")
        identity = Identity.parse(uris[0]) if len(uris) == 1 else None
        if (
            identity is None
            or identity.role is not Role.SIGNER
            or identity.trust_domain != self._trust_domain
        ):
            raise SignatureInvalid(
                what="the message", why="the certificate is not a signer's of the trust domain"
            )
        return certificate, identity


def _message(subject: str, content: bytes) -> bytes:
    """What is signed: the kind of message first, so that no signature can be passed off as another's."""
    return b"xietong.exchange.v1." + subject.encode() + b"\0" + content


def _uris(certificate: x509.Certificate) -> list[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def _is_issued_by(certificate: x509.Certificate, anchor: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(anchor)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _check(certificate: x509.Certificate, signature: Signature, message: bytes) -> None:
    key = certificate.public_key()
    if signature.algorithm == SignatureAlgorithm.SIGNATURE_ALGORITHM_ED25519 and isinstance(
        key, Ed25519PublicKey
    ):
        key.verify(signature.value, message)
    elif (
        signature.algorithm == SignatureAlgorithm.SIGNATURE_ALGORITHM_ECDSA_P256_SHA256
        and isinstance(key, ec.EllipticCurvePublicKey)
        and isinstance(key.curve, ec.SECP256R1)
    ):
        key.verify(signature.value, message, ec.ECDSA(hashes.SHA256()))
    else:
        raise InvalidSignature
