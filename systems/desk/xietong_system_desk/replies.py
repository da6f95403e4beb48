"""Which received or returned package a case folder in `replies/` belongs to."""

from __future__ import annotations

import re
from dataclasses import dataclass

from xietong_client import CaseFolder, ContentInvalid, Text
from xietong_system_desk.case_numbers import CaseRegister
from xietong_system_desk.folders import DeskFolders
from xietong_system_desk.profile import DeskProfile
from xietong_system_desk.records import ReceiptStage, SendRecord, receipts_in

_PROCESS = re.compile(r"[A-Z]{2}-[0-9]{2,3}")  # in `in_reply_to: 01-PB-01`


@dataclass(frozen=True, slots=True)
class References:
    """What a package refers to; empty where it refers to nothing."""

    correlation_id: str = ""
    corrects: str = ""
    collaboration_case_id: str = ""


@dataclass(frozen=True, slots=True)
class ReplyRule:
    """Finds what a case folder answers or corrects, from what the desk has received and sent."""

    profile: DeskProfile
    folders: DeskFolders
    register: CaseRegister

    def references_of(self, case: CaseFolder) -> References | None:
        """The references of a case folder; None while what it answers or corrects is not there yet.

        Raises ContentInvalid when it answers a process that this system does not answer with its own.
        """
        if case.corrects:
            returned = self._returned(case.corrects)
            return References(corrects=returned) if returned else None
        if case.in_reply_to:
            return self._answer(case)
        return References(collaboration_case_id=self.register.case_of(case.key.case_number))

    def _returned(self, name: str) -> str:
        """The package of the folder with this name, once it was returned."""
        for place in (self.folders.outgoing, self.folders.replies):
            record = SendRecord.read(place / name)
            found = [package.package_id for package in record.packages if package.is_returned]
            if found:
                return found[0]
        return ""

    def _answer(self, case: CaseFolder) -> References | None:
        """The newest accepted package of the process and case that the folder answers."""
        process = self._answered_process(case)
        numbers = _numbers_of(case)
        for receipt in reversed(receipts_in(self.folders.received)):
            known = {receipt.receiver_case_number, *receipt.case_numbers}
            is_answered = receipt.stage is ReceiptStage.ACCEPTED and receipt.process == process
            if is_answered and numbers & known:
                return References(receipt.package_id, collaboration_case_id=receipt.collaboration_case_id)
        return None

    def _answered_process(self, case: CaseFolder) -> str:
        found = _PROCESS.search(case.in_reply_to)
        allowed = self.profile.answers.get(case.key.process_code, frozenset())
        if found is None or found[0] not in allowed:
            raise _answers_nothing(case, ", ".join(sorted(allowed)) or "-")
        return found[0]


def _numbers_of(case: CaseFolder) -> set[str]:
    """The case numbers under which the folder's case may be known."""
    fragments = [c.fragment for c in case.contributions if c.fragment is not None]
    stated = {number.number for fragment in fragments for number in fragment.case.numbers}
    return stated | {case.key.case_number}


def _answers_nothing(case: CaseFolder, allowed: str) -> ContentInvalid:
    process = case.key.process_code
    return ContentInvalid(
        reason="ANSWER_NOT_ALLOWED",
        text=Text(
            f"本系统的 {process} 不答复 {case.in_reply_to}，只答复：{allowed}。",
            f"in this system {process} does not answer {case.in_reply_to}, only: {allowed}.",
        ),
        remedy=Text(
            "请核对 package.yaml 的 process 和 in_reply_to。",
            "Check `process` and `in_reply_to` in package.yaml.",
        ),
    )
