"""What a long history costs: the rate of a city whose databases hold a million packages, beside an empty one."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import asyncpg

from bench.city import WITH_HUB, City
from bench.large import Road, road
from bench.pairing import in_rounds, pair
from bench.report import Report, Row, Target
from bench.run import Run, node_uses
from bench.sending import prepare_all, send
from bench.small import AT_ONCE, SMALL_BYTES, fitting_count, send_batch

HISTORY_PACKAGES = 1_000_000
_CHUNK_PACKAGES = 10_000
_KEYS = {"number", "case_number", "request_id"}
"""Texts by which rows are found: each copy has its own."""
_DIGESTS = {"digest", "seal"}
_RANDOM_BITS = 80  # of a UUIDv7, below its milliseconds


async def history(run: Run, report: Report) -> None:
    """Two cities side by side, one with a long history; only one of them works at a time."""
    async with (
        road(run, WITH_HUB, name="empty") as empty,
        road(run, WITH_HUB, name="full") as full,
    ):
        await fill(full, run, HISTORY_PACKAGES)
        count = await fitting_count(empty, run.folder)
        await fitting_count(full, run.folder)  # its caches are as warm as the other's

        rounds = await in_rounds(
            run.budget(0, 600),
            lambda: pair(
                lambda: send_batch(full, run.folder, count),
                lambda: send_batch(empty, run.folder, count),
                run.chance,
            ),
        )
    report.rows.append(
        Row.paired(
            f"100 KB packages, {AT_ONCE} at once, {HISTORY_PACKAGES:,} packages in the history",
            "/s",
            [ours.rate for ours, _ in rounds],
            "Xietong, empty database",
            [other.rate for _, other in rounds],
            target=Target("ratio", "≥", 0.9),
            nodes=node_uses(
                [ours.usage for ours, _ in rounds], count * len(rounds) / 1000, "ms/package", full.idle_mib
            ),
        )
    )


async def fill(way: Road, run: Run, packages: int, *, parties: Sequence[str] = WITH_HUB) -> None:
    """Give these nodes of a city as many finished packages as this, copies of one that was really sent."""
    (draft,) = await prepare_all(way.node, run.folder, 1, SMALL_BYTES)
    sent = await send(way.node, draft)
    package_id = uuid.UUID(sent.package_id)
    async with asyncio.TaskGroup() as group:  # one database works while rows for another are made
        for party in parties:
            group.create_task(_fill_node(way.city, party, package_id, packages))


async def _fill_node(running: City, party: str, package_id: uuid.UUID, packages: int) -> None:
    connection = await running.database(party)
    try:
        await _copy_package(connection, package_id, packages)
    finally:
        await connection.close()


@dataclass(frozen=True, slots=True)
class _Table:
    """The template's rows in one table."""

    name: str
    columns: Sequence[str]
    rows: Sequence[asyncpg.Record]


async def _copy_package(
    connection: asyncpg.Connection[asyncpg.Record], package_id: uuid.UUID, packages: int
) -> None:
    draft_id = await connection.fetchval("SELECT draft_id FROM package WHERE package_id = $1", package_id)
    tables = [
        await _template(connection, name, columns, (package_id, draft_id))
        for name, columns in (await _tables(connection)).items()
    ]
    # Foreign keys hold by construction, and checking them row by row would take most of the time.
    await connection.execute("SET session_replication_role = replica")
    for first in range(0, packages, _CHUNK_PACKAGES):
        copies = [_Copy(number) for number in range(first, min(first + _CHUNK_PACKAGES, packages))]
        for table in tables:
            await connection.copy_records_to_table(
                table.name, columns=table.columns, records=_records(table, copies)
            )
    await connection.execute("VACUUM (FREEZE, ANALYZE)")
    await connection.execute("CHECKPOINT")


async def _tables(connection: asyncpg.Connection[asyncpg.Record]) -> dict[str, list[str]]:
    """The tables that tell of packages and their drafts, with the columns that can be written."""
    found = await connection.fetch(
        """
        SELECT table_name, array_agg(column_name::text) AS columns FROM information_schema.columns
        WHERE table_schema = 'public' AND is_identity = 'NO' AND is_generated = 'NEVER'
        GROUP BY table_name HAVING bool_or(column_name IN ('package_id', 'draft_id'))
        """
    )
    return {row["table_name"]: row["columns"] for row in found}


async def _template(
    connection: asyncpg.Connection[asyncpg.Record],
    name: str,
    columns: Sequence[str],
    ids: tuple[uuid.UUID, uuid.UUID | None],
) -> _Table:
    known = [column for column in ("package_id", "draft_id") if column in columns]
    where = " OR ".join(f"{column} = ANY($1)" for column in known)
    names = ", ".join(columns)
    rows = await connection.fetch(f"SELECT {names} FROM {name} WHERE {where}", ids)  # noqa: S608 - names of the schema
    return _Table(name, columns, rows)


class _Copy:
    """One more package like the template: every id another, consistently, in the order of time like real ones."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._ids: dict[uuid.UUID, uuid.UUID] = {}
        self._begin_ms = time.time_ns() // 1_000_000 - HISTORY_PACKAGES + number

    def value(self, column: str, value: object) -> object:
        """What stands in the copy for this value of the template."""
        if isinstance(value, uuid.UUID):
            return self._ids.setdefault(value, self._new_id())
        if column in _KEYS:
            return f"{value}-{self._number}"
        if column in _DIGESTS and isinstance(value, bytes):
            return hashlib.sha256(value + self._number.to_bytes(8)).digest()
        return value

    def _new_id(self) -> uuid.UUID:
        return uuid.UUID(int=self._begin_ms << _RANDOM_BITS | uuid.uuid4().int & (1 << _RANDOM_BITS) - 1)


def _records(table: _Table, copies: Sequence[_Copy]) -> Iterator[tuple[object, ...]]:
    for copy, row in itertools.product(copies, table.rows):
        yield tuple(copy.value(column, row[column]) for column in table.columns)
