"""The port to the changes of the data standard that the hub keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.supervision.v1.standard_change_pb2 import StandardChange, StandardChangeState


class StandardChanges(Protocol):
    """Changes of the data standard, in the order in which they were asked for."""

    async def add(self, change: StandardChange, request_id: str) -> bool:
        """Add a new change; False when its party has used this `request_id` before."""

    async def requested(self, party: Party.ValueType, request_id: str) -> StandardChange | None:
        """The change that a party asked for with this id."""

    async def get(self, change_id: str, *, for_update: bool = False) -> StandardChange | None:
        """The change; `for_update`: nobody else changes it until the transaction ends."""

    async def replace(self, change: StandardChange) -> None:
        """What has become of it."""

    async def page(
        self, states: Sequence[StandardChangeState.ValueType], *, before: int | None, limit: int
    ) -> list[tuple[int, StandardChange]]:
        """Changes in one of these states, or all, with their positions: the newest first, from below `before` on."""
