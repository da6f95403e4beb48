"""One package is one trace: its context is stored in the envelope, and every stage's span belongs to it.

Only the OpenTelemetry API is used here; what becomes of spans is decided by the adapters and the environment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from xietong.exchange.v1.envelope_pb2 import TraceContext
from xietong_exchange.domain.envelope import SealedPackage
from xietong_exchange.domain.party import party_name

_PROPAGATOR = TraceContextTextMapPropagator()
MAX_TRACESTATE_LENGTH = 512
"""What the contract lets an envelope carry."""
_TRACE_PREFIX = len("00-") + 32
"""Version and trace id of a traceparent."""
_TRACER = trace.get_tracer("xietong.exchange")
_PACKAGE: ContextVar[str] = ContextVar("package_id", default="")


def current_trace(entropy: Callable[[int], bytes]) -> TraceContext:
    """The current span and its vendors' state as an envelope carries them; a fresh trace when there is none yet.

    A state that is longer than the envelope takes is left out, as W3C Trace Context allows.
    """
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    if "traceparent" not in carrier:
        return TraceContext(traceparent=f"00-{entropy(16).hex()}-{entropy(8).hex()}-01")
    state = carrier.get("tracestate", "")
    return TraceContext(
        traceparent=carrier["traceparent"], tracestate=state if len(state) <= MAX_TRACESTATE_LENGTH else ""
    )


def current_traceparent() -> str:
    """The current span as the next node's span names its parent; empty when there is none."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent", "")


def current_package_id() -> str:
    """The package in whose span we are; empty outside of all."""
    return _PACKAGE.get()


@contextmanager
def package_span(
    stage: str,
    package: SealedPackage,
    kind: SpanKind = SpanKind.INTERNAL,
    more: Mapping[str, str] = MappingProxyType({}),
    *,
    hop_traceparent: str = "",
) -> Iterator[Span]:
    """A span of one stage (`transfer`, `commit`, …) in the trace of the package, whatever else is current.

    hop_traceparent: the span of the node before, which becomes the parent when it belongs to the package's trace.
    """
    context = package.envelope.trace_context
    is_of_trace = hop_traceparent[:_TRACE_PREFIX] == context.traceparent[:_TRACE_PREFIX]
    parent = _PROPAGATOR.extract(
        {
            "traceparent": hop_traceparent if is_of_trace else context.traceparent,
            "tracestate": context.tracestate,
        }
    )
    attributes = {
        "xietong.package.id": package.package_id,
        "xietong.process.code": package.envelope.process_code,
        "xietong.sender.party": party_name(package.envelope.sender.party),
        "xietong.receiver.party": party_name(package.envelope.receiver.party),
        **more,
    }
    with _TRACER.start_as_current_span(
        f"xietong {stage}",
        parent,
        kind=kind,
        attributes=attributes,
        record_exception=False,  # texts of exceptions may name files or persons
        set_status_on_exception=False,
    ) as span:
        before = _PACKAGE.get()
        _PACKAGE.set(package.package_id)
        try:
            yield span
        except Exception as error:
            span.set_status(StatusCode.ERROR, type(error).__name__)
            raise
        finally:
            _PACKAGE.set(before)  # no token: a generator may be closed in another context
