"""`GatewayService`: the party's business systems send, watch, read and decide."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import grpc

from xietong.exchange.v1 import gateway_drafts_pb2 as drafts_pb
from xietong.exchange.v1 import gateway_packages_pb2 as packages_pb
from xietong.exchange.v1 import gateway_service_pb2 as pb
from xietong.exchange.v1.gateway_service_pb2_grpc import GatewayServiceServicer
from xietong_exchange.adapters.rpc.caller import caller
from xietong_exchange.adapters.rpc.paging import decode_token, fit, fit_packages, page_size
from xietong_exchange.domain.identity import Role
from xietong_exchange.flow.drafts import DraftDesk
from xietong_exchange.flow.frames import DataFrame, UploadFrame
from xietong_exchange.flow.handover import Caller, Handover
from xietong_exchange.flow.intake import Intake
from xietong_exchange.flow.node_card import NodeCard
from xietong_exchange.flow.outlook import Outlook
from xietong_exchange.flow.records import PackageFilter
from xietong_exchange.flow.rulebook import findings_of
from xietong_exchange.flow.upload import Upload
from xietong_exchange.flow.views import Views
from xietong_exchange.flow.watching import Watching
from xietong_exchange.flow.withdrawal import Withdrawal

_Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class GatewayServicer(GatewayServiceServicer):
    """The rpcs of `GatewayService`."""

    card: NodeCard
    drafts: DraftDesk
    uploads: Upload
    intake: Intake
    withdrawal: Withdrawal
    outlook: Outlook
    handover: Handover
    watching: Watching
    views: Views

    async def GetNode(self, request: pb.GetNodeRequest, context: _Context) -> pb.GetNodeResponse:
        """What this node can do and what the caller may."""
        return self.card.for_system(_system())

    async def ListParties(self, request: pb.ListPartiesRequest, context: _Context) -> pb.ListPartiesResponse:
        """The parties that this node reaches."""
        return pb.ListPartiesResponse(parties=self.card.parties())

    async def Contribute(
        self, request: drafts_pb.ContributeRequest, context: _Context
    ) -> drafts_pb.ContributeResponse:
        """Add to a draft."""
        draft = await self.drafts.contribute(request.key, request.contribution, caller.get(), request.actor)
        return drafts_pb.ContributeResponse(draft=draft)

    async def OpenDraft(
        self, request: drafts_pb.OpenDraftRequest, context: _Context
    ) -> drafts_pb.OpenDraftResponse:
        """Say what the package is to be."""
        draft = await self.drafts.open(request.key, request.header, caller.get(), request.actor)
        return drafts_pb.OpenDraftResponse(draft=draft)

    async def UploadPart(
        self, request_iterator: AsyncIterator[UploadFrame], context: _Context
    ) -> AsyncIterator[drafts_pb.UploadPartResponse]:
        """Take the content of one file."""
        async with aclosing(self.uploads.stream(request_iterator, _system())) as answers:
            async for answer in answers:
                yield answer

    async def GetDraft(
        self, request: drafts_pb.GetDraftRequest, context: _Context
    ) -> drafts_pb.GetDraftResponse:
        """Show a draft."""
        return drafts_pb.GetDraftResponse(draft=await self.drafts.get(request.key, _caller()))

    async def DiscardDraft(
        self, request: drafts_pb.DiscardDraftRequest, context: _Context
    ) -> drafts_pb.DiscardDraftResponse:
        """Discard an open draft."""
        await self.drafts.discard(request.key, caller.get(), request.actor)
        return drafts_pb.DiscardDraftResponse()

    async def Preflight(
        self, request: drafts_pb.PreflightRequest, context: _Context
    ) -> AsyncIterator[drafts_pb.PreflightResponse]:
        """Stream the verdict."""
        verdict, sheet = await self.intake.preflight(request.key, _system())
        for finding in findings_of(verdict):
            yield drafts_pb.PreflightResponse(finding=finding)
        summary = drafts_pb.PreflightSummary(
            error_count=len(verdict.errors),
            warning_count=len(verdict.warnings),
            size_bytes=sheet.file_bytes,
            standard_edition=verdict.edition_id,
            receivers=await self.outlook.receivers(sheet),
        )
        yield drafts_pb.PreflightResponse(summary=summary)

    async def Submit(self, request: drafts_pb.SubmitRequest, context: _Context) -> drafts_pb.SubmitResponse:
        """Seal a draft."""
        done = await self.intake.submit(request.key, _system(), request.request_id, request.actor)
        packages = fit_packages(await self.views.packages(done.packages))
        return drafts_pb.SubmitResponse(packages=packages, attached=done.attached)

    async def GetPackage(
        self, request: packages_pb.GetPackageRequest, context: _Context
    ) -> packages_pb.GetPackageResponse:
        """Show a package with its evidence."""
        record = await self.handover.get(request.package_id)
        return packages_pb.GetPackageResponse(package=await self.views.package(record, with_evidence=True))

    async def WatchPackage(
        self, request: packages_pb.WatchPackageRequest, context: _Context
    ) -> AsyncIterator[packages_pb.WatchPackageResponse]:
        """Stream a package until its state is final."""
        async with aclosing(self.watching.package(request.package_id)) as changes:
            async for package in changes:
                yield packages_pb.WatchPackageResponse(package=package)

    async def ListPackages(
        self, request: packages_pb.ListPackagesRequest, context: _Context
    ) -> packages_pb.ListPackagesResponse:
        """List packages, the newest first."""
        wanted = PackageFilter(
            direction=request.direction,
            states=tuple(request.states),
            process_code=request.process_code,
            collaboration_case_id=request.collaboration_case_id,
            for_systems=True,
        )
        limit, before = page_size(request.page_size), decode_token("ListPackages", request.page_token)
        page = await self.handover.page(wanted, before=before, limit=limit)
        views, positions = await self.views.packages(page.records), [r.position for r in page.records]
        packages, token = fit("ListPackages", views, positions, more=page.more)
        return packages_pb.ListPackagesResponse(packages=packages, next_page_token=token)

    async def WatchInbox(
        self, request: packages_pb.WatchInboxRequest, context: _Context
    ) -> AsyncIterator[packages_pb.WatchInboxResponse]:
        """Stream the packages that wait for the caller."""
        watching = self.watching.inbox(_caller(), only_addressed=request.only_addressed)
        async with aclosing(watching) as changes:
            async for package in changes:
                yield packages_pb.WatchInboxResponse(package=package)

    async def ReadPart(  # type: ignore[override] # `frames.encode_block` writes the response from the frame
        self, request: packages_pb.ReadPartRequest, context: _Context
    ) -> AsyncIterator[DataFrame]:
        """Stream the bytes of a part."""
        offset = request.offset
        async with aclosing(
            self.handover.read(request.package_id, request.part, offset, _caller())
        ) as blocks:
            async for block in blocks:
                yield DataFrame(request.part, 0, offset, block)
                offset += len(block)

    async def ReportOutcome(
        self, request: packages_pb.ReportOutcomeRequest, context: _Context
    ) -> packages_pb.ReportOutcomeResponse:
        """Take an outcome."""
        record = await self.handover.report(request.package_id, request.outcome, _caller(), request.actor)
        return packages_pb.ReportOutcomeResponse(package=await self.views.package(record))

    async def Withdraw(
        self, request: packages_pb.WithdrawRequest, context: _Context
    ) -> packages_pb.WithdrawResponse:
        """Ask to withdraw a package."""
        record = await self.withdrawal.by_system(request.package_id, _system(), request.reason, request.actor)
        return packages_pb.WithdrawResponse(package=await self.views.package(record))


def _caller() -> Caller:
    identity = caller.get()
    return Caller(identity.name, is_operator=identity.role is Role.OPERATOR)


def _system() -> str:
    return caller.get().name
