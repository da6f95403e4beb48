"""Statistics of a span of time: how many packages, how fast, what became of them, and why they were returned."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from xietong.exchange.v1.evidence_pb2 import Statement
from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong.supervision.v1.flow_service_pb2 import (
    ArrivalTime,
    FlowCount,
    GetStatisticsResponse,
    ReasonCount,
)
from xietong_exchange.domain.chain_test import is_test
from xietong_exchange.flow.records import ArrivalCount, OutcomeCount, ReturnedRecord
from xietong_exchange.flow.store import Store

MOST_DELIVERED = 50_000
"""Of so many delivered packages the time is told: beyond, the database would read all packages there are."""
MOST_RETURNED = 5_000
"""So many returned packages are looked into."""
MOST_REASONS = 20
_OUTCOMES = {
    DeliveryState.DELIVERY_STATE_ACCEPTED: "accepted_count",
    DeliveryState.DELIVERY_STATE_RETURNED: "returned_count",
    DeliveryState.DELIVERY_STATE_REJECTED: "rejected_count",
}


@dataclass(frozen=True, slots=True)
class FlowStatistics:
    """Counts what the store of a node holds."""

    store: Store

    async def of(self, start: datetime, end: datetime) -> GetStatisticsResponse:
        """Everything of one span."""
        async with self.store.transaction() as tx:
            outcomes = await tx.statistics.outcomes(start, end, only_corrections=False)
            corrections = await tx.statistics.outcomes(start, end, only_corrections=True)
            arrivals = await tx.statistics.arrivals(start, end, limit=MOST_DELIVERED)
            returned = await tx.statistics.returned(start, end, limit=MOST_RETURNED)
        return GetStatisticsResponse(
            counts=flow_counts(outcomes, corrections),
            arrivals=map(_arrival, sorted(arrivals, key=lambda one: (one.sender, one.receiver))),
            return_reasons=reason_counts(returned),
        )


def flow_counts(outcomes: Iterable[OutcomeCount], corrections: Iterable[OutcomeCount]) -> Sequence[FlowCount]:
    """By process and parties; what corrects another package has no part in the first tries."""
    counts: defaultdict[tuple[str, int, int], FlowCount] = defaultdict(FlowCount)
    for one in (counted for counted in outcomes if not is_test(counted.process_code)):
        count = _of(one, counts)
        count.package_count += one.count
        if one.state in _OUTCOMES:
            name = _OUTCOMES[one.state]
            setattr(count, name, getattr(count, name) + one.count)
        count.failed_count += one.count * (one.state == DeliveryState.DELIVERY_STATE_FAILED)
        _add_first(count, one, one.count)
    for one in corrections:
        _add_first(_of(one, counts), one, -one.count)
    return [counts[key] for key in sorted(counts)]


def _of(one: OutcomeCount, counts: defaultdict[tuple[str, int, int], FlowCount]) -> FlowCount:
    count = counts[one.process_code, one.sender, one.receiver]
    count.process_code, count.sender, count.receiver = one.process_code, one.sender, one.receiver
    return count


def _add_first(count: FlowCount, one: OutcomeCount, number: int) -> None:
    """Never below zero: between two looks a correction may have been decided."""
    if one.state in _OUTCOMES:
        count.first_outcome_count = max(0, count.first_outcome_count + number)
    if one.state == DeliveryState.DELIVERY_STATE_ACCEPTED:
        count.first_accepted_count = max(0, count.first_accepted_count + number)


def reason_counts(returned: Iterable[ReturnedRecord]) -> Sequence[ReasonCount]:
    """The most frequent codes; a package that names one several times counts once. Texts may be personal: none."""
    found = Counter(
        (record.receiver, code)
        for record in returned
        for code in {reason.code for reason in Statement.FromString(record.reasons).reasons}
    )
    most = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:MOST_REASONS]
    return [ReasonCount(code=code, receiver=party, package_count=count) for (party, code), count in most]


def _arrival(one: ArrivalCount) -> ArrivalTime:
    return ArrivalTime(
        sender=one.sender,
        receiver=one.receiver,
        package_count=one.count,
        p50_seconds=max(0.0, one.half_seconds),  # clocks of two nodes may differ
        p95_seconds=max(0.0, one.most_seconds),
    )
