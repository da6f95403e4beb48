"""Drafts and their contributions in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from xietong.exchange.v1.draft_pb2 import DraftKey, DraftState
from xietong_exchange.adapters.postgres.tables import contribution, draft, draft_content, send_request
from xietong_exchange.flow.records import ContributionRecord, DraftRecord

_OPEN = int(DraftState.DRAFT_STATE_OPEN)
_IS_OPEN = draft.c.state == literal_column(str(_OPEN))


class PostgresDrafts:
    """The port `flow.store.Drafts` on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def open(self, key: DraftKey, draft_id: str, now: datetime) -> DraftRecord:
        values = {**_key_values(key), "draft_id": draft_id, "state": _OPEN, "create_time": now}
        # The update changes nothing: it locks the open draft, and inserts after all if that was just closed.
        opening = (
            insert(draft)
            .values(values)
            .on_conflict_do_update(
                index_elements=list(_key_values(key)), index_where=_IS_OPEN, set_={"state": draft.c.state}
            )
            .returning(draft)
        )
        return _draft((await self._connection.execute(opening)).one())

    async def get(self, key: DraftKey, *, lock: bool = False) -> DraftRecord | None:
        kept = draft.c.state != int(DraftState.DRAFT_STATE_DISCARDED)
        found = (
            select(draft)
            .where(_has_key(key), kept)
            .order_by(_IS_OPEN.desc(), draft.c.position.desc())
            .limit(1)
        )
        row = (
            await self._connection.execute(found.with_for_update(key_share=True) if lock else found)
        ).one_or_none()
        return _draft(row) if row else None

    async def latest_submitted(self, key: DraftKey) -> DraftRecord | None:
        found = (
            select(draft)
            .where(_has_key(key), draft.c.state == int(DraftState.DRAFT_STATE_SUBMITTED))
            .order_by(draft.c.position.desc())
            .limit(1)
        )
        row = (await self._connection.execute(found)).one_or_none()
        return _draft(row) if row else None

    async def by_id(self, draft_id: str) -> DraftRecord | None:
        row = (
            await self._connection.execute(select(draft).where(draft.c.draft_id == draft_id))
        ).one_or_none()
        return _draft(row) if row else None

    async def set_header(self, draft_id: str, header: bytes) -> None:
        await self._set(draft_id, header=header)

    async def set_state(self, draft_id: str, state: DraftState.ValueType) -> None:
        await self._set(draft_id, state=int(state))

    async def _set(self, draft_id: str, **changes: object) -> None:
        await self._connection.execute(update(draft).where(draft.c.draft_id == draft_id).values(changes))

    async def put_contribution(self, draft_id: str, added: ContributionRecord) -> bool:
        values = {
            "draft_id": draft_id,
            "system": added.system,
            "name": added.name,
            "fragment": added.fragment,
        }
        statement = insert(contribution).values(values)
        result = await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=["draft_id", "system", "name"],
                set_={"fragment": statement.excluded.fragment},
                where=contribution.c.fragment != statement.excluded.fragment,
            )
        )
        return result.rowcount == 1

    async def contributions(self, draft_id: str) -> list[ContributionRecord]:
        statement = (
            select(contribution).where(contribution.c.draft_id == draft_id).order_by(contribution.c.position)
        )
        rows = await self._connection.execute(statement)
        return [ContributionRecord(system=row.system, name=row.name, fragment=row.fragment) for row in rows]

    async def hold(self, draft_id: str, digests: Collection[bytes]) -> None:
        if digests:
            rows = [{"draft_id": draft_id, "digest": digest} for digest in sorted(set(digests))]
            await self._connection.execute(insert(draft_content).on_conflict_do_nothing(), rows)

    async def unheld(self, draft_id: str) -> list[bytes]:
        # Whoever inserts holds a lock that this one waits for and keeps out, so that nobody holds a content meanwhile.
        await self._connection.execute(text("LOCK TABLE draft_content IN SHARE ROW EXCLUSIVE MODE"))
        other, holder = draft_content.alias(), draft.alias()
        held = (
            select(other.c.digest)
            .join(holder, holder.c.draft_id == other.c.draft_id)
            .where(
                other.c.digest == draft_content.c.digest,
                holder.c.state != int(DraftState.DRAFT_STATE_DISCARDED),
            )
        )
        found = select(draft_content.c.digest).where(draft_content.c.draft_id == draft_id, ~held.exists())
        return [bytes(row.digest) for row in await self._connection.execute(found)]

    async def requested(self, request_id: str) -> DraftRecord | None:
        bound = (
            select(draft)
            .join(send_request, send_request.c.draft_id == draft.c.draft_id)
            .where(send_request.c.request_id == request_id)
        )
        row = (await self._connection.execute(bound)).one_or_none()
        return _draft(row) if row else None

    async def remember_request(self, request_id: str, draft_id: str) -> str:
        values = {"request_id": request_id, "draft_id": draft_id}
        await self._connection.execute(insert(send_request).values(values).on_conflict_do_nothing())
        bound = select(send_request.c.draft_id).where(send_request.c.request_id == request_id)
        return str((await self._connection.execute(bound)).scalar_one())


def _key_values(key: DraftKey) -> dict[str, Any]:
    return {
        "organ_code": key.organ_code,
        "case_number": key.case_number,
        "process_code": key.process_code,
        "label": key.label,
    }


def _has_key(key: DraftKey) -> ColumnElement[bool]:
    return and_(*(draft.c[name] == value for name, value in _key_values(key).items()))


def _draft(row: Row[Any]) -> DraftRecord:
    key = DraftKey(
        organ_code=row.organ_code, case_number=row.case_number, process_code=row.process_code, label=row.label
    )
    return DraftRecord(
        draft_id=row.draft_id,
        key=key,
        header=row.header,
        state=DraftState.ValueType(row.state),
        create_time=row.create_time,
    )
