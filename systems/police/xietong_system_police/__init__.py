"""Reference business systems of the police: they use the public client SDK and nothing of the exchange.

`case-handling` (警综平台新执法办案系统) opens drafts, sends and decides; `evidence-archive` (121案件物证档案管理系统)
contributes dossiers and recordings, and keeps those that arrive.
"""

from __future__ import annotations

from xietong.casefile.v1.manifest_pb2 import PartKind
from xietong_client import Text
from xietong_system_desk import DeskProfile, NumberSeries, run
from xietong_system_desk.checks import (
    decisions_match_documents,
    every_accused_is_answered,
    files_are_what_they_say,
    sentences_match_judgment,
)

CASE_HANDLING = DeskProfile(
    system="case-handling",
    title=Text("警综平台新执法办案系统", "case-handling system of the police"),
    series={
        "": NumberSeries("立案", "A{organ_code}{year}{month:02d}{n:04d}"),
        "ZX": NumberSeries("执", "{organ}执〔{year}〕{n}号"),
    },
    checks=(
        files_are_what_they_say,
        decisions_match_documents,
        every_accused_is_answered,
        sentences_match_judgment,
    ),
    answers={
        "PB-04": frozenset({"PB-02", "PB-03"}),
        "QS-03": frozenset({"QS-02"}),
    },
)
EVIDENCE_ARCHIVE = DeskProfile(
    system="evidence-archive",
    title=Text("121案件物证档案管理系统", "evidence archive of the police"),
    submits=False,
    decides=False,
    reads=frozenset(
        {
            PartKind.PART_KIND_DOSSIER,
            PartKind.PART_KIND_AUDIO,
            PartKind.PART_KIND_VIDEO,
            PartKind.PART_KIND_IMAGE,
        }
    ),
)


def main() -> None:
    """Run the command."""
    run("xietong-system-police", (CASE_HANDLING, EVIDENCE_ARCHIVE))
