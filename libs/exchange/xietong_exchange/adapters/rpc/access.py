"""Who may call which rpc: one table over all services. What it doesn't name is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_exchange.domain.errors import IdentityMissing, PeerNotAllowed
from xietong_exchange.domain.identity import Identity, Role


class Whose(Enum):
    """The party that a caller must belong to, as the node sees it."""

    OWN = auto()
    NEIGHBOUR = auto()
    CITY_AT_HUB = auto()
    """The hub's own people and those of its neighbours, and at the hub only."""


@dataclass(frozen=True, slots=True)
class Right:
    """A role of a party that may call: all rpcs of a service, or `only` these."""

    role: Role
    whose: Whose
    only: frozenset[str] | None = None


GATEWAY_READING = frozenset(
    {"GetNode", "ListParties", "GetDraft", "GetPackage", "WatchPackage", "ListPackages", "WatchInbox"}
)
"""What the operators of a party may call of its GatewayService."""

RIGHTS: Mapping[str, Sequence[Right]] = MappingProxyType(
    {
        "xietong.exchange.v1.TransferService": (Right(Role.EXCHANGE, Whose.NEIGHBOUR),),
        "xietong.exchange.v1.GatewayService": (
            Right(Role.SYSTEM, Whose.OWN),
            Right(Role.OPERATOR, Whose.OWN, GATEWAY_READING),
        ),
        "xietong.exchange.v1.OperationsService": (Right(Role.OPERATOR, Whose.OWN),),
        "xietong.supervision.v1.ClockService": (Right(Role.OPERATOR, Whose.OWN),),
        "xietong.supervision.v1.FlowService": (Right(Role.OPERATOR, Whose.OWN),),
        "xietong.supervision.v1.DirectoryService": (Right(Role.OPERATOR, Whose.OWN),),
        "xietong.supervision.v1.MaintenanceService": (Right(Role.OPERATOR, Whose.OWN),),
        "xietong.supervision.v1.IncidentService": (Right(Role.OPERATOR, Whose.OWN),),
        "xietong.supervision.v1.ProblemService": (
            Right(Role.OPERATOR, Whose.OWN),
            Right(Role.SYSTEM, Whose.OWN, frozenset({"ReportProblem"})),
        ),
        "xietong.supervision.v1.StandardService": (Right(Role.OPERATOR, Whose.CITY_AT_HUB),),
    }
)


@dataclass(frozen=True, slots=True)
class Access:
    """The door of one node: its trust domain, its party and its neighbours."""

    trust_domain: str
    party: Party.ValueType
    neighbours: frozenset[Party.ValueType]

    def admit(self, uris: Sequence[str], method: str) -> Identity:
        """The caller by the URI SANs of his certificate, if he may call `method` (`/package.Service/Rpc`).

        Raises:
            IdentityMissing: the URIs are not exactly one identity of the trust domain.
            PeerNotAllowed: this identity may not make this call.
        """
        identity = Identity.parse(uris[0]) if len(uris) == 1 else None  # SPIFFE: one URI SAN, or no identity
        if identity is None or identity.trust_domain != self.trust_domain:
            raise IdentityMissing(trust_domain=self.trust_domain)
        service, _, rpc = method.removeprefix("/").partition("/")
        if not any(self._grants(right, identity, rpc) for right in RIGHTS.get(service, ())):
            raise PeerNotAllowed(peer=identity.path, method=method.removeprefix("/"))
        return identity

    def _grants(self, right: Right, identity: Identity, rpc: str) -> bool:
        called = right.only is None or rpc in right.only
        return called and identity.role is right.role and identity.party in self._parties(right.whose)

    def _parties(self, whose: Whose) -> frozenset[Party.ValueType]:
        match whose:
            case Whose.OWN:
                return frozenset({self.party})
            case Whose.NEIGHBOUR:
                return self.neighbours
            case Whose.CITY_AT_HUB:
                is_hub = self.party == Party.PARTY_HUB
                return self.neighbours | {self.party} if is_hub else frozenset()
