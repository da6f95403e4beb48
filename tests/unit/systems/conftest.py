"""A desk of the police at a node in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from tests.unit.client.fake_node import Context, FakeNode, serving

from xietong.exchange.v1.evidence_pb2 import Actor
from xietong.exchange.v1.gateway_drafts_pb2 import GetDraftRequest, GetDraftResponse
from xietong_client import Node, Text
from xietong_system_desk import DeskProfile, NumberSeries
from xietong_system_desk.case_numbers import CaseRegister
from xietong_system_desk.folders import DeskFolders

ACTOR = Actor(organ_code="440199000000", handler_ref="P-0001")


class SharedNode(FakeNode):
    """A node whose drafts tell at any time which files are complete, as the systems that share one need it."""

    async def GetDraft(self, request: GetDraftRequest, context: Context) -> GetDraftResponse:
        draft = self._draft(request.key)
        del draft.parts[:]
        draft.parts.extend(self._parts(draft.contributions))
        return GetDraftResponse(draft=draft)


@pytest.fixture
def profile() -> DeskProfile:
    return DeskProfile(
        system="case-handling",
        title=Text("警综平台", "case handling"),
        series={"": NumberSeries("受", "受〔{year}〕{n}号")},
        answers={"PB-04": frozenset({"PB-02"})},
    )


@pytest.fixture
def folders(tmp_path: Path) -> DeskFolders:
    folders = DeskFolders(tmp_path / "desk")
    folders.create()
    return folders


@pytest.fixture
def register(folders: DeskFolders) -> CaseRegister:
    return CaseRegister(folders.register, names={}, year=2026, last={}, given={})


@pytest.fixture
async def fake() -> FakeNode:
    return SharedNode()


@pytest.fixture
async def node(fake: FakeNode) -> AsyncIterator[Node]:
    async with serving(fake) as address, Node(grpc.aio.insecure_channel(address), actor=ACTOR) as node:
        yield node
