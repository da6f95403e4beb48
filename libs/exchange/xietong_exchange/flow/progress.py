"""How many bytes of a package have moved over the hop next to this node, while they move."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Movement:
    """Bytes that the receiving side of the hop holds, of all bytes of the package."""

    transferred_bytes: int
    total_bytes: int
    is_incoming: bool


class ProgressBoard:
    """Movements under way in this process, by package id. Bounded by the transfers under way."""

    def __init__(self) -> None:
        self._moving: dict[str, Movement] = {}

    def begin(self, package_id: str, total_bytes: int, *, is_incoming: bool) -> Movement:
        """A movement to this node or away from it begins; whoever moves the bytes updates the returned value."""
        movement = Movement(0, total_bytes, is_incoming)
        self.show(package_id, movement)
        return movement

    def show(self, package_id: str, movement: Movement) -> None:
        """This is how far the package is from now on."""
        self._moving[package_id] = movement

    def end(self, package_id: str, movement: Movement) -> None:
        """It ended, unless another one has taken its place."""
        if self._moving.get(package_id) is movement:
            del self._moving[package_id]

    def get(self, package_id: str) -> Movement | None:
        """The movement of a package, None when none is under way here."""
        return self._moving.get(package_id)

    def incoming(self) -> dict[str, int]:
        """How far the packages are that move to this node, by package id."""
        return {one: moved.transferred_bytes for one, moved in self._moving.items() if moved.is_incoming}
