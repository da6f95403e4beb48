"""However a demo ends, its report tells how far it came and why no further, and its exit code says whether it did."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from xietong_demo import __main__ as command
from xietong_demo import run
from xietong_demo.desks import Desks
from xietong_demo.display import LineDisplay
from xietong_demo.following import HubView, movement_of
from xietong_demo.processes import ProcessGroup
from xietong_demo.run import REPORT_FILE, Demo
from xietong_demo.stack import PARTIES, Stack
from xietong_demo.story import Step, stage_story
from xietong_system_desk.records import SendRecord, SendStage, SentPackage

NAME = "03-PB-04"
UNREACHABLE = {"code": "NODE_UNREACHABLE", "text_zh": "中心平台不可达", "text_en": "the hub can't be reached"}


class SilentHub:
    async def flows(self) -> dict[str, object]:
        return {}


def sent(state: str, **more: Any) -> SentPackage:
    package = SentPackage("p-1", "procuratorate", "ab", "cd", 10, 2, state, False, "", [], [])
    for name, value in more.items():
        setattr(package, name, value)
    return package


def story(result: SendRecord, folder: Path, console: Console) -> Callable[[Demo], object]:
    """In place of services and systems: the desk of the first step writes this result."""

    async def travel(demo: Demo) -> None:
        desks = Desks(Stack(folder / "run", dict.fromkeys(PARTIES, 0)))
        step: Step = next(step for step in stage_story(folder / "cases") if step.name == NAME)
        desks.folders(step.sender).create()
        for place in step.places(desks):
            place.parent.mkdir(parents=True, exist_ok=True)
        result.write(step.dropped(desks))
        group, hub = ProcessGroup(folder), cast(HubView, SilentHub())
        await demo._take(step, run._Journey(group, desks, hub, LineDisplay(console)))

    return travel


def run_demo(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, dict[str, Any]]:
    monkeypatch.setattr(sys, "argv", ["demo", "--state", str(folder / "var"), *arguments])
    code = command.main()
    report: dict[str, Any] = json.loads((folder / "var" / REPORT_FILE).read_text(encoding="utf-8"))
    return code, report


def test_a_step_that_is_refused_ends_in_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = SendRecord(
        NAME, stage=SendStage.REFUSED, error={"text_zh": "缺少文书", "text_en": "a document is missing"}
    )
    monkeypatch.setattr(Demo, "_travel", story(refused, tmp_path, Console(file=io.StringIO())))
    code, report = run_demo(tmp_path, monkeypatch)
    assert code == 1
    assert (report["ok"], report["packages"]) == (False, [])
    [fault] = report["faults"]
    assert NAME in fault
    assert "a document is missing" in fault


def test_a_package_that_hangs_is_in_the_report_and_its_line_says_why_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "STEP_SECONDS", 0.4)  # several looks at it
    output = io.StringIO()
    waiting = SendRecord(NAME, SendStage.SENT, "PB-04", "2026-01-05T09:00:00Z")
    waiting.packages.append(sent("SUBMITTED", hop="WAITING", hop_reason=UNREACHABLE))
    monkeypatch.setattr(Demo, "_travel", story(waiting, tmp_path, Console(file=output, width=200)))
    code, report = run_demo(tmp_path, monkeypatch)
    assert code == 1
    assert [(line["state"], line["bytes_equal"]) for line in report["packages"]] == [("SUBMITTED", False)]
    assert "NODE_UNREACHABLE" in report["faults"][0]
    assert output.getvalue().count("已提交 submitted (NODE_UNREACHABLE: 中心平台不可达)") == 1


def test_the_reason_for_waiting_is_not_shown_of_a_hop_that_goes_well() -> None:
    record = SendRecord(NAME, SendStage.SENT)
    record.packages.append(sent("SUBMITTED", hop="SENDING"))
    assert movement_of(record, 1.0, {}).state == "已提交 submitted"


def test_too_little_space_is_told_in_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, report = run_demo(tmp_path, monkeypatch, "--media", "99999999GiB")
    assert (code, report["ok"]) == (1, False)
    assert "not enough space" in report["faults"][0]


async def test_an_interrupted_run_leaves_its_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = asyncio.Event()

    async def travel(demo: Demo) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(Demo, "_travel", travel)
    work = asyncio.ensure_future(Demo(tmp_path, 0, Console(file=io.StringIO())).run())
    await begun.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    report = json.loads((tmp_path / REPORT_FILE).read_text(encoding="utf-8"))
    assert (report["ok"], report["faults"]) == (False, ["CancelledError"])
