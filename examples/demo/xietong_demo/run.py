"""`make demo`: starts everything, lets the case travel step by step, verifies every byte, stops everything."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from xietong_client.pki import PkiError
from xietong_demo.desks import DESKS, Desks
from xietong_demo.display import Display, announced, make_display, typed
from xietong_demo.following import HubView, Movement, is_stuck, movement_of, package_of, record_of, upload_of
from xietong_demo.processes import ProcessFailed, ProcessGroup, end_leftovers, only_one, remove_cluster
from xietong_demo.report import PackageLine, print_table, write_report
from xietong_demo.stack import Stack, states_in
from xietong_demo.story import Step, stage_story
from xietong_demo.verification import compare, named_files
from xietong_system_desk.records import SendRecord, SentPackage

REPORT_FILE = "report.json"
READY_SECONDS = 90.0
STEP_SECONDS = 60.0
SLOWEST_BYTES_PER_SECOND = 8 << 20
COPIES_OF_MEDIA = 6  # the case folder, three nodes, the receiving system, and some room
_POLL_SECONDS = 0.15
_KEPT = {"pki", "lock"}


class DemoFailed(Exception):
    """The demo did not come to its end; the text says why and how to go on."""


@dataclass(slots=True)
class Demo:
    """One run of the demo in a folder of its own.

    Attributes:
        folder: State, logs, certificates and report.
        media_bytes: Size of a video that is added to the first package; 0 for none.
        console: Where progress and table go.
    """

    folder: Path
    media_bytes: int
    console: Console
    lines: list[PackageLine] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    async def run(self) -> bool:
        """Runs the demo; True when every package arrived as it should and every byte is equal.

        However it ends, `report.json` tells how far it came, and why no further. Raises ProcessFailed when
        another run has the folder.
        """
        begin = time.monotonic()
        with only_one(self.folder):
            clear(self.folder)
            try:
                self._require_space()
                await self._travel()
            except (DemoFailed, ProcessFailed, PkiError, OSError) as error:
                self.faults.append(str(error))
            except BaseException as error:  # Ctrl-C, or a defect: told as it is, and passed on
                self.faults.append(f"{type(error).__name__} {error}".strip())
                raise
            finally:
                self._conclude(time.monotonic() - begin)
        return not self.faults

    async def _travel(self) -> None:
        stack = Stack.prepare(self.folder)
        desks = Desks(stack)
        desks.prepare()
        async with ProcessGroup(stack.folder) as group:
            self._say("启动五个服务和五个业务系统 / starting five services and five business systems …")
            stack.start(group)
            steps = await asyncio.to_thread(stage_story, self.folder / "cases", self.media_bytes)
            probes = {"hub": stack.answers("hub")} | {
                f"{setup.party} {setup.system}": desks.start(setup, group) for setup in DESKS
            }
            await group.until_ready(announced(self.console, probes), READY_SECONDS)
            async with HubView(stack) as hub:
                with make_display(self.console, steps) as display:
                    journey = _Journey(group, desks, hub, display)
                    for step in steps:
                        await self._take(step, journey)

    async def _take(self, step: Step, journey: _Journey) -> None:
        """Drops a case folder, follows the package to its outcome, and verifies what arrived."""
        step.drop(journey.desks)
        try:
            record, package = await journey.follow(step)
        except (DemoFailed, ProcessFailed):
            self._note_unfinished(step, journey.desks)
            raise
        comparison = await asyncio.to_thread(compare, step, package, journey.desks)
        line = PackageLine.of(step, record, package, bytes_equal=comparison.is_equal)
        self.lines.append(line)
        self.faults += [f"{step.name}: {name} differs / 不一致" for name in comparison.differences]
        self.faults += [f"{step.name}: {fault}" for fault in outcome_faults(step, package, journey.desks)]
        if step.base is not None:
            self._say(
                f"{step.name}: 补正只上传 {record.total_bytes:,} 字节，收到完整包 {package.size_bytes:,} 字节 / "
                f"the correction uploaded {record.total_bytes:,} bytes, the receiver has all {package.size_bytes:,}"
            )
        if self.faults:
            raise DemoFailed("后续步骤不再进行 / the story stops here")

    def _note_unfinished(self, step: Step, desks: Desks) -> None:
        """The package on which the story ends, if the step has come so far as to be one."""
        record = record_of(step, desks)
        if package := package_of(record):
            self.lines.append(PackageLine.of(step, record, package, bytes_equal=False))

    def _conclude(self, seconds: float) -> None:
        report = self.folder / REPORT_FILE
        write_report(report, self.lines, self.faults, seconds)
        if self.lines:
            print_table(self.console, self.lines)
        for fault in self.faults:
            self.console.print(fault, style="red", markup=False)
        word = "未成功 / FAILED" if self.faults else "成功 / ok"
        self._say(f"{word}: {len(self.lines)} packages, {seconds:.1f} s, {report}")
        if self.lines:
            self._say(f"在控制台查看 / see it in the console: make up STATE={typed(self.folder)}")

    def _require_space(self) -> None:
        needed = self.media_bytes * COPIES_OF_MEDIA
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise DemoFailed(
                f"磁盘空间不足 / not enough space in {self.folder}: {needed >> 20} MiB needed, {free >> 20} MiB free"
            )

    def _say(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False)


@dataclass(frozen=True, slots=True)
class _Journey:
    """What is needed to follow a package."""

    group: ProcessGroup
    desks: Desks
    hub: HubView
    display: Display

    async def follow(self, step: Step) -> tuple[SendRecord, SentPackage]:
        """Waits for the outcome of a step. Raises ProcessFailed, DemoFailed."""
        bound = STEP_SECONDS + step.size_bytes / SLOWEST_BYTES_PER_SECOND
        deadline = time.monotonic() + bound
        movement: Movement | None = None
        while True:
            record = record_of(step, self.desks)
            package = package_of(record)
            is_moving = package is not None and not package.final
            flows = await self.hub.flows() if is_moving else {}
            movement = movement_of(record, upload_of(step, self.desks), flows).after(movement)
            self.display.show(step, movement)
            if package is not None and package.final:
                return record, package
            if is_stuck(record):
                raise DemoFailed(f"{step.name}: {_explanation(record)}")
            self.group.check()
            if time.monotonic() > deadline:
                raise DemoFailed(f"{step.name}: {_standstill(record)} after {bound:.0f} s / 超时, 见 logs/")
            await asyncio.sleep(_POLL_SECONDS)


def outcome_faults(step: Step, package: SentPackage, desks: Desks) -> list[str]:
    """What differs from the outcome that the example expects."""
    faults = []
    if package.state.lower() != step.state:
        faults.append(f"{package.state}, expected {step.state.upper()}: {_reasons(package)}")
    if package.receiver_case_number != step.receiver_case_number:
        faults.append(f"案号 {package.receiver_case_number}, expected {step.receiver_case_number}")
    if step.path and step.path not in {reason["path"] for reason in package.reasons}:
        faults.append(f"no reason names {step.path}: {_reasons(package)}")
    if step.part and step.part not in named_files(step, package, desks):
        faults.append(f"no reason names {step.part}: {_reasons(package)}")
    return faults


def clear(folder: Path) -> None:
    """Ends what a killed run left, and removes all state of earlier runs but the certificates."""
    states = states_in(folder.resolve())
    end_leftovers(folder.resolve(), states)
    for state in states:
        remove_cluster(state)
    for path in folder.iterdir():
        if path.name in _KEPT:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _standstill(record: SendRecord) -> str:
    """Where a package stands, and why, as far as its sender's node knows."""
    package = package_of(record)
    if package is None:
        return " ".join([record.stage, *record.missing])
    reason = package.hop_reason
    return " ".join(filter(None, (package.state, package.hop, reason.get("code"), reason.get("text_zh"))))


def _explanation(record: SendRecord) -> str:
    errors = [finding["text_zh"] for finding in record.findings if finding["severity"] == "ERROR"]
    said = f"{record.error.get('text_zh', '')} / {record.error.get('text_en', '')}" if record.error else ""
    return "\n".join([f"未能发出 / refused {said}", *errors])


def _reasons(package: SentPackage) -> str:
    return "; ".join(f"{reason['code']} {reason['path']} {reason['text_zh']}" for reason in package.reasons)
