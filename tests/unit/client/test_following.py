"""Calls and streams that survive a node that goes away and comes back."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import grpc
import pytest
from tests.unit.client.fake_node import FakeNode, serving

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.exchange.v1.evidence_pb2 import Actor
from xietong.exchange.v1.gateway_service_pb2_grpc import add_GatewayServiceServicer_to_server
from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong_client import Node, SettingsInvalid, Unreachable, statements_of, trace_id_of


@pytest.fixture
def package_id(fake: FakeNode) -> str:
    return fake.add_package(Manifest(), []).package_id


async def test_watch_opens_again_and_ends_with_the_final_state(
    node: Node, fake: FakeNode, package_id: str
) -> None:
    fake.watch_breaks = 2
    states = []
    async with aclosing(node.watch(package_id)) as changes:
        async for package in changes:
            states.append(package.state)
            if package.state == DeliveryState.DELIVERY_STATE_SUBMITTED:
                await fake.set_state(package_id, DeliveryState.DELIVERY_STATE_ACCEPTED)
    # What was the same after opening again is not told twice.
    assert states == [DeliveryState.DELIVERY_STATE_SUBMITTED, DeliveryState.DELIVERY_STATE_ACCEPTED]


async def test_what_a_watch_leaves_out_because_it_did_not_change_is_there_all_the_same(
    node: Node, fake: FakeNode, package_id: str
) -> None:
    seen = []
    async with aclosing(node.watch(package_id)) as changes:
        async for package in changes:
            seen.append((package.progress.transferred_bytes, len(list(statements_of(package)))))
            assert trace_id_of(package) == "ab" * 16
            if len(seen) == 1:
                fake.held[package_id].package.progress.transferred_bytes = 7
                async with fake.changed:
                    fake.changed.notify_all()
            elif len(seen) == 2:
                await fake.set_state(package_id, DeliveryState.DELIVERY_STATE_ACCEPTED)
    assert seen == [(0, 1), (7, 1), (7, 2)]


async def test_watch_of_an_unreachable_node_ends_after_its_patience(
    node: Node, fake: FakeNode, package_id: str
) -> None:
    fake.watch_breaks = 10**9
    with pytest.raises(Unreachable):
        async for _ in node.watch(package_id, patience_seconds=0.0):
            pass


async def test_inbox_goes_on_after_a_break(node: Node, fake: FakeNode, package_id: str) -> None:
    fake.watch_breaks = 1
    seen: list[str] = []
    async with aclosing(node.inbox()) as changes:
        async for package in changes:
            seen.append(package.package_id)
            if len(seen) == 2:
                break
    assert seen == [package_id, package_id]


async def test_a_call_is_made_again_while_the_node_is_unavailable(
    node: Node, fake: FakeNode, package_id: str
) -> None:
    fake.unavailable_calls = 2
    assert (await node.get(package_id)).package_id == package_id
    assert fake.unavailable_calls == 0


async def test_a_node_that_starts_late_is_waited_for(fake: FakeNode, actor: Actor) -> None:
    async with serving(fake) as address:
        pass  # the port is free again, and known
    channel = grpc.aio.insecure_channel(address, options=[("grpc.initial_reconnect_backoff_ms", 50)])

    async def connect() -> str:
        async with Node(channel, actor=actor, connect_seconds=20) as node:
            return node.info.system

    connecting = asyncio.create_task(connect())
    server = grpc.aio.server()
    while not connecting.done() and channel.get_state() is not grpc.ChannelConnectivity.TRANSIENT_FAILURE:
        await asyncio.sleep(0.01)
    add_GatewayServiceServicer_to_server(fake, server)
    server.add_insecure_port(address)
    await server.start()
    assert await connecting == "case-handling"
    await server.stop(None)


async def test_packages_come_page_by_page(node: Node, fake: FakeNode) -> None:
    added = {fake.add_package(Manifest(), []).package_id for _ in range(45)}
    assert {package.package_id async for package in node.packages()} == added


async def test_evidence_and_trace_are_readable(node: Node, package_id: str) -> None:
    package = await node.get(package_id)
    assert [statement.package_id for statement in statements_of(package)] == [package_id]
    assert trace_id_of(package) == "ab" * 16


async def test_a_handlers_act_names_who_is_responsible(fake: FakeNode, package_id: str) -> None:
    async with serving(fake) as address, Node(grpc.aio.insecure_channel(address)) as node:
        with pytest.raises(SettingsInvalid, match="--actor"):
            await node.accept(package_id, "1")
        await node.accept(package_id, "1", actor=Actor(organ_code="1", handler_ref="2"))
    assert [request.actor.handler_ref for request in fake.outcomes] == ["2"]
