"""Which contents the node still needs, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Interval,
    LargeBinary,
    SmallInteger,
    and_,
    any_,
    bindparam,
    delete,
    func,
    literal_column,
    null,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from xietong.exchange.v1.draft_pb2 import DraftState
from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction
from xietong_exchange.adapters.postgres.packages import to_package
from xietong_exchange.adapters.postgres.statement import Connection, Statement, array, texts
from xietong_exchange.adapters.postgres.tables import draft, draft_content, package, package_content
from xietong_exchange.flow.records import PackageRecord

_NOW = func.statement_timestamp()
_KEPT = package.c.contents_removed_time.is_(None)
# Written out, not as parameters: a prepared statement's generic plan could not use the partial indexes otherwise.
_IS_OPEN = draft.c.state == literal_column(str(int(DraftState.DRAFT_STATE_OPEN)))
_IS_RECEIVED = package.c.direction != literal_column(str(int(Direction.DIRECTION_OUTGOING)))
_DIGESTS = array("digests", LargeBinary())
_OWNER = package_content.c.owner == bindparam("owner")


def _needed() -> Statement:
    by_package = select(package_content.c.digest).where(_OWNER, package_content.c.digest == any_(_DIGESTS))
    by_draft = (
        select(draft_content.c.digest)
        .join(draft, draft.c.draft_id == draft_content.c.draft_id)
        .where(bindparam("is_own", type_=Boolean), draft_content.c.digest == any_(_DIGESTS), _IS_OPEN)
    )
    return Statement(union_all(by_package, by_draft))


def _release(*conditions: ColumnElement[bool]) -> Statement:
    """Who is just being changed by somebody else waits for the next round."""
    is_untouched = package.c.touch_time < _NOW - bindparam("untouched_for", type_=Interval)
    due = (
        select(package.c.package_id)
        .where(_KEPT, is_untouched, *conditions)
        .limit(bindparam("limit"))
        .with_for_update(key_share=True, skip_locked=True)
    )
    releasing = update(package).where(package.c.package_id.in_(due)).values(contents_removed_time=_NOW)
    return Statement(releasing.returning(package))


def _hold() -> Statement:
    digests = func.unnest(_DIGESTS).column_valued("digest")
    rows = select(
        bindparam("owner", type_=SmallInteger),
        digests,
        bindparam("package_id", type_=package.c.package_id.type),
    )
    holding = insert(package_content).from_select(["owner", "digest", "package_id"], rows)
    return Statement(holding.on_conflict_do_nothing())


_NEEDED = _needed()
_IN_STATES = package.c.state == any_(array("states", SmallInteger()))
_RELEASE = _release(package.c.complete, _IN_STATES)
_RELEASE_UNFINISHED = _release(~package.c.complete)
_RELEASE_STOPPED = _release(~package.c.complete, _IN_STATES)
_LET_GO = Statement(
    delete(package_content).where(
        _OWNER,
        package_content.c.digest == any_(_DIGESTS),
        package_content.c.package_id == bindparam("package_id"),
    )
)
_HOLD = _hold()
_KEEP = Statement(
    update(package)
    .where(package.c.package_id == bindparam("kept", type_=package.c.package_id.type))
    .values(contents_removed_time=null())
)
_KEPT_BYTES = Statement(
    select(package.c.sender, func.sum(package.c.size_bytes).label("bytes"))
    .where(and_(package.c.complete, _KEPT, _IS_RECEIVED))
    .group_by(package.c.sender)
)


class PostgresContents:
    """The port `flow.store.Contents` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def needed(self, owner: Party.ValueType, digests: Collection[bytes], *, is_own: bool) -> set[bytes]:
        rows = await self._connection.rows(_NEEDED, owner=int(owner), digests=texts(digests), is_own=is_own)
        return {row["digest"] for row in rows}

    async def release(
        self, states: Collection[DeliveryState.ValueType], *, untouched_for: timedelta, limit: int
    ) -> list[PackageRecord]:
        rows = await self._connection.rows(
            _RELEASE, states=texts(states), untouched_for=untouched_for, limit=limit
        )
        return [to_package(row) for row in rows]

    async def release_unfinished(
        self,
        *,
        untouched_for: timedelta,
        limit: int,
        states: Collection[DeliveryState.ValueType] | None = None,
    ) -> list[PackageRecord]:
        due = {"untouched_for": untouched_for, "limit": limit}
        if states is None:
            rows = await self._connection.rows(_RELEASE_UNFINISHED, **due)
        else:
            rows = await self._connection.rows(_RELEASE_STOPPED, states=texts(states), **due)
        return [to_package(row) for row in rows]

    async def let_go(self, package_id: str, owner: Party.ValueType, digests: Collection[bytes]) -> None:
        await self._connection.run(_LET_GO, package_id=package_id, owner=int(owner), digests=texts(digests))

    async def hold(self, package_id: str, owner: Party.ValueType, digests: Collection[bytes]) -> None:
        await self._connection.run(_HOLD, package_id=package_id, owner=int(owner), digests=texts(digests))
        await self._connection.run(_KEEP, kept=package_id)

    async def kept_bytes(self) -> dict[Party.ValueType, int]:
        rows = await self._connection.rows(_KEPT_BYTES)
        return {row["sender"]: int(row["bytes"]) for row in rows}
