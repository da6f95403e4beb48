"""Sending a dropped case folder: once, with the other systems' contributions, and over restarts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from tests.unit.client.fake_node import FakeNode, serving
from tests.unit.client.folders import PACKAGE, write_folder
from tests.unit.systems.conftest import ACTOR

from xietong.exchange.v1.draft_pb2 import Finding, FindingSeverity
from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong_client import Node
from xietong_system_desk import DeskProfile
from xietong_system_desk.case_numbers import CaseRegister
from xietong_system_desk.folders import DeskFolders
from xietong_system_desk.records import SendRecord, SendStage
from xietong_system_desk.replies import ReplyRule
from xietong_system_desk.sending import Sender

BOUND_SECONDS = 10.0
ARCHIVE = """\
  - system: evidence-archive
    name: dossier
    data: dossier.yaml
    files: dossier/
"""
DOSSIER = "parts:\n  - {name: 证据卷.pdf, kind: PART_KIND_DOSSIER, media_type: application/pdf}\n"


@pytest.fixture
def sender(node: Node, profile: DeskProfile, folders: DeskFolders, register: CaseRegister) -> Sender:
    return Sender(node, profile, ReplyRule(profile, folders, register))


@pytest.fixture
def folder(folders: DeskFolders) -> Path:
    return write_folder(folders.outgoing)


def shared_folder(parent: Path) -> Path:
    """A folder to which the evidence archive contributes too."""
    folder = write_folder(parent, PACKAGE + ARCHIVE)
    (folder / "dossier").mkdir()
    (folder / "dossier" / "证据卷.pdf").write_bytes(b"%PDF-1.7 dossier")
    (folder / "dossier.yaml").write_text(DOSSIER, encoding="utf-8")
    return folder


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


async def conclude(fake: FakeNode) -> None:
    """The receiver accepts all that was sent, as soon as it was."""
    await until(lambda: bool(fake.held))
    for package_id in list(fake.held):
        await fake.set_state(package_id, DeliveryState.DELIVERY_STATE_ACCEPTED)


async def test_a_folder_is_sent_and_followed_to_its_outcome(
    sender: Sender, fake: FakeNode, folder: Path
) -> None:
    assert sender.is_due(folder)
    await asyncio.gather(sender.send(folder), conclude(fake))
    record = SendRecord.read(folder)
    [package] = record.packages
    assert (record.stage, record.process, package.state) == (SendStage.SENT, "PB-01", "ACCEPTED")
    assert package.package_id in fake.held
    assert package.seal == fake.held[package.package_id].package.seal.value.hex()
    assert not sender.is_due(folder)


async def test_a_restart_between_submit_and_answer_asks_for_the_same_send(
    sender: Sender, fake: FakeNode, folder: Path
) -> None:
    fake.submit_error = (grpc.StatusCode.UNAVAILABLE, "gone", [])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.0):
            await sender.send(folder)
    assert SendRecord.read(folder).stage is SendStage.SUBMITTING
    contributed, fake.submit_error = len(fake.traceparents["Contribute"]), None
    await asyncio.gather(sender.send(folder), conclude(fake))
    assert len(set(fake.request_ids)) == 1
    assert len(fake.held) == 1
    assert len(fake.traceparents["Contribute"]) == contributed


async def test_a_restart_after_the_answer_only_goes_on_watching(
    sender: Sender, fake: FakeNode, folder: Path
) -> None:
    sending = asyncio.create_task(sender.send(folder))
    await until(lambda: SendRecord.read(folder).stage is SendStage.SENT)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert sender.is_due(folder)
    await asyncio.gather(sender.send(folder), conclude(fake))
    assert len(fake.request_ids) == 1
    assert not sender.is_due(folder)


async def test_what_pre_flight_refuses_is_not_submitted_until_it_was_edited(
    sender: Sender, fake: FakeNode, folder: Path
) -> None:
    finding = Finding(rule="XT-DOC-01", severity=FindingSeverity.FINDING_SEVERITY_ERROR, text_zh="缺少文书")
    fake.findings = [finding]
    await sender.send(folder)
    record = SendRecord.read(folder)
    assert (record.stage, record.findings[0]["rule"]) == (SendStage.REFUSED, "XT-DOC-01")
    assert fake.request_ids == []
    assert not sender.is_due(folder)
    fake.findings = []
    (folder / "documents" / "提请批准逮捕书.pdf").write_bytes(b"%PDF-1.7 corrected")
    assert sender.is_due(folder)
    await asyncio.gather(sender.send(folder), conclude(fake))
    assert SendRecord.read(folder).stage is SendStage.SENT


async def test_a_folder_with_mistakes_is_refused_with_all_of_them(sender: Sender, folder: Path) -> None:
    (folder / "case-data.yaml").write_text("case: {nmae: x}\npersons: 7\n", encoding="utf-8")
    await sender.send(folder)
    record = SendRecord.read(folder)
    assert record.stage is SendStage.REFUSED
    assert record.error["reason"] == "CASE_FOLDER_INVALID"
    assert len(record.error["violations"]) >= 2


async def test_the_submitting_system_waits_for_the_other_systems_contribution(
    sender: Sender, fake: FakeNode, folders: DeskFolders, tmp_path: Path, profile: DeskProfile
) -> None:
    folder = shared_folder(folders.outgoing)
    sending = asyncio.create_task(sender.send(folder))
    await until(lambda: SendRecord.read(folder).missing == ["evidence-archive/dossier"])
    assert fake.request_ids == []
    archive = replace(profile, system="evidence-archive", submits=False)
    fake.system = "evidence-archive"
    own = shared_folder(tmp_path / "archive")
    async with serving(fake) as address, Node(grpc.aio.insecure_channel(address), actor=ACTOR) as node:
        await Sender(node, archive, sender.rule).send(own)
    assert SendRecord.read(own).stage is SendStage.CONTRIBUTED
    await asyncio.gather(sending, conclude(fake))
    [stored] = fake.held.values()
    assert len(stored.contents) == 3  # the manifest, the document, the dossier


async def test_an_answer_waits_for_what_it_answers_and_starts_over_when_it_is_edited(
    sender: Sender, fake: FakeNode, folders: DeskFolders
) -> None:
    package = PACKAGE.replace("process: PB-01", "process: PB-04")
    folder = write_folder(folders.replies, f"{package}in_reply_to: 02-PB-02\n", name="03-PB-04")
    sending = asyncio.create_task(sender.send(folder))
    await until(lambda: SendRecord.read(folder).missing == ["02-PB-02"])
    (folder / "package.yaml").write_text(package, encoding="utf-8")
    async with asyncio.timeout(BOUND_SECONDS):
        await sending
    assert fake.request_ids == []
    await asyncio.gather(sender.send(folder), conclude(fake))
    assert SendRecord.read(folder).stage is SendStage.SENT
