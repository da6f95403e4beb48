"""The lifecycle of a suspect in a case as immutable objects: what lifecycle.yaml says.

Two regions run side by side: the procedure, and the compulsory measure (强制措施).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from xietong_standard.clocks.events import Moment, Trigger
from xietong_standard.model import Basis, OpenPoint
from xietong_standard.text import Text

# `from` of a move that may start anywhere.
ANY_STATE = "*"


@dataclass(frozen=True, slots=True)
class State:
    """A state. In a terminal one the procedure is over, though a few ways may lead out of it, such as a retrial."""

    code: str
    name: Text
    terminal: bool


@dataclass(frozen=True, slots=True)
class Move:
    """A way between states. `most_visits` bounds how often it may enter `to`, over all jurisdictions; 0 for no bound.

    `whole_case`: it moves every person of the case who stands at its beginning, whomever the event names.
    """

    origins: tuple[str, ...]
    to: str
    by: tuple[Trigger, ...]
    most_visits: int
    whole_case: bool
    basis: tuple[Basis, ...]

    def leads_from(self, state: str) -> bool:
        """Whether it may be taken in this state."""
        return state in self.origins or ANY_STATE in self.origins


@dataclass(frozen=True, slots=True)
class Region:
    """States and the ways between them. `fits`: states in which a process makes sense that moves nothing."""

    states: Mapping[str, State]
    moves: tuple[Move, ...]
    fits: Mapping[str, tuple[str, ...]]
    led_by: Mapping[tuple[str, Moment | None], tuple[Move, ...]] = field(init=False, repr=False)
    """The moves by what may lead to them: derived, as most events lead to none."""

    def __post_init__(self) -> None:
        led_by: dict[tuple[str, Moment | None], tuple[Move, ...]] = {}
        for move in self.moves:
            for key in dict.fromkeys((trigger.code, trigger.moment) for trigger in move.by):
                led_by[key] = (*led_by.get(key, ()), move)
        object.__setattr__(self, "led_by", MappingProxyType(led_by))


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The lifecycle of an edition."""

    procedure: Region
    measure: Region
    unsure: tuple[OpenPoint, ...]
