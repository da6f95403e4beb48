"""A node in memory for tests of the client: it keeps drafts and packages, and fails where it is told to.

It speaks the real contract over a real connection; it leaves out storage, signatures and the exchange itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import Message
from tests.unit.client.failures import details, fail

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.exchange.v1 import gateway_drafts_pb2 as drafts
from xietong.exchange.v1 import gateway_packages_pb2 as packages
from xietong.exchange.v1 import gateway_service_pb2 as service
from xietong.exchange.v1.capabilities_pb2 import Capabilities, Limits
from xietong.exchange.v1.draft_pb2 import Contribution, Draft, DraftHeader, DraftKey, DraftPart, Finding
from xietong.exchange.v1.envelope_pb2 import (
    Address,
    Digest,
    DigestAlgorithm,
    Envelope,
    EnvelopePart,
    Party,
    SignedEnvelope,
    TraceContext,
)
from xietong.exchange.v1.evidence_pb2 import Evidence, EvidenceKind, Statement
from xietong.exchange.v1.gateway_service_pb2_grpc import (
    GatewayServiceServicer,
    add_GatewayServiceServicer_to_server,
)
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction, Package

MIB = 1024 * 1024
READ_CHUNK_BYTES = 64 * 1024
SHA256 = DigestAlgorithm.DIGEST_ALGORITHM_SHA256
Context = grpc.aio.ServicerContext[Any, Any]


def sha256(data: bytes) -> Digest:
    return Digest(algorithm=SHA256, value=hashlib.sha256(data).digest())


@dataclass
class StoredPackage:
    """A package with the bytes of its parts; part 0 is the manifest."""

    package: Package
    contents: list[bytes]


@dataclass
class FakeNode(GatewayServiceServicer):
    """What tests set before, and read afterwards."""

    party: Party.ValueType = Party.PARTY_POLICE
    system: str = "case-handling"
    limits: Limits = field(default_factory=lambda: Limits(max_chunk_bytes=MIB, credit_window_bytes=4 * MIB))
    # Faults: the first break of a list is used up by the first stream, and so on.
    upload_breaks: list[int] = field(default_factory=list)
    """Bytes after which an upload stream breaks."""
    read_breaks: list[int] = field(default_factory=list)
    """Bytes after which a stream of ReadPart breaks."""
    watch_breaks: int = 0
    """Watch streams that break after their first answer."""
    unavailable_calls: int = 0
    """Calls of GetPackage that find the node unavailable."""
    corrupt_reads: int = 0
    """Streams of ReadPart that carry one wrong byte."""
    findings: list[Finding] = field(default_factory=list)
    outlooks: list[drafts.ReceiverOutlook] = field(default_factory=list)
    submit_error: tuple[grpc.StatusCode, str, list[Message]] | None = None

    contents: dict[bytes, bytearray] = field(default_factory=dict)
    open_drafts: dict[str, Draft] = field(default_factory=dict)
    held: dict[str, StoredPackage] = field(default_factory=dict)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    need_offsets: list[int] = field(default_factory=list)
    """Offset from which each upload stream was asked to send."""
    read_offsets: list[tuple[int, int]] = field(default_factory=list)
    """Part and offset of each ReadPart."""
    chunk_sizes: list[int] = field(default_factory=list)
    uploaded_bytes: int = 0
    most_ahead_bytes: int = 0
    """Most bytes that were under way beyond the last progress."""
    traceparents: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    request_ids: list[str] = field(default_factory=list)
    outcomes: list[packages.ReportOutcomeRequest] = field(default_factory=list)
    withdrawals: list[packages.WithdrawRequest] = field(default_factory=list)

    # Who the node is

    async def GetNode(self, request: service.GetNodeRequest, context: Context) -> service.GetNodeResponse:
        capabilities = Capabilities(party=self.party, software_version="test", limits=self.limits)
        capabilities.current_time.GetCurrentTime()
        return service.GetNodeResponse(
            capabilities=capabilities, system=self.system, grants=["contribute", "submit", "read", "decide"]
        )

    async def ListParties(self, request: object, context: Context) -> service.ListPartiesResponse:
        hub, answer = Party.PARTY_HUB, service.ListPartiesResponse()
        behind = answer.parties.add(party=Party.PARTY_PROCURATORATE, via=hub, neighbour_reachable=True)
        behind.last_contact_time.FromJsonString("2026-01-05T09:00:00Z")
        answer.parties.add(party=hub, via=hub)
        return answer

    # Drafts

    async def OpenDraft(self, request: drafts.OpenDraftRequest, context: Context) -> drafts.OpenDraftResponse:
        self._note_trace("OpenDraft", context)
        draft = self._draft(request.key)
        draft.header.CopyFrom(request.header)
        if earlier := self.held.get(request.header.corrects_package_id):
            manifest = Manifest.FromString(earlier.contents[0])
            draft.contributions.add(name="case-data", system=self.system, fragment=manifest)
        return drafts.OpenDraftResponse(draft=draft)

    async def Contribute(
        self, request: drafts.ContributeRequest, context: Context
    ) -> drafts.ContributeResponse:
        self._note_trace("Contribute", context)
        draft = self._draft(request.key)
        kept = [c for c in draft.contributions if c.name != request.contribution.name]
        del draft.contributions[:]
        draft.contributions.extend([*kept, request.contribution])
        draft.contributions[-1].system = self.system
        del draft.parts[:]
        draft.parts.extend(self._parts(draft.contributions))
        return drafts.ContributeResponse(draft=draft)

    async def UploadPart(
        self, requests: AsyncIterator[drafts.UploadPartRequest], context: Context
    ) -> AsyncIterator[drafts.UploadPartResponse]:
        header = (await anext(requests)).header
        content = self.contents.setdefault(header.digest.value, bytearray())
        self.need_offsets.append(len(content))
        yield drafts.UploadPartResponse(need=drafts.PartOffsetNeeded(offset=len(content)))
        acknowledged, received = len(content), 0
        stop_after = self.upload_breaks.pop(0) if self.upload_breaks else None
        while len(content) < header.size_bytes:
            chunk = (await anext(requests)).chunk
            if chunk.offset != len(content):
                await fail(context, grpc.StatusCode.OUT_OF_RANGE, "order", details("CHUNK_OUT_OF_ORDER"))
            content += chunk.data
            received += len(chunk.data)
            self.uploaded_bytes += len(chunk.data)
            self.chunk_sizes.append(len(chunk.data))
            self.most_ahead_bytes = max(self.most_ahead_bytes, len(content) - acknowledged)
            if stop_after is not None and received >= stop_after:
                await fail(context, grpc.StatusCode.UNAVAILABLE, "the connection breaks")
            # Progress comes as late as the window allows: whoever sends beyond it is found out.
            if len(content) - acknowledged >= self.limits.credit_window_bytes:
                acknowledged = len(content)
                progress = drafts.UploadProgress(written_bytes=acknowledged)
                yield drafts.UploadPartResponse(progress=progress)
        if hashlib.sha256(content).digest() != header.digest.value:
            del self.contents[header.digest.value]
            await fail(context, grpc.StatusCode.ABORTED, "digest", details("DIGEST_MISMATCH"))
        yield drafts.UploadPartResponse(stored=drafts.PartStored())

    async def GetDraft(self, request: drafts.GetDraftRequest, context: Context) -> drafts.GetDraftResponse:
        return drafts.GetDraftResponse(draft=self._draft(request.key))

    async def DiscardDraft(
        self, request: drafts.DiscardDraftRequest, context: Context
    ) -> drafts.DiscardDraftResponse:
        self.open_drafts.pop(str(request.key), None)
        return drafts.DiscardDraftResponse()

    async def Preflight(
        self, request: drafts.PreflightRequest, context: Context
    ) -> AsyncIterator[drafts.PreflightResponse]:
        for finding in self.findings:
            yield drafts.PreflightResponse(finding=finding)
        summary = drafts.PreflightSummary(error_count=len(self.findings), receivers=self.outlooks)
        yield drafts.PreflightResponse(summary=summary)

    async def Submit(self, request: drafts.SubmitRequest, context: Context) -> drafts.SubmitResponse:
        self._note_trace("Submit", context)
        self.request_ids.append(request.request_id)
        if self.submit_error is not None:
            await fail(context, *self.submit_error)
        draft = self._draft(request.key)
        manifest, contents = self._merge(draft.contributions)
        sent = [
            self.add_package(manifest, contents, Direction.DIRECTION_OUTGOING, header=draft.header)
            for _ in draft.header.receivers
        ]
        return drafts.SubmitResponse(packages=sent)

    # Packages

    async def GetPackage(
        self, request: packages.GetPackageRequest, context: Context
    ) -> packages.GetPackageResponse:
        if self.unavailable_calls > 0:
            self.unavailable_calls -= 1
            await fail(context, grpc.StatusCode.UNAVAILABLE, "try again", details("SHUTTING_DOWN"))
        stored = await self._stored(request.package_id, context)
        return packages.GetPackageResponse(package=stored.package)

    async def ListPackages(
        self, request: packages.ListPackagesRequest, context: Context
    ) -> packages.ListPackagesResponse:
        start = int(request.page_token or 0)
        found = [s.package for s in self.held.values()]
        page = found[start : start + request.page_size]
        more = str(start + request.page_size) if len(found) > start + request.page_size else ""
        return packages.ListPackagesResponse(packages=page, next_page_token=more)

    async def WatchPackage(
        self, request: packages.WatchPackageRequest, context: Context
    ) -> AsyncIterator[packages.WatchPackageResponse]:
        stored = await self._stored(request.package_id, context)
        told = Package()
        while True:
            answer = packages.WatchPackageResponse(package=stored.package)
            if told.package_id:
                answer.package.ClearField("envelope")
            if len(told.evidence) == len(stored.package.evidence):
                answer.package.ClearField("evidence")
            told.CopyFrom(stored.package)
            yield answer
            if self.watch_breaks > 0:
                self.watch_breaks -= 1
                await fail(context, grpc.StatusCode.UNAVAILABLE, "the connection breaks")
            async with self.changed:
                await self.changed.wait_for(lambda: stored.package != told)

    async def WatchInbox(
        self, request: packages.WatchInboxRequest, context: Context
    ) -> AsyncIterator[packages.WatchInboxResponse]:
        for stored in list(self.held.values()):
            yield packages.WatchInboxResponse(package=stored.package)
        if self.watch_breaks > 0:
            self.watch_breaks -= 1
            await fail(context, grpc.StatusCode.UNAVAILABLE, "the connection breaks")
        async with self.changed:
            await self.changed.wait()

    async def ReadPart(
        self, request: packages.ReadPartRequest, context: Context
    ) -> AsyncIterator[packages.ReadPartResponse]:
        self.read_offsets.append((request.part, request.offset))
        content = (await self._stored(request.package_id, context)).contents[request.part]
        stop_after = self.read_breaks.pop(0) if self.read_breaks else len(content) + 1
        for offset in range(request.offset, len(content), READ_CHUNK_BYTES):
            data = content[offset : offset + READ_CHUNK_BYTES]
            if self.corrupt_reads > 0 and request.part > 0:
                self.corrupt_reads -= 1
                data = bytes([data[0] ^ 1]) + data[1:]
            yield packages.ReadPartResponse(offset=offset, data=data)
            if offset + len(data) - request.offset >= stop_after:
                await fail(context, grpc.StatusCode.UNAVAILABLE, "the connection breaks")

    async def ReportOutcome(
        self, request: packages.ReportOutcomeRequest, context: Context
    ) -> packages.ReportOutcomeResponse:
        self.outcomes.append(request)
        stored = await self._stored(request.package_id, context)
        if request.outcome.HasField("accepted"):
            stored.package.receiver_case_number = request.outcome.accepted.receiver_case_number
            await self.set_state(request.package_id, DeliveryState.DELIVERY_STATE_ACCEPTED)
        return packages.ReportOutcomeResponse(package=stored.package)

    async def Withdraw(
        self, request: packages.WithdrawRequest, context: Context
    ) -> packages.WithdrawResponse:
        self.withdrawals.append(request)
        stored = await self._stored(request.package_id, context)
        if stored.package.state == DeliveryState.DELIVERY_STATE_ACCEPTED:
            await fail(
                context,
                grpc.StatusCode.FAILED_PRECONDITION,
                "accepted already",
                details("WITHDRAWAL_TOO_LATE", "已受理，不能撤回"),
            )
        return packages.WithdrawResponse(package=stored.package)

    # What tests do

    def add_package(
        self,
        manifest: Manifest,
        contents: Sequence[bytes],
        direction: Direction.ValueType = Direction.DIRECTION_INCOMING,
        *,
        header: DraftHeader | None = None,
    ) -> Package:
        """Puts a package with these files into the node; completes number, size and digest of the parts."""
        for number, (part, content) in enumerate(zip(manifest.parts, contents, strict=True), start=1):
            part.number, part.size_bytes = number, len(content)
            part.sha256 = hashlib.sha256(content).hexdigest()
        all_contents = [manifest.SerializeToString(), *contents]
        envelope = Envelope(
            package_id=str(uuid.uuid4()),
            process_code="PB-01",
            standard_edition="2026.1",
            sender=Address(party=self.party),
            receiver=header.receivers[0] if header is not None else Address(party=Party.PARTY_PROCURATORATE),
            correlation_id=header.correlation_id if header is not None else "",
            trace_context=TraceContext(traceparent=f"00-{'ab' * 16}-{'cd' * 8}-01"),
            parts=[
                EnvelopePart(number=n, size_bytes=len(c), digest=sha256(c))
                for n, c in enumerate(all_contents)
            ],
        )
        sealed = envelope.SerializeToString()
        package = Package(
            package_id=envelope.package_id,
            seal=sha256(sealed),
            direction=direction,
            envelope=SignedEnvelope(envelope=sealed),
            size_bytes=sum(map(len, all_contents)),
        )
        package.create_time.GetCurrentTime()
        self.held[package.package_id] = StoredPackage(package, all_contents)
        self._apply_state(package, DeliveryState.DELIVERY_STATE_SUBMITTED)
        return package

    async def set_state(self, package_id: str, state: DeliveryState.ValueType) -> None:
        """Moves a package on, with evidence, and tells those who watch."""
        self._apply_state(self.held[package_id].package, state)
        async with self.changed:
            self.changed.notify_all()

    def _apply_state(self, package: Package, state: DeliveryState.ValueType) -> None:
        name = DeliveryState.Name(state).removeprefix("DELIVERY_STATE_")
        package.state = state
        package.state_label_zh, package.state_label_en = f"状态 {name}", f"state {name}"
        package.state_time.GetCurrentTime()
        statement = Statement(
            evidence_id=str(uuid.uuid4()),
            package_id=package.package_id,
            seal=package.seal,
            kind=EvidenceKind.Value(f"EVIDENCE_KIND_{name}"),
            stated_by=self.party,
        )
        statement.event_time.GetCurrentTime()
        package.evidence.append(Evidence(statement=statement.SerializeToString()))

    # Inside

    def _draft(self, key: DraftKey) -> Draft:
        return self.open_drafts.setdefault(str(key), Draft(key=key, draft_id=str(uuid.uuid4())))

    def _parts(self, contributions: Sequence[Contribution]) -> Iterator[DraftPart]:
        for part in (part for c in contributions for part in c.fragment.parts):
            digest = Digest(algorithm=SHA256, value=bytes.fromhex(part.sha256))
            received = len(self.contents.get(digest.value, b""))
            yield DraftPart(
                name=part.name,
                size_bytes=part.size_bytes,
                digest=digest,
                received_bytes=received,
                complete=received == part.size_bytes and digest.value in self.contents,
            )

    def _merge(self, contributions: Sequence[Contribution]) -> tuple[Manifest, list[bytes]]:
        manifest = Manifest()
        for contribution in contributions:
            manifest.MergeFrom(contribution.fragment)
        return manifest, [bytes(self.contents[bytes.fromhex(part.sha256)]) for part in manifest.parts]

    async def _stored(self, package_id: str, context: Context) -> StoredPackage:
        if package_id not in self.held:
            why = details("PACKAGE_NOT_FOUND", "没有您可以查看的数据包，请核对编号")
            await fail(context, grpc.StatusCode.NOT_FOUND, "no package here; check the id", why)
        return self.held[package_id]

    def _note_trace(self, rpc: str, context: Context) -> None:
        for key, value in context.invocation_metadata() or ():
            if key == "traceparent":
                self.traceparents[rpc].append(str(value))


@asynccontextmanager
async def serving(node: FakeNode, credentials: grpc.ServerCredentials | None = None) -> AsyncIterator[str]:
    """Runs the node on a free port; gives its address."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    add_GatewayServiceServicer_to_server(node, server)
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)
