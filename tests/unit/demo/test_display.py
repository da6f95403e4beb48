"""What a run shows: every package on one line, full and empty told apart without colour, no share ahead of its time."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from xietong_demo.desks import Desks
from xietong_demo.display import LiveDisplay, announced
from xietong_demo.following import Movement, movement_of, upload_of
from xietong_demo.stack import PARTIES, Stack
from xietong_demo.story import Step, stage_story
from xietong_system_desk.records import SendRecord, SendStage

VIDEO_BYTES = 4 << 20


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> list[Step]:
    return stage_story(tmp_path_factory.mktemp("demo") / "cases", VIDEO_BYTES)


def shown(steps: list[Step], width: int, movement: Movement) -> list[str]:
    output = io.StringIO()
    console = Console(file=output, width=width, height=24, force_terminal=True, no_color=True)
    display = LiveDisplay(console, steps)
    for step in steps:
        display._movements[step.name] = movement
    console.print(display._table())
    return output.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 140])
def test_every_package_has_one_line_in_a_terminal_of_usual_size(steps: list[Step], width: int) -> None:
    lines = shown(
        steps, width, Movement(1.0, 0.4, 0.0, "已提交 submitted (NODE_UNREACHABLE: 不可达，请稍候)")
    )
    assert [sum(step.name in line.split() for line in lines) for step in steps] == [1] * len(steps)
    assert len(lines) < 24
    assert all("submitted" in line for line in lines if steps[0].name in line)


def test_full_and_empty_are_not_told_by_colour_alone(steps: list[Step]) -> None:
    [line] = [line for line in shown(steps, 80, Movement(1.0, 0.4, 0.0, "")) if steps[0].name in line]
    assert all(bar in line for bar in ("█████ 100%", "██░░░  40%", "░░░░░   0%"))


def test_the_upload_is_not_done_before_all_systems_are(steps: list[Step], tmp_path: Path) -> None:
    desks = Desks(Stack(tmp_path, dict.fromkeys(PARTIES, 0)))
    own, *others = steps[0].places(desks)
    assert others  # the evidence archive brings the video
    own.parent.mkdir(parents=True)
    SendRecord(own.name, SendStage.WAITING, uploaded_bytes=1000, total_bytes=1000).write(own)
    assert 0 < upload_of(steps[0], desks) < 1000 / VIDEO_BYTES


@pytest.mark.parametrize("stage", list(SendStage))
def test_every_stage_is_told_in_both_languages(stage: SendStage) -> None:
    chinese, english = movement_of(SendRecord("x", stage), 0.0, {}).state.split(" ", 1)
    assert not chinese.isascii()
    assert english.isascii()


async def test_each_service_that_is_ready_is_told() -> None:
    output = io.StringIO()

    async def ready() -> None:
        return None

    await asyncio.gather(*announced(Console(file=output), {"hub": ready(), "police": ready()}))
    assert output.getvalue().splitlines() == ["  就绪 / ready: hub", "  就绪 / ready: police"]


def test_the_demo_needs_no_terminal_with_chinese() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1:strict"}
    done = subprocess.run(
        [sys.executable, "-m", "xietong_demo", "--help"], env=environment, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u534f\\u540c" in done.stdout
