"""Dispatch: moving a package to a neighbour until that holds it. The outbox says what is due.

A hub begins before the package is whole (cut-through, `forward`): bytes go on while they arrive and are written, but
`Commit` waits until the courier has the package's own row to deliver.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from types import MappingProxyType

from opentelemetry.trace import SpanKind

from xietong.exchange.v1.capabilities_pb2 import Limits
from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.evidence_pb2 import Evidence
from xietong_exchange.domain.envelope import SealedPackage
from xietong_exchange.domain.errors import (
    EditionNotSupported,
    EvidenceInvalid,
    FrameTooLarge,
    NodeUnreachable,
    PackageTooLarge,
    RemoteRefusal,
)
from xietong_exchange.domain.evidence import read_statement
from xietong_exchange.domain.limits import excesses, require_within
from xietong_exchange.domain.party import party_name
from xietong_exchange.flow.conversation import Conversation, ErrorOf
from xietong_exchange.flow.evidence import ENDS_TRANSFER
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.measures import MEASURES
from xietong_exchange.flow.neighbours import Neighbours
from xietong_exchange.flow.pace import Paces
from xietong_exchange.flow.tracing import package_span

log = logging.getLogger(__name__)

_OF_CAPABILITIES = frozenset(
    error.reason_name() for error in (EditionNotSupported, FrameTooLarge, PackageTooLarge)
)
"""Refusals for something that capabilities tell: what was known of them is outdated."""
FORWARDS_AT_ONCE = 8
"""Packages that go on to one neighbour while they still arrive; others go on when they are whole."""
ADOPTION_SECONDS = 30.0
"""How long after the last byte a forward waits for the courier; the package may have been withdrawn."""


class Forward:
    """A package that goes on to the next node while it arrives here. Lost, nothing is lost: the outbox has its row."""

    def __init__(self, conversation: Conversation, task: asyncio.Task[Evidence]) -> None:
        self._task = task
        self._conversation = conversation

    def arrived(self, number: int, here: int) -> None:
        """So many bytes of a part are written."""
        self._conversation.arrived(number, here)

    def give_up(self) -> None:
        """Nothing more goes on before the package is whole."""
        self._task.cancel()

    def end(self) -> None:
        """The package is whole and in the outbox; the courier has a while to take this over."""
        asyncio.get_running_loop().call_later(ADOPTION_SECONDS, self._give_up_unless_adopted)

    def _give_up_unless_adopted(self) -> None:
        if not self._conversation.is_released:
            self.give_up()

    async def finish(self, on_progress: Callable[[], None], passed: Evidence | None) -> Evidence:
        """Let the neighbour accept it; returns its evidence. Raises Failure."""
        self._conversation.on_progress = on_progress
        self._conversation.passed = passed
        self._conversation.release()
        try:
            return await self._task
        finally:
            self._task.cancel()


class Dispatcher:
    """Sends packages over one hop and brings the evidence of their acceptance."""

    def __init__(
        self,
        exchange: Exchange,
        neighbours: Neighbours,
        error_of: ErrorOf,
        paces: Paces = MappingProxyType({}),
    ) -> None:
        self._exchange = exchange
        self._neighbours = neighbours
        self._error_of = error_of
        self._paces = paces
        self._forwards: dict[str, Forward] = {}

    async def send(
        self,
        package: SealedPackage,
        peer: Party.ValueType,
        lane: Lane.ValueType,
        queued: datetime,
        on_progress: Callable[[], None],
        *,
        passed: Evidence | None = None,
    ) -> Evidence:
        """Move the package to the neighbour until it has accepted it, or says that it is withdrawn; returns the
        evidence of that, to be taken.

        Args:
            package: a package that this node holds whole.
            peer: the neighbour.
            lane: the channel to use.
            queued: since when it waits for this hop; the neighbour's evidence will tell.
            on_progress: called whenever the neighbour has written more bytes.
            passed: evidence that goes along.

        Raises:
            Failure: the neighbour's refusal, or why it could not be reached.
        """
        forward = self._forwards.pop(package.package_id, None)
        if forward is not None:
            evidence = await forward.finish(on_progress, passed)
        else:
            limits = await self._limits(package, peer)
            pace = self._paces.get((peer, lane))
            conversation = Conversation(self._exchange, package, limits, queued=queued, pace=pace)
            conversation.on_progress, conversation.passed = on_progress, passed
            evidence = await self._hold(conversation, package, peer, lane)
        _require_acceptance(evidence, package)
        MEASURES.moved(package, peer, "transmit")
        return evidence

    def forward(self, package: SealedPackage) -> Forward | None:
        """Begin to send a package that still arrives; None when it has to wait until it is whole.

        It waits when it is small, when the next node is away or its places are taken, or when the route says so.
        """
        peer = self._exchange.routes.next_hop(package.envelope.receiver.party)
        if peer in self._exchange.routes.after_complete:
            return None
        contact = self._neighbours.contact(peer)
        limits = contact.capabilities.limits if contact.capabilities is not None else None
        is_small = package.size_bytes <= self._exchange.limits.inline_limit_bytes
        if limits is None or not contact.reachable or is_small or len(self._forwards) >= FORWARDS_AT_ONCE:
            return None
        if any(excesses(package.extent, limits)):
            return None
        pace = self._paces.get((peer, package.lane))
        conversation = Conversation(self._exchange, package, limits, queued=None, is_here=False, pace=pace)
        task = asyncio.create_task(self._hold(conversation, package, peer, package.lane), name="forward")
        forward = self._forwards[package.package_id] = Forward(conversation, task)
        task.add_done_callback(lambda done: self._forwarded(package.package_id, forward, done))
        return forward

    def _forwarded(self, package_id: str, forward: Forward, task: asyncio.Task[Evidence]) -> None:
        """It ended. Before the courier took it over that means: it failed, and the courier sends it anew."""
        if self._forwards.get(package_id) is forward:
            del self._forwards[package_id]
            if not task.cancelled() and (error := task.exception()):
                log.info("package %s goes on only when it is whole: %s", package_id, error)

    async def _hold(
        self, conversation: Conversation, package: SealedPackage, peer: Party.ValueType, lane: Lane.ValueType
    ) -> Evidence:
        with package_span("transfer", package, SpanKind.CLIENT), self._shown(package, conversation):
            try:
                async with self._neighbours.transfer(peer, lane) as stream:
                    evidence = await conversation.hold(stream, self._error_of)
            except RemoteRefusal as refusal:
                if refusal.reason in _OF_CAPABILITIES:
                    self._neighbours.distrust(peer)
                raise
            if evidence is None:
                raise NodeUnreachable(party=party_name(peer))
            return evidence

    async def _limits(self, package: SealedPackage, peer: Party.ValueType) -> Limits:
        """The neighbour's limits. What it would refuse is refused here, but never for an answer of before."""
        limits = (await self._neighbours.capabilities(peer)).limits
        if any(excesses(package.extent, limits)):
            self._neighbours.distrust(peer)
            limits = (await self._neighbours.capabilities(peer)).limits
        require_within(package.extent, limits)
        return limits

    @contextmanager
    def _shown(self, package: SealedPackage, conversation: Conversation) -> Iterator[None]:
        board = self._exchange.progress
        board.show(package.package_id, conversation.movement)
        try:
            yield
        finally:
            board.end(package.package_id, conversation.movement)


def _require_acceptance(evidence: Evidence, package: SealedPackage) -> None:
    """An acceptance must say of this very package that it is held, or withdrawn; nothing else may end the delivery."""
    statement = read_statement(evidence.statement)
    if statement.package_id != package.package_id or statement.kind not in ENDS_TRANSFER:
        raise EvidenceInvalid(why="the acceptance is evidence of something else")
