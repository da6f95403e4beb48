"""The development PKI (开发用证书): a CA, and a certificate for every node, signer, operator and system.

It gives `make demo` and developers real mutual TLS with the identities of a city; production brings its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from xietong_client.pem_files import PemPair, PkiError, PrivateKey

__all__ = [
    "CA_VALIDITY_DAYS",
    "CERTIFICATE_VALIDITY_DAYS",
    "CLOCK_SKEW_SECONDS",
    "DEFAULT_SYSTEMS",
    "DEFAULT_TRUST_DOMAIN",
    "PARTIES",
    "RENEWAL_WINDOW_DAYS",
    "CertificateFiles",
    "DevelopmentCA",
    "Identity",
    "PkiError",
    "Role",
    "init",
]

DEFAULT_TRUST_DOMAIN = "xietong.test"
PARTIES = ("police", "procuratorate", "court", "justice", "hub")
DEFAULT_SYSTEMS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "police": ("case-handling", "evidence-archive"),
        "procuratorate": ("prosecution",),
        "court": ("trial",),
        "justice": ("legal-aid",),
    }
)
CA_VALIDITY_DAYS = 3650
# iOS 13, macOS 10.15 and later refuse TLS certificates that live longer, those of private CAs too.
CERTIFICATE_VALIDITY_DAYS = 825
RENEWAL_WINDOW_DAYS = 30
# Certificates start a little in the past: the clocks of the machines that read them may run behind.
CLOCK_SKEW_SECONDS = 300

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"  # RFC 1123 section 2.1, in lower case as SPIFFE demands
_SYSTEM_NAME = re.compile(_LABEL)
# A DNS name has at most 253 characters (RFC 1035); the longest here is `procuratorate.<trust-domain>`.
_TRUST_DOMAIN = re.compile(rf"(?=.{{1,239}}\Z){_LABEL}(?:\.{_LABEL})*")
_KEY_USAGES = (  # RFC 5280 section 4.2.1.3; `x509.KeyUsage` wants each of them said
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)
_TLS_SERVER, _TLS_CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


class Role(StrEnum):
    """What the holder of a certificate is, by the word in its URI."""

    EXCHANGE = "exchange"
    SIGNER = "signer"
    OPERATOR = "operator"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a certificate speaks for. `system` is the name of a business system, empty for every other role.

    Raises PkiError for an unknown party or a malformed name.
    """

    party: str
    role: Role
    system: str = ""

    def __post_init__(self) -> None:
        """Refuse what would be another identity, or none, once it stands in a URI."""
        if self.party not in PARTIES:
            raise PkiError(
                f"{self.party!r} is no party: use one of {', '.join(PARTIES)}",
                f"{self.party!r} 不是政法单位代码：请使用上列代码之一",
            )
        if (self.role is Role.SYSTEM) != bool(self.system):
            raise PkiError(
                f"{self.party}/{self.role}: name the system if it is one, and only then",
                "业务系统须写明名称，其他角色不得有名称",
            )
        if self.system and not _SYSTEM_NAME.fullmatch(self.system):
            raise PkiError(
                f"{self.system!r} cannot name a system: use 1 to 63 of a-z, 0-9 and inner hyphens",
                f"{self.system!r} 不能作系统名称：请用 1 至 63 个小写字母、数字，中间可用连字符",
            )

    @property
    def path(self) -> str:
        """The part of the URI behind the trust domain, e.g. `police/system/case-handling`."""
        return "/".join(filter(None, (self.party, self.role, self.system)))

    def uri(self, trust_domain: str) -> str:
        """The identity as a SPIFFE ID, e.g. `spiffe://xietong.test/police/exchange`."""
        return f"spiffe://{trust_domain}/{self.path}"


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """A certificate and its private key on disk (PEM). `issued` is False for one that was kept as it was."""

    identity: Identity
    certificate: Path
    key: Path
    expires: datetime
    issued: bool


