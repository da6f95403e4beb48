"""OpenTelemetry for a node, configured by the standard OTEL_* variables, and its Prometheus endpoint.

Only a node that is asked to export imports this: the SDK and its exporters cost a third of a second of a start.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from xietong_exchange.adapters.prometheus import PrometheusReader, served

FLUSH_SECONDS = 2.0
"""A collector that is away must not delay the stop of a node."""


@asynccontextmanager
async def exported_traces(service_name: str) -> AsyncIterator[None]:
    """Export the spans of this process over OTLP; at the end what is left, within a bound."""
    provider, exporter = TracerProvider(resource=_resource(service_name)), OTLPSpanExporter()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        # The SDK does not keep a bound of its own while an export hangs.
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await asyncio.to_thread(provider.force_flush)
        # Ends an export that hangs, for which the provider would wait.
        await asyncio.to_thread(exporter.shutdown)
        await asyncio.to_thread(provider.shutdown)


@asynccontextmanager
async def exported_metrics(
    service_name: str, *, otlp: bool, prometheus: tuple[str, int] | None
) -> AsyncIterator[None]:
    """Let this process measure: over OTLP, at a Prometheus endpoint (host and port), or both.

    Raises:
        OSError: the port of the endpoint is taken.
    """
    readers: list[MetricReader] = []
    async with AsyncExitStack() as stack:
        if otlp:
            readers.append(PeriodicExportingMetricReader(OTLPMetricExporter()))
        if prometheus is not None:
            page = PrometheusReader()
            readers.append(page)
            await stack.enter_async_context(served(page, *prometheus))
        provider = MeterProvider(readers, _resource(service_name), shutdown_on_exit=False)
        metrics.set_meter_provider(provider)
        try:
            yield
        finally:
            await asyncio.to_thread(provider.shutdown, FLUSH_SECONDS * 1000)


def _resource(service_name: str) -> Resource:
    return Resource.create({"service.name": service_name})
