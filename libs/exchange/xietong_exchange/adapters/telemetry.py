"""OpenTelemetry for a node, configured by the standard OTEL_* variables; nothing is exported unless they ask for it."""

from __future__ import annotations

import asyncio

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

FLUSH_SECONDS = 2.0
"""A collector that is away must not delay the stop of a node."""


class Telemetry:
    """The tracer provider of a process."""

    def __init__(self, service_name: str, *, exports: bool) -> None:
        """Install the provider. `exports`: whether an OTLP endpoint is configured."""
        self._provider: TracerProvider | None = None
        if exports:
            self._provider = TracerProvider(resource=Resource.create({"service.name": service_name}))
            self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
            trace.set_tracer_provider(self._provider)

    async def close(self) -> None:
        """Export what is left, within a bound."""
        if self._provider is not None:
            await asyncio.to_thread(self._provider.force_flush, int(FLUSH_SECONDS * 1000))
            await asyncio.to_thread(self._provider.shutdown)
