"""The stages of a running node, as the services and the background tasks share them."""

from __future__ import annotations

from dataclasses import dataclass

from xietong_exchange.adapters.notary import FileNotary
from xietong_exchange.adapters.postgres import Presence
from xietong_exchange.adapters.rpc.peers import GrpcNeighbours
from xietong_exchange.adapters.rpc.tls import TlsFiles
from xietong_exchange.flow.dispatch import Dispatcher
from xietong_exchange.flow.evidence import EvidenceDesk
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.maintenance import Maintenance
from xietong_exchange.flow.receive import Receiver
from xietong_exchange.runtime.logs import RecentLog
from xietong_exchange.runtime.settings import Settings
from xietong_exchange.supervision.sightings import Lookout


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What a node is made of; one of each per process."""

    settings: Settings
    exchange: Exchange
    desk: EvidenceDesk
    receiver: Receiver
    dispatcher: Dispatcher
    neighbours: GrpcNeighbours
    notary: FileNotary
    lookout: Lookout
    maintenance: Maintenance
    presence: Presence
    tls: TlsFiles
    recent_log: RecentLog
