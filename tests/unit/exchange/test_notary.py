"""The notary: who signed is told by the certificate of the one CA, and nothing passes for what it is not."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from xietong.exchange.v1.envelope_pb2 import Party, Signature, SignatureAlgorithm
from xietong_client.pki import DEFAULT_TRUST_DOMAIN, DevelopmentCA, Identity, Role
from xietong_exchange.adapters.notary import FileNotary
from xietong_exchange.domain.errors import SignatureInvalid

CONTENT = b"bytes as they travel"
SIGNER = Identity("police", Role.SIGNER)
CHANGED = "the bytes were changed or signed by another key"
FOREIGN = "the certificate is of a foreign CA"
NO_SIGNER = "the certificate is not a signer's of the trust domain"
OUT_OF_TIME = "the certificate is out of its time"
UNREADABLE = "the certificate can't be read"


@dataclass(frozen=True)
class City:
    """A CA with its folder."""

    ca: DevelopmentCA
    folder: Path

    @property
    def anchor(self) -> Path:
        return self.folder / "ca.pem"

    def notary(
        self, identity: Identity = SIGNER, *, days: int = 30, now: datetime | None = None
    ) -> FileNotary:
        """A notary with a certificate of its own; further ones of the same identity keep the key."""
        files = self.ca.issue(identity, self.folder, days=days, now=now)
        return FileNotary(self.anchor, files.certificate, files.key, self.ca.trust_domain)

    def p256_signature(
        self, subject: str, content: bytes, curve: ec.EllipticCurve | None = None
    ) -> Signature:
        """What a node with a key on an elliptic curve sends; the development PKI issues none to signers."""
        key = ec.generate_private_key(curve or ec.SECP256R1())
        certificate = self.ca._sign(Identity("court", Role.SIGNER), key, 30, datetime.now(UTC))
        message = b"xietong.exchange.v1." + subject.encode() + b"\0" + content
        return Signature(
            algorithm=SignatureAlgorithm.SIGNATURE_ALGORITHM_ECDSA_P256_SHA256,
            certificate=certificate.public_bytes(Encoding.DER),
            value=key.sign(message, ec.ECDSA(hashes.SHA256())),
        )


def new_city(folder: Path, trust_domain: str = DEFAULT_TRUST_DOMAIN) -> City:
    return City(DevelopmentCA.create(folder, trust_domain), folder)


@pytest.fixture
def city(tmp_path: Path) -> City:
    return new_city(tmp_path / "city")


def refusal(
    notary: FileNotary, signature: Signature, subject: str = "Envelope", content: bytes = CONTENT
) -> str:
    with pytest.raises(SignatureInvalid) as refused:
        notary.verify(subject, content, signature)
    return refused.value.facts["why"]


def changed(signature: Signature, **fields: object) -> Signature:
    other = Signature()
    other.CopyFrom(signature)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def test_every_party_verifies_what_another_signed(city: City) -> None:
    signature = city.notary(Identity("procuratorate", Role.SIGNER)).sign("Envelope", CONTENT)
    assert city.notary().verify("Envelope", CONTENT, signature) == Party.PARTY_PROCURATORATE
    assert signature.algorithm == SignatureAlgorithm.SIGNATURE_ALGORITHM_ED25519


def test_the_trust_anchor_is_the_certificate_of_the_ca(city: City) -> None:
    assert city.notary().trust_anchor == city.ca.certificate.public_bytes(Encoding.DER)


def test_what_was_signed_by_a_foreign_ca_is_refused(city: City, tmp_path: Path) -> None:
    foreign = new_city(tmp_path / "foreign").notary().sign("Envelope", CONTENT)
    assert refusal(city.notary(), foreign) == FOREIGN


def test_a_ca_that_only_takes_the_name_of_the_true_one_is_foreign(city: City, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    impostor = City(DevelopmentCA(city.ca.certificate, key, city.ca.trust_domain), tmp_path / "impostor")
    files = impostor.ca.issue(SIGNER, impostor.folder)
    certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    assert certificate.issuer == city.ca.certificate.subject
    signed = FileNotary(city.anchor, files.certificate, files.key, city.ca.trust_domain).sign(
        "Envelope", CONTENT
    )
    assert refusal(city.notary(), signed) == FOREIGN


def test_both_cas_of_a_change_over_are_trusted(city: City, tmp_path: Path) -> None:
    younger = new_city(tmp_path / "younger")
    files = city.ca.issue(SIGNER, city.folder)
    both = tmp_path / "both.pem"
    both.write_bytes(city.anchor.read_bytes() + younger.anchor.read_bytes())
    notary = FileNotary(both, files.certificate, files.key, DEFAULT_TRUST_DOMAIN)
    for signing in (city, younger):
        signature = signing.notary().sign("Envelope", CONTENT)
        assert notary.verify("Envelope", CONTENT, signature) == Party.PARTY_POLICE


@pytest.mark.parametrize("begin_days_ago", [10, -10])
def test_a_certificate_outside_of_its_time_is_refused(city: City, begin_days_ago: int) -> None:
    begin = datetime.now(UTC) - timedelta(days=begin_days_ago)
    signature = city.notary(days=5, now=begin).sign("Envelope", CONTENT)
    assert refusal(city.notary(), signature) == OUT_OF_TIME


@pytest.mark.parametrize(
    "identity",
    [
        Identity("police", Role.EXCHANGE),
        Identity("police", Role.OPERATOR),
        Identity("police", Role.SYSTEM, "case-handling"),
    ],
)
def test_a_certificate_that_is_no_signers_signs_nothing(city: City, identity: Identity) -> None:
    files = city.ca.issue(identity, city.folder)
    certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    signature = changed(
        city.notary().sign("Envelope", CONTENT), certificate=certificate.public_bytes(Encoding.DER)
    )
    assert refusal(city.notary(), signature) == NO_SIGNER


def test_a_signer_of_another_trust_domain_of_the_same_ca_is_refused(city: City) -> None:
    elsewhere = City(DevelopmentCA(city.ca.certificate, city.ca.key, "other.test"), city.folder / "other")
    files = elsewhere.ca.issue(SIGNER, elsewhere.folder)
    signature = FileNotary(city.anchor, files.certificate, files.key, "other.test").sign("Envelope", CONTENT)
    assert refusal(city.notary(), signature) == NO_SIGNER


def test_the_cas_own_certificate_signs_nothing(city: City) -> None:
    anchor = city.ca.certificate.public_bytes(Encoding.DER)
    assert (
        refusal(city.notary(), changed(city.notary().sign("Envelope", CONTENT), certificate=anchor))
        == NO_SIGNER
    )


@pytest.mark.parametrize("content", [CONTENT + b"\0", CONTENT[:-1], b"", CONTENT.upper()])
def test_changed_bytes_are_refused(city: City, content: bytes) -> None:
    notary = city.notary()
    assert refusal(notary, notary.sign("Envelope", CONTENT), content=content) == CHANGED


def test_an_envelope_cannot_be_passed_off_as_a_statement(city: City) -> None:
    notary = city.notary()
    assert refusal(notary, notary.sign("Envelope", CONTENT), "Statement") == CHANGED
    assert refusal(notary, notary.sign("Statement", CONTENT), "Envelope") == CHANGED


def test_a_signature_with_the_certificate_of_another_signer_is_refused(city: City) -> None:
    other = city.notary(Identity("court", Role.SIGNER)).sign("Envelope", CONTENT)
    mine = city.notary().sign("Envelope", CONTENT)
    assert refusal(city.notary(), changed(mine, certificate=other.certificate)) == CHANGED


def test_ecdsa_on_p256_is_verified(city: City) -> None:
    notary, signature = city.notary(), city.p256_signature("Envelope", CONTENT)
    assert notary.verify("Envelope", CONTENT, signature) == Party.PARTY_COURT
    assert refusal(notary, signature, content=CONTENT + b"!") == CHANGED
    assert refusal(notary, signature, "Statement") == CHANGED
    assert refusal(notary, changed(signature, value=b"no DER")) == CHANGED


def test_another_curve_is_refused(city: City) -> None:
    assert refusal(city.notary(), city.p256_signature("Envelope", CONTENT, ec.SECP384R1())) == CHANGED


@pytest.mark.parametrize("algorithm", [0, 1, 3, 9])
def test_a_signature_of_another_algorithm_than_its_key_is_refused(city: City, algorithm: int) -> None:
    p256 = city.p256_signature("Envelope", CONTENT)
    assert refusal(city.notary(), changed(p256, algorithm=algorithm)) == CHANGED
    ed25519 = city.notary().sign("Envelope", CONTENT)
    assert refusal(city.notary(), changed(ed25519, algorithm=2 if algorithm == 1 else algorithm)) == CHANGED


@pytest.mark.parametrize("raw", [b"", b"no certificate", b"\x30\x80"])
def test_a_certificate_that_cannot_be_read_is_refused(city: City, raw: bytes) -> None:
    assert (
        refusal(city.notary(), changed(city.notary().sign("Envelope", CONTENT), certificate=raw))
        == UNREADABLE
    )


@pytest.fixture(scope="module")
def signed_in_a_city(tmp_path_factory: pytest.TempPathFactory) -> tuple[FileNotary, Signature]:
    notary = new_city(tmp_path_factory.mktemp("city")).notary()
    return notary, notary.sign("Envelope", CONTENT)


@pytest.mark.filterwarnings("ignore:Parsed a serial number:cryptography.utils.CryptographyDeprecationWarning")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_certificate_or_signature_is_refused_and_never_an_accident(
    signed_in_a_city: tuple[FileNotary, Signature], data: st.DataObject
) -> None:
    notary, signature = signed_in_a_city
    field = data.draw(st.sampled_from(["certificate", "value"]))
    raw = bytearray(getattr(signature, field))
    position = data.draw(st.integers(0, len(raw) - 1))
    # In front of the CA's signature DER counts the unused bits of its last byte: none, and one changes no bit of it.
    authority = x509.load_der_x509_certificate(signature.certificate).signature
    assume((field, position) != ("certificate", len(raw) - len(authority) - 1))
    raw[position] ^= data.draw(st.integers(1, 255))
    assert refusal(notary, changed(signature, **{field: bytes(raw)})) in {
        FOREIGN,
        UNREADABLE,
        NO_SIGNER,
        CHANGED,
    }


def test_a_certificate_with_an_extension_twice_is_refused(city: City) -> None:
    """Such a certificate can be parsed, and raises an error of its own kind when its extensions are read."""
    signature = city.notary().sign("Envelope", CONTENT)
    key_usage, subject_key = b"\x06\x03\x55\x1d\x0f", b"\x06\x03\x55\x1d\x0e"
    assert key_usage in signature.certificate
    twice = signature.certificate.replace(key_usage, subject_key)
    with pytest.raises(x509.DuplicateExtension):
        _ = x509.load_der_x509_certificate(twice).extensions
    assert refusal(city.notary(), changed(signature, certificate=twice)) == UNREADABLE


def test_a_node_signs_with_ed25519_only(city: City) -> None:
    files = city.ca.issue(Identity("police", Role.EXCHANGE), city.folder)
    with pytest.raises(ValueError, match="holds no Ed25519 key"):
        FileNotary(city.anchor, files.certificate, files.key, DEFAULT_TRUST_DOMAIN)


def replaced(city: City, identity: Identity, *, key_first: bool) -> Iterator[None]:
    """Replace the certificate and the key of the police's signer by a new pair, one file after the other."""
    with tempfile.TemporaryDirectory() as folder:
        new = city.ca.issue(identity, Path(folder))
        names = (("signer-key.pem", new.key), ("signer.pem", new.certificate))
        for name, source in names if key_first else names[::-1]:
            source.replace(city.folder / "police" / name)
            yield


