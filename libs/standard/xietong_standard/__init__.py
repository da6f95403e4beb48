"""The data standard (数据标准): editions as versioned data, and the pure functions that apply them.

`load_edition` reads an edition, `validate` gives the verdict on a manifest, `findings` streams what it holds.
"""

from xietong_standard.checks.pages import DEFAULT_PAGE_TOLERANCE
from xietong_standard.gaps import Statistics, gaps, statistics, unsure_points
from xietong_standard.loader import EDITIONS_FOLDER, available_editions, load_edition
from xietong_standard.model import (
    Edition,
    EditionStatus,
    Endpoint,
    Party,
    Permission,
    Process,
    ReceiverMode,
    UnknownProcessError,
)
from xietong_standard.source import EditionError, Problem
from xietong_standard.text import Text
from xietong_standard.validation import RULES, findings, validate
from xietong_standard.verdict import Finding, Rule, Severity, Verdict

__all__ = [
    "DEFAULT_PAGE_TOLERANCE",
    "EDITIONS_FOLDER",
    "RULES",
    "Edition",
    "EditionError",
    "EditionStatus",
    "Endpoint",
    "Finding",
    "Party",
    "Permission",
    "Problem",
    "Process",
    "ReceiverMode",
    "Rule",
    "Severity",
    "Statistics",
    "Text",
    "UnknownProcessError",
    "Verdict",
    "available_editions",
    "findings",
    "gaps",
    "load_edition",
    "statistics",
    "unsure_points",
    "validate",
]
