"""Lifecycle of a suspect in a case: where the procedure and the measure stand, and how cases relate to each other."""

from xietong_standard.lifecycle.engine import (
    Position,
    Sense,
    SuspectState,
    Unexpected,
    case_summary,
    sense_of,
    suspect_states,
)
from xietong_standard.lifecycle.model import Lifecycle, Move, Region, State
from xietong_standard.lifecycle.relations import (
    CaseNumbers,
    CaseRelation,
    RelationKind,
    carried_events,
    continued_in,
)

__all__ = [
    "CaseNumbers",
    "CaseRelation",
    "Lifecycle",
    "Move",
    "Position",
    "Region",
    "RelationKind",
    "Sense",
    "State",
    "SuspectState",
    "Unexpected",
    "carried_events",
    "case_summary",
    "continued_in",
    "sense_of",
    "suspect_states",
]
