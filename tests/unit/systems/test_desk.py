"""A desk at work: it takes what is dropped and what arrives, and one that hangs keeps nobody else waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from tests.unit.client.fake_node import FakeNode
from tests.unit.client.folders import write_folder
from tests.unit.systems.test_receiving import deliver, outcomes
from tests.unit.systems.test_sending import until

from xietong.exchange.v1.evidence_pb2 import Reason
from xietong_client import Node
from xietong_system_desk import DeskProfile, Submission
from xietong_system_desk.case_numbers import CaseRegister
from xietong_system_desk.desk import Desk
from xietong_system_desk.folders import DeskFolders, result_path
from xietong_system_desk.receiving import Receiver
from xietong_system_desk.records import SendRecord, SendStage
from xietong_system_desk.replies import ReplyRule
from xietong_system_desk.sending import Sender


async def test_a_desk_sends_receives_and_stops(
    node: Node, fake: FakeNode, profile: DeskProfile, folders: DeskFolders, register: CaseRegister
) -> None:
    seen: list[str] = []

    def first_is_poison(submission: Submission) -> Iterable[Reason]:
        seen.append(submission.process)
        if len(seen) == 1:
            raise ValueError
        return []

    careful = replace(profile, checks=(first_is_poison,))
    sender = Sender(node, profile, ReplyRule(profile, folders, register))
    desk = Desk(node, folders, sender, Receiver(node, careful, folders, register))
    await deliver(fake)
    await deliver(fake)
    work = asyncio.create_task(desk.run())
    damaged = write_folder(folders.outgoing, name="00-PB-01")
    result_path(damaged).write_text("{}", encoding="utf-8")
    folder = write_folder(folders.outgoing)
    await until(lambda: "accepted" in outcomes(fake))
    await until(lambda: SendRecord.read(folder).stage is SendStage.SENT)
    assert "parse_failed" in outcomes(fake)
    assert len(fake.request_ids) == 1  # what has a damaged result might have been sent already
    assert folders.running.exists()
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert not folders.running.exists()
