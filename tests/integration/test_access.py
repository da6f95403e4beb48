"""All identities times all rpcs over real mutual TLS: who gets through, and how everybody else is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.descriptor import ServiceDescriptor

from xietong.exchange.v1 import gateway_service_pb2, operations_service_pb2, transfer_service_pb2
from xietong.exchange.v1.envelope_pb2 import Party
from xietong.supervision.v1 import (
    clock_service_pb2,
    directory_service_pb2,
    flow_service_pb2,
    incident_service_pb2,
    maintenance_service_pb2,
    problem_service_pb2,
    standard_service_pb2,
)
from xietong_client.pki import DevelopmentCA, Role, init
from xietong_exchange.adapters.rpc.access import GATEWAY_READING, RIGHTS, Access
from xietong_exchange.adapters.rpc.client import translated
from xietong_exchange.adapters.rpc.interceptors import ExchangeServerInterceptor
from xietong_exchange.domain.errors import NodeUnreachable, PeerNotAllowed, RemoteRefusal
from xietong_exchange.domain.party import party_name
from xietong_exchange.flow.frames import DataFrame

TRUST_DOMAIN = "xietong.test"
TIMEOUT_SECONDS = 20.0
SERVICES: tuple[ServiceDescriptor, ...] = tuple(
    service
    for file in (
        transfer_service_pb2,
        gateway_service_pb2,
        operations_service_pb2,
        flow_service_pb2,
        directory_service_pb2,
        incident_service_pb2,
        maintenance_service_pb2,
        problem_service_pb2,
        clock_service_pb2,
        standard_service_pb2,
    )
    for service in file.DESCRIPTOR.services_by_name.values()
)
METHODS = {f"{service.full_name}/{method.name}" for service in SERVICES for method in service.methods}
BRANCHES = frozenset({Party.PARTY_POLICE, Party.PARTY_PROCURATORATE, Party.PARTY_COURT, Party.PARTY_JUSTICE})


def rpcs(service: str) -> set[str]:
    return {method for method in METHODS if method.startswith(f"xietong.{service}/")}


TRANSFER = rpcs("exchange.v1.TransferService")
GATEWAY = rpcs("exchange.v1.GatewayService")
OPERATIONS = rpcs("exchange.v1.OperationsService")
SUPERVISION = {
    rpc
    for service in (
        "ClockService",
        "FlowService",
        "DirectoryService",
        "MaintenanceService",
        "IncidentService",
        "ProblemService",
    )
    for rpc in rpcs(f"supervision.v1.{service}")
}
STANDARD = rpcs("supervision.v1.StandardService")
READING = {
    f"xietong.exchange.v1.GatewayService/{name}"
    for name in (
        "GetNode",
        "ListParties",
        "GetDraft",
        "GetPackage",
        "WatchPackage",
        "ListPackages",
        "WatchInbox",
    )
}
REPORTING = {"xietong.supervision.v1.ProblemService/ReportProblem"}
# What the contract's comments say: node -> identity -> rpcs. Whoever is not named may call nothing.
ALLOWED: dict[Party.ValueType, dict[str, set[str]]] = {
    Party.PARTY_POLICE: {
        "hub/exchange": TRANSFER,
        "police/system/case-handling": GATEWAY | REPORTING,
        "police/system/evidence-archive": GATEWAY | REPORTING,
        "police/operator": READING | OPERATIONS | SUPERVISION,
    },
    Party.PARTY_HUB: {
        "police/exchange": TRANSFER,
        "procuratorate/exchange": TRANSFER,
        "court/exchange": TRANSFER,
        "justice/exchange": TRANSFER,
        "hub/operator": READING | OPERATIONS | SUPERVISION | STANDARD,
        "police/operator": STANDARD,
        "procuratorate/operator": STANDARD,
        "court/operator": STANDARD,
        "justice/operator": STANDARD,
    },
}


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("pki")
    init(directory)
    return directory


def answering(service: ServiceDescriptor) -> grpc.GenericRpcHandler:
    """Every rpc of a service, answering nothing but OK."""

    async def unary(request: object, context: object) -> bytes:
        return b""

    async def streaming(request: object, context: object) -> AsyncIterator[bytes]:
        yield b""

    async def reading(request: object, context: object) -> AsyncIterator[DataFrame]:
        yield DataFrame(0, 0, 0, b"")  # what the boundary writes for this rpc

    factories: dict[tuple[bool, bool], Any] = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    handlers = {
        method.name: factories[method.client_streaming, method.server_streaming](
            reading if method.name == "ReadPart" else streaming if method.server_streaming else unary
        )
        for method in service.methods
    }
    return grpc.method_handlers_generic_handler(service.full_name, handlers)


@dataclass
class Node:
    """A node that serves all services, to see that the door alone keeps callers out."""

    party: Party.ValueType
    port: int
    ca: bytes

    async def verdicts(
        self, key: bytes | None, certificate: bytes | None, methods: Iterable[str] = METHODS
    ) -> dict[str, str]:
        """The reason with which each rpc is refused, OK if it is not, for this certificate."""
        credentials = grpc.ssl_channel_credentials(self.ca, key, certificate)
        options = [
            ("grpc.ssl_target_name_override", f"{party_name(self.party)}.{TRUST_DOMAIN}"),
            ("grpc.use_local_subchannel_pool", 1),
        ]
        async with grpc.aio.secure_channel(f"127.0.0.1:{self.port}", credentials, options) as channel:
            return {method: await self._verdict(channel, method) for method in methods}

    async def _verdict(self, channel: grpc.aio.Channel, method: str) -> str:
        # On the wire all kinds of rpcs look alike.
        rpc: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(f"/{method}")
        try:
            with translated(self.party):
                await anext(aiter(rpc(iter([b""]), timeout=TIMEOUT_SECONDS)))
                return "OK"
        except RemoteRefusal as refusal:
            return refusal.reason


@asynccontextmanager
async def serving(pki: Path, party: Party.ValueType) -> AsyncIterator[Node]:
    neighbours = BRANCHES if party == Party.PARTY_HUB else frozenset({Party.PARTY_HUB})
    interceptor = ExchangeServerInterceptor(Access(TRUST_DOMAIN, party, neighbours))
    server = grpc.aio.server(interceptors=[interceptor], options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers(tuple(map(answering, SERVICES)))
    folder, ca = pki / party_name(party), (pki / "ca.pem").read_bytes()
    pair = ((folder / "exchange-key.pem").read_bytes(), (folder / "exchange.pem").read_bytes())
    credentials = grpc.ssl_server_credentials([pair], ca, require_client_auth=True)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    try:
        yield Node(party, port, ca)
    finally:
        await server.stop(grace=None)


@pytest.mark.parametrize("party", ALLOWED, ids=party_name)
async def test_every_identity_gets_through_exactly_where_the_contract_says(
    pki: Path, party: Party.ValueType
) -> None:
    identities = [files for files in init(pki) if files.identity.role is not Role.SIGNER]
    assert len(identities) > 10
    async with serving(pki, party) as node:
        for files in identities:
            allowed = ALLOWED[party].get(files.identity.path, set())
            verdicts = await node.verdicts(files.key.read_bytes(), files.certificate.read_bytes())
            assert verdicts == {
                method: "OK" if method in allowed else "PEER_NOT_ALLOWED" for method in METHODS
            }, files.identity.path


def with_names(ca: DevelopmentCA, *names: x509.GeneralName) -> tuple[bytes, bytes]:
    """A key and a certificate of the CA with these alternative names and nothing else wrong."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hub exchange")]))
        .issuer_name(ca.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = builder.sign(ca.key, hashes.SHA256())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem, certificate.public_bytes(serialization.Encoding.PEM)


HUB_EXCHANGE = x509.UniformResourceIdentifier(f"spiffe://{TRUST_DOMAIN}/hub/exchange")
NO_IDENTITY: dict[str, tuple[x509.GeneralName, ...]] = {
    "no names": (),
    "a DNS name only": (x509.DNSName(f"hub.{TRUST_DOMAIN}"),),
    "the URI as a DNS name": (x509.DNSName(HUB_EXCHANGE.value),),
    "the URI as a mail address": (x509.RFC822Name(HUB_EXCHANGE.value),),
    "two identities": (
        HUB_EXCHANGE,
        x509.UniformResourceIdentifier(f"spiffe://{TRUST_DOMAIN}/police/operator"),
    ),
    "a foreign trust domain": (x509.UniformResourceIdentifier("spiffe://elsewhere.test/hub/exchange"),),
    "a trust domain with ours as its end": (
        x509.UniformResourceIdentifier(f"spiffe://evil.{TRUST_DOMAIN}/hub/exchange"),
    ),
    "an unknown party": (x509.UniformResourceIdentifier(f"spiffe://{TRUST_DOMAIN}/customs/exchange"),),
    "an unknown role": (x509.UniformResourceIdentifier(f"spiffe://{TRUST_DOMAIN}/hub/root"),),
}


@pytest.mark.parametrize("names", NO_IDENTITY.values(), ids=NO_IDENTITY)
async def test_a_certificate_without_an_identity_of_the_domain_may_call_nothing(
    pki: Path, names: tuple[x509.GeneralName, ...]
) -> None:
    key, certificate = with_names(DevelopmentCA.load(pki), *names)
    async with serving(pki, Party.PARTY_POLICE) as node:
        assert await node.verdicts(key, certificate) == dict.fromkeys(METHODS, "IDENTITY_MISSING")


async def test_the_same_certificate_with_the_right_name_gets_through(pki: Path) -> None:
    key, certificate = with_names(DevelopmentCA.load(pki), HUB_EXCHANGE)
    async with serving(pki, Party.PARTY_POLICE) as node:
        assert set((await node.verdicts(key, certificate, TRANSFER)).values()) == {"OK"}


async def test_without_a_certificate_there_is_no_connection(pki: Path) -> None:
    async with serving(pki, Party.PARTY_POLICE) as node:
        with pytest.raises(NodeUnreachable):
            await node.verdicts(None, None)


async def test_a_signing_certificate_opens_no_connection(pki: Path) -> None:
    key, certificate = ((pki / f"hub/signer{end}.pem").read_bytes() for end in ("-key", ""))
    async with serving(pki, Party.PARTY_POLICE) as node:
        with pytest.raises(NodeUnreachable):
            await node.verdicts(key, certificate)


def test_the_table_names_every_service_and_only_rpcs_that_exist() -> None:
    assert set(RIGHTS) == {service.full_name for service in SERVICES}
    assert {f"xietong.exchange.v1.GatewayService/{name}" for name in GATEWAY_READING} <= GATEWAY


def test_what_the_table_does_not_name_is_refused(pki: Path) -> None:
    access = Access(TRUST_DOMAIN, Party.PARTY_HUB, BRANCHES)
    for identity in (files.identity for files in init(pki)):
        with pytest.raises(PeerNotAllowed):
            access.admit([identity.uri(TRUST_DOMAIN)], "/xietong.exchange.v1.LaterService/Call")
        with pytest.raises(PeerNotAllowed):
            access.admit(
                [identity.uri(TRUST_DOMAIN)], "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
            )