@dataclass(frozen=True, slots=True)
class DevelopmentCA:
    """The CA of one trust domain, kept in `ca.pem` and `ca-key.pem` of the PKI folder.

    Times have a time zone and default to the clock. The methods raise PkiError for what a person must mend,
    and OSError when the folder cannot be read or written.
    """

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    trust_domain: str

    @classmethod
    def create(
        cls,
        directory: Path,
        trust_domain: str = DEFAULT_TRUST_DOMAIN,
        *,
        days: int = CA_VALIDITY_DAYS,
        now: datetime | None = None,
    ) -> Self:
        """Make a CA in `directory`. A CA key that lies there without a certificate is used, not replaced."""
        path = _ca_pair(directory).certificate
        if path.exists():
            raise PkiError(
                f"{path} exists already: load it, or choose another folder",
                "该目录已有根证书：请直接使用，或另选目录",
            )
        return cls._write(directory, trust_domain, days, now or datetime.now(UTC))

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read the CA that `create` made in `directory`."""
        pair = _ca_pair(directory)
        certificate, key = pair.read_certificate(), pair.read_tls_key()
        trust_domain = _trust_domain(certificate)
        if certificate.public_key() != key.public_key() or trust_domain is None:
            raise pair.unusable(pair.certificate)
        return cls(certificate, key, trust_domain)

    @classmethod
    def load_or_create(cls, directory: Path, trust_domain: str, *, now: datetime | None = None) -> Self:
        """The CA in `directory`, made if there is none. A renewal (last 30 days) keeps key and name."""
        moment = now or datetime.now(UTC)
        if not _ca_pair(directory).certificate.exists():
            return cls._write(directory, trust_domain, CA_VALIDITY_DAYS, moment)
        ca = cls.load(directory)
        if ca.trust_domain != trust_domain:
            raise PkiError(
                f"{directory} holds the CA of {ca.trust_domain}, not of {trust_domain}: name the former, or "
                "choose another folder",
                f"该目录的根证书属于信任域 {ca.trust_domain}：请改用该信任域，或另选目录",
            )
        if _expires_soon(ca.certificate, moment):
            return cls._write(directory, trust_domain, CA_VALIDITY_DAYS, moment)
        return ca

    @classmethod
    def _write(cls, directory: Path, trust_domain: str, days: int, now: datetime) -> Self:
        """Put a certificate for the key that is there, or a new one, into place."""
        if not _TRUST_DOMAIN.fullmatch(trust_domain):
            raise PkiError(
                f"{trust_domain!r} is no trust domain: use a lower-case DNS name like {DEFAULT_TRUST_DOMAIN}",
                f"{trust_domain!r} 不能作信任域：请使用小写域名",
            )
        pair = _ca_pair(directory)
        pair.create_key(_new_tls_key)
        key = pair.read_tls_key()
        certificate = _self_signed(key, trust_domain, days, now)
        pair.replace_certificate(certificate)
        return cls(certificate, key, trust_domain)

    def issue(
        self,
        identity: Identity,
        directory: Path,
        *,
        days: int = CERTIFICATE_VALIDITY_DAYS,
        now: datetime | None = None,
    ) -> CertificateFiles:
        """Issue a certificate into the folder of its party below `directory`, for a key that is there or new.

        It is valid for `days` from `now`, but never longer than the CA.
        """
        pair = _leaf_pair(identity, directory)
        pair.create_key(_new_signing_key if identity.role is Role.SIGNER else _new_tls_key)
        certificate = self._sign(identity, _leaf_key(identity, pair), days, now or datetime.now(UTC))
        pair.replace_certificate(certificate)
        return _certificate_files(identity, pair, certificate, issued=True)

    def ensure(self, identity: Identity, directory: Path, *, now: datetime | None = None) -> CertificateFiles:
        """Keep the certificate if it is this CA's, fits its key and lives another 30 days; else issue one."""
        pair = _leaf_pair(identity, directory)
        moment = now or datetime.now(UTC)
        if pair.exists():
            certificate = pair.read_certificate()
            if self._is_current(certificate, identity, _leaf_key(identity, pair), moment):
                return _certificate_files(identity, pair, certificate, issued=False)
        return self.issue(identity, directory, now=moment)

    def _sign(self, identity: Identity, key: PrivateKey, days: int, now: datetime) -> x509.Certificate:
        end = min(now + timedelta(days=days), self.certificate.not_valid_after_utc)
        if end <= now:
            raise PkiError(
                f"a certificate for {identity.path} would end on {end:%Y-%m-%d}, before it begins: give it a "
                "day at least, and renew an expired CA with `xietong pki init`",
                "证书有效期无效：有效期至少一天；根证书过期请运行 `xietong pki init` 更新",
            )
        builder = _builder(key, self.key, (now, end), is_ca=False)
        builder = builder.subject_name(_name(f"{identity.party} {identity.role}"))
        builder = builder.issuer_name(self.certificate.subject)
        builder = builder.add_extension(_alternative_name(identity, self.trust_domain), critical=False)
        if identity.role is Role.EXCHANGE:  # a node dials its neighbours, and they dial it
            builder = builder.add_extension(x509.ExtendedKeyUsage([_TLS_SERVER, _TLS_CLIENT]), critical=False)
        elif identity.role is not Role.SIGNER:
            builder = builder.add_extension(x509.ExtendedKeyUsage([_TLS_CLIENT]), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def _is_current(
        self, certificate: x509.Certificate, identity: Identity, key: PrivateKey, now: datetime
    ) -> bool:
        try:
            certificate.verify_directly_issued_by(self.certificate)
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (InvalidSignature, TypeError, ValueError, x509.ExtensionNotFound):
            return False
        return (
            names == _alternative_name(identity, self.trust_domain)
            and certificate.public_key() == key.public_key()
            and certificate.not_valid_before_utc <= now
            and not _expires_soon(certificate, now)
        )


def init(
    directory: Path,
    trust_domain: str = DEFAULT_TRUST_DOMAIN,
    systems: Mapping[str, Sequence[str]] = DEFAULT_SYSTEMS,
    *,
    now: datetime | None = None,
) -> list[CertificateFiles]:
    """Complete the PKI in `directory`: keep what is valid, issue what is missing or ends within 30 days.

    `systems` names the business systems of each party. No private key is ever overwritten.
    Raises PkiError, before it has issued anything, for a wrong name or a CA of another trust domain.
    """
    moment = now or datetime.now(UTC)
    wanted = _identities(systems)
    ca = DevelopmentCA.load_or_create(directory, trust_domain, now=moment)
    return [ca.ensure(identity, directory, now=moment) for identity in wanted]


def _identities(systems: Mapping[str, Sequence[str]]) -> list[Identity]:
    roles = (Role.EXCHANGE, Role.SIGNER, Role.OPERATOR)
    return [
        *(Identity(party, role) for party in PARTIES for role in roles),
        *(Identity(party, Role.SYSTEM, name) for party, names in systems.items() for name in names),
    ]


# What the certificates say


def _self_signed(
    key: ec.EllipticCurvePrivateKey, trust_domain: str, days: int, now: datetime
) -> x509.Certificate:
    # The name follows from the key: a renewed certificate keeps it, and two CAs never share it.
    key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    name = _name(f"Xietong development CA {key_id.digest[:4].hex()}")
    # SPIFFE: the signing certificate carries the identity of the trust domain itself, without a path.
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"spiffe://{trust_domain}")])
    builder = _builder(key, key, (now, now + timedelta(days=days)), is_ca=True)
    builder = builder.subject_name(name).issuer_name(name).add_extension(names, critical=False)
    return builder.sign(key, hashes.SHA256())


