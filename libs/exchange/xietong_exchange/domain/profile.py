"""A service's profile: which party it is and what its systems may do. The only thing that tells nodes apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from xietong.casefile.v1.manifest_pb2 import PartKind
from xietong.exchange.v1.envelope_pb2 import Party
from xietong_exchange.domain.errors import GrantMissing

Grant = Literal["contribute", "submit", "read", "decide"]


@dataclass(frozen=True, slots=True)
class SystemProfile:
    """What one business system may do at its node."""

    grants: frozenset[Grant]
    reads: frozenset[PartKind.ValueType] | None = None
    """Kinds of parts that it may read; None for all. The manifest goes with every `read`."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A party's node: its systems by name as in their certificates, and whether it relays for others."""

    party: Party.ValueType
    title_zh: str
    title_en: str
    systems: Mapping[str, SystemProfile] = field(default_factory=dict)
    relays: bool = False

    def system(self, name: str) -> SystemProfile:
        """The profile of a system; one that is not named has no grants."""
        return self.systems.get(name, SystemProfile(frozenset()))

    def require(self, system: str, *grants: Grant) -> None:
        """Raise GrantMissing unless the system has one of these grants."""
        if self.system(system).grants.isdisjoint(grants):
            raise GrantMissing(system=system or "?", grant=" / ".join(grants))
