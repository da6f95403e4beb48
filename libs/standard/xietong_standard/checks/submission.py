"""What every check looks at: the manifest, and what its sender wants to do with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong_standard.checks.facts import Facts
from xietong_standard.lifecycle.engine import Position
from xietong_standard.model import Edition, Endpoint, Process


@dataclass(frozen=True, slots=True)
class Submission:
    """A manifest on its way out. `process` is None when the edition has no process of the code.

    `positions` says where persons stand in the procedure, by collaboration person id, as far as the sender knows;
    `page_tolerance` is by how many pages a count may differ.
    """

    manifest: Manifest
    process_code: str
    process: Process | None
    edition: Edition
    sender: Endpoint
    receiver: Endpoint
    positions: Mapping[str, Position]
    page_tolerance: int
    facts: Facts = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "facts", Facts(self.manifest))

    @property
    def hands_over_the_case(self) -> bool:
        """Whether the process carries the case file itself, so that what a case needs can be asked of it."""
        return self.process is not None and bool(self.process.required_volumes)
