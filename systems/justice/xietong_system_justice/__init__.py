"""Reference business system of the justice bureau (广州市法律援助信息管理系统): client SDK and nothing else."""

from __future__ import annotations

from xietong_client import Text
from xietong_system_desk import DeskProfile, NumberSeries, run
from xietong_system_desk.checks import (
    decisions_match_documents,
    files_are_what_they_say,
    measures_are_in_order,
)

LEGAL_AID = DeskProfile(
    system="legal-aid",
    title=Text("广州市法律援助信息管理系统", "legal-aid system of the justice bureau"),
    series={"": NumberSeries("刑指", "{organ}〔{year}〕刑指{n}号")},
    checks=(files_are_what_they_say, measures_are_in_order, decisions_match_documents),
    answers={"FY-02": frozenset({"FY-01"})},
)


def main() -> None:
    """Run the command."""
    run("xietong-system-justice", (LEGAL_AID,))
