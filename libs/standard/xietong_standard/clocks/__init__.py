"""Statutory clocks (办案期限): which time limits run on a case and its suspects, and when they end.

`clock_states` evaluates the clocks of an edition over the events of a case. Nothing here reads files but
`reader` and `calendar_reader`.
"""

from xietong_standard.clocks.calendar import Certainty, DayKind, WorkingCalendar
from xietong_standard.clocks.evaluation import clock_states
from xietong_standard.clocks.events import Event, EventKind, Moment, Trigger
from xietong_standard.clocks.extensions import Remark
from xietong_standard.clocks.model import ClockItem, ClockKind, Clocks, Limit
from xietong_standard.clocks.states import ClockState, Phase
from xietong_standard.clocks.terms import CHINA_TIME, Term, months_later, sentence_end

__all__ = [
    "CHINA_TIME",
    "Certainty",
    "ClockItem",
    "ClockKind",
    "ClockState",
    "Clocks",
    "DayKind",
    "Event",
    "EventKind",
    "Limit",
    "Moment",
    "Phase",
    "Remark",
    "Term",
    "Trigger",
    "WorkingCalendar",
    "clock_states",
    "months_later",
    "sentence_end",
]
