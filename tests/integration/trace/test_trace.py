"""One package is one trace over all hops, the waiting in outboxes and restarts included."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.conftest import PostgresServer
from tests.integration.exchange.city import City, free_port, make_pki
from tests.integration.exchange.shared_city import case_number, databases
from tests.integration.faults.processes import NodeProcess
from tests.integration.trace.black_hole import black_hole
from tests.integration.trace.collector import Collector, SeenSpan

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.draft_pb2 import Accepted, Outcome
from xietong.exchange.v1.envelope_pb2 import Envelope, Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind, Statement
from xietong_exchange.domain.party import party_name

PARTIES = [Party.PARTY_HUB, Party.PARTY_POLICE, Party.PARTY_PROCURATORATE]
RECEIVE = "xietong receive"
SUBMIT = "xietong.exchange.v1.GatewayService/Submit"

Services = dict[Party.ValueType, NodeProcess]

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def collector() -> AsyncIterator[Collector]:
    async with Collector() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def city(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer
) -> AsyncIterator[City]:
    """Addresses, certificates and databases for three nodes; the nodes run in processes of their own."""
    folder = tmp_path_factory.mktemp("trace")
    async with databases(postgres_server, PARTIES) as urls:
        made = City(folder, make_pki(folder / "pki"), urls, PARTIES)
        yield made
        await made.__aexit__()


@pytest.fixture(scope="module")
def metrics_port() -> int:
    """Where the hub shows its metrics."""
    return free_port()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def services(city: City, collector: Collector, metrics_port: int) -> AsyncIterator[Services]:
    """Started once for all tests here: each looks at a trace of its own."""
    exports = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": collector.endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "XIETONG_METRICS__ROUND_SECONDS": "1",
    }
    made = {party: NodeProcess(party_name(party), city.folder, exports) for party in PARTIES}
    made[Party.PARTY_HUB].environment = {
        **exports,
        "XIETONG_METRICS__PROMETHEUS_PORT": str(metrics_port),
        "XIETONG_LOGGING": "json",
    }
    try:
        await asyncio.gather(*(node.start(city.settings(party)) for party, node in made.items()))
        yield made
    finally:
        await asyncio.gather(*(node.kill() for node in made.values()))


def tree(spans: list[SeenSpan], trace_id: str) -> set[tuple[str, str, str]]:
    """(service, span, name of its parent) of a trace; evidence spans with their kind."""
    of_trace = [span for span in spans if span.trace_id == trace_id]
    names = {span.span_id: label(span) for span in of_trace}
    return {(span.service, label(span), names.get(span.parent_id, "")) for span in of_trace}


def label(span: SeenSpan) -> str:
    kind = span.attributes.get("xietong.evidence.kind", "")
    return f"{span.name} {kind}".rstrip()


async def test_the_tree_of_spans_from_police_to_procuratorate_and_back(
    city: City, services: Services, collector: Collector
) -> None:
    police = await city.agency(Party.PARTY_POLICE, "case-handling")
    procuratorate = await city.agency(Party.PARTY_PROCURATORATE, "prosecution")

    sent = await police.send("PB-01", Party.PARTY_PROCURATORATE, case_number=case_number())
    await procuratorate.arrived(sent.package_id)
    await procuratorate.report(sent.package_id, Outcome(accepted=Accepted(receiver_case_number="1")))
    await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_ACCEPTED)

    trace_id = Envelope.FromString(sent.envelope.envelope).trace_context.traceparent.split("-")[1]
    expected = {
        ("xietong-police", SUBMIT, ""),
        ("xietong-police", "xietong state evidence SUBMITTED", SUBMIT),
        ("xietong-police", "xietong transfer", SUBMIT),
        ("xietong-hub", RECEIVE, "xietong transfer"),
        ("xietong-hub", "xietong commit", SUBMIT),
        ("xietong-hub", "xietong state evidence RELAYED", SUBMIT),
        ("xietong-police", "xietong take evidence RELAYED", SUBMIT),
        ("xietong-hub", "xietong transfer", SUBMIT),
        ("xietong-procuratorate", RECEIVE, "xietong transfer"),
        ("xietong-procuratorate", "xietong commit", SUBMIT),
        ("xietong-procuratorate", "xietong state evidence DELIVERED", SUBMIT),
        ("xietong-hub", "xietong take evidence DELIVERED", SUBMIT),
        ("xietong-police", "xietong take evidence DELIVERED", SUBMIT),
        ("xietong-procuratorate", "xietong state evidence ACCEPTED", SUBMIT),
        ("xietong-hub", "xietong take evidence ACCEPTED", SUBMIT),
        ("xietong-police", "xietong take evidence ACCEPTED", SUBMIT),
    }
    async with asyncio.timeout(20):
        await collector.until(lambda: expected <= tree(collector.spans, trace_id))
    assert tree(collector.spans, trace_id) == expected


async def test_waiting_and_restarts_stay_in_the_trace(
    city: City, services: Services, collector: Collector
) -> None:
    police = await city.agency(Party.PARTY_POLICE, "case-handling")
    await services[Party.PARTY_PROCURATORATE].kill()

    sent = await police.send("PB-01", Party.PARTY_PROCURATORATE, case_number=case_number())
    await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_RELAYED)
    await services[Party.PARTY_HUB].stop()
    for party in (Party.PARTY_HUB, Party.PARTY_PROCURATORATE):
        await services[party].start(city.settings(party))
    await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)

    procuratorate = await city.agency(Party.PARTY_PROCURATORATE, "prosecution")
    got = await procuratorate.arrived(sent.package_id)
    kinds = [Statement.FromString(piece.statement).kind for piece in got.evidence]
    assert kinds == [EvidenceKind.EVIDENCE_KIND_RELAYED, EvidenceKind.EVIDENCE_KIND_DELIVERED]
    trace_id = Envelope.FromString(sent.envelope.envelope).trace_context.traceparent.split("-")[1]
    arrived = ("xietong-procuratorate", "xietong state evidence DELIVERED", SUBMIT)
    async with asyncio.timeout(20):
        await collector.until(lambda: arrived in tree(collector.spans, trace_id))


async def test_no_span_tells_who_the_case_is_about(
    city: City, services: Services, collector: Collector
) -> None:
    police = await city.agency(Party.PARTY_POLICE, "case-handling")
    sent = await police.send("PB-01", Party.PARTY_PROCURATORATE, case_number="A4401990000012026039999")
    await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)

    trace_id = Envelope.FromString(sent.envelope.envelope).trace_context.traceparent.split("-")[1]
    taken = ("xietong-police", "xietong take evidence DELIVERED", SUBMIT)
    async with asyncio.timeout(20):
        await collector.until(lambda: taken in tree(collector.spans, trace_id))
    said = " ".join(value for span in collector.spans for value in span.attributes.values())
    assert sent.package_id in said
    for private in ("A4401990000012026039999", "440199000001", "警号", ".pdf"):
        assert private not in said


async def metrics_page(port: int) -> str:
    source, target = await asyncio.open_connection("127.0.0.1", port)
    target.write(b"GET /metrics HTTP/1.1\r\nHost: node\r\n\r\n")
    answer = await source.read()
    target.close()
    return answer.decode()


async def test_the_hub_shows_prometheus_what_passes_it_and_not_about_whom(
    city: City, services: Services, metrics_port: int
) -> None:
    police = await city.agency(Party.PARTY_POLICE, "case-handling")
    sent = await police.send("PB-01", Party.PARTY_PROCURATORATE, case_number="A4401990000012026039998")
    await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)

    page = await metrics_page(metrics_port)
    async with asyncio.timeout(20):  # the gauges are there after their first round
        while "xietong_certificate_remaining_days" not in page:
            await asyncio.sleep(0.05)
            page = await metrics_page(metrics_port)
    for kind in ("RELAYED", "DELIVERED"):
        assert (
            f'xietong_evidence_kind="{kind}",xietong_lane="interactive",xietong_process_code="PB-01"' in page
        )
    for hop in ('"receive",xietong_lane="interactive",xietong_peer="police"', '"transmit"'):
        assert f"xietong_package_io_bytes_total{{network_io_direction={hop}" in page
    for gauge in (
        "queue_depth",
        "queue_age_seconds",
        "delivery_dead",
        "incident_open",
        "deadline_open",
        "disk_free_bytes",
    ):
        assert f"xietong_{gauge}" in page
    for private in (sent.package_id, "A4401990000012026039998", "440199000001", "警号", ".pdf"):
        assert private not in page


async def test_the_log_of_the_hub_is_json_with_the_package_and_not_about_whom(
    city: City, services: Services
) -> None:
    police = await city.agency(Party.PARTY_POLICE, "case-handling")
    await services[Party.PARTY_PROCURATORATE].kill()
    sent = await police.send("PB-01", Party.PARTY_PROCURATORATE, case_number="A4401990000012026039997")
    log = services[Party.PARTY_HUB].log

    def of_package() -> list[dict[str, str]]:
        lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line]
        return [line for line in lines if line.get("package_id") == sent.package_id]

    async with asyncio.timeout(20):
        while not of_package():
            await asyncio.sleep(0.05)
    await services[Party.PARTY_PROCURATORATE].start(city.settings(Party.PARTY_PROCURATORATE))
    await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
    assert of_package()[0]["party"] == "hub"
    said = log.read_text(encoding="utf-8")
    for private in ("A4401990000012026039997", "440199000001", "警号", ".pdf"):
        assert private not in said


async def test_a_collector_that_never_answers_delays_neither_packages_nor_the_stop(
    city: City, services: Services
) -> None:
    await services[Party.PARTY_POLICE].stop()
    async with black_hole() as (endpoint, come):
        exports = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "OTEL_METRIC_EXPORT_INTERVAL": "100",
        }
        node = NodeProcess("police", city.folder, exports)
        await node.start(city.settings(Party.PARTY_POLICE))
        try:
            police = await city.agency(Party.PARTY_POLICE, "case-handling")
            for _ in range(2):  # the second one while the export of the first hangs
                sent = await police.send("PB-01", Party.PARTY_PROCURATORATE, case_number=case_number())
                await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
                async with asyncio.timeout(20):
                    await come.wait()
            await node.stop()  # within the bound that operators are promised
        finally:
            await node.kill()
    await services[Party.PARTY_POLICE].start(city.settings(Party.PARTY_POLICE))
