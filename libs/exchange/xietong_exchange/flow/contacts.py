"""The port to what operators changed of the directory, with its record; the configuration says the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.supervision.v1.directory_service_pb2 import ContactLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRecord:
    """A contact as operators put it, or that they removed it."""

    party: Party.ValueType
    system: str
    vendor: str
    level: ContactLevel.ValueType
    reach: str = ""
    duty_hours: str = ""
    removed: bool = False

    @property
    def key(self) -> tuple[int, str, str, int]:
        """Of each key there is one contact."""
        return self.party, self.system, self.vendor, self.level


class Contacts(Protocol):
    """What operators changed of the directory."""

    async def all(self) -> list[ContactRecord]:
        """In the order of their keys."""

    async def put(self, record: ContactRecord) -> None:
        """Add, or replace the one with this key."""
