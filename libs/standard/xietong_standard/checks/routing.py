"""Whether the process exists, is one for packages, and may travel from this sender to this receiver."""

from __future__ import annotations

from collections.abc import Iterator

from xietong_standard.checks.sources import STANDARD
from xietong_standard.checks.submission import Submission
from xietong_standard.verdict import Finding, error

UNKNOWN = error(
    "XT-PRC-01",
    (
        "数据标准 {edition} 中没有流程“{process}”",
        "edition {edition} of the data standard has no process '{process}'",
    ),
    ("请选用该版本已列的流程代码", "choose a process code that this edition lists"),
    STANDARD,
)
TECHNICAL = error(
    "XT-PRC-02",
    (
        "流程“{process}”不是数据包，由平台的回执和处理结果体现",
        "process '{process}' is no package: evidence and outcomes carry it",
    ),
    (
        "请使用接收、退回补正、撤回等操作，不要作为数据包发送",
        "use the operations accept, return and withdraw instead of sending a package",
    ),
    STANDARD,
)
SENDER = error(
    "XT-PRC-03",
    ("{sender} 不能发送流程“{process}”；{reason}", "{sender} may not send process '{process}'; {reason}"),
    ("请由有权单位发送，或改用正确的流程", "have the right party send it, or choose the process that fits"),
    STANDARD,
)
RECEIVER = error(
    "XT-PRC-04",
    (
        "流程“{process}”不能发往 {receiver}；{reason}",
        "process '{process}' may not go to {receiver}; {reason}",
    ),
    ("请更正接收单位，或改用正确的流程", "correct the receiver, or choose the process that fits"),
    STANDARD,
)
OTHER_PROCESS = error(
    "XT-PRC-05",
    (
        "清单写明的流程是“{stated}”，发送的流程是“{process}”",
        "the manifest states process '{stated}', but process '{process}' is sent",
    ),
    ("请使清单与发送的流程一致", "make the manifest and the process that is sent agree"),
    STANDARD,
)
OTHER_EDITION = error(
    "XT-PRC-06",
    (
        "清单写明的数据标准版本是 {stated}，核验所用版本是 {edition}",
        "the manifest states edition {stated} of the data standard, but it is checked against {edition}",
    ),
    (
        "请按所用版本填写，或改用清单写明的版本",
        "follow the edition in use, or send with the edition that the manifest states",
    ),
    STANDARD,
)
RULES = (UNKNOWN, TECHNICAL, SENDER, RECEIVER, OTHER_PROCESS, OTHER_EDITION)
_BY_CODE = {rule.code: rule for rule in RULES}


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on process, sender and receiver."""
    permission = submission.edition.may_send(submission.process_code, submission.sender, submission.receiver)
    if not permission:
        yield _BY_CODE[permission.rule].at(
            "process_code" if permission.rule in (UNKNOWN.code, TECHNICAL.code) else "",
            process=submission.process_code,
            edition=submission.edition.id,
            sender=str(submission.sender),
            receiver=str(submission.receiver),
            reason=permission.reason,
        )
    manifest = submission.manifest
    if manifest.process_code not in ("", submission.process_code):
        yield OTHER_PROCESS.at("process_code", stated=manifest.process_code, process=submission.process_code)
    if manifest.standard_edition not in ("", submission.edition.id):
        yield OTHER_EDITION.at(
            "standard_edition", stated=manifest.standard_edition, edition=submission.edition.id
        )
