"""A small city for tests: real nodes in this process, real mutual TLS, a database each, and agencies that call them."""

from __future__ import annotations

import hashlib
import socket
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, cast

import grpc
from tests.unit.standard.packages import package as valid_manifest

from xietong.casefile.v1.manifest_pb2 import Manifest, PartKind
from xietong.exchange.v1 import draft_pb2, gateway_drafts_pb2, gateway_packages_pb2, package_pb2
from xietong.exchange.v1.envelope_pb2 import Address, Classification, Digest, DigestAlgorithm, Party
from xietong.exchange.v1.evidence_pb2 import Actor
from xietong.exchange.v1.gateway_service_pb2_grpc import GatewayServiceStub
from xietong_client import pki
from xietong_court import PROFILE as COURT
from xietong_exchange.domain.party import party_name
from xietong_exchange.runtime.node import Node
from xietong_exchange.runtime.settings import (
    LimitSettings,
    PartyName,
    RetrySettings,
    Settings,
    SignerSettings,
    TlsSettings,
)
from xietong_hub import PROFILE as HUB
from xietong_justice import PROFILE as JUSTICE
from xietong_police import PROFILE as POLICE
from xietong_procuratorate import PROFILE as PROCURATORATE
from xietong_standard import load_edition

TRUST_DOMAIN = "xietong.test"
ACTOR = Actor(organ_code="440199000001", handler_ref="警号-0001")
PROFILES = {profile.party: profile for profile in (HUB, POLICE, PROCURATORATE, COURT, JUSTICE)}
FINAL = {
    package_pb2.DELIVERY_STATE_ACCEPTED,
    package_pb2.DELIVERY_STATE_RETURNED,
    package_pb2.DELIVERY_STATE_REJECTED,
    package_pb2.DELIVERY_STATE_WITHDRAWN,
}


def free_port() -> int:
    """A loopback port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class City:
    """Nodes by party; `urls` gives each its database."""

    folder: Path
    pki_folder: Path
    urls: Mapping[Party.ValueType, str]
    parties: Sequence[Party.ValueType]
    limits: LimitSettings = field(default_factory=lambda: LimitSettings(reserve_bytes=0))
    retry: RetrySettings = field(
        default_factory=lambda: RetrySettings(first_delay_seconds=0.05, longest_delay_seconds=0.2)
    )

    def __post_init__(self) -> None:
        self.ports = {party: free_port() for party in self.parties}
        self.nodes: dict[Party.ValueType, Node] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for party in self.parties:
            await self.start(party)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        for party in list(self.nodes):
            await self.stop(party)
        await self._stack.aclose()

    async def start(self, party: Party.ValueType) -> Node:
        node = self.nodes[party] = Node(PROFILES[party], self.settings(party))
        await node.start()
        return node

    async def stop(self, party: Party.ValueType) -> None:
        await self.nodes.pop(party).stop()

    def settings(self, party: Party.ValueType) -> Settings:
        name = party_name(party)
        files = self.pki_folder / name
        hub = party == Party.PARTY_HUB
        others = [other for other in self.parties if other != party] if hub else [Party.PARTY_HUB]
        return Settings(
            listen=f"127.0.0.1:{self.ports[party]}",
            state_dir=self.folder / name,
            database_url=self.urls[party],
            database_connections=6,  # the cities of a test run share one server
            trust_domain=TRUST_DOMAIN,
            tls=TlsSettings(
                ca=self.pki_folder / "ca.pem",
                certificate=files / "exchange.pem",
                key=files / "exchange-key.pem",
            ),
            signer=SignerSettings(certificate=files / "signer.pem", key=files / "signer-key.pem"),
            neighbours=self._addresses(others),
            limits=self.limits,
            retry=self.retry,
        )

    def _addresses(self, others: Sequence[Party.ValueType]) -> dict[PartyName, str]:
        return {cast(PartyName, party_name(other)): f"127.0.0.1:{self.ports[other]}" for other in others}

    async def channel(self, party: Party.ValueType, credentials: str, owner: str = "") -> grpc.aio.Channel:
        """A channel to a party's node with a certificate of the development PKI, e.g. `system-case-handling`."""
        folder = self.pki_folder / (owner or party_name(party))
        tls = grpc.ssl_channel_credentials(
            (self.pki_folder / "ca.pem").read_bytes(),
            (folder / f"{credentials}-key.pem").read_bytes(),
            (folder / f"{credentials}.pem").read_bytes(),
        )
        name = ("grpc.ssl_target_name_override", f"{party_name(party)}.{TRUST_DOMAIN}")
        options = (name, ("grpc.use_local_subchannel_pool", 1))
        channel = grpc.aio.secure_channel(f"127.0.0.1:{self.ports[party]}", tls, options=options)
        await self._stack.enter_async_context(channel)
        return channel

    async def agency(self, party: Party.ValueType, system: str) -> Agency:
        """A business system that calls its own node."""
        return Agency(party, system, GatewayServiceStub(await self.channel(party, f"system-{system}")))


def make_pki(folder: Path) -> Path:
    pki.init(folder, TRUST_DOMAIN)
    return folder


