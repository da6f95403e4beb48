"""A package in the making: contribute data and files, say what it is to be, check it, submit it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import aclosing
from functools import partial
from pathlib import Path

from xietong.casefile.v1.manifest_pb2 import Manifest, Part
from xietong.exchange.v1.capabilities_pb2 import Limits
from xietong.exchange.v1.draft_pb2 import Contribution, Draft, DraftHeader, DraftKey, Finding
from xietong.exchange.v1.evidence_pb2 import Actor
from xietong.exchange.v1.gateway_drafts_pb2 import (
    ContributeRequest,
    DiscardDraftRequest,
    GetDraftRequest,
    OpenDraftRequest,
    PreflightRequest,
    PreflightSummary,
    SubmitRequest,
)
from xietong.exchange.v1.gateway_packages_pb2 import GetPackageRequest
from xietong.exchange.v1.gateway_service_pb2_grpc import GatewayServiceStub
from xietong.exchange.v1.package_pb2 import Package
from xietong_client.bounded import for_each
from xietong_client.errors import ContentInvalid, local_storage_failed
from xietong_client.files import LocalFile, measure
from xietong_client.progress import Meter, Phase, ProgressListener
from xietong_client.rpc import call, receive
from xietong_client.status import unanswered
from xietong_client.text import Text
from xietong_client.trace import Trace
from xietong_client.upload import UploadRoute, upload

UPLOADS_AT_ONCE = 4
# Sealing thousands of parts takes the node longer than an ordinary call.
SUBMIT_DEADLINE_SECONDS = 300.0


class DraftSession:
    """One draft at the node, as one trace. `Node.draft` makes it; a new one with this key goes on with it.

    Every method raises XietongClientError; the reasons stand at the rpcs of `gateway_service.proto`.
    """

    def __init__(self, stub: GatewayServiceStub, key: DraftKey, actor: Actor, limits: Limits) -> None:
        self._stub = stub
        self._actor = actor
        self._trace = Trace.begin()
        self._route = UploadRoute(stub, key, limits, self._trace)
        self.key = key

    @property
    def trace_id(self) -> str:
        """The trace that the packages of this draft will belong to: 32 hexadecimal digits."""
        return self._trace.trace_id

    async def open(self, header: DraftHeader) -> Draft:
        """Says what the package is to be; with `corrects_package_id` the node takes over the returned one."""
        request = OpenDraftRequest(key=self.key, header=header, actor=self._actor)
        return (await call(self._stub.OpenDraft, request, trace=self._trace)).draft

    async def contribute(
        self,
        name: str,
        fragment: Manifest,
        files: Mapping[str, Path] | None = None,
        *,
        on_progress: ProgressListener | None = None,
    ) -> Draft:
        """Adds case data and files under this name, or replaces what was there; returns when all is stored.

        `files` gives the path of each part by its name. Size and digest are computed here and written into a
        copy of `fragment`. A part without a path must state size and digest of content that the node holds.
        """
        local = await self._measure(fragment, files or {}, on_progress)
        complete = Manifest()
        complete.CopyFrom(fragment)
        for part in complete.parts:
            if file := local.get(part.name):
                part.size_bytes, part.sha256 = file.size_bytes, file.sha256
            elif not part.sha256:
                raise _file_missing(part)
        contribution = Contribution(name=name, fragment=complete)
        request = ContributeRequest(key=self.key, contribution=contribution, actor=self._actor)
        draft = (await call(self._stub.Contribute, request, trace=self._trace)).draft
        await self._bring_missing(draft, local, on_progress)
        return draft

    async def get(self) -> Draft:
        """The draft as the node has it now."""
        return (await call(self._stub.GetDraft, GetDraftRequest(key=self.key), trace=self._trace)).draft

    async def preflight(self, on_finding: Callable[[Finding], None] | None = None) -> PreflightSummary:
        """Checks the draft as `submit` would and hands over each finding. No error: it may leave."""
        answers = receive(self._stub.Preflight, PreflightRequest(key=self.key), trace=self._trace)
        async with aclosing(answers):
            async for answer in answers:
                if answer.HasField("summary"):
                    return answer.summary
                if on_finding is not None:
                    on_finding(answer.finding)
        raise unanswered()

    async def submit(self, request_id: str | None = None) -> list[Package]:
        """Seals the draft and hands it to the exchange; returns one package per receiver.

        From the answer on they are never lost. `request_id` stands for this click: give one that you stored
        where a restart between call and answer must not send twice.
        """
        request = SubmitRequest(request_id=request_id or str(uuid.uuid4()), key=self.key, actor=self._actor)
        answer = await call(
            self._stub.Submit, request, trace=self._trace, deadline_seconds=SUBMIT_DEADLINE_SECONDS
        )
        return [await self._with_envelope(package) for package in answer.packages]

    async def _with_envelope(self, package: Package) -> Package:
        """The package with its envelope, which the answer for many receivers may have had no room for."""
        if package.HasField("envelope"):
            return package
        request = GetPackageRequest(package_id=package.package_id)
        return (await call(self._stub.GetPackage, request, trace=self._trace)).package

    async def discard(self) -> None:
        """Discards the draft."""
        request = DiscardDraftRequest(key=self.key, actor=self._actor)
        await call(self._stub.DiscardDraft, request, trace=self._trace)

    async def _measure(
        self, fragment: Manifest, files: Mapping[str, Path], on_progress: ProgressListener | None
    ) -> dict[str, LocalFile]:
        chosen = {part.name: files[part.name] for part in fragment.parts if part.name in files}
        meter = Meter(Phase.HASH, sum(_size_of(path) for path in chosen.values()), on_progress)
        local: dict[str, LocalFile] = {}
        for name, path in chosen.items():
            local[name] = await measure(name, path, partial(meter.at, name))
        return local

    async def _bring_missing(
        self, draft: Draft, local: Mapping[str, LocalFile], on_progress: ProgressListener | None
    ) -> None:
        missing = {part.name for part in draft.parts if not part.complete}
        # Files of equal content are one upload: two at once would be in each other's way.
        wanted = {file.sha256: file for name, file in local.items() if name in missing}.values()
        meter = Meter(Phase.UPLOAD, sum(file.size_bytes for file in wanted), on_progress)

        async def bring(file: LocalFile) -> None:
            await upload(self._route, file, meter)

        await for_each(wanted, bring, at_once=UPLOADS_AT_ONCE)


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise local_storage_failed(error, str(path)) from error


def _file_missing(part: Part) -> ContentInvalid:
    return ContentInvalid(
        reason="FILE_MISSING",
        text=Text(f"附件 {part.name} 没有对应的本地文件。", f"the part {part.name} has no local file."),
        remedy=Text(
            "请在 files 中给出其路径，或从清单中删除。", "Give its path in `files`, or remove the part."
        ),
    )
