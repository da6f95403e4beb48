"""The live map: which hop a package is on as each node sees it, how fast it moves, and what waits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest

from xietong.exchange.v1.envelope_pb2 import Address, Party
from xietong.exchange.v1.operations_service_pb2 import (
    Delivery,
    GetStatusResponse,
    ListDeliveriesRequest,
    ListDeliveriesResponse,
)
from xietong.exchange.v1.package_pb2 import HopProgress, HopState
from xietong.supervision.v1.flow_service_pb2 import Flow, ListFlowsRequest, ListFlowsResponse
from xietong_client import Unreachable
from xietong_client.status import unanswered
from xietong_console import board
from xietong_console.board import Board, Line
from xietong_console.node import NodeLink

POLICE, COURT, HUB = Party.PARTY_POLICE, Party.PARTY_COURT, Party.PARTY_HUB


def moving(peer: Party.ValueType, count: int = 0, package_id: str = "one") -> Flow:
    return Flow(
        package_id=package_id,
        sender=Address(party=POLICE),
        receiver=Address(party=COURT),
        progress=HopProgress(
            peer=peer, state=HopState.HOP_STATE_TRANSFERRING, transferred_bytes=count, total_bytes=1000
        ),
    )


@dataclass
class FakeNode:
    """Answers what the board asks; as node, operations and flows at once."""

    flows_now: list[Flow] = field(default_factory=list)
    deliveries_now: list[Delivery] = field(default_factory=list)
    failure: Unreachable | None = None
    asked: int = 0

    @property
    def operations(self) -> FakeNode:
        return self

    @property
    def flows(self) -> FakeNode:
        return self

    async def current_status(self) -> GetStatusResponse:
        self.asked += 1
        if self.failure:
            raise self.failure
        return GetStatusResponse()

    async def page(self, request: ListFlowsRequest) -> ListFlowsResponse:
        return ListFlowsResponse(flows=self.flows_now)

    async def deliveries(self, request: ListDeliveriesRequest) -> ListDeliveriesResponse:
        return ListDeliveriesResponse(deliveries=self.deliveries_now)


@dataclass
class Clock:
    now: float = 50.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(board, "time", clock)
    return clock


def on(node: FakeNode, own: Party.ValueType) -> Board:
    return Board(cast("NodeLink", node), own)


@pytest.mark.parametrize(
    ("own", "peer", "hop"),
    [
        (HUB, POLICE, (POLICE, HUB)),
        (HUB, COURT, (HUB, COURT)),
        (POLICE, HUB, (POLICE, HUB)),
        (COURT, HUB, (HUB, COURT)),
    ],
)
async def test_the_hop_as_each_node_sees_it(
    clock: Clock, own: Party.ValueType, peer: Party.ValueType, hop: board.Hop
) -> None:
    picture = await on(FakeNode([moving(peer)]), own).look()
    assert [each.hop for each in picture.running] == [hop]
    assert picture.lines == {hop: Line(running=1)}


async def test_speed_is_what_moved_since_the_last_look(clock: Clock) -> None:
    node = FakeNode([moving(POLICE, 100)])
    watched = on(node, HUB)
    assert [each.bytes_per_second for each in (await watched.look()).running] == [0.0]
    clock.now += 2
    node.flows_now = [moving(POLICE, 500), moving(POLICE, 900, "another")]
    assert [each.bytes_per_second for each in (await watched.look()).running] == [200.0, 0.0]
    clock.now += 2
    node.flows_now = [moving(COURT, 50)]  # on the next hop the count begins anew
    assert [each.bytes_per_second for each in (await watched.look()).running] == [0.0]


async def test_many_viewers_ask_once(clock: Clock) -> None:
    node = FakeNode()
    watched = on(node, HUB)
    for _ in range(5):
        await watched.look()
    assert node.asked == 1
    clock.now += 1
    await watched.look()
    assert node.asked == 2


async def test_what_waits_is_counted_by_hop(clock: Clock) -> None:
    states = (HopState.HOP_STATE_QUEUED, HopState.HOP_STATE_WAITING, HopState.HOP_STATE_WAITING)
    node = FakeNode(deliveries_now=[Delivery(destination=COURT, state=state) for state in states])
    assert (await on(node, HUB).look()).lines == {(HUB, COURT): Line(queued=1, waiting=2)}


async def test_a_silent_node_is_part_of_the_picture(clock: Clock) -> None:
    picture = await on(FakeNode([moving(POLICE)], failure=unanswered()), HUB).look()
    assert picture.status is None
    assert [failure.reason for failure in picture.failures] == ["NODE_UNREACHABLE"]
    assert len(picture.running) == 1
