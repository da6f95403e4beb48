"""Finds packages by what supervisors and operators know of them: positions by indexes alone, then a page of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    DateTime,
    Select,
    SmallInteger,
    Text,
    any_,
    bindparam,
    column,
    func,
    select,
    union,
)

from xietong_exchange.adapters.postgres.packages import PostgresPackages
from xietong_exchange.adapters.postgres.statement import Connection, Statement, array, texts
from xietong_exchange.adapters.postgres.tables import package, package_case_number
from xietong_exchange.flow.records import PackagePage, PackageSearch

_LAST_CHARACTER = "\U0010ffff"
"""Sorts behind every text that goes on after a beginning."""
_TIME = DateTime(timezone=True)
_CANDIDATE = package.alias("candidate").c
"""Another name for what is looked at beforehand, so that it is no part of what is looked at then."""


def _at(*found: Select[tuple[int]]) -> ColumnElement[bool]:
    """Whether a package is at one of these positions.

    They are gathered first: joined, they are sometimes looked for anew for every package, and few are as slow as many.
    """
    return package.c.position == any_(func.array(union(*found).scalar_subquery(), type_=ARRAY(BigInteger)))


def _identified() -> ColumnElement[bool]:
    """The package with this id, and the packages of the send or the case with this id."""
    wanted = bindparam("identifier", type_=package.c.package_id.type)
    ids = (_CANDIDATE.package_id, _CANDIDATE.draft_id, _CANDIDATE.collaboration_case_id)
    return _at(*(select(_CANDIDATE.position).where(each == wanted) for each in ids))


def _traced() -> ColumnElement[bool]:
    """Packages of the trace with this id."""
    wanted = bindparam("trace_id", type_=package.c.trace_id.type)
    return _at(select(_CANDIDATE.position).where(_CANDIDATE.trace_id == wanted))


def _numbered() -> ColumnElement[bool]:
    """Packages under whose numbers, in the envelope or of the receiver, is one that begins so."""
    ranges = func.unnest(array("lows", Text()), array("highs", Text()))
    between = ranges.table_valued(column("low", Text), column("high", Text)).render_derived()
    given, received = package_case_number.c, _CANDIDATE.receiver_case_number
    found = (
        select(given.position).where(
            given.number.op("~>=~")(between.c.low), given.number.op("~<~")(between.c.high)
        ),
        select(_CANDIDATE.position).where(
            received != "", received.op("~>=~")(between.c.low), received.op("~<~")(between.c.high)
        ),
    )
    return _at(*found)


_CONDITIONS: Mapping[str, ColumnElement[bool]] = {
    "identifier": _identified(),
    "trace_id": _traced(),
    "lows": _numbered(),
    "states": package.c.state == any_(array("states", SmallInteger())),
    "process_code": package.c.process_code == bindparam("process_code"),
    "sender": package.c.sender == bindparam("sender"),
    "receiver": package.c.receiver == bindparam("receiver"),
    "start_time": package.c.create_time >= bindparam("start_time", type_=_TIME),
    "end_time": package.c.create_time < bindparam("end_time", type_=_TIME),
    "before": package.c.position < bindparam("before", type_=BigInteger),
}


@cache
def _positions(conditions: frozenset[str]) -> Statement:
    """One statement for each combination; all that it looks at stands in indexes."""
    return Statement(
        select(package.c.position)
        .where(*(_CONDITIONS[name] for name in sorted(conditions)))
        .order_by(package.c.position.desc())
        .limit(bindparam("limit"))
    )


class PostgresSearch:
    """The port `flow.search.Search` on one connection."""

    def __init__(self, connection: Connection, packages: PostgresPackages) -> None:
        self._connection = connection
        self._packages = packages

    async def page(self, wanted: PackageSearch, *, before: int | None, limit: int) -> PackagePage:
        values = {name: value for name, value in _values(wanted, before).items() if value is not None}
        conditions = frozenset(values) - {"highs"}
        rows = await self._connection.rows(_positions(conditions), limit=limit + 1, **values)
        positions: Sequence[int] = [row[0] for row in rows]
        page = await self._packages.at(positions[:limit])
        return PackagePage(records=page.records, more=page.more or len(positions) > limit)


def _values(wanted: PackageSearch, before: int | None) -> dict[str, Any]:
    lows = sorted(wanted.numbers)
    return {
        "identifier": wanted.identifier or None,
        "trace_id": wanted.trace_id or None,
        "lows": lows or None,
        "highs": [low + _LAST_CHARACTER for low in lows] or None,
        "states": texts(wanted.states) or None,
        "process_code": wanted.process_code or None,
        "sender": int(wanted.sender) or None,
        "receiver": int(wanted.receiver) or None,
        "start_time": wanted.start_time,
        "end_time": wanted.end_time,
        "before": before,
    }
