"""What operators changed of the directory, in PostgreSQL."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from xietong_exchange.adapters.postgres.statement import Connection, Statement, given
from xietong_exchange.adapters.postgres.tables import contact
from xietong_exchange.flow.contacts import ContactRecord

_KEY = [column.name for column in contact.primary_key]
_ALL = Statement(select(contact).order_by(*contact.primary_key))
_ADD = insert(contact).values(given(*contact.c.keys()))
_PUT = Statement(
    _ADD.on_conflict_do_update(
        index_elements=_KEY,
        set_={name: _ADD.excluded[name] for name in contact.c.keys() if name not in _KEY},  # noqa: SIM118 - no mapping
    )
)


class PostgresContacts:
    """The port `flow.contacts.Contacts` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def all(self) -> list[ContactRecord]:
        return [ContactRecord(**dict(row)) for row in await self._connection.rows(_ALL)]

    async def put(self, record: ContactRecord) -> None:
        await self._connection.run(_PUT, **asdict(record))
