"""A fake node and a connection to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import pytest
from tests.unit.client.fake_node import FakeNode, serving

from xietong.exchange.v1.draft_pb2 import DraftKey
from xietong.exchange.v1.evidence_pb2 import Actor
from xietong_client import Node


@pytest.fixture
def key() -> DraftKey:
    return DraftKey(organ_code="440199000000", case_number="A4401990000002026030001", process_code="PB-01")


@pytest.fixture
def actor() -> Actor:
    return Actor(organ_code="440199000000", handler_ref="P-0001")


@pytest.fixture
async def fake() -> FakeNode:
    return FakeNode()


@pytest.fixture
async def node(fake: FakeNode, actor: Actor) -> AsyncIterator[Node]:
    async with serving(fake) as address, Node(grpc.aio.insecure_channel(address), actor=actor) as node:
        yield node
