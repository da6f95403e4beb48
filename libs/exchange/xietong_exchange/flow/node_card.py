"""The node's card: what it tells about itself and its neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

from xietong.exchange.v1.capabilities_pb2 import Capabilities
from xietong.exchange.v1.envelope_pb2 import DigestAlgorithm, Party, SignatureAlgorithm
from xietong.exchange.v1.gateway_service_pb2 import GetNodeResponse, PartyStatus
from xietong_exchange.domain.evidence import timestamp
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.maintenance import Maintenance
from xietong_exchange.flow.neighbours import Neighbours

SOFTWARE_VERSION = version("xietong-exchange")


@dataclass(frozen=True, slots=True)
class NodeCard:
    """Answers questions about this node."""

    exchange: Exchange
    neighbours: Neighbours
    maintenance: Maintenance

    def capabilities(self) -> Capabilities:
        """What this node can do and allows."""
        return Capabilities(
            party=self.exchange.party,
            software_version=SOFTWARE_VERSION,
            contract_versions=["xietong.exchange.v1"],
            standard_editions=self.exchange.rules.editions,
            digest_algorithms=[DigestAlgorithm.DIGEST_ALGORITHM_SHA256],
            signature_algorithms=[
                SignatureAlgorithm.SIGNATURE_ALGORITHM_ED25519,
                SignatureAlgorithm.SIGNATURE_ALGORITHM_ECDSA_P256_SHA256,
            ],
            limits=self.exchange.limits.to_message(),
            current_time=timestamp(self.exchange.clock()),
            maintenance=self.maintenance.own,
        )

    def beyond(self, asking: Party.ValueType) -> list[Capabilities]:
        """What the nodes to which this one relays last told, for a neighbour that sends to them."""
        if not self.exchange.profile.relays:
            return []
        others = sorted(self.exchange.routes.neighbours - {asking})
        told = [self.neighbours.contact(party).capabilities for party in others]
        return [capabilities for capabilities in told if capabilities is not None]

    def for_system(self, system: str) -> GetNodeResponse:
        """What a business system wants to know first."""
        grants = sorted(self.exchange.profile.system(system).grants)
        return GetNodeResponse(capabilities=self.capabilities(), system=system, grants=grants)

    def parties(self) -> Sequence[PartyStatus]:
        """The parties that this node reaches."""
        return [self._status(party) for party in sorted(self.exchange.routes.via)]

    def _status(self, party: Party.ValueType) -> PartyStatus:
        hop = self.exchange.routes.next_hop(party)
        contact = self.neighbours.contact(hop)
        last = contact.last_contact_time
        return PartyStatus(
            party=party,
            via=hop,
            neighbour_reachable=contact.reachable,
            neighbour=contact.capabilities,
            last_contact_time=timestamp(last) if last else None,
            capabilities=contact.capabilities_of(party),
        )
