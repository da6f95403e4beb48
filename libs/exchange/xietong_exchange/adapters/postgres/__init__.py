"""The node's metadata in PostgreSQL: the store of the flow's port, and its migrations."""

from __future__ import annotations

from xietong_exchange.adapters.postgres.migrate import (
    SchemaTooNew,
    UnfitDatabase,
    migrate,
    require_current_schema,
)
from xietong_exchange.adapters.postgres.presence import Presence
from xietong_exchange.adapters.postgres.store import PostgresStore

__all__ = [
    "PostgresStore",
    "Presence",
    "SchemaTooNew",
    "UnfitDatabase",
    "migrate",
    "require_current_schema",
]
