"""The development PKI on real gRPC connections: who gets through, and what the server sees of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest

from xietong_client.pki import CertificateFiles, DevelopmentCA, Identity, Role, init

DAY = timedelta(days=1)
POLICE_NODE = Identity("police", Role.EXCHANGE)
POLICE_SIGNER = Identity("police", Role.SIGNER)
CASE_HANDLING = Identity("police", Role.SYSTEM, "case-handling")
CALL_TIMEOUT_SECONDS = 10.0


@pytest.fixture
def pki(tmp_path: Path) -> Path:
    """A complete PKI."""
    init(tmp_path / "pki")
    return tmp_path / "pki"


def kept(directory: Path) -> dict[str, CertificateFiles]:
    """The files of every identity, by the identity's path."""
    return {files.identity.path: files for files in init(directory)}


@dataclass
class Peers:
    """What the server learned of the peers that reached its handler."""

    port: int = 0
    identities: list[list[bytes]] = field(default_factory=list)
    contexts: list[Mapping[str, list[bytes]]] = field(default_factory=list)


@asynccontextmanager
async def node(pki: Path, files: CertificateFiles) -> AsyncIterator[Peers]:
    """A gRPC server that demands client certificates of the PKI's CA, as the exchange nodes do."""
    peers = Peers()

    async def answer(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        peers.identities.append(list(context.peer_identities() or ()))
        peers.contexts.append({key: list(values) for key, values in context.auth_context().items()})
        return request

    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        "Echo": grpc.unary_unary_rpc_method_handler(answer)
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Node", handlers),))
    pair = (files.key.read_bytes(), files.certificate.read_bytes())
    root = (pki / "ca.pem").read_bytes()
    peers.port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair], root, True))
    await server.start()
    try:
        yield peers
    finally:
        await server.stop(None)


async def call(
    port: int, root: Path, client: CertificateFiles | None, name: str = "police.xietong.test"
) -> bytes:
    """One call with the certificate of `client`, to whom the server must prove to be `name`."""
    key, chain = (client.key.read_bytes(), client.certificate.read_bytes()) if client else (None, None)
    credentials = grpc.ssl_channel_credentials((root / "ca.pem").read_bytes(), key, chain)
    options = [("grpc.ssl_target_name_override", name), ("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials, options) as channel:
        echo: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/test.Node/Echo")
        return await echo(b"ping", timeout=CALL_TIMEOUT_SECONDS)


async def test_the_server_sees_who_calls(pki: Path) -> None:
    files = kept(pki)
    async with node(pki, files["police/exchange"]) as peers:
        assert await call(peers.port, pki, files[CASE_HANDLING.path]) == b"ping"
        assert await call(peers.port, pki, files["hub/exchange"]) == b"ping"

    system, hub = b"spiffe://xietong.test/police/system/case-handling", b"spiffe://xietong.test/hub/exchange"
    assert peers.identities == [[system], [hub, b"hub.xietong.test"]]
    for context, identities in zip(peers.contexts, peers.identities, strict=True):
        assert context["x509_subject_alternative_name"] == identities
        assert context["peer_uri"] == context["peer_spiffe_id"] == identities[:1]


def no_certificate(pki: Path) -> None:
    return None


def expired_certificate(pki: Path) -> CertificateFiles:
    return DevelopmentCA.load(pki).issue(CASE_HANDLING, pki, days=1, now=datetime.now(UTC) - 2 * DAY)


def certificate_of_the_future(pki: Path) -> CertificateFiles:
    return DevelopmentCA.load(pki).issue(CASE_HANDLING, pki, days=1, now=datetime.now(UTC) + DAY)


def certificate_of_a_foreign_ca(pki: Path) -> CertificateFiles:
    return DevelopmentCA.create(pki / "foreign").issue(CASE_HANDLING, pki / "foreign")


def signing_certificate(pki: Path) -> CertificateFiles:
    return DevelopmentCA.load(pki).ensure(POLICE_SIGNER, pki)


@pytest.mark.parametrize(
    "presented",
    [
        no_certificate,
        expired_certificate,
        certificate_of_the_future,
        certificate_of_a_foreign_ca,
        signing_certificate,
    ],
)
async def test_the_server_refuses(pki: Path, presented: Callable[[Path], CertificateFiles | None]) -> None:
    files = kept(pki)
    async with node(pki, files["police/exchange"]) as peers:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await call(peers.port, pki, presented(pki))
        assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE
        assert peers.identities == []
        # The refusal was the certificate's, not the server's or the network's.
        assert await call(peers.port, pki, files["police/operator"]) == b"ping"


@pytest.mark.parametrize("name", ["court.xietong.test", "127.0.0.1", "localhost"])
async def test_the_client_refuses_a_server_of_another_name(pki: Path, name: str) -> None:
    files = kept(pki)
    async with node(pki, files["police/exchange"]) as peers:
        with pytest.raises(grpc.aio.AioRpcError, match="Hostname Verification Check failed"):
            await call(peers.port, pki, files[CASE_HANDLING.path], name)
    assert peers.identities == []


async def test_the_client_refuses_a_server_of_a_foreign_ca(pki: Path) -> None:
    foreign = DevelopmentCA.create(pki / "foreign")
    async with node(pki, foreign.issue(POLICE_NODE, pki / "foreign")) as peers:
        with pytest.raises(grpc.aio.AioRpcError, match="CERTIFICATE_VERIFY_FAILED"):
            await call(peers.port, pki, kept(pki)[CASE_HANDLING.path])
    assert peers.identities == []


async def test_the_client_refuses_a_system_that_acts_as_server(pki: Path) -> None:
    files = kept(pki)
    async with node(pki, files[CASE_HANDLING.path]) as peers:
        with pytest.raises(grpc.aio.AioRpcError, match="unsupported certificate purpose"):
            await call(peers.port, pki, files["police/operator"])
    assert peers.identities == []
