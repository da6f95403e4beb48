"""`make demo` and `make up`, run as their users run them, with all services and systems as processes."""

from __future__ import annotations

import asyncio
import io
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
from rich.console import Console

from xietong_demo.desks import DESKS, Desks
from xietong_demo.following import record_of, upload_of
from xietong_demo.processes import ProcessGroup
from xietong_demo.run import REPORT_FILE, Demo, clear
from xietong_demo.stack import PARTIES, Stack
from xietong_demo.story import stage_story
from xietong_demo.up import keep_up
from xietong_demo.verification import compare

KEYS = {
    *("package_id", "process", "from", "to", "size_bytes", "parts", "hops", "state", "seconds", "trace_id"),
    *("seal", "bytes_equal", "folder"),
}
STORY = [
    ("PB-01", "police", "procuratorate", "ACCEPTED"),
    ("PB-02", "procuratorate", "police", "ACCEPTED"),
    ("PB-04", "police", "procuratorate", "ACCEPTED"),
    ("QS-01", "police", "procuratorate", "RETURNED"),
    ("QS-01", "police", "procuratorate", "ACCEPTED"),
    ("FY-01", "procuratorate", "justice", "ACCEPTED"),
    ("FY-02", "justice", "procuratorate", "ACCEPTED"),
    ("SP-01", "procuratorate", "court", "ACCEPTED"),
    ("SP-02", "court", "procuratorate", "ACCEPTED"),
    ("SP-19", "court", "procuratorate", "ACCEPTED"),
    ("ZX-01", "court", "police", "ACCEPTED"),
]
VIDEO_BYTES = 3 << 20
KILL_VIDEO_BYTES = 48 << 20  # long enough under way to be interrupted
STOP_SECONDS = 10.0
READY_SECONDS = 90.0


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "var"
    clear(tmp_path / "var")  # also the databases that had to lie elsewhere


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_case_travels_through_all_five_services(folder: Path) -> None:
    output = io.StringIO()
    demo = Demo(folder, VIDEO_BYTES, Console(file=output, width=200))
    assert await demo.run(), output.getvalue()
    report = json.loads((folder / REPORT_FILE).read_text(encoding="utf-8"))
    packages = report["packages"]
    assert report["ok"] is True
    assert all(package.keys() == KEYS for package in packages)
    assert [(p["process"], p["from"], p["to"], p["state"]) for p in packages] == STORY
    assert all(package["bytes_equal"] is True and package["hops"] == 2 for package in packages)
    assert len({package["trace_id"] for package in packages}) == len(STORY)
    assert len({package["seal"] for package in packages}) == len(STORY)
    assert packages[0]["size_bytes"] > VIDEO_BYTES
    assert not (folder / "processes.json").exists()


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_business_systems_that_are_killed_in_the_middle_go_on_where_they_were(folder: Path) -> None:
    [step, *_] = stage_story(folder / "cases", KILL_VIDEO_BYTES)
    stack = Stack.prepare(folder)
    desks = Desks(stack)
    desks.prepare()
    async with ProcessGroup(stack.folder) as group:
        stack.start(group)
        await group.until_ready([desks.start(setup, group) for setup in DESKS], READY_SECONDS)
        step.drop(desks)
        await until(lambda: upload_of(step, desks) > 0)
        await kill_and_restart(["case-handling", "evidence-archive"], desks, group)
        await until(lambda: any(desks.folders(step.receiver).received.iterdir()))
        await kill_and_restart(["case-handling", "prosecution"], desks, group)
        await until(lambda: record_of(step, desks).is_done)
        [package] = record_of(step, desks).packages
        assert package.state == "ACCEPTED"
        assert compare(step, package, desks).differences == ()
        assert len(list(desks.folders(step.receiver).received.iterdir())) == 1  # sent once


async def kill_and_restart(systems: list[str], desks: Desks, group: ProcessGroup) -> None:
    for setup in DESKS:
        if setup.system in systems:
            [process] = [p for p in group.started if p.name.endswith(setup.system) and p.is_running]
            process.process.kill()
            await asyncio.to_thread(process.process.wait)
            await desks.start(setup, group)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(READY_SECONDS):
        while not condition():
            await asyncio.sleep(0.02)


def fetched(address: str) -> bytes:
    opener = build_opener(HTTPCookieProcessor())
    with opener.open(address, timeout=READY_SECONDS) as answer:
        content: bytes = answer.read()
        return content


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_the_five_services_stay_up_and_stop_cleanly(folder: Path) -> None:
    output, stop = io.StringIO(), asyncio.Event()
    work = asyncio.create_task(keep_up(folder, Console(file=output, width=200), until=stop))
    try:
        async with asyncio.timeout(READY_SECONDS):
            while "Ctrl-C" not in output.getvalue():
                await asyncio.wait([work], timeout=0.1)
                assert not work.done(), work.exception()
        assert all(party in output.getvalue() for party in PARTIES)
        [address] = re.findall(
            r"console: (http://127\.0\.0\.1:\d+) .*one-time login: demo \S{10,}", output.getvalue()
        )
        assert b"Xietong" in await asyncio.to_thread(fetched, f"{address}/language/en?to=/login")
    finally:
        stop.set()
    begin = time.monotonic()
    await work
    assert time.monotonic() - begin < STOP_SECONDS
    assert not [party for party in PARTIES if (folder / party / "state/postgres/postmaster.pid").exists()]
