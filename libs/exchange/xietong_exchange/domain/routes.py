"""Over which neighbour a party is reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_exchange.domain.errors import RouteNotFound
from xietong_exchange.domain.party import party_name


@dataclass(frozen=True, slots=True)
class Routes:
    """The way from this node: the neighbour for each party. A branch reaches everybody through the hub.

    Neighbours reach themselves, also one that is no party to packages of cases: a hub tests the chain.
    """

    own: Party.ValueType
    via: Mapping[Party.ValueType, Party.ValueType]
    after_complete: frozenset[Party.ValueType] = frozenset()
    """Neighbours to which packages go on only when they are whole; to others while they still arrive."""

    def next_hop(self, party: Party.ValueType) -> Party.ValueType:
        """The neighbour over which packages to this party go. Raises RouteNotFound when there is none."""
        hop = self.via.get(party, party if party in self.neighbours else None)
        if hop is None or party == self.own:
            raise RouteNotFound(party=party_name(party))
        return hop

    @property
    def neighbours(self) -> frozenset[Party.ValueType]:
        """The nodes that this node dials and that dial it."""
        return frozenset(self.via.values())
