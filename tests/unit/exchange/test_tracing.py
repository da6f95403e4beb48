"""The trace context of the caller travels in the envelope, its vendors' state too, and is current at every stage."""

from __future__ import annotations

import pytest
from opentelemetry import context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from tests.unit.exchange.packages import new_envelope, sealed_package

from xietong.exchange.v1.envelope_pb2 import TraceContext
from xietong_exchange.flow.tracing import current_trace, package_span

TRACEPARENT = f"00-{'ab' * 16}-{'cd' * 8}-01"
PROPAGATOR = TraceContextTextMapPropagator()


def entropy(count: int) -> bytes:
    return b"\x11" * count


def trace_of(headers: dict[str, str]) -> TraceContext:
    """What an envelope gets when a business system calls with these headers."""
    token = context.attach(PROPAGATOR.extract(headers, context=context.Context()))
    try:
        return current_trace(entropy)
    finally:
        context.detach(token)


def test_the_state_of_the_caller_s_vendors_goes_along() -> None:
    seen = trace_of({"traceparent": TRACEPARENT, "tracestate": "vendor=1,other=2"})
    assert seen == TraceContext(traceparent=TRACEPARENT, tracestate="vendor=1,other=2")
    assert trace_of({"traceparent": TRACEPARENT}) == TraceContext(traceparent=TRACEPARENT)


def test_without_a_trace_a_new_one_begins() -> None:
    assert trace_of({}).traceparent == f"00-{'11' * 16}-{'11' * 8}-01"


@pytest.mark.parametrize(("length", "kept"), [(512, True), (513, False)])
def test_a_state_that_the_envelope_cannot_carry_is_left_out(length: int, kept: bool) -> None:
    members = [f"vendor{number}=" for number in range(4)]
    free = length - len(",".join(members))
    state = ",".join(member + "x" * (free // 4 + (free % 4 > at)) for at, member in enumerate(members))
    assert len(state) == length
    assert bool(trace_of({"traceparent": TRACEPARENT, "tracestate": state}).tracestate) == kept


def test_the_receiving_side_takes_it_up() -> None:
    envelope = new_envelope()
    envelope.trace_context.CopyFrom(TraceContext(traceparent=TRACEPARENT, tracestate="vendor=1"))
    carrier: dict[str, str] = {}
    with package_span("transfer", sealed_package(envelope)):
        PROPAGATOR.inject(carrier)
    assert carrier["traceparent"].split("-")[1] == "ab" * 16
    assert carrier["tracestate"] == "vendor=1"
