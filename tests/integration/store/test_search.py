"""Search finds packages by what people know of them, by indexes alone, page by page among many."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from tests.conftest import TEMPLATE, PostgresServer
from tests.integration.store.plans import Plans, explaining
from tests.integration.store.records import COMPLETED, NOON, new_id, package, stored
from tests.integration.store.watched import watched_store

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind
from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong_exchange.adapters.postgres import PostgresStore
from xietong_exchange.domain.case_numbers import spellings
from xietong_exchange.flow.records import PackageChange, PackageRecord, PackageSearch

POLICE, COURT, PROCURATORATE = Party.PARTY_POLICE, Party.PARTY_COURT, Party.PARTY_PROCURATORATE
ACCEPTED, FAILED = DeliveryState.DELIVERY_STATE_ACCEPTED, DeliveryState.DELIVERY_STATE_FAILED
MANY = 50_000
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
"""The example of W3C Trace Context."""
# Most packages are of few processes and accepted; a few failed; the envelope has the size of a small one.
FILL = (
    f"""
    INSERT INTO package (package_id, seal, envelope, signature, direction, state, state_time, complete, size_bytes,
        process_code, sender, receiver, collaboration_case_id, receiver_case_number, create_time, trace_id)
    SELECT gen_random_uuid(), '', decode(repeat('00', 700), 'hex'), '', 2,
        CASE WHEN n % 10000 = 1 THEN {int(FAILED)} ELSE {int(ACCEPTED)} END, now(), true, 1, 'PB-0' || n % 4,
        n % 4 + 1, (n + 1) % 4 + 1, gen_random_uuid(), CASE WHEN n % 2 = 0 THEN '（2026）粤检' || n ELSE '' END,
        timestamptz '2026-01-01' + n * interval '1 minute', lpad(to_hex(n), 32, '0')::uuid
    FROM generate_series(1, {MANY}) n
    """,
    f"""
    INSERT INTO evidence (evidence_id, package_id, kind, stated_by, event_time, statement, signature)
    SELECT gen_random_uuid(), package_id, {int(EvidenceKind.EVIDENCE_KIND_DELIVERED)}, 3,
        create_time + interval '90 seconds', '', '' FROM package
    """,
    "INSERT INTO package_case_number SELECT package_id, 1, 'A44019900000' || position, position FROM package",
    "VACUUM ANALYZE",
)


async def found(
    store: PostgresStore, wanted: PackageSearch, *, before: int | None = None, limit: int = 50
) -> list[PackageRecord]:
    async with store.transaction() as tx:
        return (await tx.search.page(wanted, before=before, limit=limit)).records


async def test_by_each_thing_that_one_may_know(store: PostgresStore) -> None:
    late = NOON + timedelta(days=1)
    one, other = await stored(
        store,
        package(
            case_numbers=((POLICE, "A440199000001"), (COURT, "（2026）粤0199刑初7号")),
            trace_id=TRACE_ID,
            draft_id=new_id(),
        ),
        package(process_code="QS-01", sender=PROCURATORATE, receiver=COURT, create_time=late),
    )
    accepted = PackageChange(state=ACCEPTED, state_time=NOON, receiver_case_number="（2026）粤0199刑初8号")
    async with store.transaction() as tx:
        await tx.packages.advance(other.package_id, accepted)
    for wanted, expected in (
        (PackageSearch(identifier=one.package_id), [one]),
        (PackageSearch(identifier=other.collaboration_case_id), [other]),
        (PackageSearch(identifier=one.draft_id), [one]),
        (PackageSearch(identifier=new_id()), []),
        (PackageSearch(trace_id=TRACE_ID), [one]),
        (PackageSearch(trace_id=TRACE_ID[::-1]), []),
        (PackageSearch(numbers=spellings("a44019")), [one]),
        (PackageSearch(numbers=spellings("(2026)粤0199")), [other, one]),
        (PackageSearch(numbers=spellings("（2026）粤0199刑初8")), [other]),
        (PackageSearch(numbers=spellings("粤0199")), []),
        (PackageSearch(numbers=spellings("%")), []),
        (PackageSearch(states=(ACCEPTED, FAILED)), [other]),
        (PackageSearch(process_code="QS-01"), [other]),
        (PackageSearch(sender=POLICE), [one]),
        (PackageSearch(receiver=COURT), [other]),
        (PackageSearch(start_time=late), [other]),
        (PackageSearch(end_time=late), [one]),
        (PackageSearch(sender=POLICE, receiver=COURT), []),
        (PackageSearch(), [other, one]),
    ):
        assert [each.package_id for each in await found(store, wanted)] == [
            each.package_id for each in expected
        ], wanted


async def test_pages_follow_each_other_without_gap_or_repetition(store: PostgresStore) -> None:
    records = await stored(store, *(package(case_numbers=((POLICE, f"A{n}"),)) for n in range(7)))
    wanted, before, seen = PackageSearch(numbers=frozenset({"A"})), None, []
    while page := await found(store, wanted, before=before, limit=3):
        seen += [record.package_id for record in page]
        before = page[-1].position
    assert seen == [record.package_id for record in reversed(records)]
    async with store.transaction() as tx:
        pages = [await tx.search.page(wanted, before=None, limit=limit) for limit in (3, 7)]
    assert [page.more for page in pages] == [True, False]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crowded(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """A database with many packages."""
    await postgres_server.execute(f"CREATE DATABASE crowded TEMPLATE {TEMPLATE}")
    url = postgres_server.url_of("crowded")
    engine = create_async_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for statement in FILL:
            await connection.execute(text(statement))
    await engine.dispose()
    yield url
    await postgres_server.execute("DROP DATABASE crowded WITH (FORCE)")


SEARCHES = {
    "everything": (PackageSearch(), 50),
    "one package": (PackageSearch(identifier=new_id()), 0),
    "one trace": (PackageSearch(trace_id=f"{37:032x}"), 1),
    "one number": (PackageSearch(numbers=spellings("A4401990000037")), 50),
    "a beginning that all have": (PackageSearch(numbers=spellings("A")), 50),
    "a beginning that none has": (PackageSearch(numbers=spellings("'; DROP TABLE package; --")), 0),
    "the receiver's number": (PackageSearch(numbers=spellings("(2026)粤检4444")), 6),
    "a frequent state": (PackageSearch(states=(ACCEPTED,)), 50),
    "a rare state": (PackageSearch(states=(FAILED,)), 5),
    "what never goes together": (PackageSearch(process_code="PB-01", sender=POLICE), 0),
    "a day": (PackageSearch(start_time=NOON - timedelta(days=40), end_time=NOON - timedelta(days=39)), 50),
    "a year without packages": (PackageSearch(start_time=NOON + timedelta(days=400)), 0),
    "all together": (
        PackageSearch(
            numbers=spellings("A"),
            states=(ACCEPTED, FAILED),
            process_code="PB-01",
            sender=PROCURATORATE,
            receiver=COURT,
            start_time=NOON - timedelta(days=60),
            end_time=NOON,
        ),
        50,
    ),
}


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.asyncio(loop_scope="module")
async def test_no_search_reads_a_whole_table(crowded: str, name: str) -> None:
    wanted, expected = SEARCHES[name]
    plans = Plans()
    async with watched_store(crowded, explaining(plans)) as store:
        for before in (None, MANY + 1):
            assert len(await found(store, wanted, before=before)) == expected
    assert plans.scans_of_whole_tables() == []
    seen = [node for found in plans.seen.values() for node in found]
    assert any(node["Node Type"] == "Index Only Scan" for node in seen)
    assert not [node for node in seen if node.get("Parent Relationship") == "SubPlan"], "anew for every row"


@pytest.mark.asyncio(loop_scope="module")
async def test_statistics_of_a_month_read_no_table(crowded: str) -> None:
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 8, tzinfo=UTC)
    plans = Plans()
    async with watched_store(crowded, explaining(plans)) as store, store.transaction() as tx:
        outcomes = await tx.statistics.outcomes(start, end, only_corrections=False)
        arrivals = await tx.statistics.arrivals(start, end, limit=500)
        assert await tx.statistics.outcomes(start, end, only_corrections=True) == []
        assert await tx.statistics.returned(start, end, limit=50) == []
    week_minutes = 7 * 24 * 60
    assert sum(one.count for one in outcomes) == week_minutes - 1
    assert sum(one.count for one in outcomes if one.state == FAILED) == 2
    assert {(one.half_seconds, one.most_seconds) for one in arrivals} == {(90.0, 90.0)}
    assert sum(one.count for one in arrivals) == 500
    assert len(plans.seen) == 4
    assert plans.scans_of_whole_tables() == []


async def test_what_changes_state_is_found_in_its_new_one(store: PostgresStore) -> None:
    [one] = await stored(store, package())
    async with store.transaction() as tx:
        await tx.packages.advance(one.package_id, COMPLETED)
    [again] = await found(store, PackageSearch(states=(COMPLETED.state,)))
    assert again.complete
