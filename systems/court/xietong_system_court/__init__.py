"""Reference business system of the court (广州法院综合业务系统): it uses the client SDK and nothing else."""

from __future__ import annotations

from xietong_client import Text
from xietong_system_desk import DeskProfile, NumberSeries, run
from xietong_system_desk.checks import (
    every_defendant_is_charged,
    files_are_what_they_say,
    measures_are_in_order,
    property_list_is_complete,
    volumes_are_whole,
)

TRIAL = DeskProfile(
    system="trial",
    title=Text("广州法院综合业务系统", "trial system of the court"),
    series={"": NumberSeries("刑初", "({year}){court}刑初{n}号")},
    checks=(
        files_are_what_they_say,
        volumes_are_whole,
        measures_are_in_order,
        property_list_is_complete("SP-01"),
        every_defendant_is_charged,
    ),
    answers={
        "SP-02": frozenset({"SP-01"}),
        "SP-04": frozenset({"SP-01"}),
        "SP-19": frozenset({"SP-01"}),
    },
)


def main() -> None:
    """Run the command."""
    run("xietong-system-court", (TRIAL,))