@pytest.mark.parametrize("key_first", [True, False])
def test_a_replaced_key_is_used_once_its_certificate_is_there(city: City, key_first: bool) -> None:
    notary = city.notary()
    before = notary.sign("Envelope", CONTENT)
    halfway, replacing = None, replaced(city, SIGNER, key_first=key_first)
    for _ in replacing:
        halfway = halfway or notary.sign("Envelope", CONTENT)
    after = notary.sign("Envelope", CONTENT)
    assert halfway is not None
    assert halfway.certificate == before.certificate != after.certificate
    for signature in (before, halfway, after):
        assert notary.verify("Envelope", CONTENT, signature) == Party.PARTY_POLICE


def test_a_pair_of_somebody_else_is_not_taken_up(city: City, caplog: pytest.LogCaptureFixture) -> None:
    notary = city.notary()
    before = notary.sign("Envelope", CONTENT)
    for _ in replaced(city, Identity("court", Role.SIGNER), key_first=True):
        assert notary.sign("Envelope", CONTENT) == before
    assert "use this node's own" in caplog.text
    told = len(caplog.records)
    assert notary.sign("Envelope", CONTENT) == before
    assert len(caplog.records) == told


def test_a_file_that_is_gone_for_a_moment_stops_nothing(city: City) -> None:
    notary = city.notary()
    before = notary.sign("Envelope", CONTENT)
    (city.folder / "police" / "signer.pem").rename(city.folder / "away.pem")
    assert notary.sign("Envelope", CONTENT) == before


def test_a_ca_that_is_added_is_trusted_without_a_restart(city: City, tmp_path: Path) -> None:
    other = DevelopmentCA.create(tmp_path / "other", DEFAULT_TRUST_DOMAIN)
    files = other.issue(Identity("court", Role.SIGNER), tmp_path / "other")
    theirs = FileNotary(tmp_path / "other" / "ca.pem", files.certificate, files.key, DEFAULT_TRUST_DOMAIN)
    notary, signature = city.notary(), theirs.sign("Envelope", CONTENT)
    with pytest.raises(SignatureInvalid, match=FOREIGN):
        notary.verify("Envelope", CONTENT, signature)
    own = city.anchor.read_bytes()
    city.anchor.write_bytes(own + (tmp_path / "other" / "ca.pem").read_bytes())
    assert notary.verify("Envelope", CONTENT, signature) == Party.PARTY_COURT
    city.anchor.write_bytes(own)
    with pytest.raises(SignatureInvalid, match=FOREIGN):
        notary.verify("Envelope", CONTENT, signature)
