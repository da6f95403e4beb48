"""A webhook: notices as HTTP POST, signed with a shared secret, by a client certificate, or both.

One short connection for each notice: they are few, and an endpoint that was replaced is found at once. Certificates
and secret are read anew each time.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from xietong_exchange.supervision.notices import NotTold

TIMEOUT_SECONDS = 10.0
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
SIGNATURE_HEADER, TIMESTAMP_HEADER = "Xietong-Signature", "Xietong-Timestamp"
_SUCCESS = range(200, 300)
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """The port `supervision.notices.Endpoint` over HTTP."""

    url: str
    secret_file: Path | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def check(self) -> None:
        """Read what it needs of files. Raises OSError, ValueError."""
        self._tls()
        self._signature(b"")

    async def post(self, body: bytes) -> None:
        """Hand over one notice; whatever but a success is a failure, redirections too. Raises NotTold."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                status = await self._exchange(urlsplit(self.url), body)
        except TimeoutError:
            raise NotTold(f"no answer within {TIMEOUT_SECONDS:g} s") from None
        except (OSError, ValueError, asyncio.IncompleteReadError) as error:
            raise NotTold(type(error).__name__) from error
        if status not in _SUCCESS:
            raise NotTold(f"HTTP status {status}")

    async def _exchange(self, target: SplitResult, body: bytes) -> int:
        port = target.port or _PORTS[target.scheme]
        context = self._tls() if target.scheme == "https" else None
        reader, writer = await asyncio.open_connection(target.hostname, port, ssl=context)
        try:
            writer.write(self._head(target, body) + body)
            await writer.drain()
            line = (await reader.readline()).split(maxsplit=2)
            return int(line[1]) if len(line) > 1 and line[0].startswith(b"HTTP/1.") else 0
        finally:
            writer.close()

    def _head(self, target: SplitResult, body: bytes) -> bytes:
        path = target.path or "/"
        lines = [
            f"POST {path}{'?' + target.query if target.query else ''} HTTP/1.1",
            f"Host: {target.netloc.rpartition('@')[2]}",
            f"Content-Type: {CONTENT_TYPE}",
            f"Content-Length: {len(body)}",
            "Connection: close",
            *self._signature(body),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def _signature(self, body: bytes) -> list[str]:
        """Over the time too, so that nobody can play back an old notice."""
        if self.secret_file is None:
            return []
        now = str(round(time.time()))
        secret = self.secret_file.read_bytes().strip()
        digest = hmac.digest(secret, now.encode() + b"." + body, hashlib.sha256).hex()
        return [f"{TIMESTAMP_HEADER}: {now}", f"{SIGNATURE_HEADER}: sha256={digest}"]

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca)
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        return context
