"""The development PKI: what its certificates say, and which names it takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from xietong_client.pki import (
    CLOCK_SKEW_SECONDS,
    PARTIES,
    CertificateFiles,
    DevelopmentCA,
    Identity,
    PkiError,
    Role,
    init,
)

NOW = datetime.now(UTC).replace(microsecond=0)
TLS_SERVER, TLS_CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH

Made = dict[str, CertificateFiles]


@pytest.fixture(scope="module")
def ca_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pki")


@pytest.fixture(scope="module")
def made(ca_folder: Path) -> Made:
    """The certificates of a complete PKI, by the path of the identity."""
    return {files.identity.path: files for files in init(ca_folder, now=NOW)}


@pytest.fixture
def ca(ca_folder: Path, made: Made) -> DevelopmentCA:
    return DevelopmentCA.load(ca_folder)


def certificate_of(files: CertificateFiles) -> x509.Certificate:
    return x509.load_pem_x509_certificate(files.certificate.read_bytes())


@pytest.mark.parametrize(
    ("path", "dns_names"),
    [
        ("police/exchange", ["police.xietong.test"]),
        ("hub/signer", []),
        ("court/operator", []),
        ("police/system/case-handling", []),
    ],
)
def test_alternative_names_are_exactly_the_identity(made: Made, path: str, dns_names: list[str]) -> None:
    certificate = certificate_of(made[path])
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uri = x509.UniformResourceIdentifier(f"spiffe://xietong.test/{path}")
    assert list(found) == [uri, *map(x509.DNSName, dns_names)]


@pytest.mark.parametrize(
    ("role", "key_type", "usages"),
    [
        (Role.EXCHANGE, ec.EllipticCurvePublicKey, {TLS_SERVER, TLS_CLIENT}),
        (Role.SYSTEM, ec.EllipticCurvePublicKey, {TLS_CLIENT}),
        (Role.OPERATOR, ec.EllipticCurvePublicKey, {TLS_CLIENT}),
        (Role.SIGNER, ed25519.Ed25519PublicKey, set()),
    ],
)
def test_each_role_has_its_kind_of_key_and_usage(
    made: Made, role: Role, key_type: type, usages: set[x509.ObjectIdentifier]
) -> None:
    of_role = [certificate_of(files) for files in made.values() if files.identity.role is role]
    assert len(of_role) == len(PARTIES)  # five systems, too
    for certificate in of_role:
        extended = [
            entry.value for entry in certificate.extensions if isinstance(entry.value, x509.ExtendedKeyUsage)
        ]
        assert {usage for value in extended for usage in value} == usages
        assert isinstance(certificate.public_key(), key_type)
        assert said_usages(certificate) == {"digital_signature"}
        assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def said_usages(certificate: x509.Certificate) -> set[str]:
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    simple = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
    )
    return {name for name in (*simple, "key_cert_sign", "crl_sign") if getattr(usage, name)}


def test_the_ca_may_sign_certificates_and_nothing_below_it_may(made: Made, ca: DevelopmentCA) -> None:
    extensions = ca.certificate.extensions
    key_id = extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert isinstance(ca.key.curve, ec.SECP256R1)
    assert said_usages(ca.certificate) == {"key_cert_sign", "crl_sign"}
    assert extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(True, 0)
    assert extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == key_id
    leaf = certificate_of(made["police/exchange"])
    assert leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == key_id


def test_a_node_verifies_as_server_under_its_dns_name_only(made: Made, ca: DevelopmentCA) -> None:
    policy = PolicyBuilder().store(Store([ca.certificate])).time(NOW)
    node = certificate_of(made["police/exchange"])
    chain = policy.build_server_verifier(x509.DNSName("police.xietong.test")).verify(node, [])
    assert chain[0] == node
    for other in ("court.xietong.test", "localhost"):
        with pytest.raises(VerificationError):
            policy.build_server_verifier(x509.DNSName(other)).verify(node, [])


def test_the_trust_domain_is_a_parameter(tmp_path: Path) -> None:
    files = {
        entry.identity.path: entry for entry in init(tmp_path, "city.example", {"court": ["trial"]}, now=NOW)
    }
    node = certificate_of(files["court/exchange"]).extensions
    names = node.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [name.value for name in names] == ["spiffe://city.example/court/exchange", "court.city.example"]
    assert [path for path in files if "system" in path] == ["court/system/trial"]
    assert DevelopmentCA.load(tmp_path).trust_domain == "city.example"


def test_certificates_hold_for_clocks_that_run_behind(made: Made, ca: DevelopmentCA) -> None:
    start = NOW - timedelta(seconds=CLOCK_SKEW_SECONDS)
    certificates = [ca.certificate, *map(certificate_of, made.values())]
    assert {certificate.not_valid_before_utc for certificate in certificates} == {start}


@pytest.mark.parametrize(
    "trust_domain",
    ["", "City.example", "a b", "a..b", "-a.example", "a/b", "a\n", "x" * 64, ".".join("a" * 121)],
)
def test_a_malformed_trust_domain_is_refused(tmp_path: Path, trust_domain: str) -> None:
    with pytest.raises(PkiError, match="is no trust domain"):
        init(tmp_path / "pki", trust_domain, now=NOW)
    assert not (tmp_path / "pki").exists()


@pytest.mark.parametrize("name", ["Trial", "a/b", "..", "a\n", "审判", "a" * 64, "-a", "a b"])
def test_a_malformed_system_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(PkiError, match="cannot name a system"):
        init(tmp_path / "pki", systems={"court": [name]}, now=NOW)
    assert not (tmp_path / "pki").exists()


def test_an_unknown_party_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PkiError, match="'prison' is no party"):
        init(tmp_path / "pki", systems={"prison": ["records"]}, now=NOW)
    assert not (tmp_path / "pki").exists()


@pytest.mark.parametrize(("role", "system"), [(Role.EXCHANGE, "trial"), (Role.SYSTEM, "")])
def test_only_systems_have_a_name(role: Role, system: str) -> None:
    with pytest.raises(PkiError, match="name the system"):
        Identity("court", role, system)
