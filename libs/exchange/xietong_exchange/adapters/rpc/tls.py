"""Mutual TLS for the node's server and its channels. A certificate that was renewed on disk needs no restart.

The server reads the files anew for every handshake; a channel keeps what it read, until its neighbour is dialled anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

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
        configuration = self._server_configuration()
        return grpc.dynamic_ssl_server_credentials(
            configuration, self._server_configuration, require_client_authentication=True
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
        return grpc.ssl_server_certificate_configuration(
            [(self.key.read_bytes(), self.certificate.read_bytes())], root_certificates=self.ca.read_bytes()
        )
