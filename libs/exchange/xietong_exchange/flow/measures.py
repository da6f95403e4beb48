"""What a node counts while packages move: the instruments, named as docs/reference/telemetry.md lists them.

Only the OpenTelemetry API is used here. No attribute names a person, a case or a file, and each has few values.
"""

from __future__ import annotations

from datetime import UTC

from opentelemetry import metrics
from opentelemetry.metrics import Meter

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind, Statement
from xietong_exchange.domain.envelope import SealedPackage
from xietong_exchange.domain.party import party_name

METER = "xietong.exchange"
STAGE_SECONDS = (0.005, 0.025, 0.1, 0.5, 2, 10, 60, 300, 1800, 9000, 86400, 604800)
"""From a small package over one hop up to a decision after days; 9,000 s is when a package counts as late."""


def lane_name(lane: Lane.ValueType) -> str:
    """The lane without the enum's prefix, as settings write it."""
    return Lane.Name(lane).removeprefix("LANE_").lower()


class Measures:
    """The instruments of one meter."""

    def __init__(self, meter: Meter) -> None:
        self._states = meter.create_counter(
            "xietong.package.evidence", "{evidence}", "Evidence that this node stated or took"
        )
        self._stage = meter.create_histogram(
            "xietong.package.stage.duration",
            "s",
            "How long the stages took that this node's own evidence closes",
            explicit_bucket_boundaries_advisory=STAGE_SECONDS,
        )
        self._io = meter.create_counter(
            "xietong.package.io", "By", "Bytes of packages that went over a hop whole"
        )
        self._retries = meter.create_counter(
            "xietong.delivery.retries", "{try}", "Deliveries that failed and are tried again"
        )
        self._dead = meter.create_counter(
            "xietong.delivery.given_up", "{delivery}", "Deliveries that became dead letters"
        )

    def evidence(self, package: SealedPackage, statement: Statement, *, own: bool) -> None:
        """Evidence is on record; own: this node states it, so that its stages are counted in one place only."""
        envelope = package.envelope
        attributes = {
            "xietong.process.code": envelope.process_code,
            "xietong.lane": lane_name(package.lane),
            "xietong.evidence.kind": EvidenceKind.Name(statement.kind).removeprefix("EVIDENCE_KIND_"),
            "xietong.sender.party": party_name(envelope.sender.party),
            "xietong.receiver.party": party_name(envelope.receiver.party),
        }
        self._states.add(1, attributes)
        for stage in statement.stages if own else ():
            took = stage.end_time.ToDatetime(UTC) - stage.start_time.ToDatetime(UTC)
            self._stage.record(
                max(took.total_seconds(), 0.0),
                {
                    "xietong.stage": stage.stage,
                    "xietong.process.code": attributes["xietong.process.code"],
                    "xietong.lane": attributes["xietong.lane"],
                },
            )

    def moved(self, package: SealedPackage, peer: Party.ValueType, direction: str) -> None:
        """A package went over a hop; direction: `transmit` or `receive`."""
        self._io.add(
            package.size_bytes,
            {
                "xietong.peer": party_name(peer),
                "xietong.lane": lane_name(package.lane),
                "network.io.direction": direction,
            },
        )

    def failed(self, peer: Party.ValueType, lane: Lane.ValueType, reason: str, *, given_up: bool) -> None:
        """A try of a delivery failed; given_up: it is not tried again."""
        counter = self._dead if given_up else self._retries
        counter.add(
            1,
            {
                "xietong.peer": party_name(peer),
                "xietong.lane": lane_name(lane),
                "xietong.error.reason": reason,
            },
        )


MEASURES = Measures(metrics.get_meter(METER))
"""The process's own; a node that exports metrics sets the provider before it starts."""
