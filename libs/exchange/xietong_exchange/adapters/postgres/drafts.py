"""Drafts and their contributions in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from asyncpg import Record
from sqlalchemy import (
    BigInteger,
    Interval,
    LargeBinary,
    Text,
    and_,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.sql.dml import ReturningInsert

from xietong.exchange.v1.draft_pb2 import DraftKey, DraftState
from xietong_exchange.adapters.postgres.statement import Connection, Statement, array, given, texts
from xietong_exchange.adapters.postgres.tables import contribution, draft, draft_content, send_request
from xietong_exchange.flow.records import ContributionRecord, DraftRecord, DraftSight

_OPEN = int(DraftState.DRAFT_STATE_OPEN)
_SUBMITTED = int(DraftState.DRAFT_STATE_SUBMITTED)
_DISCARDED = int(DraftState.DRAFT_STATE_DISCARDED)
_KEY = ("organ_code", "case_number", "process_code", "label")

_NOW = func.statement_timestamp()
_IS_OPEN = draft.c.state == literal_column(str(_OPEN))
_HAS_KEY = and_(*(draft.c[name] == bindparam(name) for name in _KEY))
_VERSION = literal_column("draft.xmin::text::bigint", BigInteger).label("version")
"""Whoever opens, fills or closes a draft writes its row anew."""
_THIS = draft.c.draft_id == bindparam("this", type_=draft.c.draft_id.type)


def _put_contribution() -> Statement:
    putting = insert(contribution).values(given("draft_id", "system", "name", "fragment"))
    return Statement(
        putting.on_conflict_do_update(
            index_elements=["draft_id", "system", "name"],
            set_={"fragment": putting.excluded.fragment},
            where=contribution.c.fragment != putting.excluded.fragment,
        )
    )


def _hold() -> Statement:
    digests = func.unnest(array("digests", LargeBinary()))
    held_by = bindparam("draft_id", type_=draft.c.draft_id.type)
    holding = insert(draft_content).from_select(["draft_id", "digest"], select(held_by, digests))
    touching = update(draft).where(draft.c.draft_id == held_by).values(touch_time=_NOW).cte("touched")
    return Statement(holding.on_conflict_do_nothing().add_cte(touching))


def _discard_abandoned() -> Statement:
    due = (
        select(draft.c.draft_id)
        .where(_IS_OPEN, draft.c.touch_time < _NOW - bindparam("untouched_for", type_=Interval))
        .limit(bindparam("limit"))
        .with_for_update(key_share=True, skip_locked=True)
    )
    discarding = update(draft).where(draft.c.draft_id.in_(due)).values(state=_DISCARDED)
    return Statement(discarding.returning(draft))


def _sight() -> Statement:
    """The drafts that matter for a submit, and why each of them does."""
    by_request = select(draft).join(send_request, send_request.c.draft_id == draft.c.draft_id)
    reasons = {
        "requested": by_request.where(send_request.c.request_id == bindparam("request_id")),
        "current": _FOUND,
        "sent": _LATEST,
    }
    found = [
        select(literal_column(f"'{reason}'").label("reason"), each.add_columns(_VERSION).subquery(reason))
        for reason, each in reasons.items()
    ]
    return Statement(union_all(*found))


def _submit() -> Statement:
    """The update waits for who fills the draft just now, and then finds another version of it."""
    closing = update(draft).where(_THIS, _IS_OPEN, bindparam("version", type_=BigInteger) == _VERSION)
    closed = closing.values(state=literal_column(str(_SUBMITTED))).returning(draft.c.draft_id).cte("closed")
    request = cast(bindparam("request_id"), Text)
    binding = insert(send_request).from_select(["request_id", "draft_id"], select(request, closed.c.draft_id))
    return Statement(_bound(binding))


def _bound(binding: Insert) -> ReturningInsert[tuple[str]]:
    """The update changes nothing; it returns the draft to which the request was bound before."""
    kept = {"draft_id": send_request.c.draft_id}
    bound = binding.on_conflict_do_update(index_elements=["request_id"], set_=kept)
    return bound.returning(send_request.c.draft_id)


# The update locks the open draft, and inserts after all if that was just closed.
_OPEN_DRAFT = Statement(
    insert(draft)
    .values(given("draft_id", *_KEY, "state", "create_time"))
    .on_conflict_do_update(index_elements=_KEY, index_where=_IS_OPEN, set_={"touch_time": _NOW})
    .returning(draft)
)
_FOUND = (
    select(draft)
    .where(_HAS_KEY, draft.c.state != _DISCARDED)
    .order_by(_IS_OPEN.desc(), draft.c.position.desc())
    .limit(1)
)
_LATEST = (
    select(draft).where(_HAS_KEY, draft.c.state == _SUBMITTED).order_by(draft.c.position.desc()).limit(1)
)
_GET = Statement(_FOUND)
_LOCK = Statement(_FOUND.add_columns(_VERSION).with_for_update(key_share=True))
_LATEST_SUBMITTED = Statement(_LATEST)
_BY_ID = Statement(select(draft).where(_THIS))
_SET_HEADER = Statement(update(draft).where(_THIS).values(given("header")))
_SET_STATE = Statement(update(draft).where(_THIS).values(given("state")))
_PUT_CONTRIBUTION = _put_contribution()
_CONTRIBUTIONS = Statement(
    select(contribution)
    .where(contribution.c.draft_id == bindparam("draft_id"))
    .order_by(contribution.c.position)
)
_HOLD = _hold()
_DISCARD_ABANDONED = _discard_abandoned()
_SIGHT = _sight()
_SUBMIT = _submit()
_REMEMBER_REQUEST = Statement(_bound(insert(send_request).values(given("request_id", "draft_id"))))


class PostgresDrafts:
    """The port `flow.store.Drafts` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def open(self, key: DraftKey, draft_id: str, now: datetime) -> DraftRecord:
        [row] = await self._connection.rows(
            _OPEN_DRAFT, **_key_values(key), draft_id=draft_id, state=_OPEN, create_time=now
        )
        return _draft(row)

    async def get(self, key: DraftKey, *, lock: bool = False) -> DraftRecord | None:
        row = await self._connection.row(_LOCK if lock else _GET, **_key_values(key))
        return _draft(row) if row else None

    async def latest_submitted(self, key: DraftKey) -> DraftRecord | None:
        row = await self._connection.row(_LATEST_SUBMITTED, **_key_values(key))
        return _draft(row) if row else None

    async def by_id(self, draft_id: str) -> DraftRecord | None:
        row = await self._connection.row(_BY_ID, this=draft_id)
        return _draft(row) if row else None

    async def set_header(self, draft_id: str, header: bytes) -> None:
        await self._connection.run(_SET_HEADER, this=draft_id, header=header)

    async def set_state(self, draft_id: str, state: DraftState.ValueType) -> None:
        await self._connection.run(_SET_STATE, this=draft_id, state=int(state))

    async def put_contribution(self, draft_id: str, added: ContributionRecord) -> bool:
        changed = await self._connection.run(
            _PUT_CONTRIBUTION,
            draft_id=draft_id,
            system=added.system,
            name=added.name,
            fragment=added.fragment,
        )
        return changed == 1

    async def contributions(self, draft_id: str) -> list[ContributionRecord]:
        rows = await self._connection.rows(_CONTRIBUTIONS, draft_id=draft_id)
        return [
            ContributionRecord(system=row["system"], name=row["name"], fragment=row["fragment"])
            for row in rows
        ]

    async def hold(self, draft_id: str, digests: Collection[bytes]) -> None:
        if digests:
            await self._connection.run(_HOLD, draft_id=draft_id, digests=texts(sorted(set(digests))))

    async def discard_abandoned(self, *, untouched_for: timedelta, limit: int) -> list[DraftRecord]:
        rows = await self._connection.rows(_DISCARD_ABANDONED, untouched_for=untouched_for, limit=limit)
        return [_draft(row) for row in rows]

    async def sight(self, key: DraftKey, request_id: str) -> DraftSight:
        rows = await self._connection.rows(_SIGHT, **_key_values(key), request_id=request_id)
        found = {row["reason"]: _draft(row) for row in rows}
        return DraftSight(found.get("requested"), found.get("current"), found.get("sent"))

    async def submit(self, draft: DraftRecord, request_id: str) -> str | None:
        bound = await self._connection.value(
            _SUBMIT, this=draft.draft_id, version=draft.version, request_id=request_id
        )
        return None if bound is None else str(bound)

    async def remember_request(self, request_id: str, draft_id: str) -> str:
        return str(await self._connection.value(_REMEMBER_REQUEST, request_id=request_id, draft_id=draft_id))


def _key_values(key: DraftKey) -> dict[str, Any]:
    return {name: getattr(key, name) for name in _KEY}


def _draft(row: Record) -> DraftRecord:
    return DraftRecord(
        draft_id=str(row["draft_id"]),
        key=DraftKey(**{name: row[name] for name in _KEY}),
        header=row["header"],
        state=row["state"],
        create_time=row["create_time"],
        version=row.get("version", 0),
    )
