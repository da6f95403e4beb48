"""Mutual TLS for the node's server and its channels. Certificates are read anew for every handshake.

A certificate that was renewed on disk is therefore used without a restart.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import grpc
from cryptography import x509


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
