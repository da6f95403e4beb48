"""Problem reports and their notes in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict

from asyncpg import Record
from sqlalchemy import SmallInteger, any_, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.supervision.v1.problem_service_pb2 import ProblemState
from xietong_exchange.adapters.postgres.statement import Connection, Statement, array, given, texts
from xietong_exchange.adapters.postgres.tables import problem, problem_note
from xietong_exchange.flow.problems import NoteRecord, ProblemRecord

_COLUMNS = [column.name for column in problem.c if column.name != "position"]
_NOTE_COLUMNS = [column.name for column in problem_note.c if column.name != "position"]
_LATEST = (1 << 63) - 1
_THIS = problem.c.report_id == bindparam("wanted")
_GET = Statement(select(problem).where(_THIS))
_LOCK = Statement(select(problem).where(_THIS).with_for_update())
_ADD = insert(problem).values(given(*_COLUMNS))
_PUT = Statement(
    _ADD.on_conflict_do_update(
        index_elements=["report_id"],
        set_={"state": _ADD.excluded.state, "change_time": _ADD.excluded.change_time},
    )
)
_PAGE = (
    select(problem)
    .where(problem.c.position < bindparam("before"))
    .order_by(problem.c.position.desc())
    .limit(bindparam("limit"))
)
_IN_STATES = problem.c.state == any_(array("states", SmallInteger()))
_OF_PACKAGE = problem.c.package_id == bindparam("of_package")
_PAGES = {
    (False, False): Statement(_PAGE),
    (True, False): Statement(_PAGE.where(_IN_STATES)),
    (False, True): Statement(_PAGE.where(_OF_PACKAGE)),
    (True, True): Statement(_PAGE.where(_IN_STATES, _OF_PACKAGE)),
}
_ADD_NOTE = Statement(insert(problem_note).values(given(*_NOTE_COLUMNS)).on_conflict_do_nothing())
_OF_REPORT = problem_note.c.report_id == bindparam("wanted")
_NOTES = Statement(
    select(problem_note).where(_OF_REPORT).order_by(problem_note.c.position.desc()).limit(bindparam("limit"))
)
_ADDRESS = Statement(update(problem_note).where(_OF_REPORT).values(destination=bindparam("to")))
_UNDELIVERED = Statement(
    select(problem_note)
    .where(problem_note.c.destination == bindparam("to"))
    .order_by(problem_note.c.position)
    .limit(bindparam("limit"))
)
_DELIVERED = Statement(
    update(problem_note)
    .where(problem_note.c.note_id == any_(array("note_ids", problem_note.c.note_id.type)))
    .values(destination=None)
)


class PostgresProblems:
    """The port `flow.problems.Problems` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def get(self, report_id: str, *, lock: bool = False) -> ProblemRecord | None:
        row = await self._connection.row(_LOCK if lock else _GET, wanted=report_id)
        return _problem(row) if row else None

    async def put(self, record: ProblemRecord) -> None:
        await self._connection.run(_PUT, **asdict(record))

    async def page(
        self,
        states: Collection[ProblemState.ValueType],
        package_id: str,
        *,
        before: int | None,
        limit: int,
    ) -> list[ProblemRecord]:
        rows = await self._connection.rows(
            _PAGES[bool(states), bool(package_id)],
            before=_LATEST if before is None else before,
            limit=limit,
            **({"states": texts(states)} if states else {}),
            **({"of_package": package_id} if package_id else {}),
        )
        return [_problem(row) for row in rows]

    async def add_note(self, record: NoteRecord) -> bool:
        return await self._connection.run(_ADD_NOTE, **asdict(record)) == 1

    async def notes(self, report_id: str, *, limit: int) -> list[NoteRecord]:
        rows = await self._connection.rows(_NOTES, wanted=report_id, limit=limit)
        return [_note(row) for row in reversed(rows)]

    async def address(self, report_id: str, destination: Party.ValueType) -> None:
        await self._connection.run(_ADDRESS, wanted=report_id, to=destination)

    async def undelivered(self, destination: Party.ValueType, *, limit: int) -> list[NoteRecord]:
        return [_note(row) for row in await self._connection.rows(_UNDELIVERED, to=destination, limit=limit)]

    async def delivered(self, note_ids: Sequence[str]) -> None:
        await self._connection.run(_DELIVERED, note_ids=texts(note_ids))


def _problem(row: Record) -> ProblemRecord:
    identifiers = {name: str(row[name]) for name in ("report_id", "package_id")}
    return ProblemRecord(**dict(row) | identifiers)


def _note(row: Record) -> NoteRecord:
    identifiers = {name: str(row[name]) for name in ("note_id", "report_id")}
    return NoteRecord(**{name: row[name] for name in _NOTE_COLUMNS} | identifiers)
