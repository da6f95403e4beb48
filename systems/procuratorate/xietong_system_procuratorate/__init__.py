"""Reference business system of the procuratorate (检察业务应用系统2.0): it uses the client SDK and nothing else."""

from __future__ import annotations

from xietong_client import Text
from xietong_system_desk import DeskProfile, NumberSeries, run
from xietong_system_desk.checks import (
    decisions_match_documents,
    every_accused_is_answered,
    files_are_what_they_say,
    judgment_disposes_of_property,
    measures_are_in_order,
    property_list_is_complete,
    sentences_match_judgment,
    volumes_are_whole,
)

PROSECUTION = DeskProfile(
    system="prosecution",
    title=Text("检察业务应用系统2.0", "prosecution system 2.0"),
    series={
        "": NumberSeries("诉受", "{organ}诉受〔{year}〕{n}号"),
        "PB": NumberSeries("捕受", "{organ}捕受〔{year}〕{n}号"),
    },
    checks=(
        files_are_what_they_say,
        volumes_are_whole,
        measures_are_in_order,
        property_list_is_complete("QS-01", "QS-03"),
        decisions_match_documents,
        every_accused_is_answered,
        sentences_match_judgment,
        judgment_disposes_of_property,
    ),
    answers={
        "PB-02": frozenset({"PB-01"}),
        "PB-03": frozenset({"PB-01"}),
        "QS-02": frozenset({"QS-01", "QS-03"}),
        "QS-08": frozenset({"QS-01", "QS-03"}),
    },
)


def main() -> None:
    """Run the command."""
    run("xietong-system-procuratorate", (PROSECUTION,))
