"""What the reference business systems share: a desk that sends case folders and does what a handler does.

A system describes itself with a `DeskProfile` (title, case numbers, checks, answers) and calls `run`. The desk
talks to the node of its own party through the client SDK and to its users through folders.
"""

from __future__ import annotations

from xietong_system_desk.case_numbers import NumberSeries
from xietong_system_desk.command import run
from xietong_system_desk.profile import DeskProfile
from xietong_system_desk.review import Check, Submission

__all__ = ["Check", "DeskProfile", "NumberSeries", "Submission", "run"]
