"""What a case folder in `replies/` belongs to: by process and case, or by the folder that was returned."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.client.folders import PACKAGE, write_folder

from xietong_client import CaseFolder, ContentInvalid
from xietong_system_desk import DeskProfile
from xietong_system_desk.case_numbers import CaseRegister
from xietong_system_desk.folders import DeskFolders
from xietong_system_desk.records import Receipt, ReceiptStage, SendRecord, SendStage, SentPackage
from xietong_system_desk.replies import References, ReplyRule

OWN_NUMBER = "A４４０１99〔２０２６〕１号"


@pytest.fixture
def rule(profile: DeskProfile, folders: DeskFolders, register: CaseRegister) -> ReplyRule:
    return ReplyRule(profile, folders, register)


def case_folder(parent: Path, extra: str = "", process: str = "PB-04") -> CaseFolder:
    package = PACKAGE.replace("process: PB-01", f"process: {process}") + extra
    return CaseFolder.load(write_folder(parent, package, name="03-PB-04"))


def receive(folders: DeskFolders, package_id: str, number: str = OWN_NUMBER, **fields: str) -> None:
    receipt = Receipt(package_id, process=fields.get("process", "PB-02"), stage=ReceiptStage.ACCEPTED)
    receipt.case_numbers = [number]
    receipt.collaboration_case_id = "case-1"
    receipt.decision_time = fields.get("time", "2026-03-25T10:00:00+00:00")
    receipt.stage = ReceiptStage(fields.get("stage", "accepted"))
    receipt.write(folders.received / package_id)


def sent(package_id: str, state: str) -> SentPackage:
    return SentPackage(package_id, "procuratorate", "", "", 1, 1, state, True, "", [], [])


def test_an_answer_belongs_to_the_accepted_package_of_its_process_and_case(
    tmp_path: Path, rule: ReplyRule, folders: DeskFolders
) -> None:
    receive(folders, "other-case", number="A9")
    receive(folders, "other-process", process="QS-02")
    receive(folders, "not-accepted", stage="returned", time="2026-03-26T10:00:00+00:00")
    receive(folders, "older", time="2026-03-24T10:00:00+00:00")
    receive(folders, "newest")
    case = case_folder(tmp_path, "in_reply_to: 02-PB-02\n")
    assert rule.references_of(case) == References("newest", collaboration_case_id="case-1")


def test_an_answer_waits_until_there_is_something_to_answer(tmp_path: Path, rule: ReplyRule) -> None:
    assert rule.references_of(case_folder(tmp_path, "in_reply_to: 02-PB-02\n")) is None


@pytest.mark.parametrize("answered", ["01-PB-01", "something"])
def test_an_answer_to_what_this_system_does_not_answer_is_refused(
    tmp_path: Path, rule: ReplyRule, answered: str
) -> None:
    with pytest.raises(ContentInvalid, match="only: PB-02"):
        rule.references_of(case_folder(tmp_path, f"in_reply_to: {answered}\n"))


def test_a_correction_belongs_to_the_folder_that_was_returned(
    tmp_path: Path, rule: ReplyRule, folders: DeskFolders
) -> None:
    case = case_folder(tmp_path, "corrects: 04-QS-01\n", process="QS-01")
    original = folders.outgoing / "04-QS-01"
    for state, expected in (("ACCEPTED", None), ("RETURNED", References(corrects="p-1"))):
        SendRecord("04-QS-01", SendStage.SENT, packages=[sent("p-1", state)]).write(original)
        assert rule.references_of(case) == expected


def test_a_package_of_a_known_case_number_names_the_case(
    tmp_path: Path, rule: ReplyRule, register: CaseRegister
) -> None:
    register.given = {"受": {"case-7": OWN_NUMBER}}
    assert rule.references_of(case_folder(tmp_path)) == References(collaboration_case_id="case-7")
