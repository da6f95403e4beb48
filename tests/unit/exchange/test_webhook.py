"""The webhook: what an endpoint gets, how that proves who sent it, and that a bad endpoint is a failure, no more."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from xietong_client.pki import init
from xietong_exchange.adapters import webhook
from xietong_exchange.adapters.webhook import Webhook
from xietong_exchange.supervision.notices import NotTold

BODY = '{"data": "停滞"}'.encode()


@dataclass
class Server:
    """Answers each request with the same line, or never."""

    answer: bytes | None = b"HTTP/1.1 204 No Content\r\n\r\n"
    heads: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines)
        self.heads.append({"first": first, **fields})
        self.bodies.append(await reader.readexactly(int(fields["Content-Length"])))
        if self.answer is None:
            await reader.read()  # until the caller gives up
        else:
            writer.write(self.answer)
        writer.close()

    @asynccontextmanager
    async def running(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield


async def test_a_notice_is_a_signed_cloud_event(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("共享密钥\n", encoding="utf-8")
    server = Server()
    async with server.running():
        await Webhook(url=f"http://127.0.0.1:{server.port}/in?to=duty", secret_file=secret).post(BODY)
    (head,) = server.heads
    assert head["first"] == "POST /in?to=duty HTTP/1.1"
    assert head["Host"] == f"127.0.0.1:{server.port}"
    assert head["Content-Type"].startswith("application/cloudevents+json")
    signed = head["Xietong-Timestamp"].encode() + b"." + BODY
    wanted = hmac.new("共享密钥".encode(), signed, hashlib.sha256).hexdigest()
    assert head["Xietong-Signature"] == f"sha256={wanted}"
    assert server.bodies == [BODY]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "503"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\n\r\n", "302"),
        (b"SSH-2.0-OpenSSH\r\n", "HTTP status 0"),
        (b"HTTP/1.1 what\r\n", "ValueError"),
        (b"", "HTTP status 0"),
    ],
)
async def test_whatever_is_no_success_is_a_failure(answer: bytes, why: str) -> None:
    server = Server(answer=answer)
    async with server.running():
        with pytest.raises(NotTold, match=why):
            await Webhook(url=f"http://127.0.0.1:{server.port}/").post(BODY)


async def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "TIMEOUT_SECONDS", 0.1)
    server = Server(answer=None)
    async with server.running():
        with pytest.raises(NotTold, match="no answer"):
            await Webhook(url=f"http://127.0.0.1:{server.port}/").post(BODY)
    with pytest.raises(NotTold, match="ConnectionRefused"):
        await Webhook(url=f"http://127.0.0.1:{server.port}/").post(BODY)


async def test_the_endpoint_may_ask_for_a_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda _host, *how, **named: resolve("127.0.0.1", *how, **named)
    )
    init(tmp_path)
    own, ca = tmp_path / "police", tmp_path / "ca.pem"
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca)
    context.load_cert_chain(own / "exchange.pem", own / "exchange-key.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    server = Server()
    async with server.running(context):
        url = f"https://police.xietong.test:{server.port}/"
        known = Webhook(url=url, ca=ca, certificate=own / "operator.pem", key=own / "operator-key.pem")
        known.check()
        await known.post(BODY)
        with pytest.raises(NotTold):
            await Webhook(url=url, ca=ca).post(BODY)
        with pytest.raises(NotTold, match="SSLCertVerificationError"):
            await Webhook(url=url).post(BODY)
    assert server.bodies == [BODY]
