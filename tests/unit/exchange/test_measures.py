"""Metrics: names, units and attributes are those that telemetry.md lists, and Prometheus can read them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricsData
from tests.unit.exchange.packages import new_envelope, sealed_package

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind, Statement
from xietong_exchange.adapters.prometheus import PrometheusReader, prometheus_name, served
from xietong_exchange.domain.errors import DatabaseUnavailable
from xietong_exchange.domain.evidence import stage
from xietong_exchange.flow.measures import METER, Measures
from xietong_exchange.supervision.gauges import GAUGES, Gauges, Reading

PAGE = Path(__file__).parents[3] / "docs/reference/telemetry.md"
ROW = re.compile(r"^\| `(xietong\.[a-z._]+)` \| ([a-z ]+) \| `([^`]+)` \| ([^|]+) \|", re.MULTILINE)
ATTRIBUTES: dict[str, dict[str, str]] = {
    "xietong.queue.depth": {"xietong.peer": "hub", "xietong.lane": "bulk"},
    "xietong.queue.age": {"xietong.peer": "hub", "xietong.lane": "bulk"},
    "xietong.incident.open": {"xietong.severity": "alarm"},
    "xietong.incident.packages": {"xietong.severity": "alarm"},
    "xietong.deadline.open": {"xietong.responsible.party": "court", "xietong.clock.phase": "warning"},
    "xietong.certificate.remaining": {"xietong.certificate": "tls"},
    "xietong.storage.usage": {"xietong.sender.party": "police", "xietong.usage": "kept"},
    "xietong.storage.limit": {"xietong.sender.party": "police"},
}


async def everything() -> Sequence[Reading]:
    return [Reading(name, 1.0, ATTRIBUTES.get(name, {})) for name in GAUGES]


async def measured(reader: InMemoryMetricReader | PrometheusReader) -> Gauges:
    """Every instrument has been used once."""
    meter = MeterProvider([reader], shutdown_on_exit=False).get_meter(METER)
    measures, gauges = Measures(meter), Gauges([everything], 1.0, meter)
    package = sealed_package(new_envelope(b"part"))
    now = package.envelope.create_time.ToDatetime()
    states = Statement(kind=EvidenceKind.EVIDENCE_KIND_RELAYED)
    states.stages.append(stage("transfer", now, now + timedelta(seconds=3)))
    measures.evidence(package, states, own=True)
    measures.evidence(package, states, own=False)
    measures.moved(package, Party.PARTY_HUB, "transmit")
    for given_up in (False, True):
        measures.failed(Party.PARTY_HUB, Lane.LANE_BULK, "NODE_UNREACHABLE", given_up=given_up)
    await gauges.read()
    return gauges


def names(data: MetricsData | None) -> dict[str, tuple[str, frozenset[str]]]:
    assert data is not None
    return {
        metric.name: (metric.unit or "", frozenset(point.attributes or {}))
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    }


async def test_the_page_lists_every_metric_with_its_unit_and_attributes() -> None:
    reader = InMemoryMetricReader()
    await measured(reader)
    listed = {
        name: (unit, frozenset(re.findall(r"`([a-z._]+)`", attributes)))
        for name, _kind, unit, attributes in ROW.findall(PAGE.read_text(encoding="utf-8"))
    }
    assert names(reader.get_metrics_data()) == listed


async def test_stages_are_counted_by_the_node_that_states_them() -> None:
    reader = PrometheusReader()
    await measured(reader)
    page = reader.page()
    assert re.search(r"^xietong_package_stage_duration_seconds_count{.*} 1$", page, re.MULTILINE)
    assert re.search(
        r"^xietong_package_evidence_total{.*xietong_evidence_kind=\"RELAYED\".*} 2$", page, re.MULTILINE
    )
    assert re.search(
        r"^xietong_package_stage_duration_seconds_bucket{le=\"10(\.0)?\",.*} 1$", page, re.MULTILINE
    )


async def test_what_cannot_be_read_is_not_shown_with_its_old_value() -> None:
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader], shutdown_on_exit=False).get_meter(METER)
    answers = iter([[Reading("xietong.delivery.dead", 2)]])

    async def once() -> Sequence[Reading]:
        try:
            return next(answers)
        except StopIteration:
            raise DatabaseUnavailable from None

    gauges = Gauges([once], 1.0, meter)
    await gauges.read()
    assert "xietong.delivery.dead" in names(reader.get_metrics_data())
    await gauges.read()
    data = reader.get_metrics_data()
    assert data is None or "xietong.delivery.dead" not in names(data)


async def test_the_endpoint_answers_its_page_and_nothing_else() -> None:
    reader = PrometheusReader()
    await measured(reader)
    async with served(reader, "127.0.0.1", 0) as port:
        for request, status in ((b"GET /metrics HTTP/1.1", b"200"), (b"POST /metrics HTTP/1.1", b"404")):
            source, target = await asyncio.open_connection("127.0.0.1", port)
            target.write(request + b"\r\nHost: node\r\n\r\n")
            answer = await source.read()
            target.close()
            assert answer.split()[1] == status
            assert (b"xietong_disk_free_bytes 1.0" in answer) == (status == b"200")


def test_names_of_prometheus_carry_the_unit() -> None:
    assert prometheus_name("xietong.package.io", "By", is_counter=True) == "xietong_package_io_bytes_total"
    assert prometheus_name("xietong.queue.age", "s") == "xietong_queue_age_seconds"
    assert prometheus_name("xietong.queue.depth", "{delivery}") == "xietong_queue_depth"