def _builder(
    key: PrivateKey, ca_key: ec.EllipticCurvePrivateKey, validity: tuple[datetime, datetime], *, is_ca: bool
) -> x509.CertificateBuilder:
    """What RFC 5280 asks of every certificate; the names and what is special to a role come on top."""
    public, ca_public = key.public_key(), ca_key.public_key()
    start, end = validity
    usages = ("key_cert_sign", "crl_sign") if is_ca else ("digital_signature",)
    return (
        x509.CertificateBuilder()
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - timedelta(seconds=CLOCK_SKEW_SECONDS))
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_public), critical=False)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=0 if is_ca else None), critical=True)
        .add_extension(x509.KeyUsage(**{usage: usage in usages for usage in _KEY_USAGES}), critical=True)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _alternative_name(identity: Identity, trust_domain: str) -> x509.SubjectAlternativeName:
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(identity.uri(trust_domain))]
    if identity.role is Role.EXCHANGE:  # gRPC clients compare the server's DNS name only
        names.append(x509.DNSName(f"{identity.party}.{trust_domain}"))
    return x509.SubjectAlternativeName(names)


def _trust_domain(certificate: x509.Certificate) -> str | None:
    """The trust domain that a CA certificate names, or None for one that was not made here."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return None
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    return uris[0].removeprefix("spiffe://") if len(uris) == 1 else None


def _expires_soon(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_after_utc - now < timedelta(days=RENEWAL_WINDOW_DAYS)


# Where they lie


def _ca_pair(directory: Path) -> PemPair:
    return PemPair.named(directory, "ca")


def _leaf_pair(identity: Identity, directory: Path) -> PemPair:
    return PemPair.named(directory / identity.party, "-".join(filter(None, (identity.role, identity.system))))


def _certificate_files(
    identity: Identity, pair: PemPair, certificate: x509.Certificate, *, issued: bool
) -> CertificateFiles:
    return CertificateFiles(identity, pair.certificate, pair.key, certificate.not_valid_after_utc, issued)


def _leaf_key(identity: Identity, pair: PemPair) -> PrivateKey:
    return pair.read_signing_key() if identity.role is Role.SIGNER else pair.read_tls_key()


def _new_tls_key() -> PrivateKey:
    return ec.generate_private_key(ec.SECP256R1())  # BoringSSL takes no Ed25519 certificates by default


def _new_signing_key() -> PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()
