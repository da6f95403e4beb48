"""What one business system is: the only thing that tells the desks of the parties apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xietong.casefile.v1.manifest_pb2 import PartKind
from xietong_client import Text
from xietong_system_desk.case_numbers import NumberSeries
from xietong_system_desk.review import Check


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskProfile:
    """A business system.

    Attributes:
        system: Its name, as in its certificate and in the case folders.
        title: Its name for people.
        submits: Whether it opens drafts and submits them; otherwise it contributes to the drafts of another.
        decides: Whether its handler accepts and returns; otherwise it keeps what arrives.
        reads: Kinds of parts that it takes; None for all.
        series: Case-number series by the stage of the process (`PB` of `PB-01`); the one for `""` serves the rest.
        checks: What the handler checks before he accepts.
        answers: The processes that each process of this system may answer.
    """

    system: str
    title: Text
    submits: bool = True
    decides: bool = True
    reads: frozenset[PartKind.ValueType] | None = None
    series: Mapping[str, NumberSeries] = field(default_factory=dict)
    checks: Sequence[Check] = ()
    answers: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def series_of(self, process_code: str) -> NumberSeries:
        """The series from which a case of this process gets its number."""
        stage = process_code.partition("-")[0]
        return self.series.get(stage) or self.series[""]
