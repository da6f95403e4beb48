"""A fake node, a connection to it, and the command line against it over mutual TLS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from tests.unit.client.commands import Result, Xietong, server_credentials
from tests.unit.client.fake_node import FakeNode, serving

from xietong.exchange.v1.draft_pb2 import DraftKey
from xietong.exchange.v1.evidence_pb2 import Actor
from xietong_client import Node, pki
from xietong_client.cli.app import run


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


@pytest.fixture(scope="session")
def pki_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    pki.init(folder)
    return folder


@pytest.fixture
async def address(fake: FakeNode, pki_folder: Path) -> AsyncIterator[str]:
    async with serving(fake, server_credentials(pki_folder)) as address:
        yield address


@pytest.fixture
def xietong(
    address: str,
    pki_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Xietong:
    """Runs a command as a business system of the police would; in a thread, as it has an event loop of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XIETONG_NODE", address)
    monkeypatch.setenv("XIETONG_CREDENTIALS", str(pki_folder / "police"))
    monkeypatch.setenv("XIETONG_SYSTEM", "case-handling")
    monkeypatch.setenv("XIETONG_ACTOR", "440199000000:P-0001")

    async def call(*arguments: str) -> Result:
        code = await asyncio.to_thread(run, arguments)
        captured = capfd.readouterr()
        return Result(code, captured.out, captured.err)

    return call
