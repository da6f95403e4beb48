"""What every check looks at: the manifest, and what its sender wants to do with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong_standard.lifecycle.engine import Position
from xietong_standard.model import Edition, Endpoint, Process


@dataclass(frozen=True, slots=True)
class Submission:
    """A manifest on its way out. `process` is None when the edition has no process of the code.

    `positions` says where persons stand in the procedure, by collaboration person id, as far as the sender knows.
    """

    manifest: Manifest
    process_code: str
    process: Process | None
    edition: Edition
    sender: Endpoint
    receiver: Endpoint
    positions: Mapping[str, Position]
