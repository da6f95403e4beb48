"""Changes of the data standard in PostgreSQL: each as its message, beside the columns by which it is found."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import SmallInteger, any_, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.supervision.v1.standard_change_pb2 import StandardChange, StandardChangeState
from xietong_exchange.adapters.postgres.statement import Connection, Statement, array, given, texts
from xietong_exchange.adapters.postgres.tables import standard_change

_ADD = Statement(
    insert(standard_change)
    .values(given("change_id", "requester", "request_id", "state", "change"))
    .on_conflict_do_nothing(index_elements=["requester", "request_id"])
    .returning(standard_change.c.change_id)
)
_REQUESTED = Statement(
    select(standard_change.c.change).where(
        standard_change.c.requester == bindparam("requester"),
        standard_change.c.request_id == bindparam("request_id"),
    )
)
_GET = select(standard_change.c.change).where(standard_change.c.change_id == bindparam("change_id"))
_READ, _HOLD = Statement(_GET), Statement(_GET.with_for_update())
_REPLACE = Statement(
    update(standard_change)
    .where(standard_change.c.change_id == bindparam("of_change"))
    .values(given("state", "change"))
)
_PAGE = Statement(
    select(standard_change.c.position, standard_change.c.change)
    .where(
        standard_change.c.state == any_(array("states", SmallInteger())),
        standard_change.c.position < bindparam("before"),
    )
    .order_by(standard_change.c.position.desc())
    .limit(bindparam("limit"))
)
_END = 2**63 - 1
_EVERY_STATE = tuple(StandardChangeState.values())


class PostgresStandardChanges:
    """The port `flow.standard_changes.StandardChanges` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, change: StandardChange, request_id: str) -> bool:
        added = await self._connection.rows(
            _ADD,
            change_id=change.change_id,
            requester=change.requested_by,
            request_id=request_id,
            state=change.state,
            change=change.SerializeToString(),
        )
        return bool(added)

    async def requested(self, party: Party.ValueType, request_id: str) -> StandardChange | None:
        rows = await self._connection.rows(_REQUESTED, requester=party, request_id=request_id)
        return next((StandardChange.FromString(row["change"]) for row in rows), None)

    async def get(self, change_id: str, *, for_update: bool = False) -> StandardChange | None:
        rows = await self._connection.rows(_HOLD if for_update else _READ, change_id=change_id)
        return next((StandardChange.FromString(row["change"]) for row in rows), None)

    async def replace(self, change: StandardChange) -> None:
        await self._connection.run(
            _REPLACE, of_change=change.change_id, state=change.state, change=change.SerializeToString()
        )

    async def page(
        self, states: Sequence[StandardChangeState.ValueType], *, before: int | None, limit: int
    ) -> list[tuple[int, StandardChange]]:
        rows = await self._connection.rows(
            _PAGE,
            states=texts(states or _EVERY_STATE),
            before=_END if before is None else before,
            limit=limit,
        )
        return [(row["position"], StandardChange.FromString(row["change"])) for row in rows]
