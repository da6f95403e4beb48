"""How a clock stands, and the texts that say it.

The system warns. Whether a delay is unlawful is for the procuratorate to say, so no state and no text says it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from xietong_standard.clocks.calendar import Certainty
from xietong_standard.clocks.extensions import REMARKS, Remark
from xietong_standard.clocks.model import ClockItem
from xietong_standard.clocks.terms import CHINA_TIME, Term
from xietong_standard.model import Party
from xietong_standard.text import Text


class Phase(StrEnum):
    """How a clock stands. `PASSED` says that its end lies behind and nothing that ends it was seen."""

    NOT_OBSERVED = "not_observed"
    RUNNING = "running"
    SUSPENDED = "suspended"
    WARNING = "warning"
    PASSED = "passed"
    ENDED = "ended"


_PHASES = {
    Phase.NOT_OBSERVED: Text(
        "未监测到起算事件", "not observed: no event that starts it crossed the exchange"
    ),
    Phase.RUNNING: Text("计算中，{due}届满", "running until {due}"),
    Phase.SUSPENDED: Text(
        "期间暂不计入，如现在恢复则于{due}届满", "time is not counted now; if it resumed, until {due}"
    ),
    Phase.WARNING: Text("即将届满：{due}", "near its end: {due}"),
    Phase.PASSED: Text(
        "已到届满时间（{due}），请核实是否已办理、延长或重新计算。本提示不作超期认定",
        "its end ({due}) has passed; check whether it was done, extended or begun anew. This is a reminder and no "
        "finding of delay",
    ),
    Phase.ENDED: Text("已办结", "ended"),
}
_OPEN = Text("计算中", "running")
"""A span that runs until something ends it, and has no due date."""
_CERTAINTY = {
    Certainty.WEEKENDS_ONLY: Text(
        "该年放假安排未核实，仅按周末计算",
        "the holidays of that year are not confirmed; only weekends are counted",
    ),
    Certainty.UNKNOWN_YEAR: Text(
        "该年无工作日历，届满日未顺延",
        "there is no calendar of that year; the end is not moved by its holidays",
    ),
}
_UNSURE = Text("本条规则有待主管机关确认", "an authority has yet to confirm this rule")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockState:
    """How one clock stands for one person, or for the whole case when `person_id` is empty.

    `due` is the first moment after the end, `last_day` the last day in China (None for limits in hours). `lead` is the
    warning lead that was reached, `runs` how often the clock started, `extended` names the extensions that count.
    `started_by` is the package that told the start of the latest run, `warns` when the first warning lead is reached.
    """

    clock_id: str
    item: ClockItem
    name: Text
    person_id: str
    responsible: tuple[Party, ...]
    phase: Phase = Phase.NOT_OBSERVED
    started: datetime | None = None
    started_by: str = ""
    due: datetime | None = None
    last_day: date | None = None
    ended: datetime | None = None
    lead: Term | None = None
    warns: datetime | None = None
    runs: int = 0
    extended: tuple[str, ...] = ()
    certainty: Certainty = Certainty.OFFICIAL
    remarks: tuple[Remark, ...] = ()

    def text(self) -> Text:
        """The state in words, with what limits its certainty. It names no person."""
        notes = [REMARKS[remark] for remark in self.remarks]
        if self.due and self.certainty is not Certainty.OFFICIAL:
            notes.append(_CERTAINTY[self.certainty])
        if self.item.unsure:
            notes.append(_UNSURE)
        due = self._due_text()
        words = _PHASES[self.phase] if due or self.phase is not Phase.RUNNING else _OPEN
        said = Text(words.zh.format(due=due), words.en.format(due=due))
        zh = "；".join([f"{self.name.zh}：{said.zh}", *(note.zh for note in notes)])
        return Text(zh, "; ".join([f"{self.name.en}: {said.en}", *(note.en for note in notes)]))

    def _due_text(self) -> str:
        if self.last_day:
            return self.last_day.isoformat()
        return f"{self.due.astimezone(CHINA_TIME):%Y-%m-%d %H:%M}" if self.due else ""
