"""Mutual TLS for the node's server and its channels. A certificate that was renewed on disk needs no restart.

The server takes replaced files with the next handshake; a channel keeps what it read, until its neighbour is dialled
anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from xietong_exchange.adapters.watched_files import WatchedFiles
from xietong_exchange.domain.identity import Identity


def require_certificate(certificate: Path, key: Path, identity: Identity) -> None:
    """Raise ValueError, with the remedy, unless the files are a pair that speaks for this identity now."""
    issued = x509.load_pem_x509_certificate(certificate.read_bytes())
    if load_pem_private_key(key.read_bytes(), password=None).public_key() != issued.public_key():
        raise ValueError(f"{key} is not the key of {certificate}; give the two that were issued together")
    if (uris := _uris(issued)) != [identity.uri]:
        holder = ", ".join(uris) or "nobody"
        raise ValueError(f"{certificate} speaks for {holder}, not for {identity.uri}; use this node's own")
    if not issued.not_valid_before_utc <= datetime.now(UTC) <= issued.not_valid_after_utc:
        span = f"{issued.not_valid_before_utc:%Y-%m-%d} to {issued.not_valid_after_utc:%Y-%m-%d}"
        raise ValueError(f"{certificate} is valid from {span}; have a new one issued, or correct the clock")


def _uris(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: the CA's certificates, this node's certificate chain, and its key."""

    ca: Path
    certificate: Path
    key: Path

    def server_credentials(self) -> grpc.ServerCredentials:
        """For the server: every caller must bring a certificate of the CA."""
        files = WatchedFiles([self.ca, self.certificate, self.key], self._server_configuration)
        return grpc.dynamic_ssl_server_credentials(
            files.content,
            Renewals(files),  # type: ignore[arg-type]  # gRPC documents None for "unchanged", its types don't
            require_client_authentication=True,
        )

    def channel_credentials(self) -> grpc.ChannelCredentials:
        """For a channel, as the files are now; a new channel reads them again."""
        return grpc.ssl_channel_credentials(
            root_certificates=self.ca.read_bytes(),
            private_key=self.key.read_bytes(),
            certificate_chain=self.certificate.read_bytes(),
        )

    def expire_time(self) -> datetime:
        """When the node's certificate ends."""
        return x509.load_pem_x509_certificate(self.certificate.read_bytes()).not_valid_after_utc

    def _server_configuration(self) -> grpc.ServerCertificateConfiguration:
        key, certificate = self.key.read_bytes(), self.certificate.read_bytes()
        issued = x509.load_pem_x509_certificate(certificate)
        if load_pem_private_key(key, password=None).public_key() != issued.public_key():
            raise ValueError(
                f"{self.key} is not the key of {self.certificate}; give the two that were issued together"
            )
        return grpc.ssl_server_certificate_configuration(
            [(key, certificate)], root_certificates=self.ca.read_bytes()
        )


class Renewals:
    """Asked by gRPC before every handshake: the new configuration when files were replaced, else None.

    A configuration that is given every time is what gRPC then swaps in under the handshakes of other threads: sixteen
    connections at once ended the process within a second (gRPC 1.85).
    """

    def __init__(self, files: WatchedFiles[grpc.ServerCertificateConfiguration]) -> None:
        self._files = files
        self._given = files.content

    def __call__(self) -> grpc.ServerCertificateConfiguration | None:
        """The configuration to take from now on; None to keep the one that is in use."""
        now = self._files.content
        if now is self._given:
            return None
        self._given = now
        return now
