"""The certificate, key and CA with which a business system or an operator calls its node."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from xietong_client.errors import CredentialsInvalid
from xietong_client.text import Text

_SYSTEM_FILE_PREFIX = "system-"
_IDENTITY = re.compile(r"spiffe://(?P<domain>[^/]+)/(?P<party>[a-z-]+)/(?:system/(?P<system>[^/]+)|operator)")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A client certificate with its key and the CA of the trust domain, as PEM bytes, and whom it names.

    `system` is empty for an operator. `from_folder` and `from_files` make it and raise CredentialsInvalid.
    """

    certificate_chain: bytes
    private_key: bytes = field(repr=False)
    trust_anchor: bytes
    trust_domain: str
    party: str
    system: str
    not_before: datetime
    not_after: datetime
    certificate_file: Path
    key_file: Path

    @classmethod
    def from_folder(cls, folder: str | Path, system: str = "", *, operator: bool = False) -> Self:
        """The credentials of one business system in the folder of its party, as `xietong pki init` writes it.

        The folder holds `system-<name>.pem` and `system-<name>-key.pem`, for an operator `operator.pem` and
        `operator-key.pem`; `ca.pem` lies beside them or one folder above. Without `system` there must be
        the certificate of just one system.
        """
        place = Path(folder)
        name = "operator" if operator else _SYSTEM_FILE_PREFIX + (system or _only_system(place))
        return cls.from_files(place / f"{name}.pem", place / f"{name}-key.pem", _trust_anchor(place))

    @classmethod
    def from_files(cls, certificate: Path, key: Path, trust_anchor: Path) -> Self:
        """The credentials in these PEM files."""
        chain, private, anchor = _read(certificate), _read(key), _read(trust_anchor)
        leaf = _parse(chain, certificate)
        if not _belongs_to(private, leaf, key):
            raise _invalid(
                Text(
                    f"{key} 不是证书 {certificate} 的私钥。",
                    f"{key} is not the private key of {certificate}.",
                ),
                Text("请恢复成对的文件，或重新签发证书。", "Restore the pair, or have it issued again."),
            )
        identity = _identity(leaf, certificate)
        return cls(
            certificate_chain=chain,
            private_key=private,
            trust_anchor=anchor,
            trust_domain=identity["domain"],
            party=identity["party"],
            system=identity["system"] or "",
            not_before=leaf.not_valid_before_utc,
            not_after=leaf.not_valid_after_utc,
            certificate_file=certificate,
            key_file=key,
        )

    @property
    def node_name(self) -> str:
        """DNS name of the node of the caller's own party: `<party>.<trust-domain>`."""
        return f"{self.party}.{self.trust_domain}"

    @property
    def is_issued_by_trust_anchor(self) -> bool:
        """Whether one of the CAs issued the certificate itself; false with an intermediate CA between."""
        leaf = x509.load_pem_x509_certificates(self.certificate_chain)[0]
        try:
            authorities = x509.load_pem_x509_certificates(self.trust_anchor)
        except ValueError:
            return False
        return any(_is_issued_by(leaf, authority) for authority in authorities)

    def check_validity(self, now: datetime | None = None) -> None:
        """Raises CredentialsInvalid when the certificate is not valid at this time (default: the clock)."""
        moment = now or datetime.now(UTC)
        if self.not_before <= moment <= self.not_after:
            return
        begin, end = f"{self.not_before:%Y-%m-%d %H:%M}", f"{self.not_after:%Y-%m-%d %H:%M}"
        raise _invalid(
            Text(
                f"证书有效期为 {begin} 至 {end}（UTC），现在不在有效期内。",
                f"the certificate is valid from {begin} to {end} (UTC), not now.",
            ),
            Text(
                "请检查本机时钟；证书过期请重新签发（开发环境运行 `xietong pki init`）。",
                "Check this machine's clock; have an expired certificate issued again (`xietong pki init` in "
                "development).",
            ),
        )


def _only_system(folder: Path) -> str:
    keys = [p.name for p in folder.glob(f"{_SYSTEM_FILE_PREFIX}*-key.pem")]
    names = sorted(name.removeprefix(_SYSTEM_FILE_PREFIX).removesuffix("-key.pem") for name in keys)
    if len(names) == 1:
        return names[0]
    found = ", ".join(names) or "-"
    raise _invalid(
        Text(
            f"请说明使用哪个业务系统的证书；{folder} 中有：{found}。",
            f"say which system's certificate to use; {folder} holds: {found}.",
        ),
        Text(
            "设置 --system、XIETONG_SYSTEM 或 xietong.toml 的 system；开发证书由 `xietong pki init` 生成。",
            "Set --system, XIETONG_SYSTEM or `system` in xietong.toml; `xietong pki init` makes certificates "
            "for development.",
        ),
    )


def _trust_anchor(folder: Path) -> Path:
    beside = folder / "ca.pem"
    return beside if beside.exists() else folder.parent / "ca.pem"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _invalid(
            Text(f"无法读取 {path}（{error.strerror}）。", f"{path} cannot be read ({error.strerror})."),
            Text(
                "请核对 --credentials 和 --system；开发证书由 `xietong pki init` 生成。",
                "Check --credentials and --system; `xietong pki init` makes certificates for development.",
            ),
        ) from error


def _parse(chain: bytes, path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(chain)[0]
    except ValueError as error:
        raise _invalid(
            Text(f"{path} 不是 PEM 格式的证书。", f"{path} is not a certificate in PEM format."),
            Text("请恢复该文件或重新签发。", "Restore it, or have it issued again."),
        ) from error


def _belongs_to(private: bytes, leaf: x509.Certificate, path: Path) -> bool:
    try:
        key = serialization.load_pem_private_key(private, password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise _invalid(
            Text(f"{path} 不是可用的 PEM 私钥。", f"{path} is not a usable private key in PEM format."),
            Text("请使用未加密的 PKCS#8 私钥。", "Use a PKCS#8 key that is not encrypted."),
        ) from error
    return key.public_key() == leaf.public_key()


def _identity(leaf: x509.Certificate, path: Path) -> re.Match[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    except (x509.ExtensionNotFound, ValueError):
        uris = []
    match = next(filter(None, map(_IDENTITY.fullmatch, uris)), None)
    if match is None:
        raise _invalid(
            Text(
                f"证书 {path} 没有业务系统或运维人员的身份。",
                f"{path} names no business system and no operator.",
            ),
            Text(
                "证书应含 URI `spiffe://<信任域>/<单位>/system/<系统>`；节点证书不能用于业务系统。",
                "It needs the URI `spiffe://<trust-domain>/<party>/system/<name>`; a node's has none.",
            ),
        )
    return match


def _is_issued_by(leaf: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(authority)
    except (InvalidSignature, TypeError, ValueError):
        return False
    return True


def _invalid(text: Text, remedy: Text) -> CredentialsInvalid:
    return CredentialsInvalid(reason="CREDENTIALS_INVALID", text=text, remedy=remedy)