@dataclass
class Agency:
    """What a vendor's programmer writes against the contract, with nothing but the generated stubs."""

    party: Party.ValueType
    system: str
    gateway: GatewayServiceStub
    chunk_bytes: int = 1 << 20

    async def send(
        self,
        process: str,
        to: Party.ValueType,
        *,
        case_number: str = "A4401990000012026030001",
        files: Mapping[str, bytes] | None = None,
        **header: object,
    ) -> package_pb2.Package:
        """Contribute, open, upload, submit."""
        key = draft_key(process, case_number)
        await self.contribute(key, manifest_for(process, files or {}), files or {})
        await self.open(key, to, **header)
        return (await self.submit(key)).packages[0]

    async def contribute(
        self, key: draft_pb2.DraftKey, fragment: Manifest, files: Mapping[str, bytes], name: str = "case-data"
    ) -> draft_pb2.Draft:
        contents = content_of(fragment, files)
        contribution = draft_pb2.Contribution(name=name, fragment=fragment)
        request = gateway_drafts_pb2.ContributeRequest(key=key, contribution=contribution, actor=ACTOR)
        answer = await self.gateway.Contribute(request)
        for content in contents.values():
            await self.upload(key, content)
        return answer.draft

    async def open(self, key: draft_pb2.DraftKey, *to: Party.ValueType, **header: object) -> draft_pb2.Draft:
        said = draft_pb2.DraftHeader(
            receivers=[Address(party=party) for party in to],
            classification=Classification.CLASSIFICATION_UNCLASSIFIED,
        )
        for field_name, value in header.items():
            setattr(said, field_name, value)
        request = gateway_drafts_pb2.OpenDraftRequest(key=key, header=said, actor=ACTOR)
        return (await self.gateway.OpenDraft(request)).draft

    async def upload(self, key: draft_pb2.DraftKey, content: bytes) -> None:
        async def frames() -> AsyncIterator[gateway_drafts_pb2.UploadPartRequest]:
            header = gateway_drafts_pb2.UploadHeader(key=key, size_bytes=len(content), digest=digest(content))
            yield gateway_drafts_pb2.UploadPartRequest(header=header)
            for offset in range(0, len(content), self.chunk_bytes):
                chunk = gateway_drafts_pb2.UploadChunk(
                    offset=offset, data=content[offset : offset + self.chunk_bytes]
                )
                yield gateway_drafts_pb2.UploadPartRequest(chunk=chunk)

        async for answer in self.gateway.UploadPart(frames()):
            if answer.HasField("stored"):
                return
        raise AssertionError("the upload ended without being stored")

    async def submit(
        self, key: draft_pb2.DraftKey, request_id: str = ""
    ) -> gateway_drafts_pb2.SubmitResponse:
        request = gateway_drafts_pb2.SubmitRequest(
            request_id=request_id or str(uuid.uuid4()), key=key, actor=ACTOR
        )
        return await self.gateway.Submit(request)

    async def get(self, package_id: str) -> package_pb2.Package:
        request = gateway_packages_pb2.GetPackageRequest(package_id=package_id)
        return (await self.gateway.GetPackage(request)).package

    async def reached(
        self, package_id: str, *states: package_pb2.DeliveryState.ValueType
    ) -> package_pb2.Package:
        """Watch until the package is in one of these states; the test's own timeout is the bound."""
        request = gateway_packages_pb2.WatchPackageRequest(package_id=package_id)
        watch = self.gateway.WatchPackage(request)
        async for seen in watch:
            if seen.package.state in states:
                watch.cancel()
                return seen.package
        raise AssertionError("the watch ended in another final state")

    async def arrived(
        self,
        package_id: str = "",
        state: package_pb2.DeliveryState.ValueType = package_pb2.DELIVERY_STATE_DELIVERED,
    ) -> package_pb2.Package:
        """Watch the inbox until a package (this one, when named) is there with its contents."""
        watch = self.gateway.WatchInbox(gateway_packages_pb2.WatchInboxRequest())
        async for seen in watch:
            if package_id in {"", seen.package.package_id} and seen.package.state >= state:
                watch.cancel()
                return seen.package
        raise AssertionError("the inbox ended")

    async def read(self, package_id: str, part: int, offset: int = 0) -> bytes:
        request = gateway_packages_pb2.ReadPartRequest(package_id=package_id, part=part, offset=offset)
        return b"".join([answer.data async for answer in self.gateway.ReadPart(request)])

    async def report(self, package_id: str, outcome: draft_pb2.Outcome) -> package_pb2.Package:
        request = gateway_packages_pb2.ReportOutcomeRequest(
            package_id=package_id, outcome=outcome, actor=ACTOR
        )
        return (await self.gateway.ReportOutcome(request)).package


def draft_key(
    process: str, case_number: str = "A4401990000012026030001", label: str = ""
) -> draft_pb2.DraftKey:
    return draft_pb2.DraftKey(
        organ_code="440199000001", case_number=case_number, process_code=process, label=label
    )


def manifest_for(process: str, files: Mapping[str, bytes]) -> Manifest:
    """A complete manifest of the process; files beyond those that it needs are added as they are."""
    manifest = valid_manifest(load_edition("2026.1").process(process))
    known = {part.name for part in manifest.parts}
    for name in files:
        if name not in known:
            manifest.parts.add(name=name, kind=PartKind.PART_KIND_OTHER)
    return manifest


def content_of(fragment: Manifest, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Give each file of the fragment a content (its own or an invented one), size and digest."""
    contents: dict[str, bytes] = {}
    for part in fragment.parts:
        content = files.get(part.name, f"内容 of {part.name}".encode())
        part.size_bytes, part.sha256 = len(content), hashlib.sha256(content).hexdigest()
        contents[part.name] = content
    return contents


def digest(content: bytes) -> Digest:
    return Digest(algorithm=DigestAlgorithm.DIGEST_ALGORITHM_SHA256, value=hashlib.sha256(content).digest())
