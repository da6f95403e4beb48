"""A package page is followed until nothing more is to come, whatever the order in which evidence arrives."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from xietong.exchange.v1.evidence_pb2 import Evidence, EvidenceKind, Statement
from xietong.exchange.v1.operations_service_pb2 import GetTransitResponse
from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong_console.node import Answer
from xietong_console.web.package import View

RELAYED, DELIVERED = EvidenceKind.EVIDENCE_KIND_RELAYED, EvidenceKind.EVIDENCE_KIND_DELIVERED
ACCEPTED, WITHDRAWN = EvidenceKind.EVIDENCE_KIND_ACCEPTED, EvidenceKind.EVIDENCE_KIND_WITHDRAWN


@pytest.mark.parametrize(
    ("state", "kinds", "is_settled"),
    [
        (DeliveryState.DELIVERY_STATE_DELIVERED, (RELAYED, DELIVERED), False),
        (DeliveryState.DELIVERY_STATE_ACCEPTED, (RELAYED, ACCEPTED), False),
        (DeliveryState.DELIVERY_STATE_ACCEPTED, (RELAYED, ACCEPTED, DELIVERED), True),
        (DeliveryState.DELIVERY_STATE_WITHDRAWN, (WITHDRAWN,), True),
        (DeliveryState.DELIVERY_STATE_FAILED, (), False),
    ],
)
def test_settled(
    state: DeliveryState.ValueType, kinds: Sequence[EvidenceKind.ValueType], is_settled: bool
) -> None:
    transit = GetTransitResponse()
    transit.package.state = state
    for kind in kinds:
        transit.package.evidence.append(Evidence(statement=Statement(kind=kind).SerializeToString()))
    assert View.of(transit, Answer()).is_settled is is_settled
