"""Dispatch and the limits of a neighbour: what it would refuse stays here, but never for an outdated answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import cast

import pytest
from tests.unit.exchange.drafts import capabilities
from tests.unit.exchange.nodes import MemoryStore, new_exchange
from tests.unit.exchange.packages import NOW, new_envelope, sealed_package

from xietong.exchange.v1.capabilities_pb2 import Capabilities
from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.transfer_service_pb2 import Refusal, TransferRequest, TransferResponse
from xietong_exchange.adapters.rpc.status import from_status, to_status
from xietong_exchange.domain.errors import (
    EditionNotSupported,
    PackageTooLarge,
    RemoteRefusal,
    StorageFull,
    XietongError,
)
from xietong_exchange.domain.limits import PACKAGE, Excess
from xietong_exchange.flow.dispatch import Dispatcher
from xietong_exchange.flow.neighbours import Contact, Neighbours

HUB = Party.PARTY_HUB
PACKAGE_OF_TWO = sealed_package(new_envelope(b"manifest", b"file"))


@dataclass
class RefusingStream:
    """Whatever is offered is refused."""

    error: XietongError

    async def send(self, frame: TransferRequest) -> None:
        """Nothing is looked at."""

    async def answers(self) -> AsyncIterator[TransferResponse]:
        yield TransferResponse(refusal=Refusal(status=to_status(self.error, incident="")))


@dataclass
class ChangingHub:
    """A hub that keeps to its first answer about capabilities until the node distrusts it."""

    told: list[Capabilities]
    error: XietongError | None = None
    distrusted: int = 0
    offered: int = 0
    _known: Capabilities | None = field(default=None)

    async def capabilities(self, party: Party.ValueType) -> Capabilities:
        self._known = self._known or self.told.pop(0)
        return self._known

    def contact(self, party: Party.ValueType) -> Contact:
        return Contact(reachable=True, capabilities=self.told[0])

    def distrust(self, party: Party.ValueType) -> None:
        self.distrusted += 1
        self._known = None

    @asynccontextmanager
    async def transfer(self, party: Party.ValueType, lane: Lane.ValueType) -> AsyncIterator[RefusingStream]:
        self.offered += 1
        assert self.error is not None
        yield RefusingStream(self.error)


async def send(hub: ChangingHub) -> None:
    exchange = new_exchange(Party.PARTY_POLICE, MemoryStore())
    dispatcher = Dispatcher(exchange, cast("Neighbours", hub), from_status)
    await dispatcher.send(PACKAGE_OF_TWO, HUB, Lane.LANE_INTERACTIVE, NOW, lambda: None)


@pytest.mark.parametrize("after_complete", [False, True], ids=["cut_through", "after_complete"])
async def test_the_route_decides_whether_a_package_goes_on_before_it_is_whole(after_complete: bool) -> None:
    exchange = new_exchange(Party.PARTY_POLICE, MemoryStore())
    routes = replace(exchange.routes, after_complete=frozenset({HUB} if after_complete else ()))
    hub = ChangingHub([capabilities(HUB)], StorageFull(free=0))
    exchange = replace(exchange, routes=routes, limits=replace(exchange.limits, inline_limit_bytes=0))
    dispatcher = Dispatcher(exchange, cast("Neighbours", hub), from_status)
    forward = dispatcher.forward(PACKAGE_OF_TWO)
    assert (forward is None) == after_complete
    if forward is not None:
        with pytest.raises(RemoteRefusal, match="STORAGE_FULL"):
            await forward.finish(lambda: None, None)
    assert hub.offered == (not after_complete)


async def test_what_a_neighbour_refuses_for_its_size_stays_here() -> None:
    hub = ChangingHub([capabilities(HUB, max_parts=1), capabilities(HUB, max_parts=1)])
    with pytest.raises(PackageTooLarge, match=r"the number of parts .* is 2, 1 above the limit of 1"):
        await send(hub)
    assert (hub.offered, hub.distrusted) == (0, 1)


async def test_a_limit_that_was_raised_holds_nothing_back() -> None:
    storage_full = StorageFull(free=0)
    hub = ChangingHub([capabilities(HUB, max_parts=1), capabilities(HUB)], storage_full)
    with pytest.raises(RemoteRefusal, match="STORAGE_FULL"):
        await send(hub)
    assert (hub.offered, hub.distrusted) == (1, 1)


@pytest.mark.parametrize(
    ("error", "asked_again"),
    [
        (Excess(PACKAGE, 12, 11).error(), True),
        (EditionNotSupported(edition="2026.1", known="2025.1"), True),
        (StorageFull(free=0), False),
    ],
    ids=["limit", "edition", "disk"],
)
async def test_capabilities_are_asked_again_after_a_refusal_for_one(
    error: XietongError, asked_again: bool
) -> None:
    hub = ChangingHub([capabilities(HUB)], error)
    with pytest.raises(RemoteRefusal, match=error.reason_name()):
        await send(hub)
    assert hub.distrusted == asked_again
