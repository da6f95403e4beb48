"""W3C trace context of what the caller does, so that a package is one trace from the first call on."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Self

from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from xietong.exchange.v1.envelope_pb2 import TraceContext

_TRACE_ID_BYTES = 16  # W3C Trace Context, section 3.2.2
_SPAN_ID_BYTES = 8


@dataclass(frozen=True, slots=True)
class Trace:
    """The headers `traceparent` and `tracestate`."""

    traceparent: str
    tracestate: str = ""

    @classmethod
    def current(cls) -> Self | None:
        """The trace of the caller's current OpenTelemetry span, None when there is none."""
        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier)
        if "traceparent" not in carrier:
            return None
        return cls(carrier["traceparent"], carrier.get("tracestate", ""))

    @classmethod
    def begin(cls) -> Self:
        """The caller's current trace, or a new one."""
        new = f"00-{secrets.token_hex(_TRACE_ID_BYTES)}-{secrets.token_hex(_SPAN_ID_BYTES)}-01"
        return cls.current() or cls(new)

    @classmethod
    def of_package(cls, context: TraceContext) -> Self | None:
        """The caller's current trace, or else the one that travels with a package."""
        travelling = cls(context.traceparent, context.tracestate) if context.traceparent else None
        return cls.current() or travelling

    @property
    def trace_id(self) -> str:
        """The id of the trace: 32 hexadecimal digits."""
        return self.traceparent.split("-")[1]

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """The headers as gRPC metadata."""
        state = (("tracestate", self.tracestate),) if self.tracestate else ()
        return (("traceparent", self.traceparent), *state)
