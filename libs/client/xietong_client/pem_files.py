"""A certificate and its private key as PEM files that stay a matching pair.

A key is made once and never replaced; certificates follow from it and are replaced atomically. So a kill at
any moment, or two runs at once, leave pairs that match or that the next run completes.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

_FOLDER_MODE = 0o700
_KEY_MODE = 0o600
_CERTIFICATE_MODE = 0o644


class PkiError(Exception):
    """The development PKI cannot do what was asked; the text says where, why and how to mend it."""

    def __init__(self, english: str, chinese: str) -> None:
        """The same text in both languages; each ends in the remedy."""
        super().__init__(f"{english} / {chinese}")


@dataclass(frozen=True, slots=True)
class PemPair:
    """Where a certificate and its key lie. Reading raises PkiError for a file missing or of another kind."""

    certificate: Path
    key: Path

    @classmethod
    def named(cls, folder: Path, name: str) -> Self:
        """The pair `<name>.pem` and `<name>-key.pem` in `folder`."""
        return cls(folder / f"{name}.pem", folder / f"{name}-key.pem")

    def exists(self) -> bool:
        """Whether both files are there."""
        return self.certificate.exists() and self.key.exists()

    def create_key(self, generate: Callable[[], PrivateKey]) -> None:
        """Write a new key, readable by its owner only, unless there is one; linking never replaces a file."""
        if self.key.exists():
            return
        pem = generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.key.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        with _synced_file(self.key, pem, _KEY_MODE) as complete, suppress(FileExistsError):
            os.link(complete, self.key)

    def replace_certificate(self, certificate: x509.Certificate) -> None:
        """Put `certificate` into place; who reads at that moment sees the old or the new one."""
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        with _synced_file(self.certificate, pem, _CERTIFICATE_MODE) as complete:
            complete.replace(self.certificate)

    def read_certificate(self) -> x509.Certificate:
        """The certificate; the key need not be there."""
        try:
            return x509.load_pem_x509_certificate(self.certificate.read_bytes())
        except (FileNotFoundError, ValueError) as error:
            raise self.unusable(self.certificate) from error

    def read_tls_key(self) -> ec.EllipticCurvePrivateKey:
        """The ECDSA P-256 key."""
        key = self._read_key()
        if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
            return key
        raise self.unusable(self.key)

    def read_signing_key(self) -> ed25519.Ed25519PrivateKey:
        """The Ed25519 key."""
        key = self._read_key()
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return key
        raise self.unusable(self.key)

    def unusable(self, path: Path) -> PkiError:
        """The error for one of the two files; removing both always lets the PKI be completed again."""
        pair = f"{self.certificate.name}, {self.key.name}"
        return PkiError(
            f"{path} is missing or not what `xietong pki init` writes there: restore it, or remove both "
            f"{pair} and run the command again",
            f"该文件缺失或内容不符：请恢复；或将两个文件（{pair}）都删除，再运行 `xietong pki init`",
        )

    def _read_key(self) -> PrivateKeyTypes:
        try:
            return serialization.load_pem_private_key(self.key.read_bytes(), password=None)
        except (FileNotFoundError, TypeError, ValueError, UnsupportedAlgorithm) as error:
            raise self.unusable(self.key) from error


@contextmanager
def _synced_file(path: Path, content: bytes, mode: int) -> Iterator[Path]:
    """A complete file beside `path`, ready to be put into place; what is left of it afterwards goes."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
