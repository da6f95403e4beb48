"""A business system's or operator's connection to the node of its own party: the entrance to the SDK."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc

from xietong.casefile.v1.manifest_pb2 import Part
from xietong.exchange.v1.draft_pb2 import (
    Accepted,
    DraftKey,
    Outcome,
    Parsed,
    ParseFailed,
    Rejected,
    Returned,
)
from xietong.exchange.v1.evidence_pb2 import Actor, Reason
from xietong.exchange.v1.gateway_packages_pb2 import (
    GetPackageRequest,
    ListPackagesRequest,
    ReportOutcomeRequest,
    WatchInboxRequest,
    WatchPackageRequest,
    WithdrawRequest,
)
from xietong.exchange.v1.gateway_service_pb2 import (
    GetNodeRequest,
    GetNodeResponse,
    ListPartiesRequest,
    PartyStatus,
)
from xietong.exchange.v1.gateway_service_pb2_grpc import GatewayServiceStub
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction, Package
from xietong_client.channel import open_channel
from xietong_client.credentials import Credentials
from xietong_client.draft import DraftSession
from xietong_client.errors import SettingsInvalid
from xietong_client.fetch import Fetched, PartReader, fetch_package
from xietong_client.packages import completed, envelope_of, is_final
from xietong_client.progress import ProgressListener
from xietong_client.rpc import call, follow
from xietong_client.text import Text
from xietong_client.trace import Trace

CONNECT_SECONDS = 30.0
# A page may hold an envelope of 1 MiB for each package, and must stay below the largest message.
PAGE_SIZE = 20


class Node:
    """The node, for as long as the `async with` block runs.

    `async with Node.connect("127.0.0.1:7101", credentials) as node:` asks the node who it is, so that a wrong
    address or certificate shows at once. All calls try again while the node is away. They raise
    XietongClientError.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        actor: Actor | None = None,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        self._channel = channel
        self._stub = GatewayServiceStub(channel)
        self._default_actor = actor
        self._connect_seconds = connect_seconds
        self.info = GetNodeResponse()
        """What the node said about itself and about the caller: capabilities, system, grants."""

    @classmethod
    def connect(
        cls,
        target: str,
        credentials: Credentials,
        *,
        actor: Actor | None = None,
        server_name: str | None = None,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> Self:
        """The node at `target` (`host:port`), with mutual TLS.

        Args:
            target: Address of the node.
            credentials: The caller's certificate, key and CA.
            actor: Who is responsible, for calls that name nobody else.
            server_name: Name that the node must prove; by default `<own party>.<trust-domain>`.
            connect_seconds: How long to wait for a node that is not there yet.

        Raises:
            CredentialsInvalid: The certificate is not valid now.
        """
        credentials.check_validity()
        return cls(
            open_channel(target, credentials, server_name), actor=actor, connect_seconds=connect_seconds
        )

    async def __aenter__(self) -> Self:
        try:
            request = GetNodeRequest()
            self.info = await call(self._stub.GetNode, request, deadline_seconds=self._connect_seconds)
        except BaseException:
            await self._channel.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close()

    async def parties(self) -> list[PartyStatus]:
        """The parties that the node can reach, and the way to each."""
        return list((await call(self._stub.ListParties, ListPartiesRequest())).parties)

    def draft(self, key: DraftKey, actor: Actor | None = None) -> DraftSession:
        """The draft with this key; nothing happens at the node yet."""
        return DraftSession(self._stub, key, self._actor(actor), self.info.capabilities.limits)

    async def get(self, package_id: str) -> Package:
        """A package of this party, with its evidence."""
        request = GetPackageRequest(package_id=package_id)
        return (await call(self._stub.GetPackage, request, trace=Trace.current())).package

    async def packages(
        self,
        direction: Direction.ValueType = Direction.DIRECTION_UNSPECIFIED,
        states: Collection[DeliveryState.ValueType] = (),
        *,
        process_code: str = "",
        collaboration_case_id: str = "",
    ) -> AsyncGenerator[Package, None]:
        """Packages of this party, the newest first, page by page."""
        request = ListPackagesRequest(
            direction=direction,
            states=states,
            process_code=process_code,
            collaboration_case_id=collaboration_case_id,
            page_size=PAGE_SIZE,
        )
        while True:
            page = await call(self._stub.ListPackages, request)
            for package in page.packages:
                yield package
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def watch(
        self, package_id: str, *, patience_seconds: float | None = None
    ) -> AsyncGenerator[Package, None]:
        """A package as it is now and after every change, until its state is final.

        A broken connection is opened again, for `patience_seconds` (None: for ever).
        """
        last: Package | None = None
        request = WatchPackageRequest(package_id=package_id)
        answers = follow(self._stub.WatchPackage, request, patience_seconds=patience_seconds)
        async with aclosing(answers):
            async for answer in answers:
                package = completed(answer.package, last)
                if package != last:
                    last = package
                    yield package
                if is_final(package):
                    return

    async def inbox(
        self, *, only_addressed: bool = True, patience_seconds: float | None = None
    ) -> AsyncGenerator[Package, None]:
        """Incoming packages that wait for this system, then every change; never ends by itself.

        `only_addressed` leaves out what is addressed to another system. A broken connection is opened again,
        for `patience_seconds` (None: for ever); what waits then comes once more: act by its state.
        """
        request = WatchInboxRequest(only_addressed=only_addressed)
        answers = follow(self._stub.WatchInbox, request, patience_seconds=patience_seconds)
        async with aclosing(answers):
            async for answer in answers:
                yield answer.package

    async def fetch(
        self,
        package_id: str,
        directory: str | Path,
        *,
        wanted: Callable[[Part], bool] | None = None,
        on_progress: ProgressListener | None = None,
    ) -> Fetched:
        """Brings a package's manifest and files into `directory` and checks every digest.

        Called again it goes on where it stopped. `wanted` chooses files, for a system that may read only some
        kinds.
        """
        package = await self.get(package_id)
        trace = Trace.of_package(envelope_of(package).trace_context)
        reader = PartReader(self._stub, package, trace)
        return await fetch_package(reader, Path(directory), wanted=wanted, on_progress=on_progress)

    async def parsed(self, package_id: str, *, actor: Actor | None = None) -> Package:
        """States that this system has parsed the package (已解析)."""
        return await self._report(package_id, Outcome(parsed=Parsed()), actor)

    async def parse_failed(
        self, package_id: str, reasons: Sequence[Reason], *, actor: Actor | None = None
    ) -> Package:
        """States that this system could not parse the package. Not final: parsing may be tried again."""
        return await self._report(package_id, Outcome(parse_failed=ParseFailed(reasons=reasons)), actor)

    async def accept(
        self, package_id: str, receiver_case_number: str, *, actor: Actor | None = None
    ) -> Package:
        """States that the handler accepts the package (受理) under this case number (接收方案号). Final."""
        outcome = Outcome(accepted=Accepted(receiver_case_number=receiver_case_number))
        return await self._report(package_id, outcome, actor)

    async def return_(
        self, package_id: str, reasons: Sequence[Reason], *, actor: Actor | None = None
    ) -> Package:
        """States that the handler returns the package for correction (退回补正). Final."""
        return await self._report(package_id, Outcome(returned=Returned(reasons=reasons)), actor)

    async def reject(
        self, package_id: str, reasons: Sequence[Reason], *, actor: Actor | None = None
    ) -> Package:
        """States that the handler rejects the package (拒收). Final."""
        return await self._report(package_id, Outcome(rejected=Rejected(reasons=reasons)), actor)

    async def withdraw(self, package_id: str, reason: str, *, actor: Actor | None = None) -> Package:
        """Asks to withdraw a sent package (撤回); whether it could be shows in its evidence."""
        request = WithdrawRequest(package_id=package_id, reason=reason, actor=self._actor(actor))
        return (await call(self._stub.Withdraw, request, trace=Trace.current())).package

    async def _report(self, package_id: str, outcome: Outcome, actor: Actor | None) -> Package:
        request = ReportOutcomeRequest(package_id=package_id, outcome=outcome, actor=self._actor(actor))
        return (await call(self._stub.ReportOutcome, request, trace=Trace.current())).package

    def _actor(self, actor: Actor | None) -> Actor:
        chosen = actor or self._default_actor
        if chosen is None:
            raise SettingsInvalid(
                reason="ACTOR_MISSING",
                text=Text("没有说明经办人。", "it is not said who is responsible."),
                remedy=Text(
                    "请用参数 actor、--actor 机构代码:编号、XIETONG_ACTOR 或 xietong.toml 说明。",
                    "Say it with the argument `actor`, --actor ORGAN:HANDLER, XIETONG_ACTOR or xietong.toml.",
                ),
            )
        return chosen
