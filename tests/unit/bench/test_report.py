"""The table of the benchmark: what counts as met, and that nothing is left out silently."""

import json
from pathlib import Path

import pytest
from bench.machine import Machine
from bench.peers import PeerMissing, program
from bench.report import Report, Row, Target

MACHINE = Machine("a processor", 2, 8.0, "6.1", 400.0, 0.5, 1.25)


def test_a_target_of_the_ratio_is_judged_by_the_median_of_the_paired_ratios() -> None:
    row = Row.paired(
        "work", "s", [2.0, 30.0, 4.0], "peer", [1.0, 10.0, 2.0], target=Target("ratio", "≤", 2.5)
    )
    assert (row.ours, row.peer_value, row.ratio, row.met) == (4.0, 2.0, 2.0, True)
    assert (row.interval, row.interval_of, row.confidence, row.samples) == ((2.0, 3.0), "ratio", 0.75, 3)


def test_a_target_of_ours_is_judged_by_ours_also_beside_a_peer() -> None:
    row = Row.paired("work", "/s", [200.0], "peer", [100.0], target=Target("ours", "≥", 250))
    assert (row.ratio, row.met, row.target) == (2.0, False, "≥ 250 /s")


def test_a_target_of_the_ratio_is_not_judged_without_a_peer() -> None:
    assert Row.alone("work", "s", [1.0], target=Target("ratio", "≤", 1.7)).met is None


def test_what_was_not_measured_stands_in_both_files(tmp_path: Path) -> None:
    report = Report(quick=True, machine=MACHINE)
    report.rows.append(Row.alone("some work", "ms", [12.34], target=Target("ours", "≤", 10)))
    report.skipped["other work"] = "rsync is missing"
    report.write(tmp_path)
    content = json.loads((tmp_path / "latest.json").read_text(encoding="utf-8"))
    assert content["skipped"] == {"other work": "rsync is missing"}
    assert {"work", "ours", "peer", "peer_value", "ratio", "interval", "target", "met"} <= set(
        content["rows"][0]
    )
    markdown = (tmp_path / "latest.md").read_text(encoding="utf-8")
    assert "| some work | 12.3 ms |" in markdown
    assert "**no**" in markdown
    assert "other work: rsync is missing" in markdown


def test_a_missing_peer_says_how_to_install_it() -> None:
    with pytest.raises(PeerMissing, match="sudo apt-get install some-package"):
        program("no-such-program-anywhere", "some-package")
