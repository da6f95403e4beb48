"""A Prometheus endpoint: GET /metrics answers what the node measures now, in the text format 0.0.4.

It is small on purpose: one reader of the SDK, one page, no other method; requests are bounded in size and time.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from opentelemetry.sdk.metrics.export import (
    Gauge,
    HistogramDataPoint,
    Metric,
    MetricReader,
    MetricsData,
    Sum,
)

REQUEST_SECONDS = 5.0
REQUEST_BYTES = 16 * 1024
_NO_NAME = re.compile(r"[^a-zA-Z0-9_]")
_UNITS = {"s": "_seconds", "By": "_bytes", "d": "_days"}


class PrometheusReader(MetricReader):
    """Collects when it is asked to."""

    def __init__(self) -> None:
        super().__init__()
        self._data: MetricsData | None = None

    def _receive_metrics(
        self,
        metrics_data: MetricsData,
        timeout_millis: float = 10_000,  # noqa: ARG002 - the signature is the SDK's
        **_kwargs: Any,
    ) -> None:
        self._data = metrics_data

    def shutdown(self, timeout_millis: float = 30_000, **_kwargs: Any) -> None:
        """There is nothing to be sent."""

    def page(self) -> str:
        """What is measured now."""
        self.collect()
        data = self._data
        return "".join(
            f"{line}\n"
            for resource in (data.resource_metrics if data is not None else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for line in _lines(metric)
        )


@asynccontextmanager
async def served(reader: PrometheusReader, host: str, port: int) -> AsyncIterator[int]:
    """Serve the page while the block runs; gives the port. Raises OSError when the port is taken."""

    async def answer(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(REQUEST_SECONDS):
                request = await source.readuntil(b"\r\n\r\n")
                target.write(_response(request, reader))
                await target.drain()
        target.close()

    server = await asyncio.start_server(answer, host, port, limit=REQUEST_BYTES)
    async with server:
        yield server.sockets[0].getsockname()[1]


def _response(request: bytes, reader: PrometheusReader) -> bytes:
    is_page = request.startswith((b"GET /metrics ", b"GET /metrics?"))
    body = reader.page().encode() if is_page else b"only GET /metrics\n"
    head = (
        f"HTTP/1.1 {'200 OK' if is_page else '404 Not Found'}\r\n"
        "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def prometheus_name(name: str, unit: str, *, is_counter: bool = False) -> str:
    """The name under which Prometheus knows an instrument."""
    suffix = _UNITS.get(unit, "")
    plain = _NO_NAME.sub("_", name)
    plain += "" if plain.endswith(suffix) else suffix
    return plain + ("_total" if is_counter else "")


def _lines(metric: Metric) -> Iterator[str]:
    data = metric.data
    is_counter = isinstance(data, Sum) and data.is_monotonic
    name = prometheus_name(metric.name, metric.unit or "", is_counter=is_counter)
    kind = "counter" if is_counter else "gauge" if isinstance(data, Gauge | Sum) else "histogram"
    yield f"# HELP {name} {metric.description}"
    yield f"# TYPE {name} {kind}"
    for point in data.data_points:
        labels = point.attributes or {}
        if isinstance(point, HistogramDataPoint):
            yield from _histogram(name, labels, point)
        elif hasattr(point, "value"):
            yield f"{name}{_labels(labels)} {point.value}"


def _histogram(name: str, labels: Mapping[str, Any], point: HistogramDataPoint) -> Iterator[str]:
    below = 0
    for bound, count in zip([*point.explicit_bounds, "+Inf"], point.bucket_counts, strict=True):
        below += count
        yield f"{name}_bucket{_labels({**labels, 'le': bound})} {below}"
    yield f"{name}_sum{_labels(labels)} {point.sum}"
    yield f"{name}_count{_labels(labels)} {point.count}"


def _labels(values: Mapping[str, Any]) -> str:
    pairs = (f'{_NO_NAME.sub("_", key)}="{_escaped(str(value))}"' for key, value in sorted(values.items()))
    return f"{{{','.join(pairs)}}}" if values else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
