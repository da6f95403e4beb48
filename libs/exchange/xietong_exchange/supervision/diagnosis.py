"""Diagnosis: why a package is late, as far as this node can know, and which packages are late for the same reason.

Pure: whoever watches brings what the store and the neighbours tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.evidence_pb2 import Reason, Statement
from xietong.exchange.v1.package_pb2 import DeliveryState as State
from xietong.exchange.v1.package_pb2 import Direction
from xietong.supervision.v1.incident_pb2 import IncidentKind as Kind
from xietong.supervision.v1.incident_pb2 import IncidentSeverity as Severity
from xietong_exchange.domain.party import party_name
from xietong_exchange.domain.punctuality import (
    ON_ITS_WAY,
    Journey,
    Patience,
    Punctuality,
    is_undecided_for_long,
    punctuality,
)
from xietong_exchange.flow.incidents import OpenPackage

EXCHANGE = "exchange"
"""The system of a party that is its node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A package with what else is known of it at this moment."""

    package: OpenPackage
    journey: Journey
    hop: Party.ValueType
    """The node that has to answer before it goes on."""
    hop_answers: bool
    transferred_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is wrong with one package."""

    kind: Kind.ValueType
    severity: Severity.ValueType
    hop: Party.ValueType
    system: str
    reason: Reason = field(default_factory=Reason)

    @property
    def cause(self) -> str:
        """Equal for packages that one and the same thing keeps."""
        return f"{Kind.Name(self.kind)}:{party_name(self.hop)}:{self.system}:{self.reason.code}"


@dataclass(slots=True)
class Trouble:
    """One cause, with all packages that it keeps; the first is the one that waits longest."""

    finding: Finding
    first: Sighting | None
    package_ids: list[str]

    def take(self, finding: Finding, sighting: Sighting) -> None:
        """One more package for the same reason."""
        self.package_ids.append(sighting.package.package_id)
        if finding.severity > self.finding.severity:
            self.finding = finding
        if self.first is None or sighting.journey.submit_time < self.first.journey.submit_time:
            self.first = sighting


def fold(found: Sequence[tuple[Finding, Sighting]], troubles: dict[str, Trouble]) -> None:
    """Put findings to those of the same cause."""
    for finding, sighting in found:
        trouble = troubles.setdefault(finding.cause, Trouble(finding, None, []))
        trouble.take(finding, sighting)


def diagnose(sighting: Sighting, patience: Patience, now: datetime) -> Finding | None:
    """What is wrong with a package; None when nothing is."""
    package, journey = sighting.package, sighting.journey
    if is_undecided_for_long(journey, patience, now):
        return _at_receiver(sighting, Kind.INCIDENT_KIND_NOT_DECIDED, Severity.INCIDENT_SEVERITY_ALARM)
    clock = punctuality(journey, patience, now)
    if clock is Punctuality.ARRIVED:
        return None
    severity = (
        Severity.INCIDENT_SEVERITY_ALARM
        if clock is Punctuality.OVERDUE
        else Severity.INCIDENT_SEVERITY_WARNING
    )
    if _is_given_up(package):
        return _given_up(sighting)
    if journey.state not in ON_ITS_WAY:
        return _not_parsed(sighting, clock, severity)
    if clock is Punctuality.ON_TIME:
        return None
    return _on_its_way(sighting, severity, stands=now - journey.moved_time >= patience.standstill)


def _is_given_up(package: OpenPackage) -> bool:
    is_dead = package.delivery is not None and package.delivery.status == "dead"
    return is_dead or package.state == State.DELIVERY_STATE_FAILED


def _given_up(sighting: Sighting) -> Finding:
    return Finding(
        kind=Kind.INCIDENT_KIND_GIVEN_UP,
        severity=Severity.INCIDENT_SEVERITY_ALARM,
        hop=sighting.hop,
        system=EXCHANGE,
        reason=_last_reason(sighting.package),
    )


def _on_its_way(sighting: Sighting, severity: Severity.ValueType, *, stands: bool) -> Finding:
    """Towards the next node: that is away, or nothing moves, or it moves slowly."""
    if not sighting.hop_answers:
        return away(sighting.hop, severity)
    if not sighting.journey.is_watched:
        return Finding(
            kind=Kind.INCIDENT_KIND_NOT_DELIVERED, severity=severity, hop=sighting.hop, system=EXCHANGE
        )
    reason = _last_reason(sighting.package) if stands else Reason()
    kind = Kind.INCIDENT_KIND_STANDSTILL if stands else Kind.INCIDENT_KIND_SLOW
    return Finding(kind=kind, severity=severity, hop=sighting.hop, system=EXCHANGE, reason=reason)


def away(hop: Party.ValueType, severity: Severity.ValueType) -> Finding:
    """A neighbour that does not answer."""
    return Finding(kind=Kind.INCIDENT_KIND_NEIGHBOUR_AWAY, severity=severity, hop=hop, system=EXCHANGE)


def _not_parsed(sighting: Sighting, clock: Punctuality, severity: Severity.ValueType) -> Finding | None:
    """At the receiver's node: a failure to parse is told at once, everything else when it takes too long."""
    reason = _last_reason(sighting.package)
    if reason.code:
        return _at_receiver(sighting, Kind.INCIDENT_KIND_PARSE_FAILED, severity, reason)
    if clock is Punctuality.ON_TIME:
        return None
    is_fetched = sighting.journey.state == State.DELIVERY_STATE_RETRIEVED
    kind = Kind.INCIDENT_KIND_NOT_PARSED if is_fetched else Kind.INCIDENT_KIND_NOT_FETCHED
    return _at_receiver(sighting, kind, severity)


def _at_receiver(
    sighting: Sighting, kind: Kind.ValueType, severity: Severity.ValueType, reason: Reason | None = None
) -> Finding:
    """What the receiver's business systems or people have to do."""
    receiver = sighting.package.receiver
    return Finding(kind=kind, severity=severity, hop=receiver, system="", reason=reason or Reason())


def _last_reason(package: OpenPackage) -> Reason:
    """Why the last try over the next hop ended, or what the evidence gave as the reason."""
    moved = package.delivery
    if moved is not None and moved.status != "done" and moved.last_reason:
        return Reason(code=moved.last_reason, text_zh=moved.last_text_zh, text_en=moved.last_text_en)
    stated = Statement.FromString(package.reasons).reasons
    return stated[0] if stated else Reason()


def is_inwards(package: OpenPackage) -> bool:
    """Whether it is still on its way to this node."""
    return package.direction == Direction.DIRECTION_INCOMING or not package.complete
