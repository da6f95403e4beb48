"""Deadlines in PostgreSQL: found by their end along an index, and kept up with the changes of packages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from asyncpg import Record
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    SmallInteger,
    and_,
    any_,
    bindparam,
    delete,
    func,
    literal_column,
    not_,
    null,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy import (
    case as choose,
)
from sqlalchemy.dialects.postgresql import insert

from xietong.exchange.v1.package_pb2 import Direction
from xietong_exchange.adapters.postgres.deadline_tables import (
    case_move,
    deadline,
    deadline_case,
    deadline_progress,
)
from xietong_exchange.adapters.postgres.statement import Connection, Statement, array, given, texts
from xietong_exchange.adapters.postgres.tables import package
from xietong_exchange.flow.deadlines import DeadlineFilter, DeadlineRecord, DueCase, Move, Place

_KEY = ("collaboration_case_id", "person_id", "clock_id", "party")
_VALUES = ("due_time", "warning_time", "suspended", "content", "notice_time")
_TIME = DateTime(timezone=True)
_NOW = bindparam("now", type_=_TIME)
# Written out, see `packages`: the partial index serves no parameter.
_TRANSIT = package.c.direction == literal_column(str(int(Direction.DIRECTION_TRANSIT)))
_RUNNING_SINCE = literal_column("pg_snapshot_xmin(pg_current_snapshot())::text::bigint", BigInteger)

_HOLD_PROGRESS = Statement(
    select(
        # A database that was restored into another server has come less far than the rows that it brought.
        func.least(deadline_progress.c.changed_in, _RUNNING_SINCE).label("changed_in"),
        deadline_progress.c.before,
        _RUNNING_SINCE.label("horizon"),
    ).with_for_update(skip_locked=True)
)
_SET_CHANGED = Statement(update(deadline_progress).values(given("changed_in")))
_SET_BEFORE = Statement(update(deadline_progress).values(given("before")))
_BEFORE = Statement(select(deadline_progress.c.before))
# Changes of transactions that may still run are left for later: what is below the horizon is all visible.
_CHANGED = Statement(
    select(package.c.collaboration_case_id, package.c.changed_in)
    .where(
        _TRANSIT,
        package.c.changed_in >= bindparam("since", type_=BigInteger),
        package.c.changed_in < bindparam("horizon", type_=BigInteger),
    )
    .order_by(package.c.changed_in, package.c.position)
    .limit(bindparam("limit"))
)
_OF_ONE_CHANGE = Statement(
    select(package.c.collaboration_case_id).where(
        _TRANSIT, package.c.changed_in == bindparam("of", type_=BigInteger)
    )
)
_RECORDED = Statement(
    select(package.c.collaboration_case_id, package.c.position)
    .where(_TRANSIT, package.c.position < bindparam("before", type_=BigInteger))
    .order_by(package.c.position.desc())
    .limit(bindparam("limit"))
)


def _note() -> Statement:
    cases = func.unnest(array("case_ids", deadline_case.c.collaboration_case_id.type))
    new = insert(deadline_case).from_select(
        ["collaboration_case_id", "refresh_time", "change_time"],
        select(cases.label("case_id"), _NOW, _NOW),
    )
    return Statement(
        new.on_conflict_do_update(
            index_elements=["collaboration_case_id"],
            set_={"refresh_time": new.excluded.refresh_time, "change_time": new.excluded.change_time},
        )
    )


def _keep() -> Statement:
    new = insert(deadline).values(given(*_KEY, *_VALUES))
    return Statement(
        new.on_conflict_do_update(
            index_elements=list(_KEY), set_={name: new.excluded[name] for name in _VALUES}
        )
    )


def _move() -> Statement:
    of_id = case_move.c.into_case.type
    moves = select(func.unnest(array("into_cases", of_id)), func.unnest(array("from_cases", of_id)))
    new = insert(case_move).from_select(["into_case", "from_case"], moves)
    return Statement(new.on_conflict_do_nothing().returning(case_move))


_MOVE = _move()
_CASE_IDS = array("case_ids", case_move.c.into_case.type)
_TARGETS = Statement(select(case_move.c.into_case).where(case_move.c.from_case == any_(_CASE_IDS)))
_ORIGINS = Statement(select(case_move.c.from_case).where(case_move.c.into_case == any_(_CASE_IDS)))
_MOVES = Statement(
    select(case_move).where(
        or_(case_move.c.into_case == bindparam("case_id"), case_move.c.from_case == bindparam("case_id"))
    )
)
_NOTE = _note()
_KEEP = _keep()
_DUE = Statement(
    select(deadline_case)
    .where(deadline_case.c.refresh_time <= _NOW)
    .order_by(deadline_case.c.refresh_time)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_IS_OF_CASE = deadline.c.collaboration_case_id == bindparam("case_id")
_KEYS_OF_CASE = Statement(select(*(deadline.c[name] for name in _KEY)).where(_IS_OF_CASE))
_OF_CASE = Statement(select(deadline).where(_IS_OF_CASE).with_for_update())
_REMOVE = Statement(delete(deadline).where(*(deadline.c[name] == bindparam(f"old_{name}") for name in _KEY)))
_LATER = Statement(
    update(deadline_case)
    .where(deadline_case.c.collaboration_case_id == bindparam("case_id"))
    .values(given("refresh_time"))
)
_DONE = Statement(delete(deadline_case).where(deadline_case.c.collaboration_case_id == bindparam("case_id")))
# As the partial index has it.
_TO_BE_TOLD = and_(deadline.c.notice_time.is_not(None), not_(deadline.c.suspended))
_FIRST_UNTOLD = (
    select(deadline.c.collaboration_case_id)
    .where(_TO_BE_TOLD, deadline.c.notice_time <= _NOW)
    .order_by(deadline.c.notice_time)
    .limit(1)
    .scalar_subquery()
)
_UNTOLD = Statement(
    select(deadline)
    .where(
        deadline.c.collaboration_case_id == _FIRST_UNTOLD,
        not_(deadline.c.suspended),
        deadline.c.notice_time <= _NOW,
    )
    .order_by(deadline.c.due_time, deadline.c.deadline_id)
)


def _told(next_notice: ColumnElement[Any]) -> Statement:
    """Of those that still end when they did as they were read."""
    ends = func.unnest(array("ids", BigInteger()), array("dues", _TIME))
    told = ends.table_valued("deadline_id", "due_time", name="told").render_derived()
    return Statement(
        update(deadline)
        .where(deadline.c.deadline_id == told.c.deadline_id, deadline.c.due_time == told.c.due_time)
        .values(notice_time=next_notice)
    )


_TOLD = {True: _told(null()), False: _told(deadline.c.due_time)}
_PASS_OVER = Statement(
    update(deadline)
    .where(_TO_BE_TOLD, deadline.c.notice_time < bindparam("before", type_=_TIME))
    .values(notice_time=choose((deadline.c.due_time > deadline.c.notice_time, deadline.c.due_time)))
)

_PRESSING = {
    "suspended": deadline.c.suspended,
    "passed": and_(not_(deadline.c.suspended), deadline.c.due_time <= _NOW),
    "warning": and_(not_(deadline.c.suspended), deadline.c.due_time > _NOW, deadline.c.warning_time <= _NOW),
    "running": and_(not_(deadline.c.suspended), deadline.c.due_time > _NOW, deadline.c.warning_time > _NOW),
}
_CONDITIONS = {
    "party": deadline.c.party == bindparam("party", type_=SmallInteger),
    "due_from": deadline.c.due_time >= bindparam("due_from", type_=_TIME),
    "due_before": deadline.c.due_time < bindparam("due_before", type_=_TIME),
    "after": tuple_(deadline.c.due_time, deadline.c.deadline_id)
    > tuple_(bindparam("after", type_=_TIME), bindparam("after_id", type_=BigInteger)),
}


@cache
def _page(conditions: frozenset[str], pressing: frozenset[str]) -> Statement:
    """One statement for each combination; it runs along an index in the order of the list and stops with the page."""
    stands = [or_(*(_PRESSING[name] for name in sorted(pressing)))] if pressing else []
    return Statement(
        select(deadline)
        .where(*(_CONDITIONS[name] for name in sorted(conditions)), *stands)
        .order_by(deadline.c.due_time, deadline.c.deadline_id)
        .limit(bindparam("limit"))
    )


@cache
def _count(conditions: frozenset[str], pressing: frozenset[str]) -> Statement:
    stands = [or_(*(_PRESSING[name] for name in sorted(pressing)))] if pressing else []
    some = (
        select(deadline.c.deadline_id)
        .where(*(_CONDITIONS[name] for name in sorted(conditions)), *stands)
        .limit(bindparam("limit"))
        .subquery()
    )
    return Statement(select(func.count()).select_from(some))


class PostgresDeadlines:
    """The port `flow.deadlines.Deadlines` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def follow(self, now: datetime, *, limit: int) -> bool:
        progress = await self._connection.row(_HOLD_PROGRESS)
        if progress is None:
            return False
        since, horizon = progress["changed_in"], progress["horizon"]
        found = await self._connection.rows(_CHANGED, since=since, horizon=horizon, limit=limit)
        more = len(found) == limit
        if more:  # One transaction may have changed more than a page: the next look begins behind it.
            horizon = found[-1]["changed_in"] + 1
            found += await self._connection.rows(_OF_ONE_CHANGE, of=found[-1]["changed_in"])
        await self._note(await self._concerned({row["collaboration_case_id"] for row in found}), now)
        await self._connection.run(_SET_CHANGED, changed_in=horizon)
        return more

    async def look_back(self, now: datetime, *, limit: int) -> bool:
        progress = await self._connection.row(_HOLD_PROGRESS)
        if progress is None or not progress["before"]:
            return False
        found = await self._connection.rows(_RECORDED, before=progress["before"], limit=limit)
        await self._note((row["collaboration_case_id"] for row in found), now)
        more = len(found) == limit
        await self._connection.run(_SET_BEFORE, before=found[-1]["position"] if more else 0)
        return more

    async def is_filling(self) -> bool:
        return bool(await self._connection.value(_BEFORE))

    async def next_due(self, now: datetime) -> DueCase | None:
        row = await self._connection.row(_DUE, now=now)
        return DueCase(str(row["collaboration_case_id"]), row["change_time"]) if row else None

    async def put(self, case: str, deadlines: Sequence[DeadlineRecord]) -> None:
        kept = {_key(one) for one in deadlines}
        for row in await self._connection.rows(_KEYS_OF_CASE, case_id=case):
            old = (str(row[0]), *tuple(row)[1:])
            if old not in kept:
                await self._connection.run(
                    _REMOVE, **{f"old_{name}": value for name, value in zip(_KEY, old, strict=True)}
                )
        for one in deadlines:
            await self._connection.run(_KEEP, **{name: getattr(one, name) for name in (*_KEY, *_VALUES)})

    async def of_case(self, case: str) -> list[DeadlineRecord]:
        return [_record(row) for row in await self._connection.rows(_OF_CASE, case_id=case)]

    async def untold(self, now: datetime) -> list[DeadlineRecord]:
        return [_record(row) for row in await self._connection.rows(_UNTOLD, now=now)]

    async def told(self, deadlines: Sequence[DeadlineRecord], *, has_passed: bool) -> None:
        ids = texts(one.deadline_id for one in deadlines)
        dues = texts(one.due_time for one in deadlines)
        await self._connection.run(_TOLD[has_passed], ids=ids, dues=dues)

    async def pass_over(self, before: datetime) -> None:
        await self._connection.run(_PASS_OVER, before=before)

    async def look_again(self, case: str, refresh_time: datetime | None) -> None:
        if refresh_time is None:
            await self._connection.run(_DONE, case_id=case)
        else:
            await self._connection.run(_LATER, case_id=case, refresh_time=refresh_time)

    async def note_moves(self, moves: Collection[Move], now: datetime) -> None:
        if moves:
            from_cases, into_cases = zip(*sorted(set(moves)), strict=True)
            new = await self._connection.rows(
                _MOVE, into_cases=texts(into_cases), from_cases=texts(from_cases)
            )
            await self._note((case_id for row in new for case_id in row), now)

    async def moves(self, case: str) -> list[Move]:
        rows = await self._connection.rows(_MOVES, case_id=case)
        return sorted((str(row["from_case"]), str(row["into_case"])) for row in rows)

    async def page(self, wanted: DeadlineFilter, *, after: Place | None, limit: int) -> list[DeadlineRecord]:
        values = _values(wanted)
        if after is not None:
            values |= {"after": after[0], "after_id": after[1]}
        statement = _page(_names(values), frozenset(wanted.pressing))
        rows = await self._connection.rows(statement, **values, now=wanted.now, limit=limit)
        return [_record(row) for row in rows]

    async def count(self, wanted: DeadlineFilter, *, limit: int) -> int:
        values = _values(wanted)
        statement = _count(_names(values), frozenset(wanted.pressing))
        return int(await self._connection.value(statement, **values, now=wanted.now, limit=limit) or 0)

    async def _concerned(self, case_ids: Collection[object]) -> Collection[object]:
        """Changed cases with those where that counts: what happened before a move, where persons went on and on from
        there; the move itself, where they came from.
        """
        concerned = {
            row[0] for row in await self._connection.rows(_ORIGINS, case_ids=texts(map(str, case_ids)))
        }
        new = set(case_ids)
        while new:
            concerned |= new
            targets = await self._connection.rows(_TARGETS, case_ids=texts(map(str, new)))
            new = {row[0] for row in targets} - concerned
        return concerned

    async def _note(self, case_ids: Iterable[object], now: datetime) -> None:
        if cases := sorted({str(case_id) for case_id in case_ids}):
            await self._connection.run(_NOTE, case_ids=texts(cases), now=now)


def _values(wanted: DeadlineFilter) -> dict[str, Any]:
    given_values = {
        "party": int(wanted.party) or None,
        "due_from": wanted.due_from,
        "due_before": wanted.due_before,
    }
    return {name: value for name, value in given_values.items() if value is not None}


def _names(values: dict[str, Any]) -> frozenset[str]:
    return frozenset(values) & frozenset(_CONDITIONS)


def _key(one: DeadlineRecord) -> tuple[str, str, str, int]:
    return one.collaboration_case_id, one.person_id, one.clock_id, int(one.party)


def _record(row: Record) -> DeadlineRecord:
    values = dict(row)
    return DeadlineRecord(**values | {"collaboration_case_id": str(values["collaboration_case_id"])})
