"""OpenTelemetry for a node, configured by the standard OTEL_* variables.

Only a node whose variables ask for export imports this: the SDK and its exporter cost a third of a second of a start.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

FLUSH_SECONDS = 2.0
"""A collector that is away must not delay the stop of a node."""


@asynccontextmanager
async def exported_traces(service_name: str) -> AsyncIterator[None]:
    """Export the spans of this process over OTLP; at the end what is left, within a bound."""
    provider = TracerProvider(resource=Resource.create({"service.name": service_name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        await asyncio.to_thread(provider.force_flush, int(FLUSH_SECONDS * 1000))
        await asyncio.to_thread(provider.shutdown)
